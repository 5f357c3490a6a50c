// The parser of IGVM files; see file.h.
#include "target/i386/confidential/igvm/file.h"

#include <zlib.h>

#include <algorithm>
#include <bit>

#include "util/align.h"
#include "util/endian.h"
#include "util/text.h"

namespace vmm::igvm {

namespace {

// Many parameter areas of a few pages are real; gigabytes are an attack.
constexpr uint64_t kMostParameterBytes = 64 * kMiB;
constexpr size_t kSnpIdBlockSize = 696;

template <std::unsigned_integral T>
T load(std::span<const uint8_t> bytes, size_t offset) {
    return load_le<T>(bytes.subspan(offset, sizeof(T)).data());
}

class Parser {
  public:
    explicit Parser(std::span<const uint8_t> bytes) : bytes_(bytes) {}
    Result<File> run();

  private:
    Status fixed_header();
    Status check_sum(size_t headers) const;
    Status variable_header(uint32_t type, std::span<const uint8_t> body);
    Status order(uint32_t type);
    Status platform(std::span<const uint8_t> body);
    Status policy(std::span<const uint8_t> body);
    Status parameter_area(std::span<const uint8_t> body);
    Status page_data(std::span<const uint8_t> body);
    Status parameter_insert(std::span<const uint8_t> body);
    Status vp_context(std::span<const uint8_t> body);
    Status required_memory(std::span<const uint8_t> body);
    Status error_range(std::span<const uint8_t> body);
    Status snp_id_block(std::span<const uint8_t> body);
    Status parameter(HeaderType type, std::span<const uint8_t> body);
    Status known_mask(uint32_t mask) const;
    Result<std::span<const uint8_t>> file_data(uint32_t offset, uint64_t size) const;

    const std::span<const uint8_t> bytes_;
    File file_;
    size_t variable_at_ = 0;
    size_t variable_size_ = 0;
    uint32_t last_type_ = 0;
    uint64_t parameter_bytes_ = 0;
};

Status need_size(std::span<const uint8_t> body, size_t size) {
    if (body.size() == size) return {};
    return Error::make("the header has %zu bytes, not %zu", body.size(), size);
}

Status need_page(uint64_t gpa, uint64_t size) {
    if (!is_aligned(gpa, kPageSize))
        return Error::make("the address 0x%llx is not that of a page", static_cast<unsigned long long>(gpa));
    if (size == 0 || !is_aligned(size, kPageSize))
        return Error::make("the size 0x%llx is not a number of pages", static_cast<unsigned long long>(size));
    if (!checked_add(gpa, size - 1))
        return Error::make("the range at 0x%llx does not end", static_cast<unsigned long long>(gpa));
    return {};
}

Status Parser::check_sum(size_t headers) const {
    constexpr size_t kField = 20;
    const uint8_t zero[4] = {};
    uLong sum = ::crc32(0, bytes_.data(), kField);
    sum = ::crc32(sum, zero, sizeof(zero));
    sum = ::crc32(sum, bytes_.data() + kField + 4, static_cast<uInt>(headers - kField - 4));
    const auto wanted = load<uint32_t>(bytes_, kField);
    if (sum == wanted) return {};
    return Error::make("the checksum of its headers is 0x%08lx, it says 0x%08x", sum, wanted);
}

Status Parser::fixed_header() {
    if (bytes_.size() < kFixedHeaderV1 || load<uint32_t>(bytes_, 0) != kMagic)
        return Error::make("it is not an IGVM file");
    file_.version = load<uint32_t>(bytes_, 4);
    if (file_.version != 1 && file_.version != 2)
        return Error::make("it is of version %u; 1 and 2 are known", file_.version);
    const size_t fixed = file_.version == 1 ? kFixedHeaderV1 : kFixedHeaderV2;
    if (bytes_.size() < fixed) return Error::make("it ends in its fixed header");
    variable_at_ = load<uint32_t>(bytes_, 8);
    variable_size_ = load<uint32_t>(bytes_, 12);
    const uint64_t total = load<uint32_t>(bytes_, 16);
    if (total != bytes_.size())
        return Error::make("it says that it has %llu bytes, and has %zu",
                           static_cast<unsigned long long>(total), bytes_.size());
    if (variable_at_ != fixed || !is_aligned(variable_size_, 8) || variable_size_ > bytes_.size() - fixed)
        return Error::make(
            "its variable headers, 0x%zx bytes at 0x%zx, are not behind the fixed one and "
            "inside the file",
            variable_size_, variable_at_);
    TRY(check_sum(fixed + variable_size_));
    if (file_.version == 1) return {};
    if (load<uint32_t>(bytes_, 24) != kArchitectureX64) return Error::make("it is not for x86-64");
    if (load<uint32_t>(bytes_, 28) != kPageSize)
        return Error::make("its pages have %u bytes, not 4096", load<uint32_t>(bytes_, 28));
    return {};
}

// Platforms, then what initializes them, then directives: a type's range tells.
Status Parser::order(uint32_t type) {
    auto section = [](uint32_t t) {
        return t <= kLastPlatformType ? 0 : t <= kLastInitType ? 1 : t <= kLastDirectiveType ? 2 : 3;
    };
    if (section(type) < section(last_type_)) return Error::make("the header comes too late in the file");
    last_type_ = type;
    return {};
}

Status Parser::known_mask(uint32_t mask) const {
    uint32_t known = 0;
    for (const Platform& platform : file_.platforms)
        known |= platform.mask;
    if (mask != 0 && (mask & ~known) == 0) return {};
    return Error::make("the compatibility mask 0x%x names platforms that the file does not have", mask);
}

Result<std::span<const uint8_t>> Parser::file_data(uint32_t offset, uint64_t size) const {
    if (offset == 0) return std::span<const uint8_t>();
    if (offset < variable_at_ + variable_size_ || offset > bytes_.size() || size > bytes_.size() - offset)
        return Error::make("its data, 0x%llx bytes at 0x%x, are not in the file's data",
                           static_cast<unsigned long long>(size), offset);
    return bytes_.subspan(offset, size);
}

Status Parser::platform(std::span<const uint8_t> body) {
    TRY(need_size(body, 16));
    Platform platform{.mask = load<uint32_t>(body, 0),
                      .highest_vtl = body[4],
                      .type = static_cast<PlatformType>(body[5]),
                      .version = load<uint16_t>(body, 6),
                      .shared_gpa_boundary = load<uint64_t>(body, 8)};
    if (!std::has_single_bit(platform.mask))
        return Error::make("the compatibility mask 0x%x is not one bit", platform.mask);
    for (const Platform& other : file_.platforms) {
        if (other.mask == platform.mask)
            return Error::make("the compatibility mask 0x%x is taken", platform.mask);
        if (other.type == platform.type)
            return Error::make("the platform %s is there twice",
                               std::string(platform_name(platform.type)).c_str());
    }
    file_.platforms.push_back(platform);
    return {};
}

Status Parser::policy(std::span<const uint8_t> body) {
    TRY(need_size(body, 16));
    const GuestPolicy policy{.policy = load<uint64_t>(body, 0), .mask = load<uint32_t>(body, 8)};
    TRY(known_mask(policy.mask));
    for (const GuestPolicy& other : file_.policies)
        if ((other.mask & policy.mask) != 0) return Error::make("a platform has two policies");
    file_.policies.push_back(policy);
    return {};
}

Status Parser::parameter_area(std::span<const uint8_t> body) {
    TRY(need_size(body, 16));
    ParameterArea area{.size = load<uint64_t>(body, 0), .index = load<uint32_t>(body, 8)};
    TRY(need_page(0, area.size));
    if (area.size > kMostParameterBytes - parameter_bytes_)
        return Error::make("its parameter areas have more than %llu MiB",
                           static_cast<unsigned long long>(kMostParameterBytes / kMiB));
    parameter_bytes_ += area.size;
    area.initial = TRY(file_data(load<uint32_t>(body, 12), area.size));
    file_.directives.emplace_back(area);
    return {};
}

Status Parser::page_data(std::span<const uint8_t> body) {
    TRY(need_size(body, 24));
    PageData page{.gpa = load<uint64_t>(body, 0), .mask = load<uint32_t>(body, 8)};
    const auto flags = load<uint32_t>(body, 16);
    const auto type = load<uint16_t>(body, 20);
    TRY(known_mask(page.mask));
    if ((flags & ~(kPage2MiB | kPageUnmeasured | kPageShared)) != 0)
        return Error::make("the page's flags 0x%x are not known", flags);
    if (type > static_cast<uint16_t>(PageType::CpuidWithXfem))
        return Error::make("the page's type %u is not known", type);
    page.type = static_cast<PageType>(type);
    page.unmeasured = (flags & kPageUnmeasured) != 0;
    page.shared = (flags & kPageShared) != 0;
    page.size = (flags & kPage2MiB) != 0 ? kLargePage : kPageSize;
    TRY(need_page(page.gpa, page.size));
    if (!is_aligned(page.gpa, page.size))
        return Error::make("the address 0x%llx is not that of a page of 2 MiB",
                           static_cast<unsigned long long>(page.gpa));
    page.data = TRY(file_data(load<uint32_t>(body, 12), page.size));
    if (page.type != PageType::Normal && (!page.data.empty() || page.unmeasured || page.shared))
        return Error::make("a secrets or CPUID page has contents or flags");
    file_.directives.emplace_back(page);
    return {};
}

Status Parser::parameter_insert(std::span<const uint8_t> body) {
    TRY(need_size(body, 16));
    const ParameterInsert insert{
        .gpa = load<uint64_t>(body, 0), .mask = load<uint32_t>(body, 8), .area = load<uint32_t>(body, 12)};
    TRY(known_mask(insert.mask));
    TRY(need_page(insert.gpa, kPageSize));
    file_.directives.emplace_back(insert);
    return {};
}

Status Parser::vp_context(std::span<const uint8_t> body) {
    TRY(need_size(body, 20));
    VpContext context{.gpa = load<uint64_t>(body, 0),
                      .mask = load<uint32_t>(body, 8),
                      .vp_index = load<uint16_t>(body, 16)};
    TRY(known_mask(context.mask));
    const auto offset = load<uint32_t>(body, 12);
    if (offset == 0) return Error::make("a processor's context has no data");
    const uint64_t left = offset < bytes_.size() ? bytes_.size() - offset : 0;
    context.data = TRY(file_data(offset, std::min(left, kPageSize)));
    file_.directives.emplace_back(context);
    return {};
}

Status Parser::required_memory(std::span<const uint8_t> body) {
    TRY(need_size(body, 24));
    const RequiredMemory memory{.gpa = load<uint64_t>(body, 0),
                                .mask = load<uint32_t>(body, 8),
                                .size = load<uint32_t>(body, 12),
                                .vtl2_protectable = (load<uint32_t>(body, 16) & 1) != 0};
    TRY(known_mask(memory.mask));
    TRY(need_page(memory.gpa, memory.size));
    file_.directives.emplace_back(memory);
    return {};
}

Status Parser::error_range(std::span<const uint8_t> body) {
    TRY(need_size(body, 16));
    const ErrorRange range{
        .gpa = load<uint64_t>(body, 0), .mask = load<uint32_t>(body, 8), .size = load<uint32_t>(body, 12)};
    TRY(known_mask(range.mask));
    TRY(need_page(range.gpa, range.size));
    file_.directives.emplace_back(range);
    return {};
}

Status Parser::snp_id_block(std::span<const uint8_t> body) {
    TRY(need_size(body, kSnpIdBlockSize));
    const SnpIdBlock block{
        .mask = load<uint32_t>(body, 0), .author_key = body[4] != 0, .body = body.subspan(8)};
    TRY(known_mask(block.mask));
    if (body[4] > 1) return Error::make("the ID block's author key is neither on nor off");
    file_.directives.emplace_back(block);
    return {};
}

Status Parser::parameter(HeaderType type, std::span<const uint8_t> body) {
    TRY(need_size(body, 8));
    file_.directives.emplace_back(
        Parameter{.type = type, .area = load<uint32_t>(body, 0), .offset = load<uint32_t>(body, 4)});
    return {};
}

Status Parser::variable_header(uint32_t type, std::span<const uint8_t> body) {
    TRY(order(type & ~kMayBeSkipped));
    switch (static_cast<HeaderType>(type & ~kMayBeSkipped)) {
        case HeaderType::SupportedPlatform:
            return platform(body);
        case HeaderType::GuestPolicy:
            return policy(body);
        case HeaderType::RelocatableRegion:
        case HeaderType::PageTableRelocation:
            return {};  // it may be loaded elsewhere; it is loaded where it says
        case HeaderType::VbsMeasurement:
            return {};  // of a platform that is not here
        case HeaderType::ParameterArea:
            return parameter_area(body);
        case HeaderType::PageData:
            return page_data(body);
        case HeaderType::ParameterInsert:
            return parameter_insert(body);
        case HeaderType::VpContext:
            return vp_context(body);
        case HeaderType::RequiredMemory:
            return required_memory(body);
        case HeaderType::ErrorRange:
            return error_range(body);
        case HeaderType::SnpIdBlock:
            return snp_id_block(body);
        case HeaderType::VpCount:
        case HeaderType::Srat:
        case HeaderType::Madt:
        case HeaderType::MmioRanges:
        case HeaderType::MemoryMap:
        case HeaderType::CommandLine:
        case HeaderType::Slit:
        case HeaderType::Pptt:
        case HeaderType::DeviceTree:
        case HeaderType::EnvironmentInfo:
            return parameter(static_cast<HeaderType>(type & ~kMayBeSkipped), body);
    }
    if ((type & kMayBeSkipped) != 0) return {};
    return Error::make("the header's type is not known");
}

Result<File> Parser::run() {
    TRY(fixed_header());
    const std::span<const uint8_t> headers = bytes_.subspan(variable_at_, variable_size_);
    for (size_t at = 0; at < headers.size();) {
        const auto type = load<uint32_t>(headers, at);
        const auto length = load<uint32_t>(headers, at + 4);
        const uint64_t padded = align_up(uint64_t{length}, 8);
        if (padded > headers.size() - at - 8)
            return Error::make("header 0x%x at 0x%zx is longer than what is left", type, variable_at_ + at);
        Status taken = variable_header(type, headers.subspan(at + 8, length));
        if (!taken)
            return std::move(taken).take_error().while_doing("header 0x%x at 0x%zx", type, variable_at_ + at);
        at += 8 + padded;
    }
    if (file_.platforms.empty()) return Error::make("it names no platform");
    return std::move(file_);
}

}  // namespace

std::string_view platform_name(PlatformType type) {
    switch (type) {
        case PlatformType::Native:
            return "native";
        case PlatformType::Vsm:
            return "VSM";
        case PlatformType::Snp:
            return "SEV-SNP";
        case PlatformType::Tdx:
            return "TDX";
        case PlatformType::Sev:
            return "SEV";
        case PlatformType::SevEs:
            return "SEV-ES";
        case PlatformType::Cca:
            return "CCA";
    }
    return "unknown";
}

const Platform* File::find(PlatformType type) const {
    for (const Platform& platform : platforms)
        if (platform.type == type) return &platform;
    return nullptr;
}

Result<File> parse(std::span<const uint8_t> bytes) {
    return Parser(bytes).run();
}

}  // namespace vmm::igvm
