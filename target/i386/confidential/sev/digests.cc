// Measurements; see digests.h.
#include "target/i386/confidential/sev/digests.h"

#include "util/align.h"
#include "util/check.h"
#include "util/endian.h"

namespace vmm::sev {

namespace {

// PAGE_INFO; permissions of the lower privilege levels are all 0.
struct PageInfo {
    Sha384Digest digest;
    Sha384Digest contents;
    Le16 length;
    uint8_t type;
    uint8_t imi_page;
    uint8_t permissions[4];
    Le64 gpa;
};
static_assert(sizeof(PageInfo) == 0x70);

bool has_contents(PageType type) {
    return type == PageType::Normal || type == PageType::Vmsa;
}

}  // namespace

void SnpLaunchDigest::add_page(PageType type, uint64_t gpa, std::span<const uint8_t> page) {
    PageInfo info{};
    info.digest = value_;
    if (has_contents(type)) {
        CHECK(page.size() == kPageSize, "a measured page of %zu bytes", page.size());
        info.contents = sha384(page);
    }
    info.length = sizeof info;
    info.type = static_cast<uint8_t>(type);
    info.gpa = gpa;
    value_ = sha384(bytes_of(info));
}

void SnpLaunchDigest::add(PageType type, uint64_t gpa, uint64_t length, std::span<const uint8_t> contents) {
    CHECK(is_aligned(length, kPageSize), "half a page is measured");
    for (uint64_t at = 0; at < length; at += kPageSize)
        add_page(type, gpa + at, has_contents(type) ? contents.subspan(at, kPageSize) : contents);
}

std::vector<uint8_t> sev_launch_measure(std::span<const uint8_t> integrity_key, const SevMeasureInputs& in) {
    constexpr uint8_t kMeasureContext = 0x04;
    std::vector<uint8_t> data{kMeasureContext, in.api_major, in.api_minor, in.build};
    const Le32 policy(in.policy);
    const auto policy_bytes = bytes_of(policy);
    data.insert(data.end(), policy_bytes.begin(), policy_bytes.end());
    data.insert(data.end(), in.launch_digest.begin(), in.launch_digest.end());
    data.insert(data.end(), in.nonce.begin(), in.nonce.end());
    const Sha256Digest code = hmac_sha256(integrity_key, data);
    std::vector<uint8_t> out(code.begin(), code.end());
    out.insert(out.end(), in.nonce.begin(), in.nonce.end());
    return out;
}

}  // namespace vmm::sev
