// PciHotplug: hot-plug of conventional PCI slots by ACPI: a block of I/O ports by which the tables' methods
// ask which slots were filled or are wanted back, and let one go; a general-purpose event tells of news. One
// number (BSEL) a bus; buses get theirs before the tables are made. PCI Express ports do it themselves
// (hw/pci/slot.h). The registers are those of QEMU's docs/specs/acpi_pci_hotplug (public interface):
//
//     0  slots filled since the last read          4  slots wanted back
//     8  write: let these slots go                12  slots that can be let go       16  which bus
//
// Missing: the ACPI index of a device (the register reads as zero).
// Thread: any; lock: one, rank Device; the event is raised and devices let go without it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "hw/core/device.h"
#include "hw/pci/bus.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm::acpi {

class PciHotplug final : public Device, public IoOps, public pci::BusHotplug {
  public:
    static constexpr uint16_t kPort = 0xcc0;
    static constexpr uint64_t kSize = 0x18;
    static constexpr unsigned kUp = 0x00, kDown = 0x04, kEject = 0x08, kRemovable = 0x0c, kSelect = 0x10;
    static constexpr unsigned kEvent = 1;  // of the GPE block

    // `raise_event` is called with no lock held.
    explicit PciHotplug(std::function<void()> raise_event) : raise_event_(std::move(raise_event)) {}
    std::string_view type() const override { return "acpi-pci-hotplug"; }

    // The bus's slots are hot-pluggable from here on; its number. While the machine is made.
    unsigned add_bus(pci::Bus& bus);

    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override {
        return {.accepted_min = 4, .accepted_max = 4, .implemented_min = 4, .implemented_max = 4};
    }
    void reset_enter() override;

    // pci::BusHotplug, main thread.
    void arrived(pci::Bus& bus, pci::DevFn at) override;
    void left(pci::Bus& bus, pci::DevFn from) override;
    Status ask_removal(pci::Bus& bus, pci::DevFn at) override;
    void finish_removals(pci::Bus& bus) override;

  private:
    struct Slots {
        pci::Bus* bus;
        uint32_t up = 0;    // filled, and not yet told
        uint32_t down = 0;  // wanted back
    };
    Slots& slots_of(const pci::Bus& bus) REQUIRES(mutex_);
    static void let_go(pci::Bus& bus, uint32_t slots);

    const std::function<void()> raise_event_;
    Mutex mutex_{LockRank::Device, "ACPI PCI hot-plug"};
    std::vector<Slots> buses_ GUARDED_BY(mutex_);
    uint32_t selected_ GUARDED_BY(mutex_) = 0;
};

}  // namespace vmm::acpi
