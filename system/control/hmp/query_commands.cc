// Commands for people that show what QMP's queries answer; see commands.h.
#include "qapi/json_writer.h"
#include "system/control/hmp/commands.h"
#include "util/text.h"

namespace vmm {

namespace {

using Show = std::string (*)(const qapi::Value& one);

// "info NAME" that shows each element of a query's list.
void add_list(HmpTable& table, std::string_view name, std::string_view query, std::string_view help,
              Show show) {
    table.add_info({name, "", help, [&table, query, show](const HmpLine&) -> Result<std::string> {
                        std::string out;
                        const qapi::Value answer = TRY(table.qmp(query));
                        for (const qapi::Value& one : list_of(answer))
                            out += show(one);
                        return out;
                    }});
}

unsigned long long number(const qapi::Value& value, std::string_view member) {
    return number_of(value, member);
}

std::string show_chardev(const qapi::Value& one) {
    return text_of(one, "label") + ": filename=" + text_of(one, "filename") + "\n";
}

std::string show_memdev(const qapi::Value& one) {
    std::string out = "memory backend: " + text_of(one, "id") + "\n";
    out += strf("  size:  %llu\n", number(one, "size"));
    for (const char* flag : {"merge", "dump", "prealloc", "share"})
        out += strf("  %s: %s\n", flag, flag_of(one, flag) ? "true" : "false");
    return out + "  policy: " + text_of(one, "policy") + "\n";
}

std::string show_cpu(const qapi::Value& one) {
    return strf("  CPU #%llu: thread_id=%llu\n", number(one, "cpu-index"), number(one, "thread-id"));
}

std::string show_iothread(const qapi::Value& one) {
    return text_of(one, "id") + ":\n" + strf("  thread_id=%llu\n", number(one, "thread-id")) +
           strf("  poll-max-ns=%llu\n", number(one, "poll-max-ns")) +
           strf("  poll-grow=%llu\n", number(one, "poll-grow")) +
           strf("  poll-shrink=%llu\n", number(one, "poll-shrink"));
}

std::string show_place(const qapi::Value& one) {
    std::string out = "  type: \"" + text_of(one, "type") + "\"\n";
    out += strf("  vcpus_count: \"%llu\"\n", number(one, "vcpus-count"));
    const std::string path = text_of(one, "qom-path");
    if (!path.empty()) out += "  qom_path: \"" + path + "\"\n";
    const qapi::Value* place = one.if_dict()->find("props");
    return out + "  CPUInstance Properties: " + qapi::to_json(*place) + "\n";
}

std::string show_trace(const qapi::Value& one) {
    return text_of(one, "name") + " : state " + (text_of(one, "state") == "enabled" ? "1" : "0") + "\n";
}

std::string show_property(const qapi::Value& one) {
    return text_of(one, "name") + " (" + text_of(one, "type") + ")\n";
}

void add_object_commands(HmpTable& table) {
    table.add({"qom-list", "path", "the properties of an object",
               [&table](const HmpLine& line) -> Result<std::string> {
                   std::string out;
                   const std::string path = line.words.empty() ? "/" : line.word(0);
                   const qapi::Value answer = TRY(table.qmp("qom-list", qapi::Dict{{"path", path}}));
                   for (const qapi::Value& one : list_of(answer))
                       out += show_property(one);
                   return out;
               }});
    table.add({"qom-get", "path property", "a property of an object",
               [&table](const HmpLine& line) -> Result<std::string> {
                   return qapi::to_pretty_json(TRY(
                       table.qmp("qom-get", qapi::Dict{{"path", line.word(0)}, {"property", line.word(1)}})));
               }});
    table.add({"object_del", "id", "ends an object", [&table](const HmpLine& line) -> Result<std::string> {
                   TRY(table.qmp("object-del", qapi::Dict{{"id", line.word(0)}}));
                   return std::string();
               }});
}

Result<std::string> save_memory(const HmpTable& table, const HmpLine& line) {
    std::optional<uint64_t> address = parse_u64(line.word(0));
    std::optional<uint64_t> size = parse_u64(line.word(1));
    if (!address || !size || line.words.size() != 3) return Error::make("pmemsave takes ADDRESS SIZE FILE");
    TRY(table.qmp("pmemsave", qapi::Dict{{"val", *address}, {"size", *size}, {"filename", line.word(2)}}));
    return std::string();
}

Result<std::string> save_linear(const HmpTable& table, const HmpLine& line) {
    std::optional<uint64_t> address = parse_u64(line.word(0));
    std::optional<uint64_t> size = parse_u64(line.word(1));
    if (!address || !size || line.words.size() != 3) return Error::make("memsave takes ADDRESS SIZE FILE");
    TRY(table.qmp(
        "memsave",
        qapi::Dict{{"val", *address}, {"size", *size}, {"filename", line.word(2)}, {"cpu-index", line.cpu}}));
    return std::string();
}

// A command of a word or more that says nothing when it worked.
void add_words(HmpTable& table, std::string_view name, std::string_view query, std::string_view takes,
               std::string_view help, std::initializer_list<std::string_view> members) {
    table.add(
        {name, takes, help,
         [&table, query, takes, members = std::vector(members)](const HmpLine& line) -> Result<std::string> {
             if (line.words.size() != members.size())
                 return Error::make("%s takes %s", line.command.c_str(), std::string(takes).c_str());
             qapi::Dict arguments;
             for (size_t i = 0; i < members.size(); ++i)
                 arguments.set(members[i], qapi::Value(line.words[i]));
             TRY(table.qmp(query, arguments));
             return std::string();
         }});
}

void add_chardev_commands(HmpTable& table) {
    add_words(table, "chardev-remove", "chardev-remove", "id", "ends a character device", {"id"});
    add_words(table, "chardev-send-break", "chardev-send-break", "id", "a break on a character device's line",
              {"id"});
    add_words(table, "ringbuf_write", "ringbuf-write", "device data", "adds text to a ring buffer",
              {"device", "data"});
    table.add({"ringbuf_read", "device size", "takes text out of a ring buffer",
               [&table](const HmpLine& line) -> Result<std::string> {
                   const std::optional<uint64_t> size = parse_u64(line.word(1));
                   if (!size || *size > INT64_MAX) return Error::make("ringbuf_read takes DEVICE SIZE");
                   const qapi::Value text =
                       TRY(table.qmp("ringbuf-read", qapi::Dict{{"device", line.word(0)}, {"size", *size}}));
                   return *text.if_string();
               }});
}

}  // namespace

void register_hmp_query_commands(HmpTable& table) {
    add_list(table, "chardev", "query-chardev", "the character devices", show_chardev);
    add_list(table, "memdev", "query-memdev", "the memory backends", show_memdev);
    add_list(table, "cpus", "query-cpus-fast", "the processors", show_cpu);
    add_list(table, "hotpluggable-cpus", "query-hotpluggable-cpus", "the places for processors", show_place);
    add_list(table, "iothreads", "query-iothreads", "the threads for the I/O of devices", show_iothread);
    table.add_info({"memory_size_summary", "", "how much memory the guest has",
                    [&table](const HmpLine&) -> Result<std::string> {
                        const qapi::Value sizes = TRY(table.qmp("query-memory-size-summary"));
                        return strf("base memory: %llu\nplugged memory: %llu", number(sizes, "base-memory"),
                                    number(sizes, "plugged-memory"));
                    }});
    table.add_info(
        {"trace-events", "[pattern]", "the trace events",
         [&table](const HmpLine& line) -> Result<std::string> {
             std::string out;
             const std::string name = line.words.empty() ? "*" : line.word(0);
             const qapi::Value answer = TRY(table.qmp("trace-event-get-state", qapi::Dict{{"name", name}}));
             for (const qapi::Value& one : list_of(answer))
                 out += show_trace(one);
             return out;
         }});
    table.add(
        {"trace-event", "pattern on|off", "switches trace events",
         [&table](const HmpLine& line) -> Result<std::string> {
             const bool on = line.word(1) == "on";
             if (!on && line.word(1) != "off")
                 return Error::make("trace-event takes a pattern and on or off");
             TRY(table.qmp("trace-event-set-state", qapi::Dict{{"name", line.word(0)}, {"enable", on}}));
             return std::string();
         }});
    table.add({"pmemsave", "address size file", "writes physical memory to a file",
               [&table](const HmpLine& line) { return save_memory(table, line); }});
    table.add({"memsave", "address size file", "writes memory to a file, as the monitor's processor sees it",
               [&table](const HmpLine& line) { return save_linear(table, line); }});
    table.add_info({"balloon", "", "how much memory the balloon leaves to the guest",
                    [&table](const HmpLine&) -> Result<std::string> {
                        const qapi::Value info = TRY(table.qmp("query-balloon"));
                        return strf("balloon: actual=%llu", number(info, "actual") >> 20);
                    }});
    table.add({"balloon", "megabytes", "asks the guest to have this much memory",
               [&table](const HmpLine& line) -> Result<std::string> {
                   const std::optional<uint64_t> megabytes = parse_u64(line.word(0));
                   if (!megabytes || *megabytes > (uint64_t{1} << 40))
                       return Error::make("balloon takes a number of megabytes");
                   TRY(table.qmp("balloon", qapi::Dict{{"value", *megabytes << 20}}));
                   return std::string();
               }});
    add_object_commands(table);
    add_chardev_commands(table);
}

}  // namespace vmm
