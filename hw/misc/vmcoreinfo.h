// VmCoreInfo (vmcoreinfo): a file in which a guest kernel says where its ELF note is that makes a dump of its
// memory readable (etc/vmcoreinfo). Spec: QEMU's docs/specs/vmcoreinfo (public interface).
// dump-guest-memory adds that note. Thread: main; the guest's word from any, under a leaf lock.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "hw/core/device_type.h"
#include "util/mutex.h"

namespace vmm {

// As the guest wrote it.
struct CoreInfo {
    uint16_t guest_format = 0;
    uint32_t size = 0;
    uint64_t address = 0;
    bool operator==(const CoreInfo&) const = default;
};

class VmCoreInfo final : public Device {
    struct Token {};

  public:
    struct Config {};
    static constexpr std::array<Property, 0> kProps = {};
    static constexpr DeviceInfo kInfo = {.name = "vmcoreinfo",
                                         .bus = "System",
                                         .description = "where the guest's note for dumps is",
                                         .category = DeviceCategory::Misc,
                                         .hotpluggable = false};
    static constexpr uint16_t kElf = 1;
    static Result<std::unique_ptr<VmCoreInfo>> create(const Config&, DeviceEnv& env, const std::string& id);
    VmCoreInfo(Token, const std::string& id) : Device(id) {}
    std::string_view type() const override { return kInfo.name; }

    // Nothing (format 0) until the guest said so.
    CoreInfo info();
    void reset_enter() override;

  private:
    void written(std::span<const uint8_t> bytes);
    Mutex mutex_{LockRank::Leaf, "vmcoreinfo"};
    CoreInfo info_ GUARDED_BY(mutex_);
};

}  // namespace vmm
