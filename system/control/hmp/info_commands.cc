// "info NAME" of what changes seldom or is ours: jobs, protection, the private and shared map, conversions;
// see commands.h.
#include "qapi/json_writer.h"
#include "system/control/hmp/commands.h"
#include "util/text.h"

namespace vmm {

namespace {

unsigned long long number(const qapi::Value& value, std::string_view member) {
    return number_of(value, member);
}

// Members of an answer that are lists; empty where there is none.
const qapi::List& list_in(const qapi::Value& value, std::string_view member) {
    static const qapi::Value kNone{qapi::List{}};
    const qapi::Value* found = value.if_dict()->find(member);
    return list_of(found == nullptr ? kNone : *found);
}

Result<std::string> sev(const HmpTable& table) {
    Result<qapi::Value> answer = table.qmp("query-sev");
    if (!answer || !flag_of(*answer, "enabled")) return std::string("SEV is not enabled");
    const qapi::Value& info = *answer;
    std::string out = "SEV type: " + text_of(info, "sev-type") + "\nstate: " + text_of(info, "state") + "\n";
    out += strf("build: %llu\napi version: %llu.%llu\n", number(info, "build-id"), number(info, "api-major"),
                number(info, "api-minor"));
    if (text_of(info, "sev-type") == "sev-snp")
        return out + strf("policy: 0x%llx", number(info, "snp-policy"));
    return out + strf("handle: %llu\npolicy: 0x%llx", number(info, "handle"), number(info, "policy"));
}

Result<std::string> jobs(const HmpTable& table) {
    std::string out;
    const qapi::Value answer = TRY(table.qmp("query-jobs"));
    for (const qapi::Value& one : list_of(answer))
        out += text_of(one, "id") + ": " + text_of(one, "type") + " " + text_of(one, "status") +
               strf(", %llu of %llu\n", number(one, "current-progress"), number(one, "total-progress"));
    return out.empty() ? std::string("no jobs") : out;
}

Result<std::string> block_jobs(const HmpTable& table) {
    std::string out;
    const qapi::Value answer = TRY(table.qmp("query-block-jobs"));
    for (const qapi::Value& one : list_of(answer))
        out += "Type " + text_of(one, "type") + ", device " + text_of(one, "device") +
               strf(": Completed %llu of %llu bytes, speed limit %llu bytes/s\n", number(one, "offset"),
                    number(one, "len"), number(one, "speed"));
    return out.empty() ? std::string("No active jobs") : out;
}

// Of "info visibility [ADDRESS [RUNS]]".
Result<qapi::Dict> place_of(const HmpLine& line) {
    constexpr uint64_t kUsualRuns = 32;
    qapi::Dict arguments{{"limit", kUsualRuns}};
    constexpr const char* kMembers[] = {"address", "limit"};
    for (size_t i = 0; i < line.words.size() && i < std::size(kMembers); ++i) {
        const std::optional<uint64_t> value = parse_u64(line.word(i));
        if (!value) return Error::make("info visibility takes [ADDRESS [RUNS]]");
        arguments.set(kMembers[i], qapi::Value(*value));
    }
    return arguments;
}

Result<std::string> visibility(const HmpTable& table, const HmpLine& line) {
    const qapi::Value map = TRY(table.qmp("penumbra-query-memory-visibility", TRY(place_of(line))));
    std::string out = strf("private %llu bytes, shared %llu bytes", number(map, "private-bytes"),
                           number(map, "shared-bytes"));
    if (map.if_dict()->find("both-bytes") != nullptr)
        out += strf(", on both sides %llu", number(map, "both-bytes"));
    for (const qapi::Value& one : list_in(map, "blocks"))
        out += strf("\n%s: private %llu, shared %llu", text_of(one, "block").c_str(),
                    number(one, "private-bytes"), number(one, "shared-bytes"));
    for (const qapi::Value& one : list_in(map, "runs"))
        out += strf("\n  %016llx-%016llx %s", number(one, "address"),
                    number(one, "address") + number(one, "size") - 1, text_of(one, "visibility").c_str());
    if (map.if_dict()->find("next") != nullptr) out += strf("\nmore from 0x%llx on", number(map, "next"));
    return out;
}

Result<std::string> conversions(const HmpTable& table) {
    const qapi::Value info = TRY(table.qmp("penumbra-query-conversions"));
    std::string out = strf("to private %llu, to shared %llu, unchanged %llu, refused %llu, failed %llu",
                           number(info, "to-private"), number(info, "to-shared"), number(info, "unchanged"),
                           number(info, "refused"), number(info, "failed"));
    for (const qapi::Value& one : list_in(info, "recent"))
        out += strf("\n  %016llx-%016llx to %s: %s, %llu us", number(one, "address"),
                    number(one, "address") + number(one, "size") - 1, text_of(one, "to").c_str(),
                    text_of(one, "outcome").c_str(), number(one, "duration-ns") / 1000);
    return out;
}

// Each element of a query's list as its members, for what people seldom look at.
void add_plain_list(HmpTable& table, std::string_view name, std::string_view query, std::string_view help) {
    table.add_info({name, "", help, [&table, query](const HmpLine&) -> Result<std::string> {
                        std::string out;
                        const qapi::Value answer = TRY(table.qmp(query));
                        for (const qapi::Value& one : list_of(answer))
                            out += qapi::to_json(one) + "\n";
                        return out;
                    }});
}

}  // namespace

void register_hmp_info_commands(HmpTable& table) {
    table.add_info({"sev", "", "what SEV protects", [&table](const HmpLine&) { return sev(table); }});
    table.add_info({"jobs", "", "the jobs", [&table](const HmpLine&) { return jobs(table); }});
    table.add_info({"block-jobs", "", "the jobs on block devices",
                    [&table](const HmpLine&) { return block_jobs(table); }});
    table.add_info({"visibility", "[address [runs]]", "which memory is private to the guest, which is shared",
                    [&table](const HmpLine& line) { return visibility(table, line); }});
    table.add_info({"conversions", "", "what became private or shared, and how that ended",
                    [&table](const HmpLine&) { return conversions(table); }});
    add_plain_list(table, "memory-devices", "query-memory-devices", "the memory that is plugged in");
    add_plain_list(table, "fdsets", "query-fdsets", "the sets of descriptors");
}

}  // namespace vmm
