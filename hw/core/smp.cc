// Completes and checks a CPU topology.
#include "hw/core/smp.h"

#include <algorithm>
#include <cstdint>

namespace vmm {

Result<SmpTopology> resolve_smp(const SmpRequest& request, unsigned limit) {
    for (unsigned n :
         {request.cpus, request.max_cpus, request.sockets, request.dies, request.cores, request.threads})
        if (n > limit) return Error::make("%u is more than the %u CPUs this machine can have", n, limit);

    SmpTopology smp;
    smp.dies = std::max(1u, request.dies);
    const unsigned wanted = request.max_cpus != 0 ? request.max_cpus : request.cpus;
    const auto fill = [wanted](unsigned others) { return std::max(1u, wanted / std::max(1u, others)); };
    smp.sockets = request.sockets;
    smp.cores = request.cores;
    smp.threads = request.threads;
    if (wanted == 0) {
        smp.sockets = std::max(1u, smp.sockets);
        smp.cores = std::max(1u, smp.cores);
        smp.threads = std::max(1u, smp.threads);
    } else if (smp.cores == 0) {
        smp.sockets = std::max(1u, smp.sockets);
        smp.threads = std::max(1u, smp.threads);
        smp.cores = fill(smp.sockets * smp.dies * smp.threads);
    } else if (smp.sockets == 0) {
        smp.threads = std::max(1u, smp.threads);
        smp.sockets = fill(smp.dies * smp.cores * smp.threads);
    } else if (smp.threads == 0) {
        smp.threads = fill(smp.sockets * smp.dies * smp.cores);
    }

    const uint64_t product = uint64_t{smp.sockets} * smp.dies * smp.cores * smp.threads;
    if (product > limit)
        return Error::make("%llu CPUs are more than the %u this machine can have",
                           static_cast<unsigned long long>(product), limit);
    smp.max_cpus = wanted != 0 ? wanted : static_cast<unsigned>(product);
    smp.cpus = request.cpus != 0 ? request.cpus : smp.max_cpus;
    if (product != smp.max_cpus)
        return Error::make("sockets %u * dies %u * cores %u * threads %u is not maxcpus %u", smp.sockets,
                           smp.dies, smp.cores, smp.threads, std::max(smp.max_cpus, smp.cpus));
    if (smp.cpus > smp.max_cpus)
        return Error::make("cpus %u is more than maxcpus %u", smp.cpus, smp.max_cpus);
    return smp;
}

}  // namespace vmm
