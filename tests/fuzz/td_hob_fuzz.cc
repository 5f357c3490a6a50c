// TD HOBs for RAM and firmware sections of any places: whatever is built is a well-formed list that ends
// within its room, and whose ranges are RAM, all of it, once, with the sections marked. The list is read back
// here by the rules of the PI specification.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "target/i386/confidential/tdx/td_hob.h"
#include "util/align.h"
#include "util/check.h"
#include "util/endian.h"

using namespace vmm;
using namespace vmm::tdx;

namespace {

class Input {
  public:
    Input(const uint8_t* data, size_t size) : bytes_(data, size) {}
    bool empty() const { return bytes_.empty(); }
    uint64_t number(unsigned bytes) {
        uint64_t value = 0;
        for (unsigned i = 0; i < bytes && !bytes_.empty(); ++i) {
            value |= uint64_t{bytes_[0]} << (8 * i);
            bytes_ = bytes_.subspan(1);
        }
        return value;
    }

  private:
    std::span<const uint8_t> bytes_;
};

// What a board has: disjoint, ascending.
std::vector<RamRange> read_ram(Input& input) {
    std::vector<RamRange> ram;
    uint64_t at = 0;
    for (uint64_t left = input.number(1) % 5; left != 0; --left) {
        at += input.number(2) * kPageSize;
        const uint64_t size = (1 + input.number(3)) * kPageSize;
        ram.push_back({at, size});
        at += size;
    }
    return ram;
}

// What parse_tdvf() lets through: whole pages without overlaps.
Tdvf read_sections(Input& input) {
    Tdvf out;
    while (!input.empty() && out.sections.size() < kTdvfMaxSections) {
        TdvfSection section;
        section.type = static_cast<TdvfType>(input.number(1) % 9);
        section.attributes = static_cast<uint32_t>(input.number(1) & 3);
        section.gpa = input.number(4) * kPageSize;
        section.size = input.number(2) * kPageSize;
        const bool overlaps = std::any_of(
            out.sections.begin(), out.sections.end(),
            [&](const TdvfSection& other) { return section.gpa < other.end() && other.gpa < section.end(); });
        if (!overlaps) out.sections.push_back(section);
    }
    return out;
}

void check_division(const std::vector<RamRange>& ram, const Tdvf& firmware,
                    const std::vector<HobRange>& ranges) {
    size_t next = 0;
    for (const RamRange& range : ram) {
        uint64_t at = range.base;
        while (at < range.base + range.size) {
            CHECK(next < ranges.size() && ranges[next].base == at && ranges[next].size != 0,
                  "RAM is not covered in order");
            at += ranges[next++].size;
        }
        CHECK(at == range.base + range.size, "a range goes on beyond its RAM");
    }
    CHECK(next == ranges.size(), "ranges that are not RAM");
    for (const HobRange& range : ranges) {
        const bool section =
            std::any_of(firmware.sections.begin(), firmware.sections.end(),
                        [&](const TdvfSection& s) { return s.gpa == range.base && s.size == range.size; });
        CHECK(!range.accepted || section, "accepted, but no section");
    }
}

void check_list(std::span<const uint8_t> list, uint64_t gpa, const std::vector<HobRange>& ranges) {
    CHECK(load_le<uint64_t>(&list[48]) == gpa + list.size(), "the end of the list is elsewhere");
    size_t at = 0, resources = 0;
    for (;;) {
        CHECK(list.size() - at >= 8, "half a header");
        const auto type = load_le<uint16_t>(&list[at]), length = load_le<uint16_t>(&list[at + 2]);
        CHECK(length >= 8 && length % 8 == 0 && length <= list.size() - at, "a length of %u", length);
        if (type == 0xffff) break;
        if (type == 3) {
            CHECK(resources < ranges.size(), "a range too many");
            const HobRange& range = ranges[resources++];
            CHECK(load_le<uint64_t>(&list[at + 32]) == range.base &&
                      load_le<uint64_t>(&list[at + 40]) == range.size &&
                      load_le<uint32_t>(&list[at + 24]) == (range.accepted ? 0u : 7u),
                  "another range");
        }
        at += length;
    }
    CHECK(at + 8 == list.size() && resources == ranges.size(), "the list goes on after its end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Input input(data, size);
    const uint64_t room = input.number(2), gpa = input.number(3) * kPageSize;
    const HobPayload payload = (input.number(1) & 1) != 0 ? HobPayload::BzImage : HobPayload::None;
    const std::vector<RamRange> ram = read_ram(input);
    const Tdvf firmware = read_sections(input);
    const auto ranges = divide_ram(ram, firmware);
    if (!ranges) {
        CHECK(!ranges.error().text().empty(), "refused without a word");
        return 0;
    }
    check_division(ram, firmware, *ranges);
    const auto list = build_td_hob(gpa, room, *ranges, payload);
    if (!list) return 0;
    CHECK(list->size() <= room, "larger than its room");
    check_list(*list, gpa, *ranges);
    return 0;
}
