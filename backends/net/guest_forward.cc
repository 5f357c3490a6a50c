// A port of the guest's network and a character device; see guest_forward_priv.h.
#include "backends/net/guest_forward_priv.h"

namespace vmm::net {

// What libslirp calls.
struct GuestForwardCalls {
    static ssize_t write(const void* data, size_t size, void* opaque) {
        auto& port = *static_cast<GuestForwardPort*>(opaque);
        return static_cast<ssize_t>(port.chardev_.write({static_cast<const uint8_t*>(data), size}));
    }
};

Result<std::unique_ptr<GuestForwardPort>> GuestForwardPort::create(const SlirpLibrary& library, Slirp& slirp,
                                                                   Chardev& chardev, in_addr server,
                                                                   uint16_t port) {
    auto made = std::make_unique<GuestForwardPort>(library, slirp, chardev, server, port);
    TRY(chardev.attach(*made));
    made->attached_ = true;
    if (library.add_guestfwd(&slirp, GuestForwardCalls::write, made.get(), &made->server_, port) != 0)
        return Error::make("conflicting/invalid host:port in guest forwarding rule for port %u", port);
    return made;
}

GuestForwardPort::~GuestForwardPort() {
    if (attached_) chardev_.detach(*this);
}

size_t GuestForwardPort::room() {
    const size_t room = library_.socket_can_recv(&slirp_, server_, port_);
    held_back_ = room == 0;
    return room;
}

void GuestForwardPort::guest_was_heard() {
    if (held_back_ && room() != 0) chardev_.accept_input();
}

void GuestForwardPort::receive(std::span<const uint8_t> bytes) {
    library_.socket_recv(&slirp_, server_, port_, bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace vmm::net
