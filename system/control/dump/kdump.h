// A dump in kdump's compressed format (the disk dump header, version 6, as makedumpfile and crash have it),
// in makedumpfile's flattened form, which can go through a pipe. Pages are compressed with zlib where that
// makes them smaller; pages of zeros are stored once; pages that are private to the guest are left out of the
// second bitmap, as filtered ones are.
#pragma once

#include <atomic>

#include "system/control/dump/plan.h"
#include "system/control/dump/sink.h"

namespace vmm::dump {

// done: bytes of memory written so far.
Status write_kdump(const DumpPlan& plan, const DumpMemory& memory, DumpSink& sink,
                   std::atomic<uint64_t>& done);

}  // namespace vmm::dump
