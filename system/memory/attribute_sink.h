// What the memory core asks of the accelerator for private memory: change a range's attributes, and make
// guest_memfds. The accelerator implements it; tests stand a model in its place. Thread-safe.
#pragma once

#include <cstdint>

#include "system/memory/address.h"
#include "system/memory/visibility.h"
#include "util/fd.h"
#include "util/result.h"

namespace vmm {

class Gmem;

class AttributeSink {
  public:
    virtual ~AttributeSink() = default;
    // One call to the kernel for one contiguous, page-aligned range; all or nothing. The errno is in the
    // error; the caller decides about EAGAIN and EINTR.
    virtual Status set_visibility(GpaRange range, Visibility visibility) = 0;
    // False for VMs without private memory: then nothing may be converted.
    virtual bool has_private_memory() const = 0;
    // Populates the private side ahead of the guest's first touch, where the kernel can (else does nothing).
    // A hint.
    virtual void prefault(GpaRange range) = 0;
};

// How a guest_memfd is to be made; the numbers behind are the accelerator's.
struct GmemRequest {
    uint64_t size = 0;         // bytes, a multiple of the page size
    bool mappable = false;     // the host can mmap it (GUEST_MEMFD_FLAG_MMAP)
    bool init_shared = false;  // starts shared (GUEST_MEMFD_FLAG_INIT_SHARED)
};

class GmemFactory {
  public:
    virtual ~GmemFactory() = default;
    // A descriptor bound to this VM, close-on-exec. The error says what the kernel lacks.
    virtual Result<Fd> create_guest_memfd(const GmemRequest& request) = 0;
    // Every guest_memfd made of this factory says when it comes and goes: who makes the VM anew must make
    // them anew as well. Main thread.
    virtual void gmem_made(Gmem&) {}
    virtual void gmem_gone(Gmem&) {}
};

}  // namespace vmm
