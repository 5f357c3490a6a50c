// The conversion engine against a model that is one flag a page: random conversions over two backends, the
// 4 GiB split, holes, MMIO, plain RAM, huge pages and a window that comes and goes, with a failure at every
// step. After each call the kernel's attributes, the visibility maps, what devices have mapped and which
// pages are there are compared.
#include <gtest/gtest.h>

#include <random>

#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "system/memory/topology.h"
#include "tests/fakes/fake_memory_host.h"
#include "util/align.h"

namespace vmm {
namespace {

constexpr uint64_t kPage = kPageSize;
constexpr uint64_t kHigh = 4 * kGiB / kPage;  // page number of 4 GiB
constexpr uint64_t kHugePages = 8;            // 4 KiB pages in a host page of node 2
constexpr uint64_t kWindowFirst = 16, kWindowPages = 16;

class NoOps : public IoOps {
  public:
    uint64_t read(uint64_t, unsigned) override { return 0; }
    void write(uint64_t, uint64_t, unsigned) override {}
};

// One guest-physical page of the model.
struct Page {
    uint64_t number;
    RamBlock* block = nullptr;  // with a private side; null: anything else
    RamOffset offset{0};
    Visibility visibility = Visibility::Shared;  // of the RAM
    Visibility kernel = Visibility::Shared;      // as the kernel should have it
    bool hidden = false;                         // by the window
    bool present = false;                        // someone touched it on its present side
};

// Without a listener a usual conversion goes its short way.
enum class Devices { None, Listen };

class Machine {
  public:
    Machine(unsigned seed, Devices devices) : random_(seed), devices_(devices) {
        Topology::Transaction transaction(topology_);
        topology_.add(root_, low0_, 0);
        topology_.add(root_, ram1_, 96 * kPage);
        topology_.add(root_, mmio_, 176 * kPage);
        topology_.add(root_, plain_, 184 * kPage);
        topology_.add(root_, ram2_, 192 * kPage);
        topology_.add(root_, high0_, kHigh * kPage);
        topology_.add(root_, window_, kWindowFirst * kPage, 1);
        topology_.set_enabled(window_, false);
        describe();
    }
    ~Machine() {
        if (devices_ == Devices::Listen) engine.remove_discard_listener(listener);
    }
    bool start() {
        return devices_ == Devices::None || static_cast<bool>(engine.add_discard_listener(listener));
    }

    uint64_t pick(uint64_t below) { return random_() % below; }
    struct Request {
        size_t first, count;  // in pages_
        Visibility to;
        GpaRange range;
    };
    Request random_request();
    bool all_can_be_private(const Request& request) const;
    void touch_some();
    void toggle_window();
    void reset();
    void apply(const Request& request);
    // Compares the pages around the request (or all) with everything there is.
    void check(size_t first, size_t count, bool changed_content_may_be_gone, Visibility to);
    void check_all() { check(0, pages_.size(), false, Visibility::Shared); }
    // After a failure that could not be taken back.
    void check_map_is_kernels();

  private:
    void describe();
    void place(uint64_t number, uint64_t count, RamBlock* block, uint64_t offset);
    bool huge_page_may_stay(const Page& page) const;

    std::mt19937 random_;
    const Devices devices_;
    std::unique_ptr<RamBlock> node0_ = fake_private_ram("node0", 128 * kPage);
    std::unique_ptr<RamBlock> node1_ = fake_private_ram("node1", 64 * kPage, Visibility::Private);
    std::unique_ptr<RamBlock> node2_ =
        fake_private_ram("node2", 32 * kPage, Visibility::Shared, kHugePages* kPage);
    std::unique_ptr<RamBlock> rom_ = RamBlock::anonymous("plain", 8 * kPage).take_value();
    NoOps ops_;
    Topology topology_;
    MemoryRegion root_ = MemoryRegion::container("root", MemoryRegion::kWholeSpace);
    AddressSpace space_{topology_, root_, "memory"};

  public:
    FailurePlan plan;
    FakeAttributeSink sink{plan};
    FakePageDropper dropper{plan};
    FakeDiscardListener listener{plan};
    VmWideAttributes model{sink};
    ConversionEngine engine{
        space_, sink, model, {.retry = {.attempts = 3, .pause_us = 0}, .dropper = &dropper}};

  private:
    MemoryRegion ram0_ = MemoryRegion::ram("node0", *node0_);
    MemoryRegion low0_ = MemoryRegion::alias("low", ram0_, 0, 96 * kPage);
    MemoryRegion high0_ = MemoryRegion::alias("high", ram0_, 96 * kPage, 32 * kPage);
    MemoryRegion ram1_ = MemoryRegion::ram("node1", *node1_);
    MemoryRegion ram2_ = MemoryRegion::ram("node2", *node2_);
    MemoryRegion plain_ = MemoryRegion::ram("plain", *rom_);
    MemoryRegion mmio_ = MemoryRegion::io("mmio", 8 * kPage, ops_);
    MemoryRegion window_ = MemoryRegion::io("window", kWindowPages* kPage, ops_);
    std::vector<Page> pages_;
    bool window_on_ = false;
};

void Machine::place(uint64_t number, uint64_t count, RamBlock* block, uint64_t offset) {
    for (uint64_t i = 0; i < count; ++i) {
        Page page{number + i};
        if (block != nullptr) {
            page.block = block;
            page.offset = RamOffset((offset + i) * kPage);
            page.visibility = page.kernel = block->initial_visibility();
        }
        pages_.push_back(page);
    }
}

void Machine::describe() {
    place(0, 96, node0_.get(), 0);
    place(96, 64, node1_.get(), 0);
    place(160, 32, nullptr, 0);  // hole, MMIO, plain RAM
    place(192, 32, node2_.get(), 0);
    place(224, 4, nullptr, 0);
    place(kHigh, 32, node0_.get(), 96);
    place(kHigh + 32, 4, nullptr, 0);
}

Machine::Request Machine::random_request() {
    size_t first = pick(pages_.size());
    // Small ones mostly, now and then one over everything.
    size_t most = pick(8) == 0 ? pages_.size() : 1 + pick(40);
    size_t count = 1 + pick(std::min(most, pages_.size() - first));
    Visibility to = pick(2) == 0 ? Visibility::Private : Visibility::Shared;
    GpaRange range = GpaRange::between(Gpa(pages_[first].number * kPage),
                                       Gpa(pages_[first + count - 1].number * kPage + kPage - 1));
    return {first, count, to, range};
}

bool Machine::all_can_be_private(const Request& r) const {
    if (r.range.size() != r.count * kPage) return false;  // over the hole below 4 GiB
    for (size_t i = r.first; i < r.first + r.count; ++i)
        if (pages_[i].block == nullptr || pages_[i].hidden) return false;
    return true;
}

void Machine::touch_some() {
    for (int i = 0; i < 4; ++i) {
        Page& page = pages_[pick(pages_.size())];
        if (page.block == nullptr) continue;
        page.present = true;
        dropper.touch(*page.block, RamRange::of(page.offset, kPage), page.visibility);
    }
}

void Machine::toggle_window() {
    window_on_ = !window_on_;
    topology_.set_enabled(window_, window_on_);
    for (size_t i = kWindowFirst; i < kWindowFirst + kWindowPages; ++i) {
        pages_[i].hidden = window_on_;
        // What shows in its place is shared.
        pages_[i].kernel = window_on_ ? Visibility::Shared : pages_[i].visibility;
    }
}

void Machine::reset() {
    ASSERT_TRUE(engine.reset());
    for (Page& page : pages_) {
        if (page.block == nullptr) continue;
        if (page.visibility != page.block->initial_visibility()) page.present = false;
        page.visibility = page.block->initial_visibility();
        if (!page.hidden) page.kernel = page.visibility;
    }
}

void Machine::apply(const Request& r) {
    for (size_t i = r.first; i < r.first + r.count; ++i) {
        Page& page = pages_[i];
        if (page.block == nullptr) continue;
        if (page.hidden || page.visibility == r.to) continue;
        page.visibility = page.kernel = r.to;
        page.present = false;
    }
}

// A huge page that is not wholly private keeps its shared memory.
bool Machine::huge_page_may_stay(const Page& page) const {
    if (page.block->page_size() == kPage || page.visibility == Visibility::Shared) return false;
    RamRange whole = RamRange::of(RamOffset(align_down(page.offset.raw(), page.block->page_size())),
                                  page.block->page_size());
    return !page.block->visibility().is_all(whole, Visibility::Private);
}

void Machine::check(size_t first, size_t count, bool changed_content_may_be_gone, Visibility to) {
    for (size_t i = first; i < first + count; ++i) {
        Page& page = pages_[i];
        ASSERT_EQ(sink.at(Gpa(page.number * kPage)), page.kernel) << "page " << page.number;
        if (page.block == nullptr) continue;
        ASSERT_EQ(page.block->visibility().at(page.offset), page.visibility) << "page " << page.number;
        const bool may_be_mapped = devices_ == Devices::Listen && page.visibility == Visibility::Shared;
        ASSERT_EQ(listener.mapped(*page.block, page.offset), may_be_mapped) << "page " << page.number;
        bool here = dropper.present(*page.block, page.offset, page.visibility);
        bool gone_is_fine = changed_content_may_be_gone && page.visibility != to;
        if (gone_is_fine) page.present = here;
        // A huge page's neighbours may have been touched while this page was private.
        if (page.block->page_size() == kPage || page.present) {
            ASSERT_EQ(here, page.present) << "page " << page.number;
        }
        bool other = dropper.present(*page.block, page.offset, opposite(page.visibility));
        if (!huge_page_may_stay(page)) {
            ASSERT_FALSE(other) << "page " << page.number << " on both sides";
        }
    }
    ASSERT_EQ(listener.mistakes, 0u);
}

void Machine::check_map_is_kernels() {
    for (const Page& page : pages_) {
        if (page.block == nullptr || page.hidden) continue;
        ASSERT_EQ(sink.at(Gpa(page.number * kPage)), page.block->visibility().at(page.offset))
            << "page " << page.number;
    }
}

class ConversionModel : public testing::TestWithParam<Devices> {};
INSTANTIATE_TEST_SUITE_P(Machines, ConversionModel, testing::Values(Devices::Listen, Devices::None));

TEST_P(ConversionModel, randomConversionsAgreeWithOneFlagAPage) {
    Machine m(20240607, GetParam());
    ASSERT_TRUE(m.start());
    uint64_t done = 0, refused = 0;
    for (int op = 0; op < 100000; ++op) {
        m.touch_some();
        if (m.pick(64) == 0) m.toggle_window();
        if (m.pick(512) == 0) m.reset();
        Machine::Request r = m.random_request();
        uint64_t attribute_calls = m.engine.stats().counters().calls.attribute;
        ConversionResult result = m.engine.convert(r.range, r.to);
        bool may = r.to == Visibility::Shared || m.all_can_be_private(r);
        ASSERT_EQ(result.outcome, may ? ConversionOutcome::Done : ConversionOutcome::GuestRefused);
        ++(may ? done : refused);
        if (may) m.apply(r);
        if (may && r.to == Visibility::Private) {
            ASSERT_LE(m.engine.stats().counters().calls.attribute, attribute_calls + 1);
        }
        m.check(r.first, r.count, false, r.to);
        if (op % 256 == 0) m.check_all();
        if (HasFatalFailure()) FAIL() << "operation " << op;
    }
    m.check_all();
    EXPECT_GT(done, 50000u);
    EXPECT_GT(refused, 5000u);
}

// The first call fails, then the second one does, ... until the conversion makes it.
TEST_P(ConversionModel, failureAtEveryStepIsTakenBack) {
    Machine m(7, GetParam());
    ASSERT_TRUE(m.start());
    const int errors[] = {EIO, ENOMEM, ENOSPC, EFAULT};
    uint64_t injections = 0;
    for (int op = 0; injections < 12000; ++op) {
        m.touch_some();
        if (m.pick(64) == 0) m.toggle_window();
        Machine::Request r = m.random_request();
        if (r.to == Visibility::Private && !m.all_can_be_private(r)) continue;
        for (uint64_t step = 1;; ++step) {
            m.plan.fail(step, 1, errors[op % 4]);
            ConversionResult result = m.engine.convert(r.range, r.to);
            bool hit = m.plan.failed() != 0;
            m.plan.none();
            injections += hit;
            ASSERT_EQ(result.outcome, hit ? ConversionOutcome::HostFailed : ConversionOutcome::Done);
            if (!hit) m.apply(r);
            m.check(r.first, r.count, hit, r.to);
            if (HasFatalFailure()) FAIL() << "operation " << op << " step " << step;
            if (!hit) break;
        }
        if (op % 64 == 0) m.check_all();
    }
    m.check_all();
}

// From the n-th call on everything fails, the taking back too.
TEST_P(ConversionModel, whenNothingWorksAnyMoreTheMapStillSaysWhatTheKernelHas) {
    uint64_t inconsistent = 0;
    for (unsigned seed = 0; seed < 1500; ++seed) {
        Machine m(seed, GetParam());
        ASSERT_TRUE(m.start());
        for (int op = 0; op < 5; ++op) {
            Machine::Request r = m.random_request();
            if (m.engine.convert(r.range, r.to).outcome == ConversionOutcome::Done) m.apply(r);
        }
        Machine::Request r = m.random_request();
        m.plan.fail(1 + m.pick(6), 1000000, EIO);
        ConversionResult result = m.engine.convert(r.range, r.to);
        m.plan.none();
        if (result.outcome == ConversionOutcome::HostFailed) m.check_all();
        if (result.outcome == ConversionOutcome::Inconsistent) ++inconsistent;
        m.check_map_is_kernels();
        if (HasFatalFailure()) FAIL() << "seed " << seed;
    }
    EXPECT_GT(inconsistent, 100u);
}

}  // namespace
}  // namespace vmm
