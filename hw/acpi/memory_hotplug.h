// MemoryHotplug: hot-plug of memory by ACPI: I/O ports by which the tables' methods find the modules (DIMMs)
// that came or are wanted back, where they are, and let one go. The registers are those of QEMU's
// docs/specs/acpi_mem_hotplug (public interface):
//
//     0  read: address, low word     write: selects a slot
//     4  read: address, high word    write: _OST's event
//     8  read: length, low word      write: _OST's status
//    12  read: length, high word
//    16  read: NUMA node
//    20  state: 1 there, 2 came, 4 wanted back (writing clears), 8 write: let go
//
// Thread: any; lock: one, rank Device; the host is called without it.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/acpi/hotplug_host.h"
#include "hw/core/device.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm::acpi {

class MemoryHotplug final : public Device, public IoOps {
  public:
    static constexpr uint16_t kPort = 0xa00;
    static constexpr uint64_t kSize = 24;
    static constexpr unsigned kSelect = 0, kOstEvent = 4, kOstStatus = 8, kNode = 16, kState = 20;
    static constexpr uint32_t kPresent = 1, kCame = 2, kWanted = 4, kEject = 8;
    static constexpr unsigned kEvent = 3;  // of the GPE block

    struct Module {
        uint64_t address;
        uint64_t size;
        uint32_t node;
    };

    // The host outlives this.
    MemoryHotplug(unsigned slots, HotplugHost& host) : host_(host), slots_(slots) {}
    std::string_view type() const override { return "acpi-memory-hotplug"; }

    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {.accepted_max = 4, .implemented_max = 4}; }
    void reset_enter() override;

    void arrived(unsigned slot, const Module& module, News news);
    void left(unsigned slot);
    void ask_removal(unsigned slot);
    std::vector<OstReport> ost_reports();

  private:
    struct Slot {
        bool present = false, came = false, wanted = false;
        Module module = {};
        OstReport ost;
    };
    enum class Act { Nothing, Eject, Report };
    Act store(uint64_t offset, uint32_t value) REQUIRES(mutex_);

    HotplugHost& host_;
    Mutex mutex_{LockRank::Device, "ACPI memory hot-plug"};
    std::vector<Slot> slots_ GUARDED_BY(mutex_);
    uint32_t selected_ GUARDED_BY(mutex_) = 0;
};

}  // namespace vmm::acpi
