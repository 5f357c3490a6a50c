// Memory backends: the rules between properties, and what allocation gives each kind of VM.
#include "backends/memory/backend.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "util/align.h"
#include "util/fd.h"
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

TEST(MemoryBackend, PropertiesReachTheKernel) {
    using C = MemoryBackendConfig;
    using K = MemoryBackendKind;
    const struct {
        const char* name;
        K kind;
        std::function<void(C&)> change;
        const char* flag;
        bool set;
    } cases[] = {
        {"dump=off", K::Ram, [](C& c) { c.dump = false; }, "dd", true},
        {"dump=off", K::Memfd, [](C& c) { c.dump = false; }, "dd", true},
        {"dump=off", K::File, [](C& c) { c.dump = false; }, "dd", true},
        {"dump=on", K::Ram, [](C& c) { c.dump = true; }, "dd", false},
        {"merge=on", K::Ram, [](C& c) { c.merge = true; }, "mg", true},
        {"merge=off", K::Ram, [](C& c) { c.merge = false; }, "mg", false},
        {"reserve=off", K::Ram, [](C& c) { c.reserve = false; }, "nr", true},
        {"reserve=off", K::Memfd, [](C& c) { c.reserve = false; }, "nr", true},
        {"reserve=off", K::File, [](C& c) { c.reserve = false; }, "nr", true},
        {"reserve=on", K::Ram, [](C& c) { c.reserve = true; }, "nr", false},
    };
    for (const auto& c : cases) {
        if (c.kind == K::Ram && c.set && std::string(c.flag) == "mg" &&
            access("/sys/kernel/mm/ksm", F_OK) != 0)
            continue;  // a kernel without KSM
        auto made = MemoryBackend::create(config_of(c.kind, c.change));
        ASSERT_TRUE(made) << c.name;
        Status allocated = (*made)->allocate({}, nullptr);
        ASSERT_TRUE(allocated) << c.name << ": " << allocated.error().text();
        const std::string flags = kernel_flags_of((*made)->ram().data());
        EXPECT_EQ(flags.find(strf(" %s ", c.flag)) != std::string::npos, c.set) << c.name << ": " << flags;
    }
}

// The line of the mapping that begins there: its policy and what it has where.
std::string numa_line_of(const void* start) {
    std::ifstream maps("/proc/self/numa_maps");
    const std::string begin = strf("%zx ", reinterpret_cast<size_t>(start));
    std::string line;
    while (std::getline(maps, line))
        if (line.compare(0, begin.size(), begin) == 0) return line + " ";
    return "";
}

TEST(MemoryBackend, EveryPolicyReachesTheMapping) {
    if (access("/proc/self/numa_maps", F_OK) != 0) GTEST_SKIP() << "kernel without NUMA";
    const struct {
        HostMemPolicy policy;
        const char* word;
    } cases[] = {{HostMemPolicy::Bind, " bind:0 "},
                 {HostMemPolicy::Preferred, " prefer:0 "},
                 {HostMemPolicy::Interleave, " interleave:0 "}};
    for (const auto& c : cases) {
        auto made = MemoryBackend::create(config_of(MemoryBackendKind::Ram, [&](auto& config) {
            config.policy = c.policy, config.host_nodes = {0};
        }));
        ASSERT_TRUE(made) << c.word;
        ASSERT_TRUE((*made)->allocate({}, nullptr)) << c.word;
        const std::string line = numa_line_of((*made)->ram().data());
        EXPECT_NE(line.find(c.word), std::string::npos) << line;
    }
}

// A file of 4 MiB full of 0x11, which goes with it.
class FileBackend : public testing::Test {
  protected:
    FileBackend() : path_("/tmp/penumbra-backend-test." + std::to_string(getpid())) {
        std::ofstream(path_) << std::string(4 * kMiB, '\x11');
    }
    ~FileBackend() override { unlink(path_.c_str()); }

    std::unique_ptr<MemoryBackend> allocated(const std::function<void(MemoryBackendConfig&)>& change) {
        auto made = MemoryBackend::create(config_of(MemoryBackendKind::File, [&](MemoryBackendConfig& c) {
            c.mem_path = path_;
            change(c);
        }));
        if (!made || !(*made)->allocate({}, nullptr)) return nullptr;
        return std::move(made).take_value();
    }
    blkcnt_t blocks() const {
        struct stat info = {};
        EXPECT_EQ(stat(path_.c_str(), &info), 0);
        return info.st_blocks;
    }
    const std::string path_;
};

TEST_F(FileBackend, DiscardDataGivesTheBlocksBack) {
    auto kept = allocated([](auto& c) { c.share = true, c.discard_data = false; });
    ASSERT_TRUE(kept);
    kept.reset();
    EXPECT_GT(blocks(), 0);
    auto dropped = allocated([](auto& c) { c.share = true, c.discard_data = true; });
    ASSERT_TRUE(dropped);
    EXPECT_EQ(dropped->ram().data()[0], 0x11);
    dropped.reset();
    EXPECT_EQ(blocks(), 0);
}

TEST_F(FileBackend, AlignPlacesTheMapping) {
    auto made = allocated([](auto& c) { c.align = kGiB; });
    ASSERT_TRUE(made);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(made->ram().data()) % kGiB, 0u);
}

TEST_F(FileBackend, ReadonlyRamLeavesTheFileAlone) {
    ASSERT_EQ(chmod(path_.c_str(), 0400), 0);
    auto made = allocated([](auto& c) { c.readonly = true, c.rom = "off", c.share = false; });
    ASSERT_TRUE(made);
    EXPECT_EQ(made->ram().data()[5], 0x11);
    made->ram().data()[5] = 0x22;
    EXPECT_EQ(made->ram().data()[5], 0x22);
    made.reset();
    auto contents = read_file(path_, 4 * kMiB);
    ASSERT_TRUE(contents);
    EXPECT_EQ(*contents, std::vector<uint8_t>(4 * kMiB, 0x11));
}

TEST_F(FileBackend, AMadeFileGoesUnlessItIsKept) {
    unlink(path_.c_str());
    for (bool keep : {false, true}) {
        auto made = allocated([](auto& c) { c.share = true; });
        ASSERT_TRUE(made);
        EXPECT_EQ(access(path_.c_str(), F_OK), 0);
        if (keep) made->keep_file();
        made.reset();
        EXPECT_EQ(access(path_.c_str(), F_OK) == 0, keep);
    }
    ASSERT_TRUE(allocated([](auto&) {}));
    EXPECT_EQ(access(path_.c_str(), F_OK), 0) << "a file that was there stays";
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
