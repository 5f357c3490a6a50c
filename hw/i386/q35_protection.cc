// Protected guests and the board; see q35_protection.h.
#include "hw/i386/q35_protection.h"

#include <sys/mman.h>

#include <algorithm>

#include "hw/i386/q35_state_priv.h"
#include "target/i386/confidential/guest.h"
#include "target/i386/confidential/launch_scene.h"

namespace vmm {

namespace {

Status check_firmware(const BootConfig& boot, const Requirements& needs, const char* id) {
    const bool no_flash = needs.forbids_pflash || needs.forbids_readonly_memory || needs.private_memory;
    if (no_flash && !boot.flash[0].empty())
        return Error::make("flash '%s' contradicts %s, whose memory cannot be read-only for the guest",
                           boot.flash[0].c_str(), id)
            .with_hint("give the firmware with -bios");
    if (!needs.firmware_required || !boot.bios.empty() || !boot.flash[0].empty()) return {};
    if (!boot.kernel.empty())
        return Error::make(
                   "-kernel without -bios contradicts %s: what starts the kernel is measured firmware", id)
            .with_hint("add -bios OVMF.fd");
    return Error::make("%s needs firmware that knows how to start a protected guest", id)
        .with_hint("add -bios OVMF.fd");
}

}  // namespace

Status check_protected_machine(const MachineConfig& config, const ConfidentialGuest& guest) {
    const Requirements& needs = guest.requirements();
    const char* id = guest.id().c_str();
    TRY(check_firmware(config.boot, needs, id));
    if (needs.forbids_smm && config.smm == OnOffAuto::On)
        return Error::make("-machine smm=on contradicts %s, which cannot have system management mode", id)
            .with_hint("use smm=off or smm=auto");
    if (needs.split_irqchip && config.irqchip == IrqChipChoice::On)
        return Error::make("-machine kernel_irqchip=on contradicts %s, which needs kernel_irqchip=split", id);
    if ((needs.split_irqchip || needs.kernel_lapic) && config.irqchip == IrqChipChoice::Off)
        return Error::make("-machine kernel_irqchip=off contradicts %s, which needs the kernel's local APICs",
                           id)
            .with_hint("use kernel_irqchip=split");
    for (const DeviceRequest& device : config.devices)
        if (needs.pinned_memory && std::string_view(device.type->info.name).starts_with("virtio-balloon"))
            return Error::make("-device %s contradicts %s, whose memory cannot be given back",
                               std::string(device.type->info.name).c_str(), id);
    if (needs.max_vcpus != 0 && config.smp.max_cpus > needs.max_vcpus)
        return Error::make("-smp: %u processors contradict %s, which can have %u", config.smp.max_cpus, id,
                           needs.max_vcpus);
    return {};
}

bool wants_private_firmware(const Q35Parts& parts) {
    return parts.confidential != nullptr && parts.gmem != nullptr &&
           parts.confidential->requirements().firmware_private;
}

Result<std::unique_ptr<RamBlock>> add_private_side(std::unique_ptr<RamBlock> block, GmemFactory& factory) {
    RamBlock::Config config;
    config.id = block->id();
    config.mapping =
        TRY(MappedRegion::map(block->size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS));
    std::copy(block->bytes().begin(), block->bytes().end(), config.mapping.bytes().begin());
    config.gmem = TRY(Gmem::create(factory, {.size = block->size()}));
    config.initial = Visibility::Private;
    return std::make_unique<RamBlock>(std::move(config));
}

std::vector<LaunchImage> Q35Board::State::launch_images() {
    std::vector<LaunchImage> images;
    if (RamBlock* bios = board_memory.firmware()) {
        images.push_back({config.boot.bios, *map.firmware, bios->bytes()});
    } else {
        uint64_t end = kFourGiB;
        for (size_t i = 0; i < flash_drives.size(); ++i) {
            RamBlock& chip = flash_drives[i]->contents();
            end -= chip.size();
            images.push_back({config.boot.flash[i], GpaRange::of(Gpa(end), chip.size()), chip.bytes()});
        }
    }
    return images;
}

Status Q35Board::State::prepare_launch(bool has_kernel) {
    if (parts.confidential == nullptr) return {};
    return parts.confidential->prepare(launch_images(), has_kernel);
}

Status Q35Board::State::launch() {
    if (parts.confidential == nullptr || !parts.confidential->requirements().launched) return {};
    LaunchMedia media{.memory = memory, .firmware = launch_images(), .kernel = {}, .ram = {map.ram_below}};
    if (map.ram_above) media.ram.push_back(*map.ram_above);
    if (boot_files)
        media.kernel =
            LaunchKernel{boot_files->kernel.bytes(), boot_files->initrd.bytes(), config.boot.append};
    return x86->launch(media);
}

}  // namespace vmm
