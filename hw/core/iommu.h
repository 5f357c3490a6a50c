// Iommu: what stands between PCI functions and memory, and between their interrupt messages and the
// processors. The device that is one makes itself known to its machine (DeviceEnv::set_iommu); PCI functions
// and the I/O APIC ask it. Any thread; takes only leaf locks and none while it reads guest memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "system/irq/msi.h"
#include "system/memory/address.h"

namespace vmm {

class Iommu {
  public:
    virtual ~Iommu() = default;

    static constexpr uint64_t kPage = 4096;  // addresses of one page are translated alike

    // Where an access of the function with this requester id goes. Empty: it may not; the fault is recorded.
    virtual std::optional<Gpa> translate(uint16_t requester, Gpa address, bool write) = 0;

    enum class Faults { Record, Ignore };
    // What a message becomes; without a requester it is the I/O APIC's. Empty: it is blocked.
    virtual std::optional<MsiMessage> remap(std::optional<uint16_t> requester, const MsiMessage& message,
                                            Faults faults) = 0;
    // Called, with no lock held, when messages may become others than before. Set once.
    virtual void on_remapping_changed(std::function<void()> call) = 0;

    struct Description {
        unsigned address_bits = 39;
        bool remaps_interrupts = false;
        bool extended_ids = false;  // of processors, above 255
    };
    virtual Description describe() const = 0;
};

}  // namespace vmm
