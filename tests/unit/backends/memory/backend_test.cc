// Memory backends: the rules between properties, and what allocation gives each kind of VM.
#include "backends/memory/backend.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>

#include "util/align.h"
#include "util/text.h"

namespace vmm {
namespace {

// Stands in for KVM: a guest_memfd is a memfd here.
class MemfdFactory final : public GmemFactory {
  public:
    Result<Fd> create_guest_memfd(const GmemRequest& request) override {
        last = request;
        if (fail) return Error::from_errno(ENOMEM, "KVM_CREATE_GUEST_MEMFD");
        Fd fd(memfd_create("gmem", MFD_CLOEXEC));
        EXPECT_EQ(ftruncate(fd.get(), static_cast<off_t>(request.size)), 0);
        return fd;
    }
    GmemRequest last;
    bool fail = false;
};

MemoryBackendConfig config_of(MemoryBackendKind kind,
                              const std::function<void(MemoryBackendConfig&)>& change = {}) {
    MemoryBackendConfig config;
    config.kind = kind;
    config.id = "mem0";
    config.size = 4 * kMiB;
    if (kind == MemoryBackendKind::File) config.mem_path = "/tmp";
    if (change) change(config);
    return config;
}

TEST(MemoryBackend, RulesHaveTheirSentence) {
    using C = MemoryBackendConfig;
    using K = MemoryBackendKind;
    const struct {
        K kind;
        std::function<void(C&)> change;
        const char* message;
    } cases[] = {
        {K::Ram, [](C& c) { c.size.reset(); }, "property 'size' is missing"},
        {K::Ram, [](C& c) { c.size = 0; }, "size=0 is no memory"},
        {K::Ram, [](C& c) { c.size = 4097; }, "not a multiple of 4 KiB"},
        {K::Ram, [](C& c) { c.prealloc_context = "tc0"; }, "prealloc-context=tc0 cannot be used"},
        {K::Ram, [](C& c) { c.prealloc_threads = 0; }, "prealloc-threads=0 is out of range"},
        {K::Ram, [](C& c) { c.prealloc = true, c.reserve = false; },
         "prealloc=on and reserve=off contradict"},
        {K::Ram, [](C& c) { c.policy = HostMemPolicy::Bind; }, "policy=bind needs host-nodes"},
        {K::Ram, [](C& c) { c.host_nodes = {0}; }, "host-nodes=0 does nothing with policy=default"},
        {K::Memfd, [](C& c) { c.hugetlb_size = 2 * kMiB; }, "needs hugetlb=on"},
        {K::Memfd, [](C& c) { c.hugetlb = true, c.hugetlb_size = 3 * kMiB; }, "not a power of two"},
        {K::File, [](C& c) { c.mem_path.reset(); }, "property 'mem-path' is missing"},
        {K::File, [](C& c) { c.pmem = true; }, "pmem=on cannot be used"},
        {K::File, [](C& c) { c.readonly = true; }, "cannot be the RAM of a machine"},
        {K::File, [](C& c) { c.rom = "on"; }, "rom=on needs readonly=on"},
        {K::GuestMemfd, [](C& c) { c.share = false; },
         "share=off cannot be used with RAM that is a guest_memfd"},
        {K::GuestMemfd, [](C& c) { c.merge = true; }, "merge=on cannot be used"},
        {K::GuestMemfd, [](C& c) { c.private_memory = true; }, "private=on cannot be used"},
        {K::Memfd, [](C& c) { c.guest_memfd = true; }, "guest-memfd=on needs share=on"},
        {K::Memfd, [](C& c) { c.guest_memfd = c.share = c.hugetlb = true; }, "hugetlb=on cannot be used"},
        {K::Memfd, [](C& c) { c.guest_memfd = c.share = c.seal = true; }, "seal=on cannot be used"},
        {K::Memfd, [](C& c) { c.guest_memfd = c.share = true, c.reserve = false; },
         "reserve=off cannot be used"},
    };
    for (const auto& c : cases) {
        auto made = MemoryBackend::create(config_of(c.kind, c.change));
        ASSERT_FALSE(made) << c.message;
        EXPECT_NE(made.error().text().find(c.message), std::string::npos) << made.error().text();
        EXPECT_NE(made.error().text().find("mem0"), std::string::npos) << made.error().text();
    }
}

TEST(MemoryBackend, PrivateNeedsAVmThatHasIt) {
    auto made =
        MemoryBackend::create(config_of(MemoryBackendKind::Ram, [](auto& c) { c.private_memory = true; }));
    ASSERT_TRUE(made);
    Status refused = (*made)->check({});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("private=on needs a VM whose type has private memory"),
              std::string::npos);
    EXPECT_TRUE((*made)->check({.private_memory = true}));
}

TEST(MemoryBackend, GuestMemfdIsForOrdinaryGuests) {
    auto made = MemoryBackend::create(config_of(MemoryBackendKind::GuestMemfd));
    ASSERT_TRUE(made);
    EXPECT_TRUE((*made)->check({}));
    EXPECT_FALSE((*made)->check({.private_memory = true}));
}

TEST(MemoryBackend, TheVmsTypeDecidesAboutThePrivateSide) {
    MemfdFactory factory;
    for (auto kind : {MemoryBackendKind::Ram, MemoryBackendKind::Memfd, MemoryBackendKind::File}) {
        auto ordinary = MemoryBackend::create(config_of(kind));
        ASSERT_TRUE(ordinary);
        ASSERT_TRUE((*ordinary)->allocate({}, nullptr));
        EXPECT_FALSE((*ordinary)->ram().has_private_side());
        auto protected_one = MemoryBackend::create(config_of(kind));
        ASSERT_TRUE(protected_one);
        ASSERT_TRUE(
            (*protected_one)->allocate({.private_memory = true, .initial = Visibility::Private}, &factory));
        EXPECT_TRUE((*protected_one)->ram().has_private_side());
        EXPECT_EQ((*protected_one)->ram().initial_visibility(), Visibility::Private);
        EXPECT_FALSE(factory.last.mappable);
        auto without = MemoryBackend::create(config_of(kind, [](auto& c) { c.private_memory = false; }));
        ASSERT_TRUE((*without)->allocate({.private_memory = true, .initial = Visibility::Private}, &factory));
        EXPECT_FALSE((*without)->ram().has_private_side());
    }
}

// The flags that the kernel shows for the mapping that begins there.
std::string kernel_flags_of(const void* start) {
    std::ifstream maps("/proc/self/smaps");
    const std::string begin = strf("%zx-", reinterpret_cast<size_t>(start));
    std::string line;
    while (std::getline(maps, line) && line.compare(0, begin.size(), begin) != 0) {
    }
    while (std::getline(maps, line))
        if (line.compare(0, 8, "VmFlags:") == 0) return line + " ";
    return "";
}

TEST(MemoryBackend, NoHugePagesBesideAPrivateSide) {
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) != 0)
        GTEST_SKIP() << "kernel without THP";
    MemfdFactory factory;
    for (auto kind : {MemoryBackendKind::Ram, MemoryBackendKind::Memfd}) {
        auto ordinary = MemoryBackend::create(config_of(kind));
        ASSERT_TRUE((*ordinary)->allocate({}, nullptr));
        EXPECT_NE(kernel_flags_of((*ordinary)->ram().data()).find(" hg "), std::string::npos);
        auto protected_one = MemoryBackend::create(config_of(kind));
        ASSERT_TRUE(
            (*protected_one)->allocate({.private_memory = true, .initial = Visibility::Private}, &factory));
        const std::string flags = kernel_flags_of((*protected_one)->ram().data());
        EXPECT_NE(flags.find(" nh "), std::string::npos) << flags;
    }
}

TEST(MemoryBackend, PreallocFillsTheSideTheGuestStartsWith) {
    MemfdFactory factory;
    auto prealloc = [](MemoryBackendConfig& c) { c.prealloc = true, c.prealloc_threads = 3; };
    for (Visibility initial : {Visibility::Private, Visibility::Shared}) {
        auto made = MemoryBackend::create(config_of(MemoryBackendKind::Ram, prealloc));
        ASSERT_TRUE(made);
        ASSERT_TRUE((*made)->allocate({.private_memory = true, .initial = initial}, &factory));
        RamBlock& ram = (*made)->ram();
        bool private_side = initial == Visibility::Private;
        EXPECT_EQ(ram.resident_private(ram.whole()), private_side ? ram.size() : 0);
        EXPECT_EQ(ram.resident_shared(ram.whole()), private_side ? 0 : ram.size());
        EXPECT_EQ(ram.resident_on_both_sides(ram.whole()), 0u);
    }
}

TEST(MemoryBackend, GuestMemfdRamIsTheMappingItself) {
    MemfdFactory factory;
    auto made = MemoryBackend::create(config_of(MemoryBackendKind::GuestMemfd));
    ASSERT_TRUE(made);
    ASSERT_TRUE((*made)->allocate({}, &factory));
    EXPECT_TRUE(factory.last.mappable && factory.last.init_shared);
    RamBlock& ram = (*made)->ram();
    EXPECT_FALSE(ram.has_private_side());
    ram.data()[4096] = 0x5a;
    uint8_t byte = 0;
    ASSERT_EQ(pread(ram.gmem()->fd(), &byte, 1, 4096), 1);
    EXPECT_EQ(byte, 0x5a);
}

TEST(MemoryBackend, AFailedGuestMemfdNamesTheBackend) {
    MemfdFactory factory;
    factory.fail = true;
    auto made = MemoryBackend::create(config_of(MemoryBackendKind::Ram));
    ASSERT_TRUE(made);
    Status failed = (*made)->allocate({.private_memory = true}, &factory);
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().text().find("memory backend 'mem0'"), std::string::npos)
        << failed.error().text();
    EXPECT_NE(failed.error().text().find("KVM_CREATE_GUEST_MEMFD"), std::string::npos)
        << failed.error().text();
}

}  // namespace
}  // namespace vmm
