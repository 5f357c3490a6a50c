// Crashes: the writes of a run are recorded and the file is rebuilt as a crash at any point may have left it:
// cut after each write in order, or with everything before the last sync and any part of what came after.
// Such an image must have no damage but leaked clusters, and what was flushed must be there.
#include <algorithm>
#include <random>

#include "tests/unit/backends/block/qcow2/model_priv.h"

namespace vmm::qcow2 {
namespace {

constexpr uint64_t kUnit =
    512;  // what the tests write and judge: a unit has one of its versions, never a mixture

// A disk of numbered units; each write gives its units a new number, remembered with the state of the log.
class CrashRun {
  public:
    CrashRun(const CreateOptions& make, const OpenOptions& how, uint64_t backing_units, bool full)
        : make_(make), how_(how), full_(full), versions_(make.size / kUnit) {
        std::vector<uint8_t> below(backing_units * kUnit);
        for (uint64_t unit = 0; unit < backing_units; ++unit) {
            fill({&below[unit * kUnit], kUnit}, static_cast<uint32_t>(unit + 1));
            if (unit < versions_.size()) versions_[unit].push_back({0, static_cast<uint32_t>(unit + 1)});
        }
        for (auto& unit : versions_)
            if (unit.empty()) unit.push_back({0, 0});
        if (backing_units) backing_ = std::make_unique<MemoryBacking>(std::move(below));
        EXPECT_TRUE(create_image(file_, make));
        image_ = open(file_);
        if (full) {
            write(0, versions_.size());
            flush();
            for (auto& unit : versions_)
                unit.erase(unit.begin());
            flushes_.clear();
        }
        start_ = file_.data;
        file_.record = true;
    }

    void run(uint32_t seed, int steps) {
        std::mt19937 random(seed);
        for (int i = 0; i < steps; ++i) {
            uint64_t first = random() % versions_.size();
            uint64_t count =
                std::min<uint64_t>(1 + random() % (random() % 4 ? 6 : 60), versions_.size() - first);
            if (i % 20 == 10) grow(1 + random() % 300);
            switch (random() % 8) {
                case 0:
                    write_zeroes(first, count, random() % 2);
                    break;
                case 1:
                    discard(first, count);
                    break;
                case 2:
                    flush();
                    break;
                default:
                    write(first, count);
            }
        }
        if (seed % 2) {
            EXPECT_TRUE(image_->close());
        }
        image_.reset();
    }

    // After the n-th event of the log, all before it in place.
    void cut_everywhere() {
        std::vector<uint8_t> state = start_;
        for (size_t n = 0; n <= file_.events.size() && !testing::Test::HasFatalFailure(); ++n) {
            judge(state, flushed_before(n), n);
            if (n == file_.events.size()) break;
            const auto& event = file_.events[n];
            if (!event.sync) MemoryImageFile::apply(state, event.offset, event.bytes);
        }
    }
    // Everything before the last sync, then any writes of those after it, in any order.
    void lose_and_reorder(uint32_t seed) {
        std::mt19937 random(seed);
        std::vector<uint8_t> durable = start_;
        size_t epoch = 0;
        for (size_t n = 0; n < file_.events.size() && !testing::Test::HasFatalFailure(); ++n) {
            if (!file_.events[n].sync && n + 1 < file_.events.size()) continue;
            for (int tries = 0; tries < 4; ++tries) {
                std::vector<size_t> some;
                for (size_t i = epoch; i < n; ++i)
                    if (random() % 2) some.push_back(i);
                std::vector<uint8_t> state = durable;
                for (size_t i : some) {
                    const auto& event = file_.events[i];
                    size_t cut = 0;
                    // A long write may get there in part.
                    if (random() % 4 == 0 && event.bytes.size() > kUnit)
                        cut = random() % (event.bytes.size() / kUnit) * kUnit;
                    MemoryImageFile::apply(state, event.offset + cut, std::span(event.bytes).subspan(cut));
                }
                judge(state, flushed_before(epoch), n);
            }
            for (; epoch <= n; ++epoch)
                if (!file_.events[epoch].sync)
                    MemoryImageFile::apply(durable, file_.events[epoch].offset, file_.events[epoch].bytes);
        }
    }

  private:
    struct Version {
        size_t event;  // the log's length when the write began
        uint32_t number;
    };
    static void fill(std::span<uint8_t> unit, uint32_t number) {
        for (size_t i = 0; i < unit.size(); i += 4)
            std::memcpy(&unit[i], &number, 4);
    }
    std::unique_ptr<Image> open(MemoryImageFile& file) {
        auto opened = Image::open(file, how_);
        EXPECT_TRUE(opened) << opened.error().message();
        if (!opened) return nullptr;
        auto image = std::move(opened).take_value();
        image->set_backing(backing_.get());
        return image;
    }
    void note(uint64_t first, uint64_t count, uint32_t number) {
        for (uint64_t unit = first; unit < first + count; ++unit)
            versions_[unit].push_back({file_.events.size(), number});
    }
    void write(uint64_t first, uint64_t count) {
        std::vector<uint8_t> bytes(count * kUnit);
        fill(bytes, ++number_);
        note(first, count, number_);
        EXPECT_TRUE(image_->write(first * kUnit, bytes));
    }
    void write_zeroes(uint64_t first, uint64_t count, bool keep) {
        note(first, count, 0);
        EXPECT_TRUE(image_->write_zeroes(first * kUnit, count * kUnit, keep));
    }
    void discard(uint64_t first, uint64_t count) {
        uint64_t per = make_.cluster_size / kUnit;
        uint64_t from = (first + per - 1) / per * per, to = (first + count) / per * per;
        if (first + count == versions_.size()) to = first + count;
        if (make_.version < 3 && backing_) return;
        if (from < to) note(from, to - from, 0);
        EXPECT_TRUE(image_->discard(first * kUnit, count * kUnit));
    }
    void grow(uint64_t units) {
        uint64_t old = versions_.size();
        versions_.resize(old + units);
        for (uint64_t unit = old; unit < versions_.size(); ++unit)
            versions_[unit].push_back({0, 0});
        EXPECT_TRUE(image_->resize(versions_.size() * kUnit));
        if (full_) write(old, units);
    }
    void flush() {
        size_t before = file_.events.size();
        EXPECT_TRUE(image_->flush());
        flushes_.push_back({before, file_.events.size()});
    }
    // The log's length when the last flush began that had ended by now.
    size_t flushed_before(size_t event) const {
        size_t at = 0;
        for (auto [began, ended] : flushes_)
            if (ended <= event) at = began;
        return at;
    }

    void judge(const std::vector<uint8_t>& state, size_t flushed, size_t event) {
        MemoryImageFile file;
        file.data = state;
        bool dirty = state[79] & kDirtyBit;
        if (!dirty) {
            auto report = check_image(file);
            ASSERT_TRUE(report) << report.error().message();
            ASSERT_EQ(report->corruptions, 0u) << report->first_problem << " at event " << event;
        }
        std::unique_ptr<Image> image = open(file);
        ASSERT_TRUE(image);
        if (dirty) {
            auto report = check_image(file);
            ASSERT_TRUE(report) << report.error().message();
            ASSERT_EQ(report->corruptions + report->leaks, 0u)
                << report->first_problem << " at event " << event;
        }
        ASSERT_LE(image->size(), versions_.size() * kUnit);
        std::vector<uint8_t> got(image->size());
        ASSERT_TRUE(image->read(0, got));
        for (uint64_t unit = 0; unit < got.size() / kUnit; ++unit) {
            const std::vector<Version>& all = versions_[unit];
            size_t oldest = 0;
            for (size_t i = 0; i < all.size(); ++i)
                if (all[i].event <= flushed && (all[i].event < flushed || i == 0)) oldest = i;
            bool found = false;
            std::vector<uint8_t> wanted(kUnit);
            for (size_t i = oldest; i < all.size() && !found; ++i) {
                fill(wanted, all[i].number);
                found = std::equal(wanted.begin(), wanted.end(), &got[unit * kUnit]);
            }
            ASSERT_TRUE(found) << "unit " << unit << " after a crash at event " << event << " of "
                               << file_.events.size() << ": none of its " << all.size() - oldest
                               << " versions";
        }
    }

    const CreateOptions make_;
    const OpenOptions how_;
    const bool full_;
    std::unique_ptr<MemoryBacking> backing_;
    MemoryImageFile file_;
    std::vector<uint8_t> start_;
    std::unique_ptr<Image> image_;
    std::vector<std::vector<Version>> versions_;
    std::vector<std::pair<size_t, size_t>> flushes_;
    uint32_t number_ = 1000000;
};

struct CrashShape {
    const char* name;
    uint64_t units;
    uint64_t cluster_size;
    uint32_t version;
    uint32_t refcount_bits;
    bool lazy;
    uint64_t backing_units;
    bool full;  // every cluster is there before the run
    uint32_t seeds;
    bool extended = false;
};
constexpr CrashShape kShapes[] = {
    {"plain", 900, 4096, 3, 16, false, 0, false, 6},
    {"backing", 900, 4096, 3, 16, false, 700, false, 6},
    {"v2", 600, 4096, 2, 16, false, 400, false, 6},
    {"tiny_clusters", 400, 512, 3, 64, false, 300, false, 6},
    {"lazy", 500, 1024, 3, 16, true, 100, false, 6},
    {"one_bit", 600, 2048, 3, 1, false, 600, false, 6},
    {"full", 600, 2048, 3, 16, false, 600, true, 6},
    {"subclusters", 900, 16384, 3, 16, false, 500, false, 6, true},
    // The refcount table has to grow in the middle of it.
    {"growing_table", 3955, 512, 3, 64, false, 0, true, 3},
};

class Crash : public testing::TestWithParam<CrashShape> {};

TEST_P(Crash, leavesNothingWorseThanLeaks) {
    const CrashShape& shape = GetParam();
    CreateOptions make;
    make.size = shape.units * kUnit;
    make.version = shape.version;
    make.cluster_size = shape.cluster_size;
    make.refcount_bits = shape.refcount_bits;
    make.lazy_refcounts = shape.lazy;
    make.extended_l2 = shape.extended;
    OpenOptions how;
    how.l2_cache_bytes = 1024;
    how.l2_piece_bytes = 512;
    for (uint32_t seed = 1; seed <= shape.seeds && !HasFatalFailure(); ++seed) {
        CrashRun run(make, how, shape.backing_units, shape.full);
        run.run(seed, 60);
        run.cut_everywhere();
        run.lose_and_reorder(seed);
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Crash, testing::ValuesIn(kShapes),
                         [](const auto& shape) { return std::string(shape.param.name); });

}  // namespace
}  // namespace vmm::qcow2
