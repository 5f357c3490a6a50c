// Gmem: an owned guest_memfd. There is no half-made one: it comes out of create() bound to its VM, of its
// final size, empty and close-on-exec; it serves one RAM block for that block's life. What it holds the guest
// (or, when mappable, a mapping) put there; this class only frees, reserves and counts its pages.
// Thread-safe, but for let_go() and renew(): those are for the main thread while no guest runs.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "system/memory/address.h"
#include "system/memory/attribute_sink.h"
#include "util/align.h"
#include "util/fd.h"
#include "util/raw_syscall.h"
#include "util/result.h"

namespace vmm {

using GmemRange = AddressRange<GmemOffset>;

class Gmem {
    struct Token {};

  public:
    // request.size: bytes, a multiple of the page size. The factory outlives the Gmem.
    static Result<std::unique_ptr<Gmem>> create(GmemFactory& factory, const GmemRequest& request);

    int fd() const { return fd_.get(); }
    uint64_t size() const { return size_; }
    bool mappable() const { return mappable_; }

    // Frees the pages of a page-aligned range; they read as zero when touched again. In line where it works
    // the first time.
    [[gnu::always_inline]] Status punch(GmemRange range) {
        if (range.aligned(kPageSize) && raw_syscall(SYS_fallocate, static_cast<uint64_t>(fd_.get()), kPunch,
                                                    range.first().raw(), range.size()) == 0) [[likely]]
            return {};
        return punch_again(range);
    }
    // Allocates the pages of a page-aligned range by the calling thread's memory policy.
    Status preallocate(GmemRange range);
    // Bytes allocated in the range, where the kernel can tell (cachestat: Linux 6.5).
    std::optional<uint64_t> resident(GmemRange range) const;

    // The VM is made anew: lets go of the old one, then becomes an empty guest_memfd of the new one. What was
    // in it is gone. Not for mappable ones, which are somebody's mapping.
    void let_go();
    Status renew();

    // For create() only.
    Gmem(Token, GmemFactory& factory, Fd fd, const GmemRequest& request);
    ~Gmem();
    Gmem(const Gmem&) = delete;
    Gmem& operator=(const Gmem&) = delete;

  private:
    static constexpr unsigned kPunch = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
    [[gnu::cold]] Status punch_again(GmemRange range);

    GmemFactory& factory_;
    Fd fd_;
    const uint64_t size_;
    const bool mappable_;
};

}  // namespace vmm
