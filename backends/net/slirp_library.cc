// Finding libslirp and its functions; see slirp_library.h.
#include "backends/net/slirp_library.h"

#include <dlfcn.h>

#include <cstring>

namespace vmm::net {

namespace {

constexpr char kFile[] = "libslirp.so.0";

Error not_usable() {
    const char* reason = ::dlerror();
    return Error::make("user networking needs libslirp: %s", reason != nullptr ? reason : kFile)
        .with_hint("Debian's package libslirp0 has it");
}

template <typename Function>
Status find(void* library, const char* name, Function*& function) {
    void* const found = ::dlsym(library, name);
    if (found == nullptr) return not_usable();
    static_assert(sizeof found == sizeof function);
    std::memcpy(&function, &found, sizeof function);
    return {};
}

}  // namespace

Result<SlirpLibrary> SlirpLibrary::load() {
    SlirpLibrary library;
    // It stays mapped: unloading would gain nothing, and GLib below it cannot be unloaded.
    void* const handle = ::dlopen(kFile, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) return not_usable();
    library.handle_ = std::shared_ptr<void>(handle, ::dlclose);
    TRY(find(handle, "slirp_new", library.create));
    TRY(find(handle, "slirp_cleanup", library.cleanup));
    TRY(find(handle, "slirp_handle_timer", library.handle_timer));
    TRY(find(handle, "slirp_pollfds_fill", library.pollfds_fill));
    TRY(find(handle, "slirp_pollfds_poll", library.pollfds_poll));
    TRY(find(handle, "slirp_input", library.input));
    TRY(find(handle, "slirp_add_hostfwd", library.add_hostfwd));
    TRY(find(handle, "slirp_remove_hostfwd", library.remove_hostfwd));
    TRY(find(handle, "slirp_add_exec", library.add_exec));
    TRY(find(handle, "slirp_add_guestfwd", library.add_guestfwd));
    TRY(find(handle, "slirp_socket_can_recv", library.socket_can_recv));
    TRY(find(handle, "slirp_socket_recv", library.socket_recv));
    TRY(find(handle, "slirp_connection_info", library.connection_info));
    return library;
}

}  // namespace vmm::net
