// HostFacts: what one host says about itself, as plain data: processor, kernel, KVM's answers, module
// parameters, device nodes, memory. read_facts.h fills it from a host, evaluate.h draws the conclusions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace vmm::doctor {

// A device node as this process finds it.
struct NodeFacts {
    std::string path;
    int open_errno = 0;  // 0: it can be opened for reading and writing
    std::string group;   // that owns it, empty when the node is not there
    bool opens() const { return open_errno == 0; }
};

struct CpuFacts {
    std::string vendor;  // "GenuineIntel", "AuthenticAMD", ...
    std::string model;
    unsigned count = 0;
    bool vmx = false, svm = false;
    bool hypervisor = false;         // this host is a virtual machine
    bool tdx_host_platform = false;  // the BIOS has TDX on and gave it keys
    bool sev = false, sev_es = false, sev_snp = false;
    unsigned encryption_bit = 0;  // position of AMD's C-bit
    unsigned lost_phys_bits = 0;  // physical address bits that encryption takes
    unsigned asids = 0;           // encrypted guests at once, SEV and SEV-ES/SNP together
    unsigned first_sev_asid = 0;  // those below are SEV-ES's and SNP's
};

struct KernelFacts {
    std::string release;
    unsigned major = 0, minor = 0;
    bool config_known = false;
    std::set<std::string> config;  // options that are y or m, with CONFIG_
    bool hibernation = false;      // the kernel can hibernate, which TDX forbids
    bool at_least(unsigned wanted_major, unsigned wanted_minor) const {
        return major != wanted_major ? major > wanted_major : minor >= wanted_minor;
    }
};

// KVM_CHECK_EXTENSION on a VM; several answers depend on its type.
struct VmFacts {
    bool made = false;
    int make_errno = 0;
    bool user_memory2 = false;
    bool guest_memfd = false;
    uint64_t guest_memfd_flags = 0;
    uint64_t attributes = 0;
    bool pre_fault = false;
    uint64_t exit_hypercalls = 0;
};

struct KvmFacts {
    NodeFacts node;
    int api_version = 0;
    uint32_t vm_types = 0;  // bit mask; bit 0 is set wherever VMs can be made
    unsigned recommended_vcpus = 0, max_vcpus = 0, max_vcpu_ids = 0, memory_slots = 0;
    VmFacts ordinary, sw_protected;
    bool offers(uint32_t vm_type) const { return (vm_types >> vm_type & 1) != 0; }
};

struct HugePagePool {
    uint64_t page_size = 0, total = 0, free = 0;
};

struct MemoryFacts {
    uint64_t total = 0, available = 0;         // bytes
    std::optional<uint64_t> locked_limit;      // RLIMIT_MEMLOCK; absent: none
    std::optional<uint64_t> descriptor_limit;  // RLIMIT_NOFILE
    std::vector<HugePagePool> huge_pages;
    std::string transparent_huge_pages;  // "always", "madvise", "never"; empty: unknown
    unsigned numa_nodes = 0;
};

struct HostFacts {
    CpuFacts cpu;
    KernelFacts kernel;
    KvmFacts kvm;
    std::set<std::string> modules;                  // those of KVM and AMD's security processor
    std::map<std::string, std::string> parameters;  // "kvm_amd.sev" -> "Y"
    std::map<std::string, uint64_t> capacity;       // of the misc cgroup: "sev", "sev_es", "tdx"
    NodeFacts sev_node;
    NodeFacts vfio_node;
    NodeFacts iommufd_node;
    unsigned iommu_groups = 0;
    std::optional<uint64_t> vfio_dma_limit;  // vfio_iommu_type1.dma_entry_limit
    MemoryFacts memory;

    // Whether the parameter is there and on; absent ones are neither on nor off.
    bool parameter_on(const std::string& name) const;
    bool parameter_off(const std::string& name) const;
};

}  // namespace vmm::doctor
