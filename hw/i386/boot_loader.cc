// Loading a kernel without firmware, at start and at each reset.
#include "hw/i386/boot_loader.h"

#include <utility>

#include "hw/i386/pci_placing.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm {

// Intel Q35 MCH and ICH9 registers, with the values that firmware for this board sets.
void BootLoader::set_up_chipset() {
    constexpr pci::Address kHostBridge{0, {0, 0}}, kLpc{0, {0x1f, 0}};
    constexpr unsigned kExpressBase = 0x60, kAttributeMap = 0x90, kPmBase = 0x40, kAcpiControl = 0x44;
    const uint64_t ecam = map_.ecam.first().raw();
    root_.config_write(kHostBridge, kExpressBase + 4, static_cast<uint32_t>(ecam >> 32), 4);
    root_.config_write(kHostBridge, kExpressBase, static_cast<uint32_t>(ecam) | 1, 4);
    root_.config_write(kHostBridge, kAttributeMap, 0x30, 1);
    for (unsigned i = 1; i < 7; ++i)
        root_.config_write(kHostBridge, kAttributeMap + i, 0x33, 1);
    root_.config_write(kLpc, kPmBase, 0x600 | 1, 4);
    root_.config_write(kLpc, kAcpiControl, 0x80, 1);
    // PIRQ A-D and E-H on ISA interrupts 10 and 11 by turns.
    for (unsigned base : {0x60u, 0x68u}) {
        for (unsigned i = 0; i < 4; ++i)
            root_.config_write(kLpc, base + i, pci_interrupt_line(0, i + 1), 1);
    }
    if (files_.multiboot) place_pci_functions(root_, map_.pci_hole);
}

Status BootLoader::load() {
    set_up_chipset();
    DirectBoot boot;
    boot.kernel = files_.kernel.bytes();
    boot.initrd = files_.initrd.bytes();
    boot.dtb = files_.dtb.bytes();
    for (const BootFiles::Module& module : files_.modules)
        boot.modules.push_back({module.file.bytes(), module.text});
    boot.command_line = command_line_;
    boot_ = TRY(tables_.boot(std::move(boot), writer_));
    return {};
}

Status BootLoader::resume() {
    constexpr unsigned kWakingVector = 12;
    set_up_chipset();
    const acpi::AcpiImage& image = *tables_.acpi();
    uint8_t vector[4];
    TRY(writer_.read(acpi_range(tables_.memory(), &image).base + *image.facs_offset + kWakingVector, vector));
    const uint32_t at = load_le<uint32_t>(vector);
    if (at == 0 || at >= kMiB) return Error::make("the guest slept with 0x%x as its waking vector", at);
    boot_ = resume_at(at);
    return {};
}

void BootLoader::reset_exit() {
    Status loaded = std::exchange(resuming_, false) ? resume() : load();
    if (!loaded) requests_.report_internal_error("reset: " + loaded.error().message());
}

}  // namespace vmm
