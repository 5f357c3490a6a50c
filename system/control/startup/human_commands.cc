// Commands for people about the machine's parts; see human_commands.h.
#include "system/control/startup/human_commands.h"

#include <algorithm>

#include "backends/net/client.h"
#include "hw/core/device_request.h"
#include "hw/core/device_tree.h"
#include "hw/i386/q35_board.h"
#include "qapi/json_writer.h"
#include "qapi/keyval.h"
#include "qom/node.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/networks.h"
#include "system/control/startup/query_commands.h"
#include "system/memory/address_space.h"
#include "system/memory/print.h"
#include "system/run/vcpus.h"
#include "util/text.h"

namespace vmm {

namespace {

std::string indent(unsigned depth) {
    return std::string(2 * depth, ' ');
}

void print_node(const QomNode& node, unsigned depth, std::string& out) {
    out += indent(depth) + "/" + node.name + " (" + node.type + ")\n";
    for (const QomNode& child : node.list_children())
        print_node(child, depth + 1, out);
}

void print_bus(const DeviceTree& tree, const DeviceBus& bus, unsigned depth, std::string& out);

void print_device(const DeviceTree& tree, const DeviceNode& node, unsigned depth, std::string& out) {
    out += indent(depth) + "dev: " + std::string(node.request.type->info.name) + ", id \"" + node.request.id +
           "\"\n";
    for (const Property& row : node.request.type->properties) {
        const qapi::Value value = write_property(row, node.request.config->data());
        out += indent(depth + 1) + std::string(row.name) + " = " +
               (value.null() ? std::string("<not set>") : qapi::to_json(value)) + "\n";
    }
    for (const DeviceBus* bus : node.device->buses())
        print_bus(tree, *bus, depth + 1, out);
}

void print_bus(const DeviceTree& tree, const DeviceBus& bus, unsigned depth, std::string& out) {
    out += indent(depth) + "bus: " + bus.bus_name() + "\n" + indent(depth + 1) + "type " +
           std::string(bus.bus_type()) + "\n";
    for (const std::unique_ptr<DeviceNode>& node : tree.nodes())
        if (node->bus == &bus) print_device(tree, *node, depth + 1, out);
}

Result<std::string> qtree(MachineView& view) {
    std::string out = "bus: main-system-bus\n  type System\n";
    if (view.board() == nullptr) return out;
    for (const Device* part : view.board()->parts())
        out += "  dev: " + std::string(part->type()) + ", id \"\"\n";
    const DeviceTree& tree = view.board()->devices();
    for (const DeviceBus* bus : tree.buses())
        if (bus->owner() == nullptr) print_bus(tree, *bus, 1, out);
    return out;
}

Result<std::string> mtree(MachineView& view, const HmpLine& line) {
    Q35Board* board = TRY(board_of(view));
    const bool flat = std::find(line.words.begin(), line.words.end(), "-f") != line.words.end();
    const auto print = flat ? print_flat : print_tree;
    return print(board->memory()) + "\n" + print(board->ports());
}

Result<std::string> numa(MachineView& view) {
    const MachineConfig& machine = view.configuration().machine;
    std::string out = strf("%zu nodes\n", machine.memory.nodes.size());
    for (size_t i = 0; i < machine.memory.nodes.size(); ++i) {
        const NumaNodeConfig& node = machine.memory.nodes[i];
        out += strf("node %zu cpus:", i);
        for (unsigned cpu : node.cpus)
            if (cpu < machine.smp.cpus) out += strf(" %u", cpu);
        uint64_t bytes = 0;
        for (const std::unique_ptr<MemoryBackend>& backend : view.memory_backends())
            if (backend->id() == node.memory_backend) bytes = backend->size();
        out += strf("\nnode %zu size: %llu MB\nnode %zu plugged: 0 MB\n", i,
                    static_cast<unsigned long long>(bytes >> 20), i);
    }
    return out;
}

// "device_add X,help": the properties of a kind; "device_add help": the kinds.
std::string list_devices(const DeviceTypes& types) {
    std::string out;
    for (const DeviceType& type : types.all()) {
        if (!type.info.user_creatable) continue;
        out += "name \"" + std::string(type.info.name) + "\"";
        if (!type.info.bus.empty()) out += ", bus " + std::string(type.info.bus);
        if (!type.info.description.empty()) out += ", desc \"" + std::string(type.info.description) + "\"";
        out += "\n";
    }
    return out;
}

Result<std::string> describe_device(const DeviceTypes& types, const std::string& name) {
    const DeviceType* type = types.find(name);
    if (type == nullptr) return Error::make("there is no device '%s'", name.c_str());
    std::string out = name + " options:\n";
    for (const Property& row : type->properties)
        out +=
            strf("  %s=<%s>", std::string(row.name).c_str(), std::string(property_type_name(row)).c_str()) +
            (row.help.empty() ? "" : " - " + std::string(row.help)) + "\n";
    return out;
}

Result<std::string> device_add(const HmpTable& table, const DeviceTypes& types, const HmpLine& line) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(line.word(0), {.implied_key = "driver", .flat = true}));
    const qapi::Value* driver = parsed.dict.find("driver");
    if (parsed.help)
        return driver == nullptr ? Result<std::string>(list_devices(types))
                                 : describe_device(types, *driver->if_string());
    TRY(table.qmp("device_add", parsed.dict));
    return std::string();
}

// "/FMT ADDRESS" of xp: count, format (x d u o c), size (b h w g).
struct Dump {
    unsigned count = 1;
    unsigned size = 4;
    char format = 'x';
};
Result<Dump> parse_dump(const std::string& text) {
    Dump dump;
    size_t at = 1;
    std::string digits;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9')
        digits += text[at++];
    constexpr unsigned kMost = 4096;
    if (!digits.empty()) dump.count = static_cast<unsigned>(parse_u64(digits, 10).value_or(kMost + 1));
    if (dump.count > kMost) return Error::make("at most %u units are shown at once", kMost);
    for (; at < text.size(); ++at) {
        switch (text[at]) {
            case 'b':
                dump.size = 1;
                break;
            case 'h':
                dump.size = 2;
                break;
            case 'w':
                dump.size = 4;
                break;
            case 'g':
                dump.size = 8;
                break;
            case 'x':
            case 'd':
            case 'u':
            case 'o':
            case 'c':
                dump.format = text[at];
                break;
            default:
                return Error::make("'%s' is not COUNT, one of x d u o c and one of b h w g", text.c_str());
        }
    }
    return dump;
}

std::string unit_text(const Dump& dump, uint64_t value) {
    const auto wide = static_cast<unsigned long long>(value);
    const unsigned shift = 64 - 8 * dump.size;
    switch (dump.format) {
        case 'd':
            return strf("%lld", static_cast<long long>(value << shift) >> shift);
        case 'u':
            return strf("%llu", wide);
        case 'o':
            return strf("%llo", wide);
        case 'c':
            return value >= 0x20 && value < 0x7f ? strf("'%c'", static_cast<char>(value))
                                                 : strf("'\\%03llo'", wide);
        default:
            return strf("0x%0*llx", static_cast<int>(2 * dump.size), wide);
    }
}

enum class Addresses { Physical, Linear };

// The monitor's processor; it may be gone.
VcpuId looked_at(const HmpLine& line) {
    return VcpuId(static_cast<uint32_t>(line.cpu));
}

// The bytes at an address; empty where there is no memory. A unit may lie in two pages.
bool read_unit(Q35Board& board, Addresses kind, size_t cpu, uint64_t at, std::span<uint8_t> bytes) {
    if (kind == Addresses::Physical) return board.memory().read(Gpa(at), bytes) == AccessResult::Ok;
    constexpr uint64_t kPage = 4096;
    for (size_t done = 0; done < bytes.size();) {
        const uint64_t here = at + done;
        const size_t count = std::min<size_t>(bytes.size() - done, kPage - here % kPage);
        Result<uint64_t> gpa = board.vcpus().translate(VcpuId(static_cast<uint32_t>(cpu)), here);
        if (!gpa || board.memory().read(Gpa(*gpa), bytes.subspan(done, count)) != AccessResult::Ok)
            return false;
        done += count;
    }
    return true;
}

Result<std::string> examine(MachineView& view, const HmpLine& line, Addresses kind) {
    Q35Board* board = TRY(board_of(view));
    const bool formatted = line.word(0).starts_with('/');
    const Dump dump = formatted ? TRY(parse_dump(line.word(0))) : Dump();
    std::optional<uint64_t> address = parse_u64(line.word(formatted ? 1 : 0));
    if (!address) return Error::make("%s takes [/FORMAT] ADDRESS", line.command.c_str());
    if (!board->vcpus().has(looked_at(line))) return Error::make("there is no processor %zu", line.cpu);
    std::string out;
    const unsigned a_line = 16 / std::max(dump.size, 4u) * (dump.size < 4 ? 2 : 1);
    for (unsigned i = 0; i < dump.count; ++i) {
        const uint64_t at = *address + uint64_t{i} * dump.size;
        if (i % a_line == 0)
            out += strf("%s%016llx:", i == 0 ? "" : "\n", static_cast<unsigned long long>(at));
        uint64_t value = 0;
        uint8_t bytes[8] = {};
        if (!read_unit(*board, kind, line.cpu, at, std::span(bytes, dump.size)))
            return out + strf("\nthere is no memory at 0x%llx", static_cast<unsigned long long>(at));
        for (unsigned byte = 0; byte < dump.size; ++byte)
            value |= uint64_t{bytes[byte]} << (8 * byte);
        out += " " + unit_text(dump, value);
    }
    return out;
}

Result<std::string> registers(MachineView& view, const HmpLine& line) {
    Q35Board* board = TRY(board_of(view));
    const bool all = line.word(0) == "-a";
    if (!all && !board->vcpus().has(looked_at(line)))
        return Error::make("there is no processor %zu", line.cpu);
    std::string out;
    for (VcpuId cpu : board->vcpus().present())
        if (all || cpu == looked_at(line))
            out += strf("CPU#%u\n", cpu.raw()) + TRY(board->vcpus().registers(cpu)) + "\n";
    return out;
}

std::string network(MachineView& view) {
    std::string out;
    for (const std::unique_ptr<net::Client>& client : view.networks().all())
        out += client->id() + ": type=" + std::string(client->type()) + "," + client->info() +
               (client->link_up() ? "" : ",link=down") + (client->peer() == nullptr ? ",unused" : "") + "\n";
    return out;
}

void add_infos(HmpTable& table, MachineView& view) {
    table.add_info({"registers", "[-a]", "the registers of the monitor's processor; -a: of all",
                    [&view](const HmpLine& line) { return registers(view, line); }});
    table.add_info({"network", "", "the network back ends",
                    [&view](const HmpLine&) { return Result<std::string>(network(view)); }});
    table.add_info({"qom-tree", "", "the tree of objects", [&view](const HmpLine&) -> Result<std::string> {
                        std::string out;
                        print_node(object_tree(view), 0, out);
                        return out;
                    }});
    table.add_info({"qtree", "", "the buses and what is plugged into them",
                    [&view](const HmpLine&) { return qtree(view); }});
    table.add_info({"mtree", "[-f]", "the map of memory and ports; -f: as it shows",
                    [&view](const HmpLine& line) { return mtree(view, line); }});
    table.add_info({"numa", "", "the NUMA nodes", [&view](const HmpLine&) { return numa(view); }});
}

}  // namespace

void register_human_commands(HmpTable& table, MachineView& view, const DeviceTypes& types) {
    add_infos(table, view);
    table.add({"device_add", "driver[,prop=value...]", "plugs a device in; 'help' lists the kinds",
               [&table, &types](const HmpLine& line) { return device_add(table, types, line); }});
    table.add({"device_del", "device", "asks the guest to let a device go",
               [&table](const HmpLine& line) -> Result<std::string> {
                   TRY(table.qmp("device_del", qapi::Dict{{"id", line.word(0)}}));
                   return std::string();
               }});
    table.add({"xp", "[/FORMAT] address",
               "shows physical memory; FORMAT: count, one of x d u o c, one of b h w g (xp /4xb 0)",
               [&view](const HmpLine& line) { return examine(view, line, Addresses::Physical); }});
    table.add({"x", "[/FORMAT] address",
               "shows memory as the monitor's processor sees it; FORMAT: count, one of x d u o c, one of b h "
               "w g (x /4xb 0)",
               [&view](const HmpLine& line) { return examine(view, line, Addresses::Linear); }});
}

}  // namespace vmm
