// An IGVM file taken apart: bytes in, headers out, nothing believed that was not checked against the file's
// own size. Pure; called once for -object igvm-cfg. What the headers mean for one platform is plan.h's.
// Spans point into the caller's bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "target/i386/confidential/igvm/format.h"
#include "util/result.h"

namespace vmm::igvm {

enum class PlatformType : uint8_t { Native = 0, Vsm = 1, Snp = 2, Tdx = 3, Sev = 4, SevEs = 5, Cca = 6 };
std::string_view platform_name(PlatformType type);

struct Platform {
    uint32_t mask = 0;  // one bit, which the headers below name
    uint8_t highest_vtl = 0;
    PlatformType type = PlatformType::Native;
    uint16_t version = 0;
    uint64_t shared_gpa_boundary = 0;
};

struct GuestPolicy {
    uint64_t policy = 0;
    uint32_t mask = 0;
};

enum class PageType : uint16_t { Normal = 0, Secrets = 1, Cpuid = 2, CpuidWithXfem = 3 };
struct PageData {
    uint64_t gpa = 0;
    uint32_t mask = 0;
    PageType type = PageType::Normal;
    bool unmeasured = false;
    bool shared = false;
    uint64_t size = 0;              // a page of 4 KiB or 2 MiB
    std::span<const uint8_t> data;  // as long, or empty: zeros
};

struct ParameterArea {
    uint64_t size = 0;
    uint32_t index = 0;
    std::span<const uint8_t> initial;  // as long, or empty: zeros
};
struct ParameterInsert {
    uint64_t gpa = 0;
    uint32_t mask = 0;
    uint32_t area = 0;
};
// What the loader writes into a parameter area: VP_COUNT, MADT, MEMORY_MAP, ...
struct Parameter {
    HeaderType type = HeaderType::VpCount;
    uint32_t area = 0;
    uint32_t offset = 0;
};

struct VpContext {
    uint64_t gpa = 0;
    uint32_t mask = 0;
    uint16_t vp_index = 0;
    std::span<const uint8_t> data;  // what the file has from its place on, at most a page
};

struct RequiredMemory {
    uint64_t gpa = 0;
    uint32_t mask = 0;
    uint64_t size = 0;
    bool vtl2_protectable = false;
};

struct ErrorRange {
    uint64_t gpa = 0;
    uint32_t mask = 0;
    uint64_t size = 0;
};

struct SnpIdBlock {
    uint32_t mask = 0;
    bool author_key = false;
    std::span<const uint8_t> body;  // from the launch digest on, as in the file
};

using Directive = std::variant<PageData, ParameterArea, ParameterInsert, Parameter, VpContext, RequiredMemory,
                               ErrorRange, SnpIdBlock>;

struct File {
    uint32_t version = 1;
    std::vector<Platform> platforms;
    std::vector<GuestPolicy> policies;
    std::vector<Directive> directives;  // in the file's order, which is that of the launch

    const Platform* find(PlatformType type) const;
};

// The error says where in the file it is wrong.
Result<File> parse(std::span<const uint8_t> bytes);

}  // namespace vmm::igvm
