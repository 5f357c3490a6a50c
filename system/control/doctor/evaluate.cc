// The findings put together, and what the rules share; see evaluate.h.
#include "system/control/doctor/evaluate.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "system/control/doctor/rules_priv.h"
#include "util/text.h"

namespace vmm::doctor {

bool HostFacts::parameter_on(const std::string& name) const {
    auto found = parameters.find(name);
    return found != parameters.end() && (found->second == "Y" || found->second == "1");
}

bool HostFacts::parameter_off(const std::string& name) const {
    auto found = parameters.find(name);
    return found != parameters.end() && (found->second == "N" || found->second == "0");
}

void Causes::need(bool condition, std::string reason, std::string remedy) {
    if (!condition) list_.push_back({std::move(reason), std::move(remedy)});
}

void Causes::need_config(const KernelFacts& kernel, const char* option) {
    if (!kernel.config_known) return;
    need(kernel.config.count(option) != 0, strf("the kernel was built without %s", option),
         strf("install a kernel with %s=y", option));
}

void Causes::need_kernel(const KernelFacts& kernel, unsigned major, unsigned minor) {
    need(kernel.at_least(major, minor),
         strf("the kernel is %s, this takes Linux %u.%u", kernel.release.c_str(), major, minor),
         "install a newer kernel");
}

void Causes::need_parameter(const HostFacts& facts, const char* module, const char* parameter) {
    need(!facts.parameter_off(strf("%s.%s", module, parameter)),
         strf("the module %s has %s off", module, parameter),
         strf("write \"options %s %s=1\" to /etc/modprobe.d/kvm.conf and load the module again (or boot with "
              "%s.%s=1)",
              module, parameter, module, parameter));
}

void Causes::need_kvm(const HostFacts& facts) {
    need(facts.kvm.ordinary.made, "KVM cannot be used", "see \"kvm\" above");
}

void Causes::need_second_level_paging(const HostFacts& facts) {
    need_parameter(facts, "kvm", "tdp_mmu");
    need_parameter(facts, "kvm_intel", "ept");
    need_parameter(facts, "kvm_amd", "npt");
}

Finding conclude(std::string name, std::string title, bool available, std::string detail, Causes causes,
                 std::string unexplained) {
    Finding finding{.name = std::move(name), .title = std::move(title), .available = available};
    if (available) {
        finding.detail = std::move(detail);
        return finding;
    }
    finding.causes = causes.take();
    if (finding.causes.empty())
        finding.causes.push_back({std::move(unexplained),
                                  "look at the kernel's messages: dmesg | grep -i -e "
                                  "kvm -e sev -e tdx -e ccp"});
    return finding;
}

Cause node_cause(const NodeFacts& node, const std::string& missing_reason,
                 const std::string& missing_remedy) {
    if (node.open_errno == ENOENT || node.open_errno == ENODEV || node.open_errno == ENXIO)
        return {missing_reason, missing_remedy};
    std::string reason = strf("%s cannot be opened: %s", node.path.c_str(), std::strerror(node.open_errno));
    if (node.open_errno != EACCES && node.open_errno != EPERM) return {std::move(reason), {}};
    // A container may hide a device that root could open outside.
    if (node.group.empty() || node.group == "root")
        return {std::move(reason), strf("give this user access to %s", node.path.c_str())};
    return {std::move(reason), strf("add the user to the group %s (usermod -aG %s USER) and log in again",
                                    node.group.c_str(), node.group.c_str())};
}

const Finding* Diagnosis::find(std::string_view name) const {
    for (const Finding& finding : findings)
        if (finding.name == name) return &finding;
    return nullptr;
}

Diagnosis evaluate(const HostFacts& facts) {
    Diagnosis diagnosis;
    for (auto judge : {judge_kvm, judge_sw_protected, judge_sev, judge_sev_es, judge_sev_snp, judge_tdx,
                       judge_guest_memfd, judge_mappable_guest_memfd, judge_private_memory,
                       judge_in_place_conversion, judge_pre_fault, judge_vfio, judge_huge_pages})
        diagnosis.findings.push_back(judge(facts));
    for (std::string_view protection : kProtections) {
        const Finding* finding = diagnosis.find(protection);
        if (finding == nullptr || !finding->available) continue;
        diagnosis.strongest = protection;
        break;
    }
    diagnosis.limits = list_limits(facts);
    return diagnosis;
}

}  // namespace vmm::doctor
