// Text and JSON of a diagnosis; see report.h.
#include "system/control/doctor/report.h"

#include "util/size_text.h"
#include "util/text.h"

namespace vmm::doctor {

namespace {

// "23.5 GiB": short rather than exact.
std::string about(uint64_t bytes) {
    constexpr uint64_t kGiB = 1u << 30, kMiB = 1u << 20;
    if (bytes >= kGiB) return strf("%.1f GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
    if (bytes >= kMiB) return strf("%.1f MiB", static_cast<double>(bytes) / static_cast<double>(kMiB));
    return size_text(bytes);
}

std::string finding_text(const Finding& finding) {
    std::string out = strf("%-4s %-20s %s\n", finding.available ? "yes" : "no", finding.name.c_str(),
                           finding.title.c_str());
    const std::string indent(5 + 21, ' ');
    if (!finding.detail.empty()) out += indent + finding.detail + "\n";
    for (const Cause& cause : finding.causes) {
        out += indent + "why: " + cause.reason + "\n";
        if (!cause.remedy.empty()) out += indent + "do:  " + cause.remedy + "\n";
    }
    return out;
}

qapi::Value finding_value(const Finding& finding) {
    qapi::Dict out{{"name", finding.name}, {"title", finding.title}, {"available", finding.available}};
    if (!finding.detail.empty()) out.append("detail", finding.detail);
    if (finding.available) return out;
    qapi::List causes;
    for (const Cause& cause : finding.causes) {
        qapi::Dict entry{{"reason", cause.reason}};
        if (!cause.remedy.empty()) entry.append("remedy", cause.remedy);
        causes.emplace_back(std::move(entry));
    }
    out.append("causes", std::move(causes));
    return out;
}

}  // namespace

std::string text_report(const HostFacts& facts, const Diagnosis& diagnosis) {
    std::string out =
        strf("Host: Linux %s, %s, %u processors, %s of memory%s\n\n", facts.kernel.release.c_str(),
             facts.cpu.model.c_str(), facts.cpu.count, about(facts.memory.total).c_str(),
             facts.cpu.hypervisor ? ", itself a virtual machine" : "");
    for (const Finding& finding : diagnosis.findings)
        out += finding_text(finding);
    out += "\nLimits:\n";
    for (const Limit& limit : diagnosis.limits) {
        const std::string value =
            limit.bytes ? about(limit.value) : strf("%llu", static_cast<unsigned long long>(limit.value));
        out += strf("%-20s %-10s %s\n", limit.name.c_str(), value.c_str(), limit.title.c_str());
    }
    out += strf("\nconfidential-guest-support=auto: %s\n",
                diagnosis.strongest.empty() ? "there is nothing to choose" : diagnosis.strongest.c_str());
    return out;
}

qapi::Value value_report(const HostFacts& facts, const Diagnosis& diagnosis) {
    qapi::List findings;
    for (const Finding& finding : diagnosis.findings)
        findings.push_back(finding_value(finding));
    qapi::Dict limits;
    for (const Limit& limit : diagnosis.limits)
        limits.append(limit.name, limit.value);
    qapi::Dict out{{"host", qapi::Dict{{"kernel", facts.kernel.release},
                                       {"processor", facts.cpu.model},
                                       {"vendor", facts.cpu.vendor},
                                       {"virtual-machine", facts.cpu.hypervisor}}},
                   {"findings", std::move(findings)},
                   {"limits", std::move(limits)}};
    // Absent: there is nothing to choose.
    if (!diagnosis.strongest.empty()) out.append("confidential-guest-support-auto", diagnosis.strongest);
    return out;
}

}  // namespace vmm::doctor
