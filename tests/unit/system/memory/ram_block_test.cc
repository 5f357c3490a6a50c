// RAM blocks on real host memory: each kind is freed by the call that works for it.
#include "system/memory/ram_block.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "system/memory/ram_registry.h"
#include "tests/fakes/fake_memory_host.h"

namespace vmm {
namespace {

constexpr uint64_t kSize = 16 * kPageSize;
RamRange pages(uint64_t first, uint64_t count) {
    return RamRange::of(RamOffset(first * kPageSize), count * kPageSize);
}

RamBlock::Config mapped(int flags, Fd fd = Fd(), uint64_t fd_offset = 0) {
    RamBlock::Config config;
    config.id = "ram";
    config.mapping =
        MappedRegion::map(kSize, PROT_READ | PROT_WRITE, flags, fd.get(), fd_offset).take_value();
    config.fd = std::move(fd);
    config.fd_offset = fd_offset;
    config.sharing = (flags & MAP_SHARED) != 0 ? RamSharing::Shared : RamSharing::Private;
    return config;
}
Fd memfd(uint64_t size) {
    Fd fd(::memfd_create("test", MFD_CLOEXEC));
    EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
    return fd;
}

void expect_discard_frees(RamBlock& block) {
    std::memset(block.data(), 0x5a, kSize);
    EXPECT_EQ(block.resident_shared(block.whole()), kSize);
    ASSERT_TRUE(block.discard_shared(pages(4, 8)));
    EXPECT_EQ(block.resident_shared(block.whole()), kSize / 2);
    EXPECT_EQ(block.data()[4 * kPageSize - 1], 0x5a);
    EXPECT_EQ(block.data()[4 * kPageSize], 0);
    EXPECT_EQ(block.data()[12 * kPageSize - 1], 0);
    EXPECT_EQ(block.data()[12 * kPageSize], 0x5a);
}

TEST(RamBlock, anonymousPrivateMemoryIsFreed) {
    RamBlock block(mapped(MAP_PRIVATE | MAP_ANONYMOUS));
    expect_discard_frees(block);
    EXPECT_EQ(block.fd(), -1);
}
TEST(RamBlock, anonymousSharedMemoryIsFreed) {
    RamBlock block(mapped(MAP_SHARED | MAP_ANONYMOUS));
    expect_discard_frees(block);
}
TEST(RamBlock, sharedMemfdIsFreedAtItsOffset) {
    RamBlock block(mapped(MAP_SHARED, memfd(2 * kSize), kSize));
    expect_discard_frees(block);
    EXPECT_GE(block.fd(), 0);
}
TEST(RamBlock, privateFileMappingFallsBackToTheFileWhichStays) {
    Fd fd = memfd(kSize);
    ASSERT_EQ(::pwrite(fd.get(), "F", 1, 0), 1);
    Fd other = fd.duplicate().take_value();
    RamBlock block(mapped(MAP_PRIVATE, std::move(fd)));
    block.data()[0] = 'G';
    ASSERT_TRUE(block.discard_shared(pages(0, 1)));
    EXPECT_EQ(block.data()[0], 'F');
    char in_file = 0;
    ASSERT_EQ(::pread(other.get(), &in_file, 1, 0), 1);
    EXPECT_EQ(in_file, 'F');
}
TEST(RamBlock, mappableGuestMemfdIsTheRamItself) {
    FakeGmemFactory factory;
    RamBlock::Config config;
    config.id = "ram";
    config.gmem = Gmem::create(factory, {.size = kSize, .mappable = true, .init_shared = true}).take_value();
    config.mapping =
        MappedRegion::map(kSize, PROT_READ | PROT_WRITE, MAP_SHARED, config.gmem->fd()).take_value();
    config.sharing = RamSharing::Shared;
    RamBlock block(std::move(config));
    EXPECT_FALSE(block.has_private_side());
    EXPECT_EQ(block.fd(), block.gmem()->fd());
    expect_discard_frees(block);
    EXPECT_EQ(block.resident_on_both_sides(block.whole()), 0u);
}

TEST(RamBlock, bothSidesAreCountedPageByPage) {
    auto block = fake_private_ram("ram", kSize);
    if (!block->resident_private(block->whole())) GTEST_SKIP() << "this kernel has no cachestat";
    std::memset(block->data(), 1, 8 * kPageSize);
    ASSERT_TRUE(block->gmem()->preallocate(GmemRange::of(GmemOffset(5 * kPageSize), 6 * kPageSize)));
    EXPECT_EQ(block->resident_private(block->whole()), 6 * kPageSize);
    EXPECT_EQ(block->resident_on_both_sides(block->whole()), 3 * kPageSize);
    ASSERT_TRUE(block->discard_private(pages(5, 1)));
    EXPECT_EQ(block->resident_on_both_sides(block->whole()), 2 * kPageSize);
}

TEST(Gmem, isCloseOnExecWhateverTheFactoryMade) {
    FakeGmemFactory factory;
    auto gmem = Gmem::create(factory, {.size = kSize}).take_value();
    EXPECT_NE(::fcntl(gmem->fd(), F_GETFD) & FD_CLOEXEC, 0);
    factory.refuse = EINVAL;
    auto refused = Gmem::create(factory, {.size = kSize});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().number(), EINVAL);
}

TEST(RamRegistry, findsByIdAndByHostAddress) {
    auto a = RamBlock::anonymous("a", kSize).take_value();
    auto b = RamBlock::anonymous("b", 100).take_value();
    EXPECT_EQ(b->size(), kPageSize);
    RamRegistry registry;
    ASSERT_TRUE(registry.add(*a));
    ASSERT_TRUE(registry.add(*b));
    EXPECT_FALSE(registry.add(*a));
    EXPECT_EQ(registry.find("b"), b.get());
    EXPECT_EQ(registry.find("c"), nullptr);
    RamPlace place = registry.find_host(a->data() + 5);
    EXPECT_EQ(place.block, a.get());
    EXPECT_EQ(place.offset, RamOffset(5));
    EXPECT_EQ(registry.find_host(a->data() + kSize).block == a.get(), false);
    registry.remove(*a);
    EXPECT_EQ(registry.find_host(a->data() + 5).block, nullptr);
    EXPECT_EQ(registry.blocks().size(), 1u);
}

// Needs huge pages to be reserved on this host.
TEST(RamBlock, hugePagesAreFreedWhole) {
    constexpr uint64_t kHuge = 2 * kMiB;
    Fd fd(::memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | (21u << MAP_HUGE_SHIFT)));
    if (!fd || ::ftruncate(fd.get(), 2 * kHuge) != 0) GTEST_SKIP() << "no hugetlb here";
    auto region = MappedRegion::map(2 * kHuge, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
    if (!region) GTEST_SKIP() << "no huge pages are reserved on this host";
    RamBlock::Config config;
    config.id = "huge";
    config.mapping = std::move(region).take_value();
    config.fd = std::move(fd);
    config.sharing = RamSharing::Shared;
    config.page_size = kHuge;
    RamBlock block(std::move(config));
    std::memset(block.data(), 1, 2 * kHuge);
    ASSERT_TRUE(block.discard_shared(RamRange::of(RamOffset(kHuge), kHuge)));
    EXPECT_EQ(block.data()[0], 1);
    EXPECT_EQ(block.data()[kHuge], 0);
}

}  // namespace
}  // namespace vmm
