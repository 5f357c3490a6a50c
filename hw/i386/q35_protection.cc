// Protected guests and the board; see q35_protection.h.
#include "hw/i386/q35_protection.h"

#include <sys/mman.h>

#include <algorithm>

#include "hw/acpi/linker_script.h"
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
    if (!needs.firmware_required || !boot.igvm.empty() || !boot.bios.empty() || !boot.flash[0].empty())
        return {};
    if (!boot.kernel.empty())
        return Error::make(
                   "-kernel without -bios contradicts %s: what starts the kernel is measured firmware", id)
            .with_hint("add -bios OVMF.fd");
    return Error::make("%s needs firmware that knows how to start a protected guest", id)
        .with_hint("add -bios OVMF.fd");
}

// The script first, then what it allocates: in the order of linker_script().
std::vector<LaunchTable> fetched_tables(const acpi::AcpiImage& image) {
    std::vector<LaunchTable> out{{acpi::kLoaderFile, acpi::linker_script(image)},
                                 {acpi::kRsdpFile, image.rsdp},
                                 {acpi::kTablesFile, image.tables}};
    for (const acpi::ImageFile& file : image.files)
        out.push_back({file.name, file.bytes});
    return out;
}

}  // namespace

Status check_protected_machine(const MachineConfig& config, const ConfidentialGuest& guest) {
    const Requirements& needs = guest.requirements();
    const char* id = guest.id().c_str();
    TRY(check_firmware(config.boot, needs, id));
    if (needs.forbids_smm && config.smm == OnOffAuto::On)
        return Error::make("-machine smm=on contradicts %s, which cannot have system management mode", id)
            .with_hint("use smm=off or smm=auto");
    if (needs.forbids_pic && config.pic == OnOffAuto::On)
        return Error::make("-machine pic=on contradicts %s, which cannot have 8259 interrupt controllers", id)
            .with_hint("use pic=off or pic=auto");
    if (needs.split_irqchip && config.irqchip == IrqChipChoice::On)
        return Error::make("-machine kernel_irqchip=on contradicts %s, which needs kernel_irqchip=split", id);
    if ((needs.split_irqchip || needs.kernel_lapic) && config.irqchip == IrqChipChoice::Off)
        return Error::make("-machine kernel_irqchip=off contradicts %s, which needs the kernel's local APICs",
                           id)
            .with_hint("use kernel_irqchip=split");
    if (needs.max_vcpus != 0 && config.smp.max_cpus > needs.max_vcpus)
        return Error::make("-smp: %u processors contradict %s, which can have %u", config.smp.max_cpus, id,
                           needs.max_vcpus);
    return {};
}

Status check_phys_bits(const ConfidentialGuest& guest, unsigned bits, unsigned host_bits) {
    const Requirements& needs = guest.requirements();
    const char* id = guest.id().c_str();
    if (needs.phys_bits == PhysBitsRule::OfHost && host_bits != 0 && bits != host_bits)
        return Error::make("-cpu: %u physical address bits contradict %s, which has the host's %u", bits, id,
                           host_bits)
            .with_hint("leave phys-bits out");
    if (needs.phys_bits == PhysBitsRule::Reduced && bits < needs.reduced_phys_bits + 32)
        return Error::make("-cpu: %u physical address bits contradict %s, whose encryption takes %u of them",
                           bits, id, needs.reduced_phys_bits);
    return {};
}

unsigned usable_phys_bits(const ConfidentialGuest* guest, unsigned bits) {
    const bool reduced = guest != nullptr && guest->requirements().phys_bits == PhysBitsRule::Reduced;
    return reduced ? bits - guest->requirements().reduced_phys_bits : bits;
}

bool has_pic(const MachineConfig& config, const ConfidentialGuest* guest) {
    return config.pic != OnOffAuto::Off && (guest == nullptr || !guest->requirements().forbids_pic);
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

igvm::PlatformType igvm_platform(const ConfidentialGuest* guest) {
    return guest == nullptr ? igvm::PlatformType::Native : guest->igvm_platform();
}

// The contents are loaded for a guest that is not launched; a launch loads them itself.
Status Q35Board::State::make_igvm() {
    if (!igvm) return {};
    std::vector<uint32_t> ids;
    for (unsigned index : sockets->present())
        ids.push_back(apic_ids[index]);
    igvm::GuestFacts facts = igvm_facts(*tables, map, std::move(ids), config.boot.append);
    const igvm::PlatformType platform = igvm_platform(parts.confidential);
    if (platform == igvm::PlatformType::Native) {
        igvm_loader = std::make_unique<IgvmLoader>(*igvm, std::move(facts), map, parts.ram,
                                                   board_memory.firmware(), parts.requests);
        return {};
    }
    igvm_launch = std::make_unique<IgvmLaunch>();
    return igvm_launch->prepare(*igvm, platform, facts);
}

// A launch that encrypts the firmware where it lies leaves nothing to launch again.
Status Q35Board::State::reload_firmware() {
    if (parts.confidential == nullptr || !parts.confidential->requirements().pinned_memory || igvm) return {};
    if (!flash_drives.empty())
        return Error::make("the firmware in flash '%s' was encrypted in place and cannot be launched again",
                           config.boot.flash[0].c_str())
            .with_hint("give the firmware with -bios");
    RamBlock* bios = board_memory.firmware();
    if (bios == nullptr) return {};
    const std::unique_ptr<RamBlock> again = TRY(load_firmware(config.boot.bios));
    if (again->size() != bios->size())
        return Error::make("firmware '%s' has another size by now", config.boot.bios.c_str());
    std::copy(again->bytes().begin(), again->bytes().end(), bios->bytes().begin());
    return {};
}

Status Q35Board::rebuild() {
    Status done = [this]() -> Status {
        TRY(state_->reload_firmware());
        TRY(state_->x86->rebuild());
        // The new VM has no attributes. What is private or shared, and who is told, is reset with all else.
        if (state_->conversions != nullptr) TRY(state_->conversions->engine().kernel_forgot());
        return {};
    }();
    if (done) return {};
    return std::move(done).take_error().while_doing("the VM could not be made anew");
}

Status Q35Board::launch_again() {
    return state_->launch();
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
    if (parts.confidential == nullptr || igvm) return {};
    return parts.confidential->prepare(launch_images(), has_kernel);
}

Status Q35Board::State::launch() {
    if (parts.confidential == nullptr || !parts.confidential->requirements().launched) return {};
    LaunchMedia media{.memory = memory, .firmware = launch_images(), .kernel = {}, .ram = {map.ram_below}};
    if (map.ram_above) media.ram.push_back(*map.ram_above);
    if (boot_files)
        media.kernel =
            LaunchKernel{boot_files->kernel.bytes(), boot_files->initrd.bytes(), config.boot.append};
    if (tables != nullptr && tables->acpi()) media.tables = fetched_tables(*tables->acpi());
    if (igvm_launch != nullptr) media.pages = igvm_launch->pages();
    return x86->launch(media);
}

}  // namespace vmm
