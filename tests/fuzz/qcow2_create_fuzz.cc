// qcow2 images as blockdev-create, snapshots and change-backing-file make them: whatever is asked for is
// refused with a reason or gives an image that is sound, and that keeps what is written into it through
// growing, new backing names and being opened again. The input is what is asked for (16 bytes), two names,
// then operations of four bytes.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "backends/block/qcow2/check.h"
#include "backends/block/qcow2/create.h"
#include "backends/block/qcow2/image.h"
#include "tests/fakes/memory_image_file.h"
#include "util/endian.h"

using namespace vmm;
using namespace vmm::qcow2;

namespace {

constexpr size_t kAsked = 16, kStep = 4, kMostSteps = 24;
constexpr uint64_t kModel = 192 * 1024;  // what is looked at of a disk

struct Input {
    const uint8_t* data;
    size_t size;
    uint8_t byte() { return size == 0 ? uint8_t{0} : (--size, *data++); }
    std::string name() {
        const uint8_t low = byte(), high = byte();
        const size_t length = std::min<size_t>(low | (high & 7u) << 8, size);
        std::string out(data, data + length);
        data += length;
        size -= length;
        return out;
    }
};

CreateOptions asked(Input& in) {
    uint8_t raw[kAsked];
    for (uint8_t& one : raw)
        one = in.byte();
    CreateOptions out;
    // A disk, an odd number of bytes, or any number at all.
    const auto size = load_le<uint64_t>(raw);
    out.size = (raw[8] & 3) == 0 ? size % (1 << 20) : (raw[8] & 3) == 1 ? size % (uint64_t{1} << 40) : size;
    out.version = (raw[8] & 0x10) != 0 ? 2 : (raw[8] & 0x20) != 0 ? raw[9] : 3;
    out.cluster_size = raw[10] < 0xc0 ? uint64_t{1} << (9 + raw[10] % 13) : load_le<uint32_t>(raw + 10);
    out.refcount_bits = raw[14] < 0xc0 ? 1u << raw[14] % 7 : raw[14];
    out.lazy_refcounts = (raw[15] & 1) != 0;
    out.extended_l2 = (raw[15] & 2) != 0;
    out.compression = (raw[15] & 4) != 0 ? Compression::Zstd : Compression::Zlib;
    out.backing_file = in.name();
    out.backing_format = in.name();
    return out;
}

std::unique_ptr<Image> open(MemoryImageFile& file, MemoryBacking& backing) {
    OpenOptions options;
    options.l2_cache_bytes = 4096;
    options.l2_piece_bytes = 512;
    auto image = Image::open(file, options);
    CHECK(image, "an image that was just made cannot be opened: %s", image.error().message().c_str());
    (*image)->set_backing(&backing);
    return std::move(image).take_value();
}

void check(MemoryImageFile& file) {
    auto report = check_image(file);
    CHECK(report && report->corruptions == 0, "the image is damaged: %s",
          report ? report->first_problem.c_str() : report.error().message().c_str());
}

// The disk as it should read.
struct Model {
    std::vector<uint8_t> bytes;
    void resize(uint64_t size) { bytes.resize(std::min(size, kModel)); }
};

void compare(Image& image, const Model& model) {
    std::vector<uint8_t> there(std::min<uint64_t>(model.bytes.size(), image.size()));
    Status read = image.read(0, there);
    CHECK(read, "a sound image cannot be read: %s", read.error().message().c_str());
    CHECK(std::equal(there.begin(), there.end(), model.bytes.begin()), "the disk reads otherwise");
}

void change(Image& image, Model& model, const uint8_t* s) {
    const uint64_t room = std::min<uint64_t>(model.bytes.size(), image.size());
    const uint64_t offset = (uint64_t{s[1]} * 769 + s[2] * 31u) % std::max<uint64_t>(room, 1);
    const uint64_t bytes = std::min<uint64_t>(1 + s[3] * 257u, room - std::min(offset, room));
    const auto at = model.bytes.begin() + static_cast<std::ptrdiff_t>(offset);
    if (bytes == 0) return;
    if ((s[0] & 8) != 0) {
        if (image.write_zeroes(offset, bytes, (s[0] & 16) != 0)) std::fill_n(at, bytes, uint8_t{0});
    } else {
        const std::vector<uint8_t> data(bytes, static_cast<uint8_t>(s[3] | 1));
        if (image.write(offset, data)) std::copy(data.begin(), data.end(), at);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Input in{data, size};
    const CreateOptions options = asked(in);
    MemoryImageFile file;
    file.limit = 8 << 20;
    Status made = create_image(file, options);
    if (!made) {
        CHECK(!made.error().text().empty(), "a refusal says nothing");
        return 0;
    }
    check(file);
    MemoryBacking backing(options.backing_file.empty() ? std::vector<uint8_t>()
                                                       : std::vector<uint8_t>(5000, 0xbb));
    auto image = open(file, backing);
    CHECK(image->header().backing_file == options.backing_file, "the backing name is another one");
    Model model;
    model.bytes = backing.data;
    model.resize(image->size());
    file.limit = uint64_t{1} << 30;  // what fits is up to nobody from here on
    for (unsigned steps = 0; in.size >= kStep && steps < kMostSteps; ++steps) {
        const uint8_t s[kStep] = {in.byte(), in.byte(), in.byte(), in.byte()};
        switch (s[0] & 7) {
            case 0:
            case 1:
            case 2:
                change(*image, model, s);
                break;
            case 3:
                compare(*image, model);
                break;
            case 4:
                (void)static_cast<bool>(image->flush());
                break;
            case 5: {
                // Growing alone: what is cut off and comes back reads as zeroes, which other tests know.
                const uint64_t larger = image->size() + (uint64_t{s[1]} << (s[2] % 24));
                if (larger < (uint64_t{1} << 40) && image->resize(larger)) model.resize(image->size());
                break;
            }
            case 6: {
                const std::string name = in.name();
                const bool named = static_cast<bool>(image->write_backing_name(name, s[1] & 1 ? "raw" : ""));
                if (named)
                    CHECK(image->header().backing_file == name, "the name that was written is another");
                break;
            }
            default: {
                Status closed = image->close();
                CHECK(closed, "a sound image cannot be closed: %s", closed.error().message().c_str());
                image.reset();
                check(file);
                image = open(file, backing);
                break;
            }
        }
    }
    compare(*image, model);
    Status closed = image->close();
    CHECK(closed, "a sound image cannot be closed: %s", closed.error().message().c_str());
    image.reset();
    check(file);
    return 0;
}
