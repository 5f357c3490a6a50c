// ConfidentialGuest: the object behind -machine confidential-guest-support=, seen by the board and by
// start-up. It answers what it needs; the VM, the memory and the CPUs are made accordingly. No type of the
// kernel's interface appears here.
#pragma once

#include <string>
#include <string_view>

#include "target/i386/confidential/requirements.h"

namespace vmm {

class ConfidentialGuest {
  public:
    explicit ConfidentialGuest(std::string id) : id_(std::move(id)) {}
    ConfidentialGuest(const ConfidentialGuest&) = delete;
    ConfidentialGuest& operator=(const ConfidentialGuest&) = delete;
    virtual ~ConfidentialGuest() = default;

    // The user's id, and the object's type as -object names it.
    const std::string& id() const { return id_; }
    virtual std::string_view type() const = 0;
    virtual const Requirements& requirements() const = 0;

  private:
    const std::string id_;
};

}  // namespace vmm
