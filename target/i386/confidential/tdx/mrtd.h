// MRTD: the measurement of what a TD starts with (Intel TDX module ABI specification: TDH.MEM.PAGE.ADD,
// TDH.MR.EXTEND). The running form follows what is submitted; mrtd_of() is the whole of a firmware image.
// Pure.
#pragma once

#include <cstdint>
#include <span>

#include "target/i386/confidential/tdx/tdvf.h"
#include "util/digest.h"

namespace vmm::tdx {

inline constexpr size_t kExtendChunk = 256;

class Mrtd {
  public:
    // A page joins the TD.
    void add_page(uint64_t gpa);
    // 256 bytes of a page are measured.
    void extend(uint64_t gpa, std::span<const uint8_t, kExtendChunk> chunk);
    // All chunks of a page.
    void extend_page(uint64_t gpa, std::span<const uint8_t> page);
    // What it comes to so far; more may follow.
    Sha384Digest value() const;

  private:
    Hasher sum_{HashKind::Sha384};
};

// Kernels since 6.16 add and measure page by page; the stacks before that went upstream add all pages of a
// section, then measure them. The two give different values.
enum class MrtdOrder { Interleaved, TwoPass };
// Whether a section with the attribute PAGE_AUG is left to the guest to accept, as the design guide says, or
// added like the others, as QEMU does.
enum class PageAug { Accepted, Added };

Sha384Digest mrtd_of(std::span<const uint8_t> image, const Tdvf& firmware, MrtdOrder order, PageAug page_aug);

}  // namespace vmm::tdx
