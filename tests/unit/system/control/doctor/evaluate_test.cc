// What the doctor concludes about hosts of many kinds: a good host of each kind, and that host with one thing
// wrong, which must be named with its remedy and nothing else.
#include "system/control/doctor/evaluate.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>

#include "linux-headers/kvm_abi.h"
#include "system/control/doctor/report.h"
#include "util/text.h"

namespace vmm::doctor {
namespace {

HostFacts ordinary_host() {
    HostFacts host;
    host.cpu = {.vendor = "GenuineIntel", .model = "Xeon", .count = 8, .vmx = true};
    host.kernel = {.release = "6.18.1", .major = 6, .minor = 18};
    host.kvm.node = {.path = "/dev/kvm", .open_errno = 0, .group = "kvm"};
    host.kvm.api_version = 12;
    host.kvm.vm_types = 1;
    host.kvm.max_vcpus = 1024;
    host.kvm.memory_slots = 32764;
    host.kvm.ordinary = {
        .made = true, .user_memory2 = true, .guest_memfd = true, .guest_memfd_flags = 3, .pre_fault = true};
    host.modules = {"kvm", "kvm_intel"};
    host.sev_node = {.path = "/dev/sev", .open_errno = ENOENT};
    host.vfio_node = {.path = "/dev/vfio/vfio", .open_errno = 0, .group = "root"};
    host.iommufd_node = {.path = "/dev/iommu", .open_errno = ENOENT};
    host.iommu_groups = 12;
    host.memory.total = uint64_t{64} << 30;
    host.memory.huge_pages = {{.page_size = 2u << 20, .total = 16, .free = 8}};
    return host;
}

HostFacts tdx_host() {
    HostFacts host = ordinary_host();
    host.cpu.tdx_host_platform = true;
    host.kvm.vm_types |= 1u << abi::kVmTdx;
    host.parameters = {{"kvm_intel.tdx", "Y"}, {"kvm_intel.ept", "Y"}, {"kvm.tdp_mmu", "Y"}};
    host.capacity = {{"tdx", 31}};
    host.kernel.config_known = true;
    host.kernel.config = {"CONFIG_KVM", "CONFIG_INTEL_TDX_HOST", "CONFIG_KVM_INTEL_TDX",
                          "CONFIG_KVM_GUEST_MEMFD"};
    return host;
}

HostFacts snp_host() {
    HostFacts host = ordinary_host();
    host.cpu = {.vendor = "AuthenticAMD", .model = "EPYC", .count = 8, .svm = true};
    host.cpu.sev = host.cpu.sev_es = host.cpu.sev_snp = true;
    host.cpu.encryption_bit = 51;
    host.cpu.lost_phys_bits = 5;
    host.cpu.asids = 509;
    host.cpu.first_sev_asid = 100;
    host.kvm.vm_types |= 1u << abi::kVmSev | 1u << abi::kVmSevEs | 1u << abi::kVmSnp;
    host.modules = {"kvm", "kvm_amd", "ccp"};
    host.parameters = {{"kvm_amd.sev", "Y"}, {"kvm_amd.sev_es", "Y"}, {"kvm_amd.sev_snp", "Y"}};
    host.sev_node = {.path = "/dev/sev", .open_errno = 0, .group = "root"};
    return host;
}

TEST(Doctor, aGoodHostOfEachKindHasItsKind) {
    Diagnosis tdx = evaluate(tdx_host());
    EXPECT_TRUE(tdx.find("tdx")->available);
    EXPECT_EQ(tdx.find("tdx")->detail, "31 guests at once");
    EXPECT_FALSE(tdx.find("sev")->available);
    EXPECT_EQ(tdx.strongest, "tdx");
    Diagnosis snp = evaluate(snp_host());
    for (const char* name : {"sev", "sev-es", "sev-snp", "guest-memfd", "private-memory", "pre-fault"})
        EXPECT_TRUE(snp.find(name)->available) << name;
    EXPECT_EQ(snp.find("sev-snp")->detail, "99 guests at once; cbitpos=51,reduced-phys-bits=5");
    EXPECT_EQ(snp.find("sev")->detail, "410 guests at once; cbitpos=51,reduced-phys-bits=5");
    EXPECT_FALSE(snp.find("tdx")->available);
    EXPECT_EQ(snp.strongest, "sev-snp");
    EXPECT_EQ(evaluate(ordinary_host()).strongest, "");
}

TEST(Doctor, theStrongestThatWorksIsChosen) {
    HostFacts host = snp_host();
    host.kvm.vm_types |= 1u << abi::kVmSwProtected;
    EXPECT_EQ(evaluate(host).strongest, "sev-snp");
    host.kvm.vm_types &= ~(1u << abi::kVmSnp);
    EXPECT_EQ(evaluate(host).strongest, "sev-es");
    host.cpu.first_sev_asid = 1;  // none for encrypted state
    EXPECT_EQ(evaluate(host).strongest, "sev");
    host.sev_node.open_errno = EACCES;
    EXPECT_EQ(evaluate(host).strongest, "sw-protected-vm");
}

struct Fault {
    const char* name;                       // of the finding
    HostFacts (*host)();                    // where it is available
    std::function<void(HostFacts&)> spoil;  // one thing
    const char* reason;                     // part of it
    const char* remedy;
};

HostFacts sw_protected_host() {
    HostFacts host = ordinary_host();
    host.kvm.vm_types |= 1u << abi::kVmSwProtected;
    host.kvm.sw_protected = {.made = true, .guest_memfd = true, .attributes = 8, .pre_fault = true};
    return host;
}

void no_type(HostFacts& host, uint32_t type) {
    host.kvm.vm_types &= ~(1u << type);
}

void no_device(HostFacts& host, int number) {
    host.kvm.node.open_errno = number;
    host.kvm.ordinary = {};
    host.kvm.vm_types = 0;
}

const Fault kFaults[] = {
    {"kvm", ordinary_host, [](HostFacts& h) { no_device(h, EACCES); }, "Permission denied",
     "usermod -aG kvm"},
    {"kvm", ordinary_host,
     [](HostFacts& h) {
         no_device(h, EACCES);
         h.kvm.node.group = "root";
     },
     "Permission denied", "give this user access"},
    {"kvm", ordinary_host,
     [](HostFacts& h) {
         no_device(h, ENOENT);
         h.modules.clear();
     },
     "kvm_intel is not loaded", "modprobe kvm_intel"},
    {"kvm", ordinary_host,
     [](HostFacts& h) {
         no_device(h, ENOENT);
         h.cpu.vmx = false;
     },
     "no virtualization extensions", "BIOS"},
    {"kvm", ordinary_host,
     [](HostFacts& h) {
         no_device(h, ENOENT);
         h.cpu.vmx = false;
         h.cpu.hypervisor = true;
     },
     "without nested virtualization", "outer hypervisor"},
    {"kvm", ordinary_host, [](HostFacts& h) { h.kvm.ordinary = {.made = false, .make_errno = EBUSY}; },
     "another hypervisor", "VirtualBox"},
    {"sw-protected-vm", sw_protected_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmSwProtected);
         h.kernel.minor = 1;
     },
     "this takes Linux 6.8", "newer kernel"},
    {"sw-protected-vm", sw_protected_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmSwProtected);
         h.kernel.config_known = true;
     },
     "CONFIG_KVM_SW_PROTECTED_VM", "install a kernel"},
    {"sw-protected-vm", sw_protected_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmSwProtected);
         h.parameters["kvm_intel.ept"] = "N";
     },
     "kvm_intel has ept off", "kvm_intel.ept=1"},
    {"sw-protected-vm", sw_protected_host, [](HostFacts& h) { no_type(h, abi::kVmSwProtected); },
     "probably lacks CONFIG_KVM_SW_PROTECTED_VM", "dmesg"},
    {"sev", snp_host, [](HostFacts& h) { h.sev_node.open_errno = ENOENT; }, "no /dev/sev", "modprobe ccp"},
    {"sev", snp_host, [](HostFacts& h) { h.sev_node.open_errno = EACCES; }, "Permission denied", "/dev/sev"},
    {"sev", snp_host, [](HostFacts& h) { h.cpu.first_sev_asid = 510; }, "all ASIDs are set aside",
     "Minimum SEV non-ES ASID"},
    {"sev", snp_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmSev);
         h.parameters["kvm_amd.sev"] = "N";
     },
     "kvm_amd has sev off", "options kvm_amd sev=1"},
    {"sev-es", snp_host, [](HostFacts& h) { h.cpu.first_sev_asid = 1; }, "no ASIDs are set aside", "BIOS"},
    {"sev-es", snp_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmSevEs);
         h.parameters["kvm_amd.sev_es"] = "0";
     },
     "kvm_amd has sev_es off", "options kvm_amd sev_es=1"},
    {"sev-snp", snp_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmSnp);
         h.kernel.minor = 10;
         h.kernel.release = "6.10.3";
     },
     "the kernel is 6.10.3, this takes Linux 6.11", "newer kernel"},
    {"sev-snp", snp_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmSnp);
         h.iommu_groups = 0;
     },
     "IOMMU is off", "SNP Memory Coverage"},
    {"sev-snp", snp_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmSnp);
         h.cpu.sev_snp = false;
     },
     "does not report SEV-SNP", "BIOS"},
    {"sev-snp", snp_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmSnp);
         h.cpu.sev_snp = false;
         h.cpu.hypervisor = true;
     },
     "cannot be nested", "machine itself"},
    {"sev-snp", snp_host, [](HostFacts& h) { no_type(h, abi::kVmSnp); }, "did not initialize SNP", "dmesg"},
    {"tdx", tdx_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmTdx);
         h.parameters["kvm_intel.tdx"] = "N";
     },
     "kvm_intel has tdx off", "options kvm_intel tdx=1"},
    {"tdx", tdx_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmTdx);
         h.cpu.tdx_host_platform = false;
     },
     "no keys set aside", "BIOS"},
    {"tdx", tdx_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmTdx);
         h.kernel.hibernation = true;
     },
     "can hibernate", "nohibernate"},
    {"tdx", tdx_host,
     [](HostFacts& h) {
         no_type(h, abi::kVmTdx);
         h.kernel.config.erase("CONFIG_KVM_INTEL_TDX");
     },
     "without CONFIG_KVM_INTEL_TDX", "install a kernel"},
    {"tdx", tdx_host, [](HostFacts& h) { no_type(h, abi::kVmTdx); }, "TDX module did not start", "dmesg"},
    {"guest-memfd-mmap", ordinary_host,
     [](HostFacts& h) {
         h.kvm.ordinary.guest_memfd_flags = 0;
         h.kernel.minor = 12;
     },
     "this takes Linux 6.18", "newer kernel"},
    {"guest-memfd", ordinary_host,
     [](HostFacts& h) {
         h.kvm.ordinary.guest_memfd = false;
         h.kernel.config_known = true;
     },
     "CONFIG_KVM_GUEST_MEMFD", "install a kernel"},
    {"private-memory", sw_protected_host, [](HostFacts& h) { h.kvm.sw_protected.attributes = 0; },
     "no kind of VM", "sw-protected-vm"},
    {"pre-fault", ordinary_host,
     [](HostFacts& h) {
         h.kvm.ordinary.pre_fault = false;
         h.parameters["kvm.tdp_mmu"] = "N";
     },
     "kvm has tdp_mmu off", "kvm.tdp_mmu=1"},
    {"vfio", ordinary_host, [](HostFacts& h) { h.iommu_groups = 0; }, "IOMMU is off", "intel_iommu=on"},
    {"vfio", ordinary_host, [](HostFacts& h) { h.vfio_node.open_errno = ENOENT; }, "no /dev/vfio/vfio",
     "modprobe vfio-pci"},
    {"huge-pages", ordinary_host, [](HostFacts& h) { h.memory.huge_pages[0].total = 0; }, "set aside",
     "vm.nr_hugepages"},
    {"huge-pages", ordinary_host, [](HostFacts& h) { h.memory.huge_pages.clear(); }, "no huge pages",
     "CONFIG_HUGETLBFS"},
};

TEST(Doctor, oneThingWrongIsNamedAloneWithItsRemedy) {
    for (const Fault& fault : kFaults) {
        SCOPED_TRACE(strf("%s: %s", fault.name, fault.reason));
        HostFacts host = fault.host();
        ASSERT_TRUE(evaluate(host).find(fault.name)->available);
        fault.spoil(host);
        const Diagnosis diagnosis = evaluate(host);
        const Finding& finding = *diagnosis.find(fault.name);
        EXPECT_FALSE(finding.available);
        EXPECT_TRUE(finding.detail.empty());
        ASSERT_EQ(finding.causes.size(), 1u) << finding.causes.at(1).reason;
        EXPECT_NE(finding.causes[0].reason.find(fault.reason), std::string::npos) << finding.causes[0].reason;
        EXPECT_NE(finding.causes[0].remedy.find(fault.remedy), std::string::npos) << finding.causes[0].remedy;
    }
}

TEST(Doctor, everyNoHasAReasonOnAHostOfWhichNothingIsKnown) {
    const Diagnosis diagnosis = evaluate(HostFacts());
    for (const Finding& finding : diagnosis.findings) {
        EXPECT_FALSE(finding.available) << finding.name;
        EXPECT_FALSE(finding.causes.empty()) << finding.name;
        for (const Cause& cause : finding.causes)
            EXPECT_FALSE(cause.reason.empty()) << finding.name;
    }
    EXPECT_EQ(diagnosis.strongest, "");
}

TEST(DoctorReport, bothFormsHaveEveryFinding) {
    for (const HostFacts& host : {ordinary_host(), tdx_host(), snp_host(), HostFacts()}) {
        const Diagnosis diagnosis = evaluate(host);
        const std::string text = text_report(host, diagnosis);
        const qapi::Value value = value_report(host, diagnosis);
        const qapi::List& list = *value.if_dict()->find("findings")->if_list();
        ASSERT_EQ(list.size(), diagnosis.findings.size());
        for (size_t i = 0; i < list.size(); ++i) {
            const Finding& finding = diagnosis.findings[i];
            EXPECT_NE(text.find((finding.available ? "yes  " : "no   ") + finding.name), std::string::npos);
            EXPECT_EQ(*list[i].if_dict()->find("name")->if_string(), finding.name);
            EXPECT_EQ(list[i].if_dict()->contains("causes"), !finding.available);
        }
        const qapi::Value* strongest = value.if_dict()->find("confidential-guest-support-auto");
        EXPECT_EQ(strongest != nullptr, !diagnosis.strongest.empty());
    }
}

}  // namespace
}  // namespace vmm::doctor
