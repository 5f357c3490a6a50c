#include "hw/i386/acpi_tables.h"

#include <algorithm>

#include "hw/acpi/fadt.h"
#include "hw/acpi/madt.h"
#include "hw/acpi/small_tables.h"
#include "hw/acpi/vmgenid_table.h"
#include "util/align.h"

namespace vmm {

namespace {

constexpr uint16_t kSmiCommandPort = 0xb2;

uint32_t highest_apic_id(const AcpiConfig& c) {
    uint32_t highest = 0;
    for (const AcpiCpu& cpu : c.cpus)
        highest = std::max(highest, cpu.apic_id);
    return highest;
}

acpi::MadtCpu madt_cpu(const AcpiConfig& c, size_t index) {
    return {static_cast<uint32_t>(index), c.cpus[index].apic_id, c.cpus[index].enabled};
}

DsdtConfig dsdt_config(const AcpiConfig& c) {
    DsdtConfig d;
    for (size_t i = 0; i < c.cpus.size(); ++i)
        if (c.cpus[i].enabled || c.cpu_hotplug)
            d.cpus.push_back({static_cast<uint32_t>(i), c.cpus[i].node, c.cpus[i].apic_id});
    d.cpu_hotplug = c.cpu_hotplug;
    d.memory_slots = c.memory_slots;
    d.serials = c.serials;
    d.pci_windows = c.pci_windows;
    d.ecam_base = c.ecam_base;
    d.ecam_size = c.ecam_size;
    d.pm_base = c.pm_base;
    d.has_hpet = c.has_hpet;
    d.has_i8042 = c.has_i8042;
    d.has_fw_cfg = c.has_fw_cfg;
    d.panic_port = c.panic_port;
    d.debug_port = c.debug_port;
    d.hotplug_bridges = c.hotplug_bridges;
    return d;
}

// Windows looks for the maker's names of a SLIC table in the root tables and the FADT, too.
acpi::TableIds activation_ids(const AcpiConfig& c) {
    constexpr size_t kOemId = 10, kOemTableId = 16;
    acpi::TableIds ids = c.ids;
    for (const std::vector<uint8_t>& table : c.extra_tables) {
        const auto* text = reinterpret_cast<const char*>(table.data());
        if (std::string_view(text, 4) != "SLIC") continue;
        ids.oem_id = std::string(text + kOemId, 6);
        ids.oem_table_id = std::string(text + kOemTableId, 8);
    }
    return ids;
}

acpi::Table fadt_for(const AcpiConfig& c, uint32_t facs, uint32_t dsdt) {
    acpi::FadtConfig f;
    f.facs_offset = facs;
    f.dsdt_offset = dsdt;
    f.pm_base = c.pm_base;
    f.sci_gsi = c.sci_gsi;
    f.smi_command_port = c.has_smm ? kSmiCommandPort : 0;
    f.has_i8042 = c.has_i8042;
    f.has_vga = c.has_vga;
    f.highest_apic_id = highest_apic_id(c);
    return acpi::build_fadt(f, activation_ids(c));
}

acpi::Table madt_for(const AcpiConfig& c) {
    acpi::MadtConfig m;
    for (size_t i = 0; i < c.cpus.size(); ++i)
        m.cpus.push_back(madt_cpu(c, i));
    m.has_ioapic = c.has_ioapic;
    m.has_pic = c.has_pic;
    if (c.has_ioapic) m.overrides = acpi::q35_overrides();
    return acpi::build_madt(m, c.ids);
}

acpi::Table srat_for(const AcpiConfig& c) {
    acpi::SratConfig s;
    for (size_t i = 0; i < c.cpus.size(); ++i)
        if (c.cpus[i].enabled || c.cpu_hotplug)
            s.cpus.push_back({madt_cpu(c, i), c.cpus[i].node.value_or(0)});
    s.memory = c.numa_memory;
    return acpi::build_srat(s, c.ids);
}

}  // namespace

acpi::AcpiImage build_acpi(const AcpiConfig& c) {
    acpi::TableSet set;
    const uint32_t facs = set.add(acpi::build_facs(), false, acpi::kFacsAlignment);
    const uint32_t dsdt = set.add(build_dsdt(dsdt_config(c), c.ids), false);
    set.add(fadt_for(c, facs, dsdt), true);
    set.add(madt_for(c), true);
    if (c.has_hpet) set.add(acpi::build_hpet({}, c.ids), true);
    if (!c.numa_memory.empty()) set.add(srat_for(c), true);
    if (!c.numa_memory.empty() && !c.numa_distances.empty())
        set.add(acpi::build_slit(c.numa_distances, c.ids), true);
    if (c.hmat) set.add(acpi::build_hmat(*c.hmat, c.ids), true);
    set.add(acpi::build_mcfg({c.ecam_base, 0, static_cast<uint8_t>(c.ecam_size / kMiB - 1)}, c.ids), true);
    if (c.dmar) set.add(acpi::build_dmar(*c.dmar, c.ids), true);
    set.add(acpi::build_waet(c.ids), true);
    if (!c.generation_page.empty()) {
        set.add(acpi::build_generation_ssdt(c.ids), true);
        set.add_file({.name = acpi::kGenerationFile,
                      .bytes = c.generation_page,
                      .address_file = acpi::kGenerationAddressFile,
                      .told_offset = acpi::kGenerationOffset});
    }
    for (const std::vector<uint8_t>& bytes : c.extra_tables)
        set.add({.bytes = bytes}, true);
    return set.finish(activation_ids(c), c.rsdp_revision);
}

}  // namespace vmm
