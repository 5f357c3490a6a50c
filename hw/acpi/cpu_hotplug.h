// CpuHotplug: hot-plug of processors by ACPI: I/O ports by which the tables' methods find the processors that
// came or are wanted back, and let one go. The registers are those of QEMU's docs/specs/acpi_cpu_hotplug
// (public interface, which OVMF reads too). At reset the block is a bitmap of the APIC ids that are there, 32
// bytes; a write of 0 to its start switches it to:
//
//     0  read: second word of the command's data     write: selects a processor
//     4  state of the selected one: 1 there, 2 came, 4 wanted back (writing clears), 8 write: let go,
//        16 firmware lets go
//     5  write: command - 0 next processor with news, 1 and 2 data are _OST's event and status, 3 APIC id
//     8  data of the command
//
// Missing: the SMI that tells firmware in system-management mode, which this machine does not have.
// Thread: any; lock: one, rank Device; the host is called without it.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/acpi/hotplug_host.h"
#include "hw/core/device.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm::acpi {

class CpuHotplug final : public Device, public IoOps {
  public:
    static constexpr uint16_t kPort = 0xcd8;
    static constexpr uint64_t kSize = 32;           // of the bitmap
    static constexpr uint64_t kRegistersSize = 12;  // after the switch
    static constexpr unsigned kSelect = 0, kState = 4, kCommand = 5, kData = 8;
    static constexpr uint32_t kPresent = 1, kCame = 2, kWanted = 4, kEject = 8, kFirmwareEject = 16;
    static constexpr unsigned kEvent = 2;  // of the GPE block

    // The APIC ids of all processors that may be there, by slot. The host outlives this.
    CpuHotplug(std::vector<uint32_t> apic_ids, HotplugHost& host);
    std::string_view type() const override { return "acpi-cpu-hotplug"; }

    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {.accepted_max = 4, .implemented_max = 4}; }
    // The bitmap again; what came or is wanted back stays so.
    void reset_enter() override;

    void arrived(unsigned slot, News news, Removable removable = Removable::Yes);
    void left(unsigned slot);
    void ask_removal(unsigned slot);
    std::vector<OstReport> ost_reports();

  private:
    struct Slot {
        uint32_t apic_id;
        bool present = false, removable = false, came = false, wanted = false, firmware_ejects = false;
        OstReport ost;
        bool has_news() const { return came || wanted || firmware_ejects; }
    };
    enum class Act { Nothing, Eject, Report };
    uint64_t bitmap(uint64_t offset, unsigned size) REQUIRES(mutex_);
    Act store_state(uint32_t value) REQUIRES(mutex_);
    Act store_data(uint32_t value) REQUIRES(mutex_);
    Act store(uint64_t offset, uint32_t value, unsigned size) REQUIRES(mutex_);
    void select_next_with_news() REQUIRES(mutex_);

    HotplugHost& host_;
    Mutex mutex_{LockRank::Device, "ACPI CPU hot-plug"};
    std::vector<Slot> slots_ GUARDED_BY(mutex_);
    bool switched_ GUARDED_BY(mutex_) = false;
    uint32_t selected_ GUARDED_BY(mutex_) = 0;
    uint8_t command_ GUARDED_BY(mutex_) = 0;
};

}  // namespace vmm::acpi
