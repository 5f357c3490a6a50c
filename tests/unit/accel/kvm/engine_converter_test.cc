// The conversion engine behind the vCPUs' exits: each outcome arrives as what it is, with its reason.
#include "accel/kvm/engine_converter.h"

#include <gtest/gtest.h>

#include "system/memory/region.h"
#include "system/memory/topology.h"
#include "tests/fakes/fake_memory_host.h"

namespace vmm::kvm {
namespace {

GpaRange page(uint64_t number) {
    return GpaRange::of(Gpa(number * kPageSize), kPageSize);
}

TEST(EngineConverter, outcomesArriveWithTheirReasons) {
    auto block = fake_private_ram("ram", 4 * kPageSize);
    Topology topology;
    MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    AddressSpace space(topology, root, "memory");
    FailurePlan plan;
    FakeAttributeSink sink(plan);
    FakePageDropper dropper(plan);
    VmWideAttributes model(sink);
    ConversionEngine engine(space, sink, model, {.retry = {.attempts = 1}, .dropper = &dropper});
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    topology.add(root, ram, 0);
    EngineConverter converter(engine, Prefault::Yes);

    EXPECT_EQ(converter.convert(page(0), Visibility::Private).outcome, GuestConverter::Outcome::Done);
    EXPECT_EQ(sink.prefaulted.size(), 1u);
    EXPECT_EQ(converter.convert(page(0), Visibility::Private).outcome, GuestConverter::Outcome::Unchanged);
    GuestConverter::Answer refused = converter.convert(page(9), Visibility::Private);
    EXPECT_EQ(refused.outcome, GuestConverter::Outcome::Refused);
    EXPECT_NE(refused.why.find("nothing is at 0x9000"), std::string::npos) << refused.why;
    plan.fail(1, 1, ENOMEM);
    GuestConverter::Answer failed = converter.convert(page(1), Visibility::Private);
    EXPECT_EQ(failed.outcome, GuestConverter::Outcome::Failed);
    EXPECT_NE(failed.why.find("KVM_SET_MEMORY_ATTRIBUTES"), std::string::npos) << failed.why;
    plan.fail(2, 100, EIO);
    EXPECT_EQ(converter.convert(page(1), Visibility::Private).outcome, GuestConverter::Outcome::Inconsistent);
}

}  // namespace
}  // namespace vmm::kvm
