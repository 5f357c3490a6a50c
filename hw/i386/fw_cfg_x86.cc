#include "hw/i386/fw_cfg_x86.h"

#include <algorithm>

#include "hw/acpi/linker_script.h"
#include "hw/i386/boot_places.h"
#include "hw/i386/linux_header.h"
#include "hw/i386/linux_image.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm {

namespace {

void put(std::vector<uint8_t>& to, uint64_t v, unsigned width) {
    to.resize(to.size() + width);
    store_le_sized(to.data() + to.size() - width, v, width);
}

std::vector<uint8_t> number(uint64_t v, unsigned width) {
    std::vector<uint8_t> out;
    put(out, v, width);
    return out;
}

// One past the highest APIC id: how firmware sizes its tables.
uint64_t apic_id_limit(const FwCfgConfig& c) {
    uint64_t limit = c.boot_cpus;
    for (uint32_t id : c.apic_ids)
        limit = std::max<uint64_t>(limit, uint64_t{id} + 1);
    return limit;
}

// Node count, then the node of each APIC id, then the memory of each node.
std::vector<uint8_t> numa_item(const FwCfgConfig& c) {
    std::vector<uint8_t> out = number(c.nodes.size(), 8);
    std::vector<uint64_t> node_of(apic_id_limit(c));
    for (size_t i = 0; i < c.apic_ids.size() && i < c.cpu_nodes.size(); ++i)
        node_of[c.apic_ids[i]] = c.cpu_nodes[i];
    for (uint64_t node : node_of)
        put(out, node, 8);
    for (const FwCfgNumaNode& node : c.nodes)
        put(out, node.memory, 8);
    return out;
}

// A count and eight records: block id, address, minimum tick, page protection.
std::vector<uint8_t> hpet_item(std::optional<uint64_t> base) {
    constexpr size_t kRecords = 8, kRecordSize = 15;
    std::vector<uint8_t> out(1 + kRecords * kRecordSize);
    if (!base) {
        out[0] = 0;
        return out;
    }
    out[0] = 1;
    store_le<uint32_t>(&out[1], 0x8086a201);
    store_le<uint64_t>(&out[5], *base);
    return out;
}

// S3, S4 and S5: bit 7 "may be used", low bits the sleep type. Only S5 may.
std::vector<uint8_t> system_states() {
    return {0x80, 0, 0, 1, 2, 0x80};
}

void publish_numbers(const FwCfgConfig& c, FwCfgItems& items) {
    items.set(FwCfgKey::Uuid, {c.uuid.bytes.begin(), c.uuid.bytes.end()});
    items.set_number(FwCfgKey::RamSize, c.ram_size, 8);
    items.set_number(FwCfgKey::NoGraphic, c.graphics ? 0 : 1, 2);
    items.set_number(FwCfgKey::NbCpus, c.boot_cpus, 2);
    items.set_number(FwCfgKey::MaxCpus, apic_id_limit(c), 2);
    items.set_number(FwCfgKey::BootDevice, static_cast<uint8_t>(c.boot_device), 2);
    items.set_number(FwCfgKey::BootMenu, c.boot_menu ? 1 : 0, 2);
    items.set(FwCfgKey::Numa, numa_item(c));
    items.set_number(FwCfgKey::Irq0Override, c.irq0_override ? 1 : 0, 4);
    items.set(FwCfgKey::Hpet, hpet_item(c.hpet_base));
}

Status publish_files(const FwCfgConfig& c, FwCfgItems& items) {
    TRY(items.add_file("etc/e820", e820_bytes(firmware_e820(c.memory))));
    TRY(items.add_file("etc/system-states", system_states()));
    TRY(items.add_file("etc/boot-fail-wait", number(static_cast<uint32_t>(c.reboot_timeout_ms), 4)));
    if (c.reserved_end) TRY(items.add_file("etc/reserved-memory-end", number(*c.reserved_end, 8)));
    if (c.menu_wait_ms) TRY(items.add_file("etc/boot-menu-wait", number(*c.menu_wait_ms, 2)));
    if (!c.graphics && c.serial_console) TRY(items.add_file("etc/sercon-port", number(*c.serial_console, 8)));
    if (c.acpi != nullptr) {
        TRY(items.add_file(acpi::kTablesFile, c.acpi->tables));
        TRY(items.add_file(acpi::kRsdpFile, c.acpi->rsdp));
        TRY(items.add_file(acpi::kLoaderFile, acpi::linker_script(*c.acpi)));
        for (const acpi::ImageFile& file : c.acpi->files)
            TRY(items.add_file(file.name, file.bytes));
    }
    if (c.smbios != nullptr) {
        TRY(items.add_file(smbios::kTablesFile, c.smbios->tables));
        TRY(items.add_file(smbios::kAnchorFile, c.smbios->anchor));
    }
    return {};
}

// Where the firmware's loader puts the parts; its setup code runs in real mode at segment 0x1000.
constexpr uint64_t kSetupAddress = 0x10000, kProtectedAddress = 0x100000;
constexpr uint64_t kCommandLineAddress = 0x20000;

// The setup part as a loader hands it over: loader type, heap, command line and initrd filled in.
std::vector<uint8_t> prepared_setup(std::span<const uint8_t> file, const LinuxImage& image,
                                    uint64_t initrd_at, uint64_t initrd_size) {
    using namespace linux_header;
    std::vector<uint8_t> setup(file.begin(), file.begin() + image.setup_size);
    setup[kLoaderType] = kUnknownLoader;
    setup[kLoadFlags] |= kCanUseHeap;
    store_le<uint16_t>(&setup[kHeapEnd], static_cast<uint16_t>(kCommandLineAddress - kSetupAddress - 0x200));
    store_le<uint32_t>(&setup[kCommandLinePointer], static_cast<uint32_t>(kCommandLineAddress));
    store_le<uint32_t>(&setup[kRamdiskImage], static_cast<uint32_t>(initrd_at));
    store_le<uint32_t>(&setup[kRamdiskSize], static_cast<uint32_t>(initrd_size));
    return setup;
}

Status publish_kernel(const FwCfgConfig& c, const FwCfgKernel& k, FwCfgItems& items) {
    const LinuxImage image = TRY(parse_linux_image(k.kernel));
    if (k.command_line.size() > image.max_command_line)
        return Error::make("the command line has %zu characters; this kernel takes %u", k.command_line.size(),
                           image.max_command_line);
    const BootRange kernel = {kProtectedAddress, std::max<uint64_t>(image.memory_needed, k.kernel.size())};
    // Firmware keeps its tables in the last MiB of low RAM.
    const uint64_t top = c.memory.ram_below > 2 * kMiB ? c.memory.ram_below - kMiB : 0;
    uint64_t initrd_at = 0;
    if (!k.initrd.empty())
        initrd_at = TRY(place_high({kMiB, top - std::min(top, kMiB)}, image.max_initrd_address, kernel,
                                   k.initrd.size(), "initrd"));
    items.set_number(FwCfgKey::KernelAddress, kProtectedAddress, 4);
    items.set_number(FwCfgKey::KernelSize, k.kernel.size() - image.setup_size, 4);
    items.set(FwCfgKey::KernelData, {k.kernel.begin() + image.setup_size, k.kernel.end()});
    items.set_number(FwCfgKey::SetupAddress, kSetupAddress, 4);
    items.set_number(FwCfgKey::SetupSize, image.setup_size, 4);
    items.set(FwCfgKey::SetupData,
              k.unpatched ? std::vector<uint8_t>(k.kernel.begin(), k.kernel.begin() + image.setup_size)
                          : prepared_setup(k.kernel, image, initrd_at, k.initrd.size()));
    std::vector<uint8_t> line(k.command_line.begin(), k.command_line.end());
    line.push_back(0);
    items.set_number(FwCfgKey::CmdlineAddress, kCommandLineAddress, 4);
    items.set_number(FwCfgKey::CmdlineSize, line.size(), 4);
    items.set(FwCfgKey::CmdlineData, line);
    items.set_number(FwCfgKey::InitrdAddress, initrd_at, 4);
    items.set_number(FwCfgKey::InitrdSize, k.initrd.size(), 4);
    items.set(FwCfgKey::InitrdData, k.initrd);
    if (k.loader_rom.empty()) return {};
    return items.add_file("genroms/linuxboot_dma.bin", k.loader_rom);
}

// Paths of what to boot from, one a line; HALT ends a list beyond which nothing is to be tried.
std::vector<uint8_t> boot_order(const FwCfgConfig& c) {
    std::string lines;
    if (c.boots_kernel_rom) lines += "/rom@genroms/linuxboot_dma.bin\n";
    for (const std::string& path : c.boot_paths)
        lines += path + "\n";
    if (c.strict_boot) lines += "HALT\n";
    std::vector<uint8_t> bytes(lines.begin(), lines.end());
    if (!bytes.empty()) bytes.push_back(0);
    return bytes;
}

}  // namespace

namespace {

Status publish_extra(const FirmwareConfig& extra, FwCfgItems& items) {
    for (const NamedBytes& file : extra.files)
        if (Status added = items.add_file(file.name, file.bytes); !added)
            return std::move(added).take_error().while_doing("-fw_cfg name=%s", file.name.c_str());
    for (const OptionRom& rom : extra.option_roms)
        if (Status added = items.add_file("genroms/" + rom.file.name, rom.file.bytes); !added)
            return std::move(added).take_error().while_doing("-option-rom %s", rom.file.name.c_str());
    for (const NamedBytes& picture : extra.splash)
        TRY(items.add_file(picture.name, picture.bytes));
    return {};
}

}  // namespace

Status publish_fw_cfg(const FwCfgConfig& c, FwCfgItems& items) {
    publish_numbers(c, items);
    TRY(publish_files(c, items));
    if (c.kernel) TRY(publish_kernel(c, *c.kernel, items));
    if (!c.bios_geometry.empty()) TRY(items.add_file("bios-geometry", c.bios_geometry));
    TRY(items.add_file("bootorder", boot_order(c)));
    return c.extra != nullptr ? publish_extra(*c.extra, items) : Status();
}

void republish_fw_cfg(const FwCfgConfig& c, FwCfgItems& items) {
    items.set_number(FwCfgKey::NbCpus, c.boot_cpus, 2);
    if (c.acpi != nullptr) {
        items.replace_file(acpi::kTablesFile, c.acpi->tables);
        items.replace_file(acpi::kRsdpFile, c.acpi->rsdp);
        items.replace_file(acpi::kLoaderFile, acpi::linker_script(*c.acpi));
    }
    if (!c.bios_geometry.empty() || items.find_file("bios-geometry") != nullptr)
        items.replace_file("bios-geometry", c.bios_geometry);
    items.replace_file("bootorder", boot_order(c));
}

}  // namespace vmm
