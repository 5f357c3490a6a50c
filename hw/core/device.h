// Device: what every emulated device is. It is made whole by its create(), owned by the machine (or the
// object tree), and reset in phases. What it asks of the machine is handed to its create().
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "system/run/reset.h"

namespace vmm {

class Device : public Resettable {
  public:
    // The id is the user's (-device id=...), empty for the board's own devices.
    explicit Device(std::string id = {}) : id_(std::move(id)) {}
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    virtual std::string_view type() const = 0;
    const std::string& id() const { return id_; }

  private:
    const std::string id_;
};

}  // namespace vmm
