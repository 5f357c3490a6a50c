// Copying memory that may go away meanwhile: a mapped file that somebody cuts off, a page that the hardware
// lost. The kernel says so with SIGBUS, which ends a process that is not prepared. Any thread.
#pragma once

#include <cstddef>

#include "util/result.h"

namespace vmm {

// Once before the first copy: takes the process's SIGBUS. One that comes outside of a copy still ends it.
Status guard_copies();
// False: memory of one of the two was not there; some of `to` may be written.
[[nodiscard]] bool copy_guarded(void* to, const void* from, size_t bytes);

}  // namespace vmm
