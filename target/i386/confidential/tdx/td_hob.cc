// Building the TD HOB; see td_hob.h.
#include "target/i386/confidential/tdx/td_hob.h"

#include <algorithm>

#include "util/endian.h"

namespace vmm::tdx {

namespace {

constexpr uint16_t kTypeHandoff = 0x0001, kTypeResource = 0x0003, kTypeGuid = 0x0004, kTypeEnd = 0xffff;
constexpr uint32_t kHandoffVersion = 9;
constexpr uint32_t kSystemMemory = 0, kUnacceptedMemory = 7;
constexpr uint32_t kPresentInitializedTested = 7;

struct HobHeader {
    Le16 type;
    Le16 length;
    Le32 reserved;
};
struct HandoffHob {
    HobHeader header;
    Le32 version;
    Le32 boot_mode;
    Le64 memory_top, memory_bottom, free_top, free_bottom;
    Le64 end_of_list;
};
struct ResourceHob {
    HobHeader header;
    uint8_t owner[16];
    Le32 type;
    Le32 attributes;
    Le64 start;
    Le64 length;
};
// td-shim's description of a payload (td-shim specification, part II), padded to 8 bytes.
struct PayloadHob {
    HobHeader header;
    uint8_t name[16];
    Le32 image_type;
    Le64 entry;
    uint8_t padding[4];
};
constexpr uint8_t kPayloadInfo[16] = {0x12, 0xa4, 0x6f, 0xb9, 0x1f, 0x46, 0xe3, 0x4b,
                                      0x8c, 0x0d, 0xad, 0x80, 0x5a, 0x49, 0x7a, 0xc0};
constexpr uint32_t kBzImage = 1;
static_assert(sizeof(PayloadHob) == 40);
static_assert(sizeof(HandoffHob) == 56 && sizeof(ResourceHob) == 48 && sizeof(HobHeader) == kHobEndSize);

template <typename Hob>
void append(std::vector<uint8_t>& out, const Hob& hob) {
    const auto bytes = bytes_of(hob);
    out.insert(out.end(), bytes.begin(), bytes.end());
}

// Sections whose pages the TD has from the start, within RAM rather than in the firmware's own place.
bool is_added_ram(const TdvfSection& s) {
    switch (s.type) {
        case TdvfType::Bfv:
        case TdvfType::Cfv:
            return false;
        default:
            return s.size != 0 && !s.page_aug();
    }
}

}  // namespace

Result<std::vector<HobRange>> divide_ram(std::span<const RamRange> ram, const Tdvf& firmware) {
    std::vector<const TdvfSection*> added;
    for (const TdvfSection& s : firmware.sections)
        if (is_added_ram(s)) added.push_back(&s);
    std::sort(added.begin(), added.end(), [](auto* a, auto* b) { return a->gpa < b->gpa; });
    std::vector<RamRange> sorted(ram.begin(), ram.end());
    std::sort(sorted.begin(), sorted.end(), [](auto& a, auto& b) { return a.base < b.base; });
    std::vector<HobRange> out;
    size_t next = 0;
    for (const RamRange& range : sorted) {
        uint64_t at = range.base;
        const uint64_t end = range.base + range.size;
        for (; next < added.size() && added[next]->gpa < end; ++next) {
            const TdvfSection& s = *added[next];
            if (s.gpa < at || s.end() > end) break;
            if (s.gpa > at) out.push_back({at, s.gpa - at, false});
            out.push_back({s.gpa, s.size, true});
            at = s.end();
        }
        if (next < added.size() && added[next]->gpa < end) break;
        if (end > at) out.push_back({at, end - at, false});
    }
    if (next < added.size())
        return Error::make("the firmware's TDX section %s at 0x%llx+0x%llx does not lie in the guest's RAM",
                           std::string(tdvf_type_name(added[next]->type)).c_str(),
                           static_cast<unsigned long long>(added[next]->gpa),
                           static_cast<unsigned long long>(added[next]->size))
            .with_hint("give the guest more memory with -m");
    return out;
}

Result<std::vector<uint8_t>> build_td_hob(uint64_t gpa, uint64_t room, std::span<const HobRange> ranges,
                                          HobPayload payload) {
    const uint64_t payload_size = payload == HobPayload::None ? 0 : sizeof(PayloadHob);
    const uint64_t size =
        sizeof(HandoffHob) + ranges.size() * sizeof(ResourceHob) + payload_size + kHobEndSize;
    if (size > room)
        return Error::make("the firmware's TD_HOB section has 0x%llx bytes, the memory map takes 0x%llx",
                           static_cast<unsigned long long>(room), static_cast<unsigned long long>(size));
    std::vector<uint8_t> out;
    out.reserve(size);
    HandoffHob handoff{};
    handoff.header = {kTypeHandoff, sizeof(HandoffHob), 0};
    handoff.version = kHandoffVersion;
    handoff.end_of_list = gpa + size;
    append(out, handoff);
    for (const HobRange& range : ranges) {
        ResourceHob hob{};
        hob.header = {kTypeResource, sizeof(ResourceHob), 0};
        hob.type = range.accepted ? kSystemMemory : kUnacceptedMemory;
        hob.attributes = kPresentInitializedTested;
        hob.start = range.base;
        hob.length = range.size;
        append(out, hob);
    }
    if (payload == HobPayload::BzImage) {
        PayloadHob hob{};
        hob.header = {kTypeGuid, sizeof(PayloadHob), 0};
        std::copy(std::begin(kPayloadInfo), std::end(kPayloadInfo), hob.name);
        hob.image_type = kBzImage;
        append(out, hob);
    }
    append(out, HobHeader{kTypeEnd, kHobEndSize, 0});
    return out;
}

}  // namespace vmm::tdx
