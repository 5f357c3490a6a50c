// The rules behind evaluate(), one function a finding, and what they share.
#pragma once

#include "system/control/doctor/evaluate.h"

namespace vmm::doctor {

// Gathers why something is missing.
class Causes {
  public:
    // Notes the cause unless the condition holds.
    void need(bool condition, std::string reason, std::string remedy = {});
    // A build option of the kernel, where its configuration can be read.
    void need_config(const KernelFacts& kernel, const char* option);
    // A kernel of this version or later.
    void need_kernel(const KernelFacts& kernel, unsigned major, unsigned minor);
    // A module parameter that must not be off.
    void need_parameter(const HostFacts& facts, const char* module, const char* parameter);
    void need_kvm(const HostFacts& facts);
    // The MMU that walks two tables, without which there is no private memory.
    void need_second_level_paging(const HostFacts& facts);
    bool empty() const { return list_.empty(); }
    std::vector<Cause> take() { return std::move(list_); }

  private:
    std::vector<Cause> list_;
};

// Available: the causes do not matter. Otherwise, when none was found, "unexplained" is the one.
Finding conclude(std::string name, std::string title, bool available, std::string detail, Causes causes,
                 std::string unexplained);
// Why a node does not open, and what opens it.
Cause node_cause(const NodeFacts& node, const std::string& missing_reason, const std::string& missing_remedy);

// rules_kvm.cc
Finding judge_kvm(const HostFacts& facts);
Finding judge_guest_memfd(const HostFacts& facts);
Finding judge_mappable_guest_memfd(const HostFacts& facts);
Finding judge_private_memory(const HostFacts& facts);
Finding judge_in_place_conversion(const HostFacts& facts);
Finding judge_pre_fault(const HostFacts& facts);
// rules_confidential.cc
Finding judge_sw_protected(const HostFacts& facts);
Finding judge_sev(const HostFacts& facts);
Finding judge_sev_es(const HostFacts& facts);
Finding judge_sev_snp(const HostFacts& facts);
Finding judge_tdx(const HostFacts& facts);
// rules_devices.cc
Finding judge_vfio(const HostFacts& facts);
Finding judge_huge_pages(const HostFacts& facts);
std::vector<Limit> list_limits(const HostFacts& facts);

}  // namespace vmm::doctor
