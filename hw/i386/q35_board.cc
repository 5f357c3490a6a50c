// The order in which a q35 comes into being: what the CPUs show, RAM, interrupt wires, chipset, devices, what
// is booted; then a first reset; then the accelerator takes the memory, makes its interrupt chips and the
// vCPUs. The memory map is final by then, so that its slots are made once and before the chips, which is
// cheap.
#include "hw/i386/q35_board.h"

#include <functional>

#include "hw/core/boot_order.h"
#include "hw/i386/mch.h"
#include "hw/i386/q35_host.h"
#include "hw/i386/q35_protection.h"
#include "hw/i386/q35_state_priv.h"
#include "hw/input/i8042.h"
#include "hw/nvram/flash_drive.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/rtc/cmos_layout.h"
#include "hw/rtc/mc146818.h"
#include "target/i386/confidential/guest.h"
#include "target/i386/cpu/leaves.h"
#include "util/log.h"
#include "util/text.h"

namespace vmm {

namespace {

CpuTopology topology_of(const SmpTopology& smp) {
    return {.sockets = smp.sockets, .dies = smp.dies, .cores = smp.cores, .threads = smp.threads};
}

std::vector<uint32_t> apic_ids_of(const SmpTopology& smp) {
    std::vector<uint32_t> ids;
    for (unsigned i = 0; i < smp.max_cpus; ++i)
        ids.push_back(apic_id_of_index(topology_of(smp), i));
    return ids;
}

// Empty: a kernel is entered directly.
std::string firmware_path(const BootConfig& boot) {
    if (!boot.bios.empty()) return boot.bios;
    if (!boot.flash[0].empty() || !boot.igvm.empty()) return "";
    return boot.kernel.empty() ? kDefaultFirmware : "";
}

class TablesRefresh final : public Resettable {
  public:
    explicit TablesRefresh(std::function<void()> refresh) : refresh_(std::move(refresh)) {}
    void reset_enter() override { refresh_(); }

  private:
    const std::function<void()> refresh_;
};

uint64_t total(const std::vector<RamBlock*>& ram) {
    uint64_t bytes = 0;
    for (const RamBlock* block : ram)
        bytes += block->size();
    return bytes;
}

}  // namespace

Result<Q35Files> Q35Board::open_files(const BootConfig& boot) {
    Q35Files files;
    if (!boot.bios.empty() && !boot.flash[0].empty())
        return Error::make("-bios %s contradicts the flash '%s': both are the firmware", boot.bios.c_str(),
                           boot.flash[0].c_str());
    if (boot.flash[0].empty() && !boot.flash[1].empty())
        return Error::make("flash '%s' holds variables of a firmware that is not there",
                           boot.flash[1].c_str())
            .with_hint("give the firmware as pflash0, or -drive if=pflash,unit=0");
    const std::string path = firmware_path(boot);
    if (!path.empty()) files.firmware = TRY(load_firmware(path));
    files.boot = TRY(open_boot_files(boot));
    if (!boot.igvm.empty()) files.igvm = TRY(open_igvm(boot.igvm));
    return files;
}

Result<VmRequirements> Q35Board::vm_requirements(const MachineConfig& config,
                                                 const ConfidentialGuest* confidential) {
    VmRequirements needs;
    needs.max_vcpus = config.smp.max_cpus;
    needs.max_apic_id = apic_ids_of(config.smp).back();
    switch (config.irqchip) {
        case IrqChipChoice::Auto:
        case IrqChipChoice::On:
            needs.irqchip = IrqChipMode::Kernel;
            break;
        case IrqChipChoice::Split:
            needs.irqchip = IrqChipMode::Split;
            break;
        case IrqChipChoice::Off:
            needs.irqchip = IrqChipMode::User;
            break;
    }
    if (confidential != nullptr) TRY(check_protected_machine(config, *confidential));
    if (config.smm == OnOffAuto::On)
        return Error::make("-machine smm=on: system-management mode is not there")
            .with_hint("use smm=auto or smm=off");
    const bool split = confidential != nullptr && confidential->requirements().split_irqchip;
    if (config.pic == OnOffAuto::Off && needs.irqchip == IrqChipMode::Kernel && !split)
        return Error::make(
                   "-machine pic=off contradicts the kernel's interrupt controllers, which have 8259s")
            .with_hint("use kernel_irqchip=split");
    if (config.conversion_limit != 0 &&
        (confidential == nullptr || !confidential->requirements().private_memory))
        return Error::make("-machine conversion-limit=%u: this machine has no private memory",
                           config.conversion_limit);
    if (confidential == nullptr) return needs;
    const Requirements& guest = confidential->requirements();
    needs.vm_type = guest.vm_type;
    needs.vm_type_name = guest.vm_type_name;
    needs.private_memory = guest.private_memory;
    if (guest.split_irqchip) needs.irqchip = IrqChipMode::Split;
    return needs;
}

Q35Board::State::State(const MachineConfig& machine, const Q35Parts& given,
                       std::unique_ptr<X86Accelerator> x86_accelerator, const Q35Map& addresses,
                       std::unique_ptr<RamBlock> firmware)
    : config(machine),
      parts(given),
      map(addresses),
      board_memory(topology, system, map, parts.ram, std::move(firmware),
                   wants_private_firmware(given) || !machine.boot.igvm.empty() ? FirmwarePlace::Ram
                                                                               : FirmwarePlace::Rom),
      cpu_topology(topology_of(machine.smp)),
      apic_ids(apic_ids_of(machine.smp)),
      x86(std::move(x86_accelerator)),
      accelerator(x86->accelerator()) {}

Q35Board::State::~State() {
    // What the devices take off the map now is nothing to the kernel.
    accelerator.unmap_memory();
    for (auto device = plugged.rbegin(); device != plugged.rend(); ++device)
        root->unplug(**device);
}

Status Q35Board::State::make_private_memory() {
    if (parts.confidential == nullptr || !parts.confidential->requirements().private_memory) return {};
    conversions =
        std::make_unique<GuestConversions>(memory, accelerator.attributes(), parts.requests,
                                           parts.confidential->requirements().faults_ask_for_conversion);
    conversions->limit().set_rate(config.conversion_limit);
    resets.add(*conversions);
    return conversions->start();
}

void Q35Board::State::make_flash(std::vector<std::unique_ptr<FlashDrive>> drives) {
    flash_drives = std::move(drives);
    std::vector<MemoryRegion*> regions_of_flash;
    for (size_t i = 0; i < flash_drives.size(); ++i) {
        FlashDrive& drive = *flash_drives[i];
        flash_chips.push_back(std::make_unique<PflashCfi>(
            PflashCfi::Config{.name = strf("system.flash%zu", i), .readonly = drive.readonly()},
            drive.contents(), topology, &drive));
        resets.add(*flash_chips.back());
        regions_of_flash.push_back(&flash_chips.back()->region());
    }
    if (!regions_of_flash.empty()) board_memory.add_flash(map, regions_of_flash);
}

void Q35Board::State::plug(pci::Function& function, pci::DevFn at) {
    Status plugged_in = root->plug(function, at);
    CHECK(plugged_in, "the board's own function: %s", plugged_in.error().text().c_str());
    plugged.push_back(&function);
}

Result<smbios::Settings> Q35Board::State::smbios_settings() const {
    smbios::Settings settings = config.smbios;
    auto fill = [this](smbios::PciPlace& place, unsigned type) -> Status {
        if (place.device.empty()) return {};
        const DeviceNode* node = tree->find(place.device);
        const pci::Function* function = node != nullptr ? node->device->as_pci() : nullptr;
        if (function == nullptr)
            return Error::make("-smbios type=%u: there is no PCI device '%s'", type, place.device.c_str());
        if (function->bus() != root.get())
            return Error::make("-smbios type=%u: '%s' is behind a bridge, firmware has yet to number its bus",
                               type, place.device.c_str());
        place.devfn = static_cast<uint8_t>(function->devfn().raw());
        return {};
    };
    for (smbios::Slot& slot : settings.slots)
        TRY(fill(slot.place, 9));
    for (smbios::Onboard& device : settings.onboard)
        TRY(fill(device.place, 41));
    return settings;
}

Result<std::vector<std::string>> Q35Board::State::boot_list() const {
    std::vector<const Device*> bootable;
    for (const std::unique_ptr<DeviceNode>& node : tree->nodes())
        bootable.push_back(node->device.get());
    std::vector<std::pair<int32_t, std::string>> roms;
    for (const OptionRom& rom : config.firmware.option_roms)
        roms.emplace_back(rom.boot_index, "/rom@genroms/" + rom.file.name);
    return boot_paths(bootable, roms);
}

Result<std::unique_ptr<BoardTables>> Q35Board::State::describe() {
    std::vector<uint64_t> node_memory;
    if (!config.memory.nodes.empty()) {
        size_t next = 0;
        for (const NumaNodeConfig& node : config.memory.nodes)
            node_memory.push_back(node.memory_backend.empty() ? 0 : parts.ram.at(next++)->size());
    }
    uint32_t eax = 0, edx = 0;
    for (const CpuidEntry& leaf : leaves_for(cpu_policy, cpu_topology, 0)) {
        if (leaf.function != 1) continue;
        eax = leaf.eax;
        edx = leaf.edx;
    }
    std::vector<const Device*> bootable;
    for (const std::unique_ptr<DeviceNode>& node : tree->nodes())
        bootable.push_back(node->device.get());
    return BoardTables::create(BoardFacts{.config = config,
                                          .map = map,
                                          .apic_ids = apic_ids,
                                          .cpus = sockets->present(),
                                          .cpuid_eax = eax,
                                          .cpuid_edx = edx,
                                          .has_pic = has_pic(config, parts.confidential),
                                          .serials = serial_ports(),
                                          .panic_port = panic_port(),
                                          .node_memory = node_memory,
                                          .hotplug_bridges = hotplug_bridges(*root),
                                          .boot_paths = TRY(boot_list()),
                                          .bios_geometry = bios_geometry_file(bootable),
                                          .boots_kernel_rom = boots_kernel_rom,
                                          .dmar = remapping_table(),
                                          .generation_page = generation_page(),
                                          .smbios = TRY(smbios_settings())});
}

void Q35Board::State::refresh_tables() {
    if (tree->generation() == told_generation) return;
    Result<std::unique_ptr<BoardTables>> now = describe();
    if (!now) {
        // Two devices of one bootindex, of which the later one came while the machine ran: as before, then.
        log_warning("reset: %s", now.error().message().c_str());
        return;
    }
    *tables = std::move(**now);
    told_generation = tree->generation();
    rtc->set_ram(cmos::kFurtherCpus, static_cast<uint8_t>(sockets->present().size() - 1));
    tables->republish(fw_cfg->items());
}

Status Q35Board::State::make_boot(std::optional<BootFiles> files) {
    std::optional<FwCfgKernel> kernel;
    if (files && (map.firmware || igvm)) {
        kernel = files->for_firmware(config.boot.append);
        kernel->unpatched = parts.confidential != nullptr;
        boot_files = std::move(files);
        boots_kernel_rom = !kernel->loader_rom.empty();
    }
    tables = TRY(describe());
    told_generation = tree->generation();
    refresh = std::make_unique<TablesRefresh>([this] { refresh_tables(); });
    resets.add(*refresh);
    if (map.firmware || igvm) {
        TRY(make_igvm());
        return tables->publish(fw_cfg->items(), std::move(kernel));
    }
    // A multiboot kernel's first word is its own name.
    const std::string line =
        files->multiboot ? config.boot.kernel + " " + config.boot.append : config.boot.append;
    loader =
        std::make_unique<BootLoader>(std::move(*files), line, *tables, map, *root, parts.ram, parts.requests);
    return tables->publish(fw_cfg->items(), {});
}

Result<std::unique_ptr<Q35Board>> Q35Board::create(const MachineConfig& config, const Q35Parts& parts,
                                                   std::unique_ptr<X86Accelerator> x86, Q35Files files) {
    const VmRequirements needs = TRY(vm_requirements(config, parts.confidential));
    CpuidPolicy cpu = TRY(State::prepare_cpus(config, parts, *x86, needs.max_apic_id));
    std::vector<std::unique_ptr<FlashDrive>> flash;
    uint64_t firmware_size = files.firmware != nullptr ? files.firmware->size() : 0;
    for (size_t i = 0; i < config.boot.flash.size() && !config.boot.flash[i].empty(); ++i) {
        flash.push_back(
            TRY(FlashDrive::open(parts.back_ends.block_graph(), config.boot.flash[i], strf("pflash%zu", i))));
        firmware_size += flash.back()->size();
    }
    if (files.igvm) {
        const uint64_t size =
            igvm::firmware_size(files.igvm->headers, igvm_platform(parts.confidential), kMaxFirmwareSize);
        if (size != 0) files.firmware = TRY(RamBlock::anonymous("igvm", size));
        firmware_size = size;
    }
    if (wants_private_firmware(parts) && files.firmware != nullptr)
        files.firmware = TRY(add_private_side(std::move(files.firmware), *parts.gmem));
    Q35Host::Config host;
    TRY(apply_defaults(Q35Host::kInfo, Q35Host::kProps, config.globals, &host));
    FlashDefaults::Config chips;
    TRY(apply_defaults(FlashDefaults::kInfo, FlashDefaults::kProps, config.globals, &chips));
    if (chips.secure)
        return Error::make(
            "cfi.pflash01: secure=on needs system management mode, which this version does not have");
    const Q35Map map = TRY(lay_out_q35({.ram_size = total(parts.ram),
                                        .max_ram_below_4g = config.memory.max_ram_below_4g.value_or(0),
                                        .firmware_size = firmware_size,
                                        .pci_hole64_size = host.pci_hole64_size.bytes,
                                        .phys_bits = usable_phys_bits(parts.confidential, cpu.phys_bits),
                                        .module_bytes = config.memory.module_bytes,
                                        .module_slots = config.memory.slots}));
    auto state = std::make_unique<State>(config, parts, std::move(x86), map, std::move(files.firmware));
    state->cpu_policy = std::move(cpu);
    state->igvm = std::move(files.igvm);
    state->make_flash(std::move(flash));
    TRY(state->prepare_launch(files.boot.has_value()));
    TRY(state->make_private_memory());
    state->wire_interrupts();
    TRY(state->make_chipset());
    TRY(state->make_devices());
    TRY(state->make_boot(std::move(files.boot)));
    state->resets.reset();
    if (state->loader != nullptr) {
        TRY(state->loader->load());
        state->resets.add(*state->loader);
        if (state->loader->can_resume() && parts.confidential == nullptr) state->lpc->pm().allow_sleep();
    }
    if (state->igvm_loader != nullptr) {
        TRY(state->igvm_loader->load());
        state->resets.add(*state->igvm_loader);
    }
    TRY(state->start_accelerator());
    TRY(state->launch());
    state->add_vcpu_reset();
    state->warn_about_cpu();
    return std::make_unique<Q35Board>(Token{}, std::move(state));
}

Q35Board::Q35Board(Token, std::unique_ptr<State> state) : state_(std::move(state)) {}
Q35Board::~Q35Board() = default;

Vcpus& Q35Board::vcpus() {
    return state_->accelerator.vcpus();
}

Result<X86Registers> Q35Board::registers(VcpuId vcpu) {
    return state_->x86->registers(vcpu);
}

AddressSpace& Q35Board::memory() {
    return state_->memory;
}

AddressSpace& Q35Board::ports() {
    return state_->ports;
}

IrqTap* Q35Board::watched_pins(std::string_view path) {
    const bool named = path == "ioapic" || path.ends_with("/ioapic");
    return named ? state_->gsi_tap.get() : nullptr;
}

ResetList& Q35Board::resets() {
    return state_->resets;
}

DeviceTree& Q35Board::devices() {
    return *state_->tree;
}

const CpuidPolicy& Q35Board::cpu_policy() const {
    return state_->cpu_policy;
}

const Device* Q35Board::cpu_device(unsigned index) const {
    return state_->sockets->device(index);
}

uint64_t Q35Board::module_bytes() const {
    return state_->modules->bytes();
}

std::vector<SlotReport> Q35Board::slot_reports() {
    std::vector<SlotReport> all = state_->modules->reports();
    for (const SlotReport& report : state_->sockets->reports())
        all.push_back(report);
    return all;
}

std::vector<const Device*> Q35Board::parts() const {
    std::vector<const Device*> list;
    for (const std::unique_ptr<Device>& device : state_->devices)
        list.push_back(device.get());
    return list;
}

bool Q35Board::press_key(uint8_t code, bool extended, bool down) {
    return state_->keyboard != nullptr && state_->keyboard->key(code, extended, down);
}

bool Q35Board::can_sleep() const {
    return state_->loader != nullptr && state_->loader->can_resume();
}

void Q35Board::prepare_wake() {
    state_->lpc->pm().prepare_wake();
    state_->loader->resume_next();
}

bool Q35Board::press_power_button() {
    return state_->lpc->pm().press_power_button();
}

GuestConversions* Q35Board::guest_conversions() {
    return state_->conversions.get();
}

const ConversionEngine* Q35Board::conversions() const {
    return state_->conversions != nullptr ? &state_->conversions->engine() : nullptr;
}

}  // namespace vmm
