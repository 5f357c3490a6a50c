// A host's files read from a folder that stands for its root.
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "system/control/doctor/read_facts.h"
#include "tests/fakes/temporary_folder.h"

namespace vmm::doctor {
namespace {

class ReadFiles : public testing::Test {
  protected:
    void put(const std::string& path, const std::string& text) {
        std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
        std::ofstream(root_ + path) << text;
    }
    TemporaryFolder folder_;
    const std::string& root_ = folder_.path();
};

TEST_F(ReadFiles, anEmptyHostHasNothing) {
    const HostFacts facts = read_files(root_);
    EXPECT_EQ(facts.cpu.count, 0u);
    EXPECT_EQ(facts.kernel.major, 0u);
    EXPECT_FALSE(facts.kernel.config_known);
    EXPECT_TRUE(facts.modules.empty());
    EXPECT_EQ(facts.sev_node.open_errno, ENOENT);
    EXPECT_EQ(facts.iommu_groups, 0u);
}

TEST_F(ReadFiles, everythingIsFound) {
    put("/proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 7763\nflags\t\t: fpu svm sev "
        "sev_es\n\n"
        "processor\t: 1\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu svm sev sev_es\n");
    put("/proc/sys/kernel/osrelease", "6.11-rc3+\n");
    put("/boot/config-6.11-rc3+",
        "# text\nCONFIG_KVM=m\n# CONFIG_X is not set\nCONFIG_Y=\"y\"\nCONFIG_Z=y\n");
    put("/sys/power/disk", "[platform] shutdown reboot\n");
    put("/sys/module/kvm/parameters/tdp_mmu", "Y\n");
    put("/sys/module/kvm_amd/parameters/sev_snp", "N\n");
    put("/sys/module/kvm_amd/parameters/sev", "1\n");
    put("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "65535\n");
    put("/proc/meminfo", "MemTotal:       1024 kB\nMemFree: 1 kB\nMemAvailable:    512 kB\n");
    put("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n");
    put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "7\n");
    put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3\n");
    put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    put("/sys/devices/system/node/node0/cpulist", "0");
    put("/sys/devices/system/node/node1/cpulist", "1");
    put("/sys/devices/system/node/online", "0-1");
    put("/sys/fs/cgroup/misc.capacity", "sev 410\nsev_es 99\n");
    put("/sys/kernel/iommu_groups/0/type", "DMA");
    put("/sys/kernel/iommu_groups/1/type", "DMA");
    put("/dev/sev", "");
    const HostFacts facts = read_files(root_);
    EXPECT_EQ(facts.cpu.vendor, "AuthenticAMD");
    EXPECT_EQ(facts.cpu.model, "AMD EPYC 7763");
    EXPECT_EQ(facts.cpu.count, 2u);
    EXPECT_TRUE(facts.cpu.svm && facts.cpu.sev && facts.cpu.sev_es);
    EXPECT_FALSE(facts.cpu.sev_snp || facts.cpu.vmx || facts.cpu.hypervisor);
    EXPECT_TRUE(facts.kernel.at_least(6, 11) && facts.kernel.at_least(5, 19));
    EXPECT_FALSE(facts.kernel.at_least(6, 12) || facts.kernel.at_least(7, 0));
    EXPECT_EQ(facts.kernel.config, (std::set<std::string>{"CONFIG_KVM", "CONFIG_Z"}));
    EXPECT_TRUE(facts.kernel.hibernation);
    EXPECT_EQ(facts.modules, (std::set<std::string>{"kvm", "kvm_amd", "vfio_iommu_type1"}));
    EXPECT_TRUE(facts.parameter_on("kvm.tdp_mmu") && facts.parameter_on("kvm_amd.sev"));
    EXPECT_TRUE(facts.parameter_off("kvm_amd.sev_snp"));
    EXPECT_FALSE(facts.parameter_on("kvm.absent") || facts.parameter_off("kvm.absent"));
    EXPECT_EQ(facts.vfio_dma_limit, 65535u);
    EXPECT_EQ(facts.memory.total, 1u << 20);
    EXPECT_EQ(facts.memory.available, 512u << 10);
    ASSERT_EQ(facts.memory.huge_pages.size(), 2u);
    EXPECT_EQ(facts.memory.huge_pages[0].page_size, 2u << 20);
    EXPECT_EQ(facts.memory.huge_pages[0].total, 7u);
    EXPECT_EQ(facts.memory.huge_pages[0].free, 3u);
    EXPECT_EQ(facts.memory.transparent_huge_pages, "madvise");
    EXPECT_EQ(facts.memory.numa_nodes, 2u);
    EXPECT_EQ(facts.capacity.at("sev_es"), 99u);
    EXPECT_EQ(facts.iommu_groups, 2u);
    EXPECT_TRUE(facts.sev_node.opens());
}

TEST_F(ReadFiles, aKernelThatMayNotHibernateCannot) {
    put("/sys/power/disk", "[disabled]\n");
    EXPECT_FALSE(read_files(root_).kernel.hibernation);
}

TEST_F(ReadFiles, filesOfNonsenseAreHarmless) {
    put("/proc/cpuinfo", std::string(100000, ':') + "\n\n:\nflags:\n");
    put("/proc/sys/kernel/osrelease", "x");
    put("/proc/meminfo", "MemTotal: many kB\nMemAvailable:\n");
    put("/sys/kernel/mm/hugepages/hugepages-/nr_hugepages", "-5");
    put("/sys/fs/cgroup/misc.capacity", "sev\n max\nsev_es max\n");
    const HostFacts facts = read_files(root_);
    EXPECT_EQ(facts.memory.total, 0u);
    EXPECT_TRUE(facts.capacity.empty());
    EXPECT_EQ(facts.kernel.major, 0u);
}

}  // namespace
}  // namespace vmm::doctor
