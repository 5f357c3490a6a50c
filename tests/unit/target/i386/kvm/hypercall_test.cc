// Conversion requests by hypercall: what is accepted, refused to the guest, and fatal.
#include "target/i386/kvm/hypercall.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/accel/kvm/fake_world.h"

namespace vmm::kvm {
namespace {

constexpr uint64_t kRefused = static_cast<uint64_t>(-EINVAL);

abi::HypercallExit request(uint64_t gpa, uint64_t pages, uint64_t attributes) {
    return {abi::kHypercallMapGpaRange, {gpa, pages, attributes, 0, 0, 0}, 0, 1};
}

TEST(Hypercall, convertsBothWays) {
    ScriptedConverter converter;
    EXPECT_EQ(serve_hypercall(request(0x200000, 512, 0x11), &converter).result, 0u);
    EXPECT_EQ(serve_hypercall(request(0x200000, 1, 0), &converter).result, 0u);
    ASSERT_EQ(converter.asked.size(), 2u);
    EXPECT_EQ(converter.asked[0].first, GpaRange::of(Gpa(0x200000), 0x200000));
    EXPECT_EQ(converter.asked[0].second, Visibility::Private);
    EXPECT_EQ(converter.asked[1].second, Visibility::Shared);
}

TEST(Hypercall, badRequestsAreRefusedToTheGuest) {
    ScriptedConverter converter;
    for (const abi::HypercallExit& bad :
         {request(0x200001, 1, 0), request(0x200000, 0, 0), request(0x200000, 1, 0x20),
          request(0x200000, uint64_t{1} << 52, 0), request(0x200000, ~uint64_t{0}, 0),
          request(~uint64_t{0xfff}, 2, 0)}) {
        HypercallAnswer answer = serve_hypercall(bad, &converter);
        EXPECT_EQ(answer.result, kRefused);
        EXPECT_FALSE(answer.fatal);
    }
    EXPECT_TRUE(converter.asked.empty());
}

TEST(Hypercall, outcomesBecomeAnswers) {
    ScriptedConverter converter;
    using Outcome = GuestConverter::Outcome;
    converter.answer = {Outcome::Unchanged, ""};
    EXPECT_EQ(serve_hypercall(request(0x1000, 1, 0), &converter).result, 0u);
    converter.answer = {Outcome::Refused, "a hole"};
    EXPECT_EQ(serve_hypercall(request(0x1000, 1, 0), &converter).result, kRefused);
    converter.answer = {Outcome::Failed, "no memory"};
    HypercallAnswer failed = serve_hypercall(request(0x1000, 1, 0), &converter);
    EXPECT_EQ(failed.result, static_cast<uint64_t>(-EFAULT));
    EXPECT_FALSE(failed.fatal);
    converter.answer = {Outcome::Inconsistent, "twice"};
    HypercallAnswer broken = serve_hypercall(request(0x1000, 1, 0), &converter);
    ASSERT_TRUE(broken.fatal);
    EXPECT_NE(broken.fatal->text().find("twice"), std::string::npos);
}

TEST(Hypercall, unknownCallsAndMachinesWithoutConversion) {
    ScriptedConverter converter;
    abi::HypercallExit other = request(0x1000, 1, 0);
    other.number = 11;
    EXPECT_EQ(serve_hypercall(other, &converter).result, static_cast<uint64_t>(-1000));
    EXPECT_EQ(serve_hypercall(request(0x1000, 1, 0), nullptr).result, static_cast<uint64_t>(-1000));
    EXPECT_TRUE(converter.asked.empty());
}

// Whatever the guest puts into its registers: either a good range reaches the engine, or the guest gets an
// error.
TEST(Hypercall, anyRegistersAreAnswered) {
    std::mt19937_64 random(3);
    ScriptedConverter converter;
    for (int i = 0; i < 200000; i++) {
        auto value = [&] { return random() >> (random() % 64) << (random() % 3 == 0 ? 12 : 0); };
        converter.asked.clear();
        HypercallAnswer answer = serve_hypercall(request(value(), value(), value() & 0x3f), &converter);
        if (answer.result == 0) {
            ASSERT_EQ(converter.asked.size(), 1u);
            ASSERT_TRUE(converter.asked[0].first.aligned(kPageSize));
        } else {
            ASSERT_EQ(answer.result, kRefused);
            ASSERT_TRUE(converter.asked.empty());
        }
    }
}

}  // namespace
}  // namespace vmm::kvm
