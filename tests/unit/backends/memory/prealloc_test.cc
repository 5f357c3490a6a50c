// Preallocation reaches every page, with any number of threads; NUMA policies are checked against the host.
#include "backends/memory/prealloc.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "backends/memory/host_mapping.h"
#include "util/align.h"

namespace vmm {
namespace {

uint64_t resident_pages(std::span<uint8_t> mapping) {
    std::vector<unsigned char> there(mapping.size() / kPageSize);
    EXPECT_EQ(mincore(mapping.data(), mapping.size(), there.data()), 0);
    return static_cast<uint64_t>(
        std::count_if(there.begin(), there.end(), [](unsigned char c) { return (c & 1) != 0; }));
}

TEST(Prealloc, MappingIsWholeWithAnyNumberOfThreads) {
    for (unsigned threads : {1u, 3u, 64u, 5000u}) {
        auto made = map_anonymous({.size = 3 * kMiB + 5 * kPageSize});
        ASSERT_TRUE(made);
        ASSERT_EQ(resident_pages(made->region.bytes()), 0u);
        auto status = prealloc_mapping(made->region.bytes(), {.threads = threads});
        ASSERT_TRUE(status) << status.error().message();
        EXPECT_EQ(resident_pages(made->region.bytes()), made->region.size() / kPageSize) << threads;
    }
}

TEST(Prealloc, DescriptorIsFilled) {
    auto made = map_memfd({.name = "m", .size = 8 * kMiB});
    ASSERT_TRUE(made);
    auto policy = NumaPolicy::make(HostMemPolicy::Bind, {online_host_nodes()[0]});
    ASSERT_TRUE(policy) << policy.error().message();
    auto status = prealloc_descriptor(made->fd.get(), 8 * kMiB, {.threads = 2, .policy = &*policy});
    ASSERT_TRUE(status) << status.error().message();
    struct stat info = {};
    ASSERT_EQ(fstat(made->fd.get(), &info), 0);
    EXPECT_EQ(info.st_blocks * 512, static_cast<off_t>(8 * kMiB));
}

TEST(Prealloc, FailureNamesTheCall) {
    auto status = prealloc_descriptor(-1, kMiB, {.threads = 2});
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().text().find("fallocate"), std::string::npos) << status.error().text();
}

TEST(NumaPolicy, NodesAndPolicyBelongTogether) {
    EXPECT_TRUE(NumaPolicy::make(HostMemPolicy::Default, {}));
    EXPECT_FALSE(NumaPolicy::make(HostMemPolicy::Default, {0}));
    EXPECT_FALSE(NumaPolicy::make(HostMemPolicy::Bind, {}));
    auto missing = NumaPolicy::make(HostMemPolicy::Bind, {1023});
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message().find("node 1023, which this host does not have"), std::string::npos)
        << missing.error().message();
}

TEST(NumaPolicy, BindsAMapping) {
    auto policy = NumaPolicy::make(HostMemPolicy::Interleave, {online_host_nodes()[0]});
    ASSERT_TRUE(policy);
    auto made = map_anonymous({.size = kMiB});
    ASSERT_TRUE(made);
    auto status = policy->bind_mapping(made->region.bytes());
    EXPECT_TRUE(status) << status.error().message();
}

}  // namespace
}  // namespace vmm
