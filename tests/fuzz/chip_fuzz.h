// What the fuzz targets of register chips share: the input is a program of reads, writes and moves of the
// clock over the windows of a chip. Whatever the program, the chip must answer, abort nowhere and let time
// pass in bounded work.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include "system/memory/region_ops.h"
#include "tests/fakes/fake_clock.h"

namespace vmm {

struct FuzzWindow {
    IoOps* ops;
    uint64_t size;
};

// Five bytes a step: what, offset (2), value (2; the value is widened when the access is wide).
inline void fuzz_chip(std::span<const uint8_t> program, std::span<const FuzzWindow> windows, FakeClock& clock,
                      const std::function<void(uint8_t)>& special) {
    constexpr size_t kStep = 5, kMostSteps = 2000;
    uint64_t budget = clock.fired() + 2'000'000;
    for (size_t step = 0; program.size() >= kStep && step < kMostSteps;
         ++step, program = program.subspan(kStep)) {
        uint8_t what = program[0];
        auto value = static_cast<uint64_t>(program[3] | (program[4] << 8));
        const FuzzWindow& window = windows[(what >> 4) % windows.size()];
        IoSizes sizes = window.ops->sizes();
        unsigned size = std::max<unsigned>(sizes.implemented_min, 1u << ((what >> 2) & 3));
        size = std::min<unsigned>(size, sizes.implemented_max);
        uint64_t offset = static_cast<uint64_t>(program[1] | (program[2] << 8)) % window.size;
        if (!sizes.unaligned) offset -= offset % size;
        if (offset + size > window.size) offset = 0;
        if (size > 2) value |= value << 16 | value << 37;
        uint64_t mask = size == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
        switch (what & 3) {
            case 0: {
                uint64_t got = window.ops->read(offset, size);
                CHECK((got & ~mask) == 0, "a read of %u bytes gave 0x%llx", size,
                      static_cast<unsigned long long>(got));
                break;
            }
            case 1:
                window.ops->write(offset, value & mask, size);
                break;
            case 2:
                clock.advance(static_cast<int64_t>(value & 0xffff) * 1000);
                break;
            default:
                special(static_cast<uint8_t>(value));
                break;
        }
        CHECK(clock.fired() < budget, "timers without end");
    }
}

}  // namespace vmm
