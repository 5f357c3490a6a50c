// VmGenId (vmgenid): an identifier of this run of the machine in a page of guest memory, which changes when
// the machine is cloned, so that a guest knows to renew its random numbers. Firmware places the page
// (etc/vmgenid_guid), patches its address into an ACPI table and writes it back (etc/vmgenid_addr). The table
// is hw/acpi/vmgenid_table. Spec: Microsoft's "Virtual Machine Generation ID".
//
// Missing: the identifier never changes while the process lives (nothing here clones a running machine), so
// the notification is never sent. Thread: main; the guest's address from any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hw/core/device_type.h"
#include "util/uuid.h"

namespace vmm {

class VmGenId final : public Device {
    struct Token {};

  public:
    struct Config {
        std::string guid = "auto";
    };
    static constexpr std::array kProps = {
        prop<Config, &Config::guid>("guid", "the identifier; auto: a new one each time")};
    static constexpr DeviceInfo kInfo = {.name = "vmgenid",
                                         .bus = "System",
                                         .description = "tells the guest when it was cloned",
                                         .category = DeviceCategory::Misc,
                                         .hotpluggable = false};
    static Status check(const Config& values);
    static Result<std::unique_ptr<VmGenId>> create(const Config& values, DeviceEnv& env,
                                                   const std::string& id);
    VmGenId(Token, const Uuid& guid, const std::string& id) : Device(id), guid_(guid) {}
    std::string_view type() const override { return kInfo.name; }

    const Uuid& guid() const { return guid_; }
    // What firmware places.
    std::vector<uint8_t> page() const;
    // Where it said that the identifier is; 0 before.
    uint64_t guest_address() const { return address_.load(std::memory_order_relaxed); }
    void reset_enter() override { address_.store(0, std::memory_order_relaxed); }

  private:
    const Uuid guid_;
    std::atomic<uint64_t> address_{0};
};

}  // namespace vmm
