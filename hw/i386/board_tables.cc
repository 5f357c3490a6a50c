#include "hw/i386/board_tables.h"

#include <algorithm>

#include "hw/i386/acpi_tables.h"
#include "hw/i386/low_memory.h"

namespace vmm {

namespace {

// Pages that KVM may use for a guest's real mode; nobody else may.
constexpr BootRange kAcceleratorPages = {kIdentityMapBase, kTssBase + 0x3000 - kIdentityMapBase};

BootMemory boot_memory(const Q35Map& map) {
    BootMemory m;
    m.ram_below = map.ram_below.size();
    m.ram_above = map.ram_above ? map.ram_above->size() : 0;
    m.ecam = {map.ecam.first().raw(), map.ecam.size()};
    m.reserved = {kAcceleratorPages};
    return m;
}

// The node of each CPU by index; CPUs that no node names are in node 0.
std::vector<uint32_t> nodes_of_cpus(const BoardFacts& f) {
    std::vector<uint32_t> out;
    if (f.node_memory.empty()) return out;
    out.resize(f.apic_ids.size());
    for (size_t node = 0; node < f.config.memory.nodes.size(); ++node)
        for (unsigned cpu : f.config.memory.nodes[node].cpus)
            if (cpu < out.size()) out[cpu] = static_cast<uint32_t>(node);
    return out;
}

std::vector<PciWindow> pci_windows(const Q35Map& map) {
    std::vector<PciWindow> windows;
    // What lies between RAM and the ECAM is decoded as PCI too.
    const uint64_t gap = align_up(map.ram_below.last().raw() + 1, kMiB);
    if (gap < map.ecam.first().raw()) windows.push_back({gap, map.ecam.first().raw() - 1});
    windows.push_back({map.pci_hole.first().raw(), map.pci_hole.last().raw()});
    if (map.pci_hole64) windows.push_back({map.pci_hole64->first().raw(), map.pci_hole64->last().raw()});
    return windows;
}

AcpiConfig acpi_config(const BoardFacts& f) {
    AcpiConfig a;
    if (!f.config.firmware.oem_id.empty()) a.ids.oem_id = f.config.firmware.oem_id;
    if (!f.config.firmware.oem_table_id.empty()) a.ids.oem_table_id = f.config.firmware.oem_table_id;
    a.extra_tables = f.config.firmware.acpi_tables;
    const std::vector<uint32_t> nodes = nodes_of_cpus(f);
    for (size_t i = 0; i < f.apic_ids.size(); ++i) {
        const bool present = std::find(f.cpus.begin(), f.cpus.end(), i) != f.cpus.end();
        AcpiCpu cpu{f.apic_ids[i], std::nullopt, present};
        if (!nodes.empty()) cpu.node = nodes[i];
        a.cpus.push_back(cpu);
    }
    a.cpu_hotplug = true;
    a.memory_slots = f.config.memory.slots;
    a.numa_memory = node_ranges(f.node_memory, f.map.ram_below.size());
    if (f.map.modules && !f.node_memory.empty())
        a.numa_memory.push_back({f.map.modules->first().raw(), f.map.modules->size(),
                                 static_cast<uint32_t>(f.node_memory.size() - 1), true});
    a.numa_distances = f.config.memory.distances;
    if (!f.node_memory.empty()) a.hmat = f.config.memory.hmat;
    a.pci_windows = pci_windows(f.map);
    a.ecam_base = f.map.ecam.first().raw();
    a.ecam_size = f.map.ecam.size();
    a.serials = f.serials;
    a.panic_port = f.panic_port;
    a.has_hpet = f.config.hpet;
    a.has_pic = f.has_pic;
    a.has_i8042 = f.config.i8042;
    a.has_smm = f.has_smm;
    a.dmar = f.dmar;
    a.generation_page = f.generation_page;
    a.hotplug_bridges = f.hotplug_bridges;
    // Firmware gets what every firmware reads; a kernel started by us gets the 64-bit root table too.
    a.rsdp_revision = f.map.firmware ? acpi::RsdpRevision::Acpi1 : acpi::RsdpRevision::Acpi2;
    return a;
}

smbios::Config smbios_config(const BoardFacts& f, const BootMemory& memory) {
    const SmpTopology& smp = f.config.smp;
    smbios::Config s;
    s.settings = f.smbios;
    if (f.config.uuid) s.settings.system.uuid = *f.config.uuid;
    if (!f.map.firmware && !s.settings.bios) s.settings.bios = smbios::Bios{};
    s.processors.sockets = smp.sockets;
    s.processors.cores = smp.dies * smp.cores;
    s.processors.threads = smp.dies * smp.cores * smp.threads;
    s.processors.cpuid_eax = f.cpuid_eax;
    s.processors.cpuid_edx = f.cpuid_edx;
    s.ram_size = memory.ram_below + memory.ram_above;
    s.regions = {{0, memory.ram_below}};
    if (memory.ram_above != 0) s.regions.push_back({4 * kGiB, memory.ram_above});
    return s;
}

FwCfgConfig fw_cfg_config(const BoardFacts& f, const BootMemory& memory) {
    FwCfgConfig c;
    c.memory = memory;
    if (f.config.uuid) c.uuid = *f.config.uuid;
    c.ram_size = memory.ram_below + memory.ram_above;
    c.boot_cpus = static_cast<uint16_t>(f.cpus.size());
    c.apic_ids = f.apic_ids;
    c.cpu_nodes = nodes_of_cpus(f);
    for (uint64_t bytes : f.node_memory)
        c.nodes.push_back({bytes});
    c.boot_menu = f.config.boot.menu;
    c.menu_wait_ms = f.config.boot.menu_wait_ms;
    c.reboot_timeout_ms = f.config.boot.reboot_timeout_ms;
    c.strict_boot = f.config.boot.strict;
    c.boot_paths = f.boot_paths;
    if (f.map.modules) c.reserved_end = align_up(f.map.modules->last().raw() + 1, kGiB);
    c.extra = &f.config.firmware;
    c.bios_geometry = f.bios_geometry;
    c.boots_kernel_rom = f.boots_kernel_rom;
    c.graphics = f.config.graphics;
    if (!f.serials.empty()) c.serial_console = f.serials.front().port;
    if (f.config.hpet) c.hpet_base = kHpetBase;
    return c;
}

}  // namespace

std::vector<acpi::SratMemory> node_ranges(const std::vector<uint64_t>& node_memory, uint64_t ram_below) {
    std::vector<acpi::SratMemory> out;
    auto add = [&out](uint64_t base, uint64_t end, uint32_t node) {
        if (end > base) out.push_back({base, end - base, node});
    };
    uint64_t at = 0;
    for (size_t i = 0; i < node_memory.size(); ++i) {
        const uint32_t node = static_cast<uint32_t>(i);
        const uint64_t end = at + node_memory[i];
        const uint64_t low_end = std::min(end, ram_below);
        add(at, std::min(low_end, low_memory::kVideo), node);
        add(std::max(at, kMiB), low_end, node);
        if (end > ram_below)
            add(4 * kGiB + std::max(at, ram_below) - ram_below, 4 * kGiB + end - ram_below, node);
        at = end;
    }
    return out;
}

Result<std::unique_ptr<BoardTables>> BoardTables::create(const BoardFacts& f) {
    const BootMemory memory = boot_memory(f.map);
    smbios::Image image = TRY(smbios::build(smbios_config(f, memory)));
    return std::make_unique<BoardTables>(Token{}, f, memory, std::move(image));
}

BoardTables::BoardTables(Token, const BoardFacts& f, BootMemory memory, smbios::Image smbios)
    : memory_(std::move(memory)), smbios_(std::move(smbios)), fw_cfg_(fw_cfg_config(f, memory_)) {
    if (f.config.acpi) acpi_ = build_acpi(acpi_config(f));
}

Status BoardTables::publish(FwCfgItems& items, std::optional<FwCfgKernel> kernel) const {
    FwCfgConfig c = fw_cfg_;
    c.acpi = acpi_ ? &*acpi_ : nullptr;
    c.smbios = &smbios_;
    c.kernel = std::move(kernel);
    return publish_fw_cfg(c, items);
}

void BoardTables::republish(FwCfgItems& items) const {
    FwCfgConfig c = fw_cfg_;
    c.acpi = acpi_ ? &*acpi_ : nullptr;
    republish_fw_cfg(c, items);
}

Result<BootState> BoardTables::boot(DirectBoot files, GuestWriter& guest) const {
    files.memory = memory_;
    files.acpi = acpi_ ? &*acpi_ : nullptr;
    files.smbios = &smbios_;
    return load_direct(files, guest);
}

}  // namespace vmm
