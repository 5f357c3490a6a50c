// What devices tell whoever manages the machine: guests that took or gave memory, ports that they opened. Any
// thread, no lock held.
#pragma once

#include <cstdint>
#include <string>

namespace vmm {

class DeviceReports {
  public:
    virtual ~DeviceReports() = default;
    // How much the guest has given back by now.
    virtual void balloon_changed(uint64_t given_back) = 0;
    // By the port device's id.
    virtual void port_opened(const std::string& id, bool open) = 0;
};

// A device by which the guest can be asked to give memory back. Main thread.
class BalloonControl {
  public:
    virtual ~BalloonControl() = default;
    virtual void set_target(uint64_t bytes_to_give_back) = 0;
    virtual uint64_t given_back() const = 0;
};

}  // namespace vmm
