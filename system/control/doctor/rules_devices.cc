// Device assignment, huge pages and the host's limits; see rules_priv.h.
#include <cerrno>

#include "system/control/doctor/rules_priv.h"
#include "util/size_text.h"
#include "util/text.h"

namespace vmm::doctor {

Finding judge_vfio(const HostFacts& facts) {
    Causes causes;
    causes.need(facts.iommu_groups != 0, "the IOMMU is off or absent: there are no IOMMU groups",
                "turn on VT-d or AMD-Vi in the BIOS and boot with intel_iommu=on (Intel)");
    const bool type1 = facts.vfio_node.opens();
    const bool iommufd = facts.iommufd_node.opens();
    if (!type1 && !iommufd) {
        Cause cause = node_cause(facts.vfio_node, "there is no /dev/vfio/vfio", "modprobe vfio-pci");
        causes.need(false, std::move(cause.reason), std::move(cause.remedy));
    }
    std::string detail = strf("%u IOMMU groups, by %s", facts.iommu_groups,
                              type1 && iommufd ? "containers and iommufd"
                              : type1          ? "containers"
                                               : "iommufd");
    if (facts.vfio_dma_limit)
        detail += strf(", %llu DMA mappings", static_cast<unsigned long long>(*facts.vfio_dma_limit));
    return conclude("vfio", "Device assignment (VFIO)", facts.iommu_groups != 0 && (type1 || iommufd),
                    std::move(detail), std::move(causes), {});
}

Finding judge_huge_pages(const HostFacts& facts) {
    Causes causes;
    std::string detail;
    bool any = false;
    for (const HugePagePool& pool : facts.memory.huge_pages) {
        if (pool.total == 0) continue;
        any = true;
        detail += strf("%s%llu of %llu pages of %s free", detail.empty() ? "" : "; ",
                       static_cast<unsigned long long>(pool.free),
                       static_cast<unsigned long long>(pool.total), size_text(pool.page_size).c_str());
    }
    causes.need(facts.memory.huge_pages.empty(), "no huge pages are set aside",
                "sysctl vm.nr_hugepages=N, or hugepages=N on the kernel's command line");
    causes.need(!facts.memory.huge_pages.empty(), "the kernel has no huge pages",
                "install a kernel with CONFIG_HUGETLBFS=y");
    return conclude("huge-pages", "Reserved huge pages (hugetlb=on)", any, std::move(detail),
                    std::move(causes), {});
}

std::vector<Limit> list_limits(const HostFacts& facts) {
    std::vector<Limit> limits;
    auto add = [&](const char* name, const char* title, uint64_t value, bool bytes = false) {
        limits.push_back({name, title, value, bytes});
    };
    if (facts.kvm.node.opens()) {
        add("max-vcpus", "vCPUs of a guest", facts.kvm.max_vcpus);
        add("recommended-vcpus", "vCPUs of a guest that the kernel recommends", facts.kvm.recommended_vcpus);
        add("max-vcpu-ids", "APIC ids of a guest", facts.kvm.max_vcpu_ids);
        add("memory-slots", "memory slots of a guest", facts.kvm.memory_slots);
    }
    if (facts.cpu.sev && facts.cpu.asids != 0) {
        const unsigned first = facts.cpu.first_sev_asid;
        add("sev-asids", "SEV guests at once", facts.cpu.asids >= first ? facts.cpu.asids - first + 1 : 0);
        add("sev-es-asids", "SEV-ES and SEV-SNP guests at once", first > 0 ? first - 1 : 0);
    }
    if (auto keys = facts.capacity.find("tdx"); keys != facts.capacity.end())
        add("tdx-keys", "TDX guests at once", keys->second);
    add("cpus", "host processors", facts.cpu.count);
    if (facts.memory.numa_nodes != 0) add("numa-nodes", "host NUMA nodes", facts.memory.numa_nodes);
    add("memory", "host memory", facts.memory.total, true);
    add("memory-available", "host memory that is free for guests", facts.memory.available, true);
    if (facts.memory.locked_limit)
        add("locked-memory", "memory this user may lock (device assignment)", *facts.memory.locked_limit,
            true);
    if (facts.memory.descriptor_limit)
        add("descriptors", "open files of a process", *facts.memory.descriptor_limit);
    return limits;
}

}  // namespace vmm::doctor
