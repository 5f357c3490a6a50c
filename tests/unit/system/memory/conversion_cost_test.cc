// What the usual conversion costs beside its two system calls, in what can be counted the same everywhere:
// no allocation, and one lock taken on the way in and one on the way out.
#include <gtest/gtest.h>

#include <cstdlib>

#include "system/memory/conversion.h"
#include "system/memory/region.h"
#include "system/memory/topology.h"
#include "tests/fakes/fake_memory_host.h"

namespace {
thread_local uint64_t allocations = 0;
}

void* operator new(size_t size) {
    ++allocations;
    void* got = std::malloc(size != 0 ? size : 1);
    CHECK(got != nullptr, "out of memory");
    return got;
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
    std::free(memory);
}

namespace vmm {
namespace {

// The fakes keep lists.
class SilentSink final : public AttributeSink {
  public:
    Status set_visibility(GpaRange, Visibility) override {
        ++calls;
        return {};
    }
    bool has_private_memory() const override { return true; }
    void prefault(GpaRange) override {}
    uint64_t calls = 0;
};
class SilentDropper final : public PageDropper {
  public:
    Status drop_shared(RamBlock&, RamRange) override { return count(); }
    Status drop_private(RamBlock&, RamRange) override { return count(); }
    Status count() {
        ++calls;
        return {};
    }
    uint64_t calls = 0;
};

TEST(ConversionCost, usualConversionTakesTwoLocksAndNoMemory) {
    constexpr uint64_t kChunk = 128 << 20;
    std::unique_ptr<RamBlock> block = fake_private_ram("ram", 2 * kChunk, Visibility::Private);
    Topology topology;
    MemoryRegion root = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    AddressSpace space(topology, root, "memory");
    SilentSink sink;
    SilentDropper dropper;
    VmWideAttributes model(sink);
    ConversionEngine engine(space, sink, model, {.retry = {}, .dropper = &dropper});
    MemoryRegion ram = MemoryRegion::ram("ram", *block);
    topology.add(root, ram, 0);
    // A page, a word of the map, several words, over the end of a chunk of the map.
    for (GpaRange range : {GpaRange::of(Gpa(16 << 20), kPageSize), GpaRange::of(Gpa(0), 64 * kPageSize),
                           GpaRange::of(Gpa(3 * kPageSize), 512 * kPageSize),
                           GpaRange::of(Gpa(kChunk - kPageSize), 2 * kPageSize)}) {
        for (int round = 0; round < 3; ++round) {
            for (Visibility to : {Visibility::Shared, Visibility::Private}) {
                const uint64_t memory = allocations, locks = HeldLocks::mine().taken();
                const uint64_t sets = sink.calls, drops = dropper.calls;
                ConversionResult result = engine.convert(range, to);
                const uint64_t allocated = allocations - memory, taken = HeldLocks::mine().taken() - locks;
                if (round != 0) {  // the first time, the maps grow
                    EXPECT_EQ(allocated, 0u);
                    EXPECT_EQ(taken, 2u);
                }
                EXPECT_EQ(result.bytes_changed, range.size());
                EXPECT_EQ(sink.calls - sets, 1u);
                EXPECT_EQ(dropper.calls - drops, 1u);
            }
        }
    }
}

}  // namespace
}  // namespace vmm
