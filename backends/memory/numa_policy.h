// NUMA placement of memory: the host-nodes and policy properties of a memory backend, applied to a mapping
// (mbind) or to the calling thread (set_mempolicy; the only lever for memory that cannot be mapped). Linux
// mempolicy ABI, mbind(2).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "util/result.h"

namespace vmm {

enum class HostMemPolicy { Default, Preferred, Bind, Interleave };
const char* policy_name(HostMemPolicy policy);

class NumaPolicy {
  public:
    NumaPolicy() = default;
    // Refuses a policy without nodes, nodes without a policy, and nodes that this host does not have.
    static Result<NumaPolicy> make(HostMemPolicy policy, const std::vector<uint16_t>& nodes);

    bool is_default() const { return policy_ == HostMemPolicy::Default; }
    // Pages of the mapping that are touched from now on come from the nodes; those already there are moved.
    Status bind_mapping(std::span<uint8_t> mapping) const;
    // Memory that the calling thread makes the kernel allocate comes from the nodes.
    Status bind_this_thread() const;

  private:
    HostMemPolicy policy_ = HostMemPolicy::Default;
    std::vector<unsigned long> mask_;
    std::string nodes_text_;
};

// The NUMA nodes this host has online ("0-1,3" in sysfs); {0} when the kernel does not say.
std::vector<uint16_t> online_host_nodes();

}  // namespace vmm
