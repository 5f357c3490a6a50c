// query-pci, and info pci of the monitor for people; see query_commands.h.
#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "hw/pci/bridge.h"
#include "qapi/commands_pci.h"
#include "system/control/hmp/table.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "util/text.h"

namespace vmm {

namespace {

struct ClassName {
    unsigned code;
    const char* text;
};
constexpr ClassName kClassNames[] = {
    {0x0100, "SCSI controller"},
    {0x0106, "SATA controller"},
    {0x0108, "NVMe controller"},
    {0x0180, "Storage controller"},
    {0x0200, "Ethernet controller"},
    {0x0300, "VGA controller"},
    {0x0600, "Host bridge"},
    {0x0601, "ISA bridge"},
    {0x0604, "PCI bridge"},
    {0x0700, "Serial controller"},
    {0x0780, "Communication controller"},
    {0x0880, "System peripheral"},
    {0x0c03, "USB controller"},
    {0x0c05, "SMBus"},
};

const char* class_name(unsigned code) {
    for (const ClassName& name : kClassNames)
        if (name.code == code) return name.text;
    return nullptr;
}

// Configuration space as the guest reads it.
uint32_t read(pci::Function& function, unsigned offset, unsigned size) {
    return function.config_read(offset, size);
}

qapi::PciMemoryRegion describe(const pci::BarSet::Info& bar) {
    const bool io = bar.kind == pci::BarKind::Io;
    qapi::PciMemoryRegion region{.bar = bar.index,
                                 .type = io ? "io" : "memory",
                                 .address = bar.mapped_at ? static_cast<int64_t>(*bar.mapped_at) : -1,
                                 .size = static_cast<int64_t>(bar.size)};
    if (io) return region;
    region.prefetch = bar.kind == pci::BarKind::Prefetchable64;
    region.mem_type_64 = bar.kind == pci::BarKind::Memory64 || bar.kind == pci::BarKind::Prefetchable64;
    return region;
}

qapi::PciMemoryRange window(uint64_t base, uint64_t limit) {
    return {.base = static_cast<int64_t>(base), .limit = static_cast<int64_t>(limit)};
}

// The windows of a bridge's header. PCI-to-PCI Bridge 1.2, 3.2.
qapi::PciBusInfo bus_info(pci::Function& bridge) {
    const uint32_t io = read(bridge, 0x1c, 2), memory = read(bridge, 0x20, 4),
                   prefetch = read(bridge, 0x24, 4);
    qapi::PciBusInfo info{.number = read(bridge, 0x18, 1),
                          .secondary = read(bridge, 0x19, 1),
                          .subordinate = read(bridge, 0x1a, 1)};
    info.io_range = window(((io & 0xf0) << 8) | (uint64_t{read(bridge, 0x30, 2)} << 16),
                           (io & 0xf000) | 0xfff | (uint64_t{read(bridge, 0x32, 2)} << 16));
    info.memory_range = window((memory & 0xfff0) << 16, (memory & 0xfff00000) | 0xfffff);
    info.prefetchable_range =
        window((uint64_t{read(bridge, 0x28, 4)} << 32) | ((prefetch & 0xfff0) << 16),
               (uint64_t{read(bridge, 0x2c, 4)} << 32) | (prefetch & 0xfff00000) | 0xfffff);
    return info;
}

qapi::PciDeviceInfo describe(pci::Function& function);

qapi::PciBridgeInfo describe_bridge(pci::Bridge& bridge) {
    qapi::PciBridgeInfo info{.bus = bus_info(bridge)};
    std::vector<pci::Function*> behind = bridge.secondary().functions();
    if (behind.empty()) return info;
    info.devices.emplace();
    for (pci::Function* function : behind) {
        qapi::PciDeviceInfo one = describe(*function);
        info.devices->push_back(qapi::to_value(one));
    }
    return info;
}

qapi::PciDeviceInfo describe(pci::Function& function) {
    const pci::DevFn at = function.devfn();
    const unsigned code = read(function, 0x0a, 2);
    qapi::PciDeviceInfo info{.bus = function.bus()->number(), .slot = at.device, .function = at.function};
    info.class_info.class_ = code;
    if (const char* name = class_name(code)) info.class_info.desc = name;
    info.id.vendor = read(function, 0, 2);
    info.id.device = read(function, 2, 2);
    info.irq_pin = read(function, 0x3d, 1);
    if (info.irq_pin != 0) info.irq = read(function, 0x3c, 1);
    info.qdev_id = function.id();
    if (pci::Bridge* bridge = function.as_bridge()) {
        info.pci_bridge = describe_bridge(*bridge);
    } else {
        info.id.subsystem_vendor = read(function, 0x2c, 2);
        info.id.subsystem = read(function, 0x2e, 2);
    }
    for (const pci::BarSet::Info& bar : function.bars())
        info.regions.push_back(describe(bar));
    return info;
}

std::vector<qapi::PciInfo> list(MachineView& view) {
    std::vector<qapi::PciInfo> out;
    DeviceBus* root = view.board() == nullptr ? nullptr : view.board()->devices().find_bus("pcie.0");
    if (root == nullptr) return out;
    qapi::PciInfo info{.bus = 0};
    for (pci::Function* function : static_cast<pci::Bus*>(root)->functions())
        info.devices.push_back(describe(*function));
    out.push_back(std::move(info));
    return out;
}

// ---- for people ----

std::string show_regions(const qapi::Value& device) {
    std::string out;
    for (const qapi::Value& region : list_of(*device.if_dict()->find("regions"))) {
        const int64_t address =
            static_cast<int64_t>(region.if_dict()->find("address")->as_i64().value_or(-1));
        const uint64_t size = number_of(region, "size");
        const std::string where =
            address < 0 ? "not mapped"
                        : strf("0x%llx [0x%llx]", static_cast<unsigned long long>(address),
                               static_cast<unsigned long long>(static_cast<uint64_t>(address) + size - 1));
        out += strf("      BAR%llu: %s at %s, %llu bytes\n",
                    static_cast<unsigned long long>(number_of(region, "bar")),
                    text_of(region, "type") == "io" ? "I/O" : "memory", where.c_str(),
                    static_cast<unsigned long long>(size));
    }
    return out;
}

std::string show_device(const qapi::Value& device) {
    const qapi::Dict& dict = *device.if_dict();
    const qapi::Value &kind = *dict.find("class_info"), &id = *dict.find("id");
    std::string name = text_of(kind, "desc");
    if (name.empty()) name = strf("Class %04llx", static_cast<unsigned long long>(number_of(kind, "class")));
    std::string out = strf("  Bus %2llu, device %3llu, function %llu:\n    %s: PCI device %04llx:%04llx\n",
                           static_cast<unsigned long long>(number_of(device, "bus")),
                           static_cast<unsigned long long>(number_of(device, "slot")),
                           static_cast<unsigned long long>(number_of(device, "function")), name.c_str(),
                           static_cast<unsigned long long>(number_of(id, "vendor")),
                           static_cast<unsigned long long>(number_of(id, "device")));
    out += show_regions(device) + "      id \"" + text_of(device, "qdev_id") + "\"\n";
    const qapi::Value* bridge = dict.find("pci_bridge");
    const qapi::Value* behind = bridge == nullptr ? nullptr : bridge->if_dict()->find("devices");
    if (behind == nullptr) return out;
    for (const qapi::Value& one : list_of(*behind))
        out += show_device(one);
    return out;
}

}  // namespace

void register_pci_commands(qapi::CommandTable& table, MachineView& view) {
    table.add<qapi::QueryPciCommand>([&view] { return Result<std::vector<qapi::PciInfo>>(list(view)); });
}

void register_hmp_pci_commands(HmpTable& table) {
    table.add_info({"pci", "", "the PCI functions", [&table](const HmpLine&) -> Result<std::string> {
                        std::string out;
                        const qapi::Value buses = TRY(table.qmp("query-pci"));
                        for (const qapi::Value& bus : list_of(buses))
                            for (const qapi::Value& device : list_of(*bus.if_dict()->find("devices")))
                                out += show_device(device);
                        return out;
                    }});
}

}  // namespace vmm
