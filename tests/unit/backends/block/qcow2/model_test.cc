// Random operations on images of many shapes against a plain array, checked for consistency at every
// reopening.
#include "tests/unit/backends/block/qcow2/model_priv.h"

namespace vmm::qcow2 {
namespace {

struct Shape {
    const char* name;
    uint64_t size;
    uint32_t version;
    uint64_t cluster_size;
    uint32_t refcount_bits;
    bool lazy;
    uint64_t backing_bytes;
};
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
    {"large_clusters", 40 * kMega + 512, 3, 2 * kMega, 16, false, 9 * kMega},
};

class Model : public testing::TestWithParam<Shape> {};

TEST_P(Model, aRandomMixReadsAsTheArrayDoes) {
    const Shape& shape = GetParam();
    CreateOptions make;
    make.size = shape.size;
    make.version = shape.version;
    make.cluster_size = shape.cluster_size;
    make.refcount_bits = shape.refcount_bits;
    make.lazy_refcounts = shape.lazy;
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
            make.cluster_size = 512;
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

}  // namespace
}  // namespace vmm::qcow2
