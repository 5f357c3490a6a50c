// SmpTopology: sockets, dies, cores and threads of a machine, and the arithmetic between a CPU's index and
// its place. Pure, header only. The APIC id's bit layout is target/i386/cpu's business.
#pragma once

#include "util/result.h"

namespace vmm {

struct SmpTopology {
    unsigned cpus = 1;      // present at start
    unsigned max_cpus = 1;  // sockets * dies * cores * threads
    unsigned sockets = 1, dies = 1, cores = 1, threads = 1;

    bool operator==(const SmpTopology&) const = default;
};

// What -smp said; 0 stands for "not given".
struct SmpRequest {
    unsigned cpus = 0, max_cpus = 0, sockets = 0, dies = 0, cores = 0, threads = 0;
};

// Fills in what was left out: cores grow first, then sockets, then threads; dies are 1 unless given. Refuses
// what does not multiply out to max_cpus, or passes `limit`. The error names the numbers.
Result<SmpTopology> resolve_smp(const SmpRequest& request, unsigned limit);

}  // namespace vmm
