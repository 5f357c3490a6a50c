// KVM's statistics: files as the kernel writes them, files that end early or say what is not known, and the
// way from the vCPU's descriptor to them.
#include "accel/kvm/stats.h"

#include <gtest/gtest.h>

#include <cstring>

#include "accel/kvm/vcpu_set.h"
#include "tests/unit/accel/kvm/fake_world.h"

namespace vmm::kvm {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr size_t kDescription = 16;  // without its name

struct Row {
    const char* name;
    uint32_t flags;
    int16_t exponent = 0;
    std::vector<uint64_t> values = {0};
    uint32_t bucket = 0;
};

template <typename T>
void put(Bytes& out, size_t at, const T& value) {
    if (out.size() < at + sizeof value) out.resize(at + sizeof value);
    std::memcpy(out.data() + at, &value, sizeof value);
}

Bytes file_of(const std::vector<Row>& rows) {
    constexpr uint32_t kName = 48;
    Bytes out;
    kvm_stats_header header{};
    header.name_size = kName;
    header.num_desc = static_cast<uint32_t>(rows.size());
    header.id_offset = sizeof header;
    header.desc_offset = sizeof header + kName;
    header.data_offset = header.desc_offset + header.num_desc * (uint32_t{kDescription} + kName);
    put(out, 0, header);
    uint32_t offset = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
        const size_t at = header.desc_offset + i * (kDescription + kName);
        put(out, at, rows[i].flags);
        put(out, at + 4, rows[i].exponent);
        put(out, at + 6, static_cast<uint16_t>(rows[i].values.size()));
        put(out, at + 8, offset);
        put(out, at + 12, rows[i].bucket);
        out.resize(at + kDescription + kName);
        std::strcpy(static_cast<char*>(static_cast<void*>(out.data() + at + kDescription)), rows[i].name);
        offset += static_cast<uint32_t>(rows[i].values.size() * sizeof(uint64_t));
    }
    for (const Row& row : rows)
        for (uint64_t value : row.values)
            put(out, out.size(), value);
    return out;
}

const std::vector<Row> kUsual = {
    {"exits", 0, 0, {1234}},
    {"pages_4k", KVM_STATS_TYPE_INSTANT, 0, {7}},
    {"max_rmap", KVM_STATS_TYPE_PEAK, 0, {9}},
    {"halt_wait_ns", KVM_STATS_UNIT_SECONDS, -9, {55}},
    {"halt_wait_hist", KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_SECONDS, -9, {1, 2, 3}},
    {"sizes", KVM_STATS_TYPE_LINEAR_HIST | KVM_STATS_UNIT_BYTES | KVM_STATS_BASE_POW2, 10, {4, 5}, 16},
    {"guest_mode", KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BOOLEAN, 0, {1}},
};

TEST(KvmStats, WhatTheKernelWrites) {
    const auto got = parse_statistics(file_of(kUsual));
    ASSERT_TRUE(got);
    ASSERT_EQ(got->size(), kUsual.size());
    EXPECT_EQ((*got)[0].name, "exits");
    EXPECT_EQ((*got)[0].values, std::vector<uint64_t>{1234});
    EXPECT_EQ((*got)[0].kind, Statistic::Kind::Cumulative);
    EXPECT_EQ((*got)[1].kind, Statistic::Kind::Instant);
    EXPECT_EQ((*got)[2].kind, Statistic::Kind::Peak);
    EXPECT_EQ((*got)[3].unit, Statistic::Unit::Seconds);
    EXPECT_EQ((*got)[3].exponent, -9);
    EXPECT_EQ((*got)[3].base, 10);
    EXPECT_EQ((*got)[4].kind, Statistic::Kind::Log2Histogram);
    EXPECT_EQ((*got)[4].values, (std::vector<uint64_t>{1, 2, 3}));
    EXPECT_EQ((*got)[4].bucket_size, 0u);
    EXPECT_EQ((*got)[5].bucket_size, 16u);
    EXPECT_EQ((*got)[5].base, 2);
    EXPECT_EQ((*got)[6].unit, Statistic::Unit::Boolean);
}

TEST(KvmStats, WhatIsNotKnownIsLeftOut) {
    const auto got = parse_statistics(file_of({{"type", 5},
                                               {"unit", 5u << KVM_STATS_UNIT_SHIFT},
                                               {"base", 2u << KVM_STATS_BASE_SHIFT},
                                               {"nothing", 0, 0, {}},
                                               {"known", 0, 0, {1}}}));
    ASSERT_TRUE(got);
    ASSERT_EQ(got->size(), 1u);
    EXPECT_EQ((*got)[0].name, "known");
}

TEST(KvmStats, EveryEndThatComesEarlyIsAnError) {
    const Bytes whole = file_of(kUsual);
    for (size_t size = 0; size < whole.size(); ++size)
        ASSERT_FALSE(parse_statistics(std::span(whole).first(size))) << size;
    EXPECT_TRUE(parse_statistics(whole));
}

TEST(KvmStats, NamesWithoutAnEndStayInTheirPlace) {
    const std::string longest(47, 'x');
    const auto got = parse_statistics(file_of({{longest.c_str(), 0}}));
    ASSERT_TRUE(got);
    EXPECT_EQ((*got)[0].name, longest);
    Bytes file = file_of({{"a", 0}});
    const size_t name = sizeof(kvm_stats_header) + 48 + kDescription;
    std::fill_n(file.begin() + static_cast<ptrdiff_t>(name), 48, 'y');
    const auto full = parse_statistics(file);
    ASSERT_TRUE(full);
    EXPECT_EQ((*full)[0].name, std::string(48, 'y'));
}

TEST(KvmStats, KernelsWithoutThemHaveNone) {
    FakeWorld world;
    world.add_vcpus(1);
    EXPECT_EQ(world.vcpus().statistics(VcpuId(0))->size(), 0u);
    EXPECT_EQ(world.vcpus().machine_statistics()->size(), 0u);
    EXPECT_EQ(world.fake.count(KVM_GET_STATS_FD), 0u);
}

TEST(KvmStats, OneDescriptorAndFreshFigures) {
    FakeWorld world;
    world.fake.statistics = file_of({{"exits", 0, 0, {1}}});
    world.fake.vm_caps[KVM_CAP_BINARY_STATS_FD] = 1;
    world.add_vcpus(2);
    world.vcpus().resume_all();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ((*world.vcpus().statistics(VcpuId(1)))[0].values[0], 1u);
        EXPECT_EQ((*world.vcpus().machine_statistics())[0].name, "exits");
    }
    EXPECT_EQ(world.fake.count(KVM_GET_STATS_FD), 2u) << "one of the vCPU, one of the VM";
    world.vcpus().pause_all();
    world.fake.fail(KVM_GET_STATS_FD, EMFILE);
    const auto failed = world.vcpus().statistics(VcpuId(0));
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message().find("KVM_GET_STATS_FD"), std::string::npos);
    EXPECT_TRUE(world.vcpus().statistics(VcpuId(0))) << "and the next one works";
}

}  // namespace
}  // namespace vmm::kvm
