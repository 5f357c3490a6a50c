// Commands for people about objects, network and block back ends, each made of the QMP command of its name;
// see commands.h. What the options -object and -netdev take is taken here in the same words.
#include "qapi/convert.h"
#include "qapi/keyval.h"
#include "qapi/types_net.h"
#include "qapi/types_qom.h"
#include "system/control/hmp/commands.h"
#include "util/size_text.h"
#include "util/text.h"

namespace vmm {

namespace {

// Calls a QMP command that tells nothing.
Result<std::string> call(const HmpTable& table, std::string_view command, const qapi::Dict& arguments) {
    TRY(table.qmp(command, arguments));
    return std::string();
}

// "KIND,id=ID,...", read as the schema's type.
template <typename T>
Result<std::string> add_by_option(const HmpTable& table, const char* command, const char* kind,
                                  const HmpLine& line) {
    const qapi::KeyvalStyle style{.implied_key = kind, .repeatable = {"host-nodes"}};
    const qapi::Keyval parsed = TRY(qapi::parse_keyval(line.rest, style));
    if (parsed.help || line.rest.empty())
        return Error::make("%s takes what the option takes: KIND,id=ID[,...]", line.command.c_str());
    const qapi::Value typed = qapi::to_value(TRY(qapi::from_keyval<T>(parsed.dict)));
    return call(table, command, *typed.if_dict());
}

Result<std::string> set_link(const HmpTable& table, const HmpLine& line) {
    const std::optional<bool> up = qapi::parse_bool(line.word(1));
    if (!up) return Error::make("set_link takes NAME on|off");
    return call(table, "set_link", {{"name", line.word(0)}, {"up", *up}});
}

Result<std::string> eject(const HmpTable& table, const HmpLine& line) {
    const bool force = line.word(0) == "-f";
    return call(table, "eject", {{"device", line.word(force ? 1 : 0)}, {"force", force}});
}

// Sizes without a suffix are in MiB, as everywhere for people.
Result<std::string> block_resize(const HmpTable& table, const HmpLine& line) {
    const Result<uint64_t> bytes = parse_size(line.word(1), 1u << 20);
    if (!bytes || *bytes > INT64_MAX)
        return Error::make("block_resize takes DEVICE SIZE, such as 512 (MiB) or 2G");
    return call(table, "block_resize", {{"device", line.word(0)}, {"size", static_cast<int64_t>(*bytes)}});
}

Result<std::string> block_stats(const HmpTable& table) {
    const qapi::Value answer = TRY(table.qmp("query-blockstats"));
    std::string out;
    for (const qapi::Value& one : list_of(answer)) {
        const std::string name = text_of(one, "device");
        out += (name.empty() ? text_of(one, "qdev") : name) + ":";
        const qapi::Value* stats = one.if_dict()->find("stats");
        for (const char* counter :
             {"rd_bytes", "wr_bytes", "rd_operations", "wr_operations", "flush_operations",
              "rd_total_time_ns", "wr_total_time_ns", "flush_total_time_ns"})
            out += strf(" %s=%llu", counter, static_cast<unsigned long long>(number_of(*stats, counter)));
        out += "\n";
    }
    return out;
}

Result<std::string> migration(const HmpTable& table) {
    const qapi::Value answer = TRY(table.qmp("query-migrate"));
    const qapi::Value* reasons = answer.if_dict()->find("blocked-reasons");
    std::string out;
    if (reasons == nullptr) return out;
    for (const qapi::Value& reason : list_of(*reasons))
        out += *reason.if_string() + "\n";
    return out;
}

}  // namespace

void register_hmp_backend_commands(HmpTable& table) {
    table.add(
        {"object_add", "type,id=ID[,...]", "makes an object, as -object does", [&table](const HmpLine& line) {
             return add_by_option<qapi::ObjectOptions>(table, "object-add", "qom-type", line);
         }});
    table.add({"netdev_add", "kind,id=ID[,...]", "makes a network back end, as -netdev does",
               [&table](const HmpLine& line) {
                   return add_by_option<qapi::Netdev>(table, "netdev_add", "type", line);
               }});
    table.add({"netdev_del", "id", "ends a network back end", [&table](const HmpLine& line) {
                   return call(table, "netdev_del", {{"id", line.word(0)}});
               }});
    table.add({"set_link", "name on|off", "plugs a network cable in or out",
               [&table](const HmpLine& line) { return set_link(table, line); }});
    table.add({"eject", "[-f] device", "takes a medium out; -f: though the guest has locked it",
               [&table](const HmpLine& line) { return eject(table, line); }});
    table.add({"block_resize", "device size", "makes a drive larger or smaller",
               [&table](const HmpLine& line) { return block_resize(table, line); }});
    table.add_info(
        {"blockstats", "", "what drives have done", [&table](const HmpLine&) { return block_stats(table); }});
    table.add_info({"migrate", "", "why the guest cannot leave this host",
                    [&table](const HmpLine&) { return migration(table); }});
    table.add_info({"vm-generation-id", "", "the id that tells copies of a guest apart",
                    [&table](const HmpLine&) -> Result<std::string> {
                        return text_of(TRY(table.qmp("query-vm-generation-id")), "guid");
                    }});
}

}  // namespace vmm
