// A qcow2 image and a plain array of bytes that get the same operations; whatever the image reads must be
// what the array has.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "backends/block/qcow2/check.h"
#include "backends/block/qcow2/create.h"
#include "backends/block/qcow2/image.h"
#include "tests/fakes/memory_image_file.h"

namespace vmm::qcow2 {

#define ASSERT_GOOD(expression)                                    \
    do {                                                           \
        auto&& good_result = (expression);                         \
        ASSERT_TRUE(good_result) << good_result.error().message(); \
    } while (false)

// A kind of image.
struct Shape {
    const char* name;
    uint64_t size;
    uint32_t version;
    uint64_t cluster_size;
    uint32_t refcount_bits;
    bool lazy;
    uint64_t backing_bytes;
    bool extended = false;
};
inline CreateOptions create_options(const Shape& shape) {
    CreateOptions make;
    make.size = shape.size;
    make.version = shape.version;
    make.cluster_size = shape.cluster_size;
    make.refcount_bits = shape.refcount_bits;
    make.lazy_refcounts = shape.lazy;
    make.extended_l2 = shape.extended;
    return make;
}

class ModelRun {
  public:
    ModelRun(uint32_t seed, const CreateOptions& make, const OpenOptions& how, uint64_t backing_bytes = 0)
        : random_(seed), how_(how), model(make.size) {
        if (backing_bytes) {
            std::vector<uint8_t> bytes(backing_bytes);
            for (uint8_t& byte : bytes)
                byte = static_cast<uint8_t>(random_());
            backing = std::make_unique<MemoryBacking>(std::move(bytes));
            std::copy_n(backing->data.begin(), std::min(backing_bytes, make.size), model.begin());
        }
        Status made = create_image(file, make);
        EXPECT_TRUE(made) << made.error().message();
        open();
    }

    void open() {
        auto opened = Image::open(file, how_);
        ASSERT_TRUE(opened) << opened.error().message();
        image = std::move(opened).take_value();
        image->set_backing(backing.get());
    }
    void close() {
        ASSERT_GOOD(image->close());
        image.reset();
    }
    uint64_t below(uint64_t n) { return n ? random_() % n : 0; }

    // One operation of any kind.
    void step() {
        uint64_t offset = below(model.size());
        uint64_t most = below(4) == 0 ? 300000 : below(2) ? 5000 : 600;
        uint64_t bytes = std::min(1 + below(most), model.size() - offset);
        switch (below(12)) {
            case 0:
            case 1:
            case 2:
            case 3:
            case 4:
                return write(offset, bytes);
            case 5:
                return write_zeroes(offset, bytes, below(2) != 0);
            case 6:
                return discard(offset, bytes);
            case 7:
                if (below(8) == 0) return reopen();
                return flush();
            default:
                return read(offset, bytes);
        }
    }
    void write(uint64_t offset, uint64_t bytes) {
        std::vector<uint8_t> from(bytes);
        auto mark = static_cast<uint8_t>(random_());
        for (uint64_t i = 0; i < bytes; ++i)
            from[i] = static_cast<uint8_t>(mark + i / 512 + (i & 1));
        ASSERT_GOOD(image->write(offset, from));
        std::copy(from.begin(), from.end(), model.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    void write_zeroes(uint64_t offset, uint64_t bytes, bool keep) {
        ASSERT_GOOD(image->write_zeroes(offset, bytes, keep));
        std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(offset), bytes, uint8_t{0});
    }
    void discard(uint64_t offset, uint64_t bytes) {
        Status done = image->discard(offset, bytes);
        if (image->geometry().version < 3 && backing) {
            ASSERT_FALSE(done);
            return;
        }
        ASSERT_GOOD(done);
        // Whole clusters read as zeroes.
        uint64_t cluster = image->geometry().cluster_size(), end = offset + bytes;
        uint64_t first = (offset + cluster - 1) / cluster * cluster;
        uint64_t last = end == model.size() ? end : end / cluster * cluster;
        if (first < last)
            std::fill(model.begin() + static_cast<std::ptrdiff_t>(first),
                      model.begin() + static_cast<std::ptrdiff_t>(last), uint8_t{0});
    }
    void read(uint64_t offset, uint64_t bytes) {
        std::vector<uint8_t> got(bytes, 0xee);
        ASSERT_GOOD(image->read(offset, got));
        ASSERT_TRUE(std::equal(got.begin(), got.end(), model.begin() + static_cast<std::ptrdiff_t>(offset)))
            << "bytes at " << offset << " + " << bytes;
    }
    void read_all() {
        for (uint64_t at = 0; at < model.size(); at += 1 << 20)
            read(at, std::min<uint64_t>(1 << 20, model.size() - at));
    }
    void flush() { ASSERT_GOOD(image->flush()); }
    void reopen() {
        close();
        expect_clean();
        open();
    }
    void expect_clean() {
        auto report = check_image(file);
        ASSERT_GOOD(report);
        ASSERT_EQ(report->corruptions, 0u) << report->first_problem;
        ASSERT_EQ(report->leaks, 0u);
    }

  private:
    std::mt19937 random_;
    OpenOptions how_;

  public:
    MemoryImageFile file;
    std::unique_ptr<MemoryBacking> backing;
    std::vector<uint8_t> model;
    std::unique_ptr<Image> image;
};

}  // namespace vmm::qcow2
