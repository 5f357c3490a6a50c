// Access widths; see width.h. Two steps: the bus cuts the guest's access into ones the device accepts, then
// each is made of the ones it implements.
#include "system/memory/width.h"

#include <algorithm>
#include <bit>

#include "system/memory/region_ops.h"
#include "util/align.h"
#include "util/bits.h"
#include "util/endian.h"

namespace vmm {

namespace {

// The largest access the bus makes next: a power of two.
unsigned next_access(const IoSizes& sizes, uint64_t offset, size_t remaining) {
    uint64_t most = std::min<uint64_t>(remaining, sizes.accepted_max);
    if (!sizes.unaligned && offset != 0) most = std::min<uint64_t>(most, offset & (~offset + 1));
    return static_cast<unsigned>(std::bit_floor(most));
}

// One access to the device that covers `offset`, and the bytes of it that are wanted.
struct DeviceAccess {
    uint64_t at;
    unsigned width;
    unsigned skip;   // bytes before the wanted ones
    unsigned count;  // wanted bytes
};
DeviceAccess device_access(const IoSizes& sizes, uint64_t offset, unsigned size) {
    unsigned width = std::clamp<unsigned>(std::bit_floor(size), sizes.implemented_min, sizes.implemented_max);
    uint64_t at = sizes.unaligned && width <= size ? offset : align_down(offset, width);
    auto skip = static_cast<unsigned>(offset - at);
    return {at, width, skip, std::min(size, width - skip)};
}

uint64_t device_read(IoOps& ops, const IoSizes& sizes, uint64_t offset, unsigned size) {
    uint64_t value = 0;
    for (unsigned done = 0; done < size;) {
        DeviceAccess access = device_access(sizes, offset + done, size - done);
        uint64_t got = ops.read(access.at, access.width) >> (8 * access.skip);
        value |= (got & all_ones(access.count)) << (8 * done);
        done += access.count;
    }
    return value;
}

void device_write(IoOps& ops, const IoSizes& sizes, uint64_t offset, uint64_t value, unsigned size) {
    for (unsigned done = 0; done < size;) {
        DeviceAccess access = device_access(sizes, offset + done, size - done);
        uint64_t part = (value >> (8 * done)) & all_ones(access.count);
        if (access.count < access.width) {
            uint64_t mask = all_ones(access.count) << (8 * access.skip);
            part = (ops.read(access.at, access.width) & ~mask) | (part << (8 * access.skip));
        }
        ops.write(access.at, part, access.width);
        done += access.count;
    }
}

}  // namespace

bool io_read(IoOps& ops, uint64_t offset, std::span<uint8_t> into) {
    const IoSizes sizes = ops.sizes();
    bool all_taken = true;
    while (!into.empty()) {
        unsigned size = next_access(sizes, offset, into.size());
        bool taken = size >= sizes.accepted_min;
        all_taken = all_taken && taken;
        store_le_sized(into.data(), taken ? device_read(ops, sizes, offset, size) : all_ones(size), size);
        into = into.subspan(size);
        offset += size;
    }
    return all_taken;
}

bool io_write(IoOps& ops, uint64_t offset, std::span<const uint8_t> from) {
    const IoSizes sizes = ops.sizes();
    bool all_taken = true;
    while (!from.empty()) {
        unsigned size = next_access(sizes, offset, from.size());
        bool taken = size >= sizes.accepted_min;
        all_taken = all_taken && taken;
        if (taken) device_write(ops, sizes, offset, load_le_sized(from.data(), size), size);
        from = from.subspan(size);
        offset += size;
    }
    return all_taken;
}

}  // namespace vmm
