// Gmem: an owned guest_memfd. There is no half-made one: it comes out of create() bound to its VM, of its
// final size, empty and close-on-exec; it serves one RAM block for that block's life. What it holds the guest
// (or, when mappable, a mapping) put there; this class only frees, reserves and counts its pages.
// Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "system/memory/address.h"
#include "system/memory/attribute_sink.h"
#include "util/fd.h"
#include "util/result.h"

namespace vmm {

using GmemRange = AddressRange<GmemOffset>;

class Gmem {
    struct Token {};

  public:
    // request.size: bytes, a multiple of the page size. The VM behind the factory outlives the Gmem.
    static Result<std::unique_ptr<Gmem>> create(GmemFactory& factory, const GmemRequest& request);

    int fd() const { return fd_.get(); }
    uint64_t size() const { return size_; }
    bool mappable() const { return mappable_; }

    // Frees the pages of a page-aligned range; they read as zero when touched again.
    Status punch(GmemRange range);
    // Allocates the pages of a page-aligned range by the calling thread's memory policy.
    Status preallocate(GmemRange range);
    // Bytes allocated in the range, where the kernel can tell (cachestat: Linux 6.5).
    std::optional<uint64_t> resident(GmemRange range) const;

    // For create() only.
    Gmem(Token, Fd fd, const GmemRequest& request)
        : fd_(std::move(fd)), size_(request.size), mappable_(request.mappable) {}

  private:
    const Fd fd_;
    const uint64_t size_;
    const bool mappable_;
};

}  // namespace vmm
