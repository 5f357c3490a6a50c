// What a host can run, and for each thing that it cannot, why and what to do: HostFacts in, findings out.
// Pure; called for "-doctor" and to choose what confidential-guest-support=auto is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "system/control/doctor/facts.h"

namespace vmm::doctor {

struct Cause {
    std::string reason;
    std::string remedy;  // empty: there is none
};

struct Finding {
    std::string name;   // stable, for programs: "sev-snp"
    std::string title;  // for people
    bool available = false;
    std::string detail;         // of what is available, may be empty
    std::vector<Cause> causes;  // of what is not: at least one
};

struct Limit {
    std::string name;
    std::string title;
    uint64_t value = 0;
    bool bytes = false;
};

struct Diagnosis {
    std::vector<Finding> findings;
    std::vector<Limit> limits;
    // The finding that confidential-guest-support=auto takes; empty: none.
    std::string strongest;

    const Finding* find(std::string_view name) const;
};

Diagnosis evaluate(const HostFacts& facts);

// The kinds of protection, strongest first, by the names of their findings.
inline constexpr std::string_view kProtections[] = {"tdx", "sev-snp", "sev-es", "sev", "sw-protected-vm"};

}  // namespace vmm::doctor
