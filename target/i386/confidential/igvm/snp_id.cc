// An IGVM file's SNP ID block in the form of the firmware's ABI (SEV-SNP Firmware ABI, 8.17 and 8.18).
#include <cstring>

#include "target/i386/confidential/igvm/plan.h"
#include "util/endian.h"

namespace vmm::igvm {

namespace {

// In the file: digest, two ids, version, SVN, two algorithms, then signature and key twice.
constexpr size_t kDigestAndIds = 48 + 16 + 16;
constexpr size_t kVersion = kDigestAndIds, kSvn = kVersion + 4;
constexpr size_t kIdAlgorithm = kSvn + 4, kAuthorAlgorithm = kIdAlgorithm + 4;
constexpr size_t kComponent = 72;
constexpr size_t kSignature = 2 * kComponent, kKey = 8 + 2 * kComponent;
constexpr size_t kIdSignature = kAuthorAlgorithm + 4, kIdKey = kIdSignature + kSignature;
constexpr size_t kAuthorSignature = kIdKey + kKey, kAuthorKey = kAuthorSignature + kSignature;

// In the ABI.
constexpr size_t kBlockSize = 96, kBlockPolicy = 88;
constexpr size_t kAuthenticationSize = 4096;
constexpr size_t kToIdAlgorithm = 0, kToAuthorAlgorithm = 4, kToIdSignature = 64, kToIdKey = 576;
constexpr size_t kToAuthorSignature = 1664, kToAuthorKey = 2176;
// A key there: curve, then components; the curve's reserved word of the file is not there.
constexpr size_t kKeyComponents = 4;

void copy_signature(uint8_t* to, const uint8_t* from) {
    std::memcpy(to, from, kSignature);
}

void copy_key(uint8_t* to, const uint8_t* from) {
    std::memcpy(to, from, 4);
    std::memcpy(to + kKeyComponents, from + 8, 2 * kComponent);
}

}  // namespace

SnpIdPages snp_id_pages(const SnpIdBlock& block, uint64_t policy) {
    const uint8_t* from = block.body.data();
    SnpIdPages pages{std::vector<uint8_t>(kBlockSize), std::vector<uint8_t>(kAuthenticationSize),
                     block.author_key};
    std::memcpy(pages.block.data(), from, kDigestAndIds + 8);
    store_le<uint64_t>(&pages.block[kBlockPolicy], policy);
    uint8_t* to = pages.authentication.data();
    std::memcpy(to + kToIdAlgorithm, from + kIdAlgorithm, 4);
    std::memcpy(to + kToAuthorAlgorithm, from + kAuthorAlgorithm, 4);
    copy_signature(to + kToIdSignature, from + kIdSignature);
    copy_key(to + kToIdKey, from + kIdKey);
    if (!block.author_key) return pages;
    copy_signature(to + kToAuthorSignature, from + kAuthorSignature);
    copy_key(to + kToAuthorKey, from + kAuthorKey);
    return pages;
}

}  // namespace vmm::igvm
