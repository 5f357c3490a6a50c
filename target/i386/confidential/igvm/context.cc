// Contexts of IGVM files; see context.h.
#include "target/i386/confidential/igvm/context.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "util/align.h"
#include "util/endian.h"

namespace vmm::igvm {

namespace {

constexpr size_t kNativeSize = 0xe8;
// Bits 11:8 of a descriptor's attributes are the limit's.
constexpr uint16_t kAttributeBits = 0xf0ff;
constexpr uint16_t kPresentSegment = 0x80;

// Takes values out of a page and remembers what was taken.
class Fields {
  public:
    explicit Fields(std::span<const uint8_t> bytes) : bytes_(bytes.begin(), bytes.end()) {}
    template <std::unsigned_integral T>
    T take(size_t offset) {
        const T value = load_le<T>(&bytes_[offset]);
        std::memset(&bytes_[offset], 0, sizeof(T));
        return value;
    }
    // Where something is left, or nothing.
    std::optional<size_t> first_left() const {
        auto found = std::find_if(bytes_.begin(), bytes_.end(), [](uint8_t b) { return b != 0; });
        if (found == bytes_.end()) return std::nullopt;
        return static_cast<size_t>(found - bytes_.begin());
    }

  private:
    std::vector<uint8_t> bytes_;
};

// selector, packed attributes (bits 11:8 are the descriptor's 15:12), limit, base.
BootSegment packed_segment(Fields& page, size_t offset) {
    BootSegment segment;
    segment.selector = page.take<uint16_t>(offset);
    const auto packed = page.take<uint16_t>(offset + 2);
    segment.attributes = static_cast<uint16_t>((packed & 0xff) | (packed & 0xf00) << 4);
    segment.limit = page.take<uint32_t>(offset + 4);
    segment.base = page.take<uint64_t>(offset + 8);
    return segment;
}

BootTable packed_table(Fields& page, size_t offset) {
    const BootSegment segment = packed_segment(page, offset);
    return {segment.base, static_cast<uint16_t>(segment.limit)};
}

// What KVM makes of every VMSA, whatever the registers were.
struct FixedField {
    size_t offset;
    uint64_t value;
    const char* name;
};
constexpr FixedField kFixedFields[] = {{0x160, 0x400, "DR7"},
                                       {0x168, 0xffff0ff0, "DR6"},
                                       {0x268, 0x0007040600070406, "the PAT"},
                                       {0x3e8, 1, "XCR0"}};
constexpr uint64_t kEferSvme = 0x1000, kCr4Mce = 0x40;

Status check_fixed(Fields& page) {
    for (const FixedField& field : kFixedFields) {
        const auto value = page.take<uint64_t>(field.offset);
        if (value != field.value)
            return Error::make("%s is 0x%llx, KVM starts processors with 0x%llx", field.name,
                               static_cast<unsigned long long>(value),
                               static_cast<unsigned long long>(field.value));
    }
    const auto mxcsr = page.take<uint32_t>(0x408);
    const auto fcw = page.take<uint16_t>(0x410);
    if ((mxcsr != 0 && mxcsr != 0x1f80) || (fcw != 0 && fcw != 0x37f))
        return Error::make("MXCSR or FCW are not as KVM starts processors");
    return {};
}

void take_general_registers(Fields& page, BootState& state) {
    state.rflags = page.take<uint64_t>(0x170);
    state.rip = page.take<uint64_t>(0x178);
    state.rsp = page.take<uint64_t>(0x1d8);
    state.rax = page.take<uint64_t>(0x1f8);
    state.rcx = page.take<uint64_t>(0x308);
    state.rdx = page.take<uint64_t>(0x310);
    state.rbx = page.take<uint64_t>(0x318);
    state.rbp = page.take<uint64_t>(0x328);
    state.rsi = page.take<uint64_t>(0x330);
    state.rdi = page.take<uint64_t>(0x338);
    for (size_t i = 0; i < state.r8_to_r15.size(); ++i)
        state.r8_to_r15[i] = page.take<uint64_t>(0x340 + 8 * i);
}

}  // namespace

Result<BootState> native_context(const VpContext& context) {
    if (context.data.size() < kNativeSize)
        return Error::make("the context of a processor has %zu bytes, not %zu", context.data.size(),
                           kNativeSize);
    Fields data(context.data.first(kNativeSize));
    BootState state;
    uint64_t* const general[] = {&state.rax, &state.rcx, &state.rdx, &state.rbx,
                                 &state.rsp, &state.rbp, &state.rsi, &state.rdi};
    for (size_t i = 0; i < std::size(general); ++i)
        *general[i] = data.take<uint64_t>(8 * i);
    for (size_t i = 0; i < state.r8_to_r15.size(); ++i)
        state.r8_to_r15[i] = data.take<uint64_t>(0x40 + 8 * i);
    state.rip = data.take<uint64_t>(0x80);
    state.rflags = data.take<uint64_t>(0x88) | 2;
    state.idt = {data.take<uint64_t>(0x90), data.take<uint16_t>(0x98)};
    state.gdt.limit = data.take<uint16_t>(0x9e);
    state.gdt.base = data.take<uint64_t>(0xa0);
    auto segment = [&data](size_t offset) {
        BootSegment s;
        s.selector = data.take<uint16_t>(offset);
        s.attributes = data.take<uint16_t>(offset + 2) & kAttributeBits;
        s.base = data.take<uint32_t>(offset + 4);
        s.limit = data.take<uint32_t>(offset + 8);
        return s;
    };
    state.code = segment(0xa8);
    state.data = segment(0xb4);
    BootSegment gs = state.data;
    gs.base = data.take<uint64_t>(0xc0);
    state.data_segments = {state.data, state.data, state.data, gs, state.data};
    // A processor that runs has a task; the context does not say which.
    state.task = {.selector = 0, .base = 0, .limit = 0xffff, .attributes = 0x8b};
    state.cr0 = data.take<uint64_t>(0xc8);
    state.cr3 = data.take<uint64_t>(0xd0);
    state.cr4 = data.take<uint64_t>(0xd8);
    state.efer = data.take<uint64_t>(0xe0);
    if ((state.code.attributes & kPresentSegment) == 0)
        return Error::make("the context of a processor has no code segment");
    return state;
}

Result<EncryptedContext> vmsa_context(const VpContext& context) {
    if (context.data.size() < kPageSize)
        return Error::make("the VMSA of a processor has %zu bytes, not a page", context.data.size());
    Fields page(context.data);
    EncryptedContext out;
    BootState& state = out.state;
    BootDataSegments segments;
    segments.es = packed_segment(page, 0x00);
    state.code = packed_segment(page, 0x10);
    segments.ss = packed_segment(page, 0x20);
    segments.ds = packed_segment(page, 0x30);
    segments.fs = packed_segment(page, 0x40);
    segments.gs = packed_segment(page, 0x50);
    state.data = segments.ds;
    state.data_segments = segments;
    state.gdt = packed_table(page, 0x60);
    state.local = packed_segment(page, 0x70);
    state.idt = packed_table(page, 0x80);
    state.task = packed_segment(page, 0x90);
    state.efer = page.take<uint64_t>(0xd0) & ~kEferSvme;
    state.cr4 = page.take<uint64_t>(0x148) & ~kCr4Mce;
    state.cr3 = page.take<uint64_t>(0x150);
    state.cr0 = page.take<uint64_t>(0x158);
    take_general_registers(page, state);
    out.sev_features = page.take<uint64_t>(0x3b0);
    TRY(check_fixed(page));
    if (auto left = page.first_left())
        return Error::make("the VMSA of a processor sets its byte 0x%zx, which KVM cannot", *left);
    return out;
}

}  // namespace vmm::igvm
