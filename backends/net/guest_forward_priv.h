// GuestForwardPort: an address and port of the guest's network that is connected to a character device.
// Private to user networking. Main thread.
#pragma once

#include <memory>
#include <span>

#include "backends/chardev/chardev.h"
#include "backends/net/slirp_library.h"

namespace vmm::net {

class GuestForwardPort final : private CharClient {
  public:
    static Result<std::unique_ptr<GuestForwardPort>> create(const SlirpLibrary& library, Slirp& slirp,
                                                            Chardev& chardev, in_addr server, uint16_t port);
    GuestForwardPort(const SlirpLibrary& library, Slirp& slirp, Chardev& chardev, in_addr server,
                     uint16_t port)
        : library_(library), slirp_(slirp), chardev_(chardev), server_(server), port_(port) {}
    ~GuestForwardPort() override;

    // The guest did something: what the device holds back may have room now.
    void guest_was_heard();

  private:
    friend struct GuestForwardCalls;
    size_t room() override;
    void receive(std::span<const uint8_t> bytes) override;

    const SlirpLibrary& library_;  // the network's, which outlives us
    Slirp& slirp_;
    Chardev& chardev_;
    in_addr server_;
    const uint16_t port_;
    bool attached_ = false;
    bool held_back_ = false;
};

}  // namespace vmm::net
