// Random operations on images of many shapes against a plain array, checked for consistency at every
// reopening.
#include "tests/unit/backends/block/qcow2/model_priv.h"

namespace vmm::qcow2 {
namespace {

constexpr uint64_t kMega = 1 << 20;
constexpr Shape kShapes[] = {
    {"plain", 8 * kMega, 3, 65536, 16, false, 0},
    {"v2", 4 * kMega, 2, 65536, 16, false, 0},
    {"v2_backing", 4 * kMega, 2, 4096, 16, false, 3 * kMega + 777},
    {"small_clusters", 3 * kMega + 1536, 3, 512, 16, false, 0},
    {"small_clusters_wide", 2 * kMega, 3, 512, 64, false, kMega},
    {"one_bit", 4 * kMega, 3, 4096, 1, false, 5 * kMega},
    {"two_bits", 4 * kMega, 3, 2048, 2, false, 0},
    {"four_bits_lazy", 4 * kMega, 3, 1024, 4, true, kMega},
    {"four_bits", 4 * kMega, 3, 4096, 4, false, kMega},
    {"eight_bits", 4 * kMega, 3, 8192, 8, false, 2 * kMega + 512},
    {"thirty_two_bits_lazy", 8 * kMega, 3, 65536, 32, true, 0},
    {"subclusters", 6 * kMega, 3, 65536, 16, false, 0, true},
    {"subclusters_backing", 3 * kMega + 512, 3, 16384, 16, false, 2 * kMega + 1000, true},
    {"subclusters_lazy", 4 * kMega, 3, 32768, 1, true, 5 * kMega, true},
    {"large_clusters", 40 * kMega + 512, 3, 2 * kMega, 16, false, 9 * kMega},
};

class Model : public testing::TestWithParam<Shape> {};

TEST_P(Model, aRandomMixReadsAsTheArrayDoes) {
    const Shape& shape = GetParam();
    CreateOptions make = create_options(shape);
    OpenOptions how;
    how.l2_cache_bytes = 8192;  // small: pieces come and go
    how.l2_piece_bytes = shape.cluster_size >= 4096 ? 1024 : 512;
    how.pass_discard_other = shape.refcount_bits == 8;
    ModelRun run(42, make, how, shape.backing_bytes);
    int steps = shape.cluster_size > 65536 ? 1500 : 10000;
    for (int i = 0; i < steps && !HasFatalFailure(); ++i)
        run.step();
    if (HasFatalFailure()) return;
    run.read_all();
    run.close();
    run.expect_clean();
}

INSTANTIATE_TEST_SUITE_P(Shapes, Model, testing::ValuesIn(kShapes),
                         [](const auto& shape) { return std::string(shape.param.name); });

TEST(Resize, growsAndShrinksWithZeroesWhereNothingWas) {
    for (uint32_t version : {2u, 3u}) {
        for (uint64_t backing_bytes : {uint64_t{0}, 6 * kMega}) {
            CreateOptions make;
            make.size = kMega + 512;
            make.version = version;
            make.cluster_size = backing_bytes ? 512 : 4096;
            ModelRun run(7, make, {}, backing_bytes);
            std::mt19937 random(5);
            for (int i = 0; i < 40 && !HasFatalFailure(); ++i) {
                uint64_t size = 512 * (1 + random() % 20000);
                ASSERT_GOOD(run.image->resize(size));
                run.model.resize(size);
                for (int j = 0; j < 20; ++j)
                    run.step();
                if (i % 8 == 0) run.read_all();
            }
            run.close();
            run.expect_clean();
        }
    }
}

// The host fails one call in forty. What fails is told; what did not keeps its bytes; the image stays good.
TEST(HostErrors, leaveAGoodImage) {
    for (uint32_t seed = 1; seed <= 40 && !testing::Test::HasFatalFailure(); ++seed) {
        MemoryImageFile file;
        CreateOptions make;
        make.size = kMega;
        make.cluster_size = seed % 2 ? 512 : 4096;
        make.refcount_bits = seed % 3 ? 16 : 64;
        make.lazy_refcounts = seed % 4 == 3;
        ASSERT_GOOD(create_image(file, make));
        OpenOptions how;
        how.l2_cache_bytes = 1024;
        how.l2_piece_bytes = 512;
        auto opened = Image::open(file, how);
        ASSERT_GOOD(opened);
        auto image = std::move(opened).take_value();
        std::mt19937 random(seed);
        file.fails = [&](char what, uint64_t) { return random() % 40 ? 0 : what == 'w' ? ENOSPC : EIO; };
        std::vector<uint8_t> model(make.size);
        std::vector<bool> known(make.size, true);
        for (int i = 0; i < 300; ++i) {
            uint64_t offset = random() % make.size, bytes = std::min(1 + random() % 9000, make.size - offset);
            auto fill = static_cast<uint8_t>(random());
            bool zeroes = random() % 4 == 0;
            Status done = random() % 5 == 0 ? image->flush()
                          : zeroes          ? image->write_zeroes(offset, bytes, random() % 2)
                                            : image->write(offset, std::vector<uint8_t>(bytes, fill));
            (void)static_cast<bool>(done);
            for (uint64_t at = offset; at < offset + bytes; ++at)
                known[at] = false;
        }
        ASSERT_FALSE(image->corrupt()) << image->corruption();
        file.fails = nullptr;
        for (uint64_t at = 0; at < make.size; at += 70000) {
            std::vector<uint8_t> bytes(5000, static_cast<uint8_t>(at >> 9));
            uint64_t length = std::min<uint64_t>(bytes.size(), make.size - at);
            ASSERT_GOOD(image->write(at, std::span(bytes).first(length)));
            std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(at), length, bytes[0]);
            std::fill_n(known.begin() + static_cast<std::ptrdiff_t>(at), length, true);
        }
        ASSERT_GOOD(image->close());
        auto report = check_image(file);
        ASSERT_GOOD(report);
        ASSERT_EQ(report->corruptions, 0u) << report->first_problem << " seed " << seed;
        auto again = Image::open(file, how);
        ASSERT_GOOD(again);
        image = std::move(again).take_value();
        std::vector<uint8_t> got(make.size);
        ASSERT_GOOD(image->read(0, got));
        for (uint64_t at = 0; at < make.size; ++at)
            if (known[at]) {
                ASSERT_EQ(got[at], model[at]) << at << " seed " << seed;
            }
    }
}

}  // namespace
}  // namespace vmm::qcow2
