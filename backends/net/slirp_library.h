// SlirpLibrary: libslirp, loaded when the first user network is made: a machine without one neither maps it
// nor needs it installed. Used by user networking alone. Main thread.
#pragma once

#include <libslirp.h>

#include <memory>

#include "util/result.h"

namespace vmm::net {

// The library's functions, as its header declares them, and the library itself while any copy of this is
// left.
struct SlirpLibrary {
    // Fails when the library is not installed or lacks a function.
    static Result<SlirpLibrary> load();

    decltype(&::slirp_new) create = nullptr;
    decltype(&::slirp_cleanup) cleanup = nullptr;
    decltype(&::slirp_handle_timer) handle_timer = nullptr;
    decltype(&::slirp_pollfds_fill) pollfds_fill = nullptr;
    decltype(&::slirp_pollfds_poll) pollfds_poll = nullptr;
    decltype(&::slirp_input) input = nullptr;
    decltype(&::slirp_add_hostfwd) add_hostfwd = nullptr;
    decltype(&::slirp_remove_hostfwd) remove_hostfwd = nullptr;
    decltype(&::slirp_add_exec) add_exec = nullptr;
    decltype(&::slirp_add_guestfwd) add_guestfwd = nullptr;
    decltype(&::slirp_socket_can_recv) socket_can_recv = nullptr;
    decltype(&::slirp_socket_recv) socket_recv = nullptr;
    decltype(&::slirp_connection_info) connection_info = nullptr;

  private:
    std::shared_ptr<void> handle_;
};

}  // namespace vmm::net
