// qcow2 images: whatever a file says, opening and using it crashes nowhere, ends, and writes nothing that
// makes a good image a damaged one. The input is the file, then up to 24 operations of four bytes, then their
// number.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "backends/block/qcow2/check.h"
#include "backends/block/qcow2/image.h"
#include "tests/fakes/memory_image_file.h"
#include "util/endian.h"

using namespace vmm;
using namespace vmm::qcow2;

namespace {

constexpr size_t kMostSteps = 24, kStep = 4;
constexpr uint64_t kMostBytes = 70000;

void step(Image& image, const uint8_t* s) {
    uint64_t size = image.size();
    // Near the start, near the end, and at the boundaries of L2 tables.
    uint64_t offset = (uint64_t{s[1]} << 9) + s[2] * 37u;
    if (s[0] & 0x40) offset = size - std::min<uint64_t>(size, offset);
    if (s[0] & 0x80) offset += uint64_t{s[3]} << image.geometry().l1_shift();
    if (offset >= size) return;
    uint64_t bytes = std::min({1 + s[3] * 211u + uint64_t{s[2]}, size - offset, kMostBytes});
    std::vector<uint8_t> data(bytes, s[3]);
    Status done;
    switch (s[0] & 7) {
        case 0:
        case 1:
            done = image.write(offset, data);
            break;
        case 2:
            done = image.read(offset, data);
            break;
        case 3:
            done = image.write_zeroes(offset, bytes, (s[0] & 8) != 0);
            break;
        case 4:
            done = image.discard(offset, bytes);
            break;
        case 5:
            done = image.flush();
            break;
        case 6:
            done = image.resize(uint64_t{s[1]} * s[2] * 512);
            break;
        default:
            if (auto mapping = image.map().peek(offset, bytes)) (void)image.may_write_in_place(*mapping);
            break;
    }
    CHECK(done || !done.error().text().empty(), "an error says nothing");
}

std::vector<uint8_t> file_from(const uint8_t* data, size_t size) {
    if (size == 0 || data[0] != 'S') return std::vector<uint8_t>(data, data + size);
    std::vector<uint8_t> file;
    for (size_t at = 1; at + 4 <= size;) {
        uint64_t offset = load_le<uint16_t>(data + at) % 1024u * uint64_t{512};
        size_t length = std::min<size_t>(load_le<uint16_t>(data + at + 2), size - at - 4);
        MemoryImageFile::apply(file, offset, {data + at + 4, length});
        at += 4 + length;
    }
    return file;
}

bool damaged(MemoryImageFile& file) {
    auto report = check_image(file);
    return !report || report->corruptions != 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    size_t steps = std::min<size_t>(data[size - 1] % (kMostSteps + 1), (size - 1) / kStep);
    size_t image_bytes = size - 1 - steps * kStep;
    MemoryImageFile file;
    file.data = file_from(data, image_bytes);
    file.limit = 1 << 20;
    bool was_damaged = damaged(file);
    bool dirty = file.data.size() > 79 && (file.data[79] & kDirtyBit);

    OpenOptions options;
    options.l2_cache_bytes = 2048;
    options.l2_piece_bytes = 512;
    options.pass_discard_other = image_bytes % 2 != 0;
    options.writable = image_bytes % 5 != 4;
    std::vector<uint8_t> before = file.data;
    auto opened = Image::open(file, options);
    CHECK(opened || dirty || file.data == before, "an image that was refused was changed");
    if (!opened) return 0;
    if (dirty && options.writable) was_damaged = damaged(file);
    MemoryBacking backing(std::vector<uint8_t>(5000, 0xbb));
    if (!(*opened)->header().backing_file.empty()) (*opened)->set_backing(&backing);
    for (size_t i = 0; i < steps; ++i) {
        const uint8_t* s = data + image_bytes + i * kStep;
        if (!options.writable && (s[0] & 7) != 2 && (s[0] & 7) != 7) continue;
        step(**opened, s);
    }
    Status closed = (*opened)->close();
    CHECK(closed || was_damaged || file.data.size() + kMostBytes * 2 > file.limit ||
              !closed.error().text().empty(),
          "a good image cannot be closed");
    opened = Error::make("closed");
    if (!was_damaged) CHECK(!damaged(file), "a good image was damaged");
    return 0;
}
