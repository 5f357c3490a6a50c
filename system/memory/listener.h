// MemoryListener: told what changes when an address space's flat view is replaced. Calls come from Topology's
// commit, on the committing thread, with the topology lock (rank MemoryMap) held: begin, all removals
// (highest address first), all additions (lowest first), commit; the new view is published just before the
// commit calls. A listener never changes the map. One added later is told the present view as additions.
#pragma once

#include "system/memory/flat_view.h"
#include "util/result.h"

namespace vmm {

class MemoryListener {
  public:
    virtual ~MemoryListener() = default;
    virtual void begin() {}
    virtual void section_removed(const FlatSection&) {}
    virtual void section_added(const FlatSection&) {}
    // The new view as a whole, after the removals and additions.
    virtual void commit(const FlatView&) {}
    // Listeners with a lower number hear additions first and removals last.
    virtual int priority() const { return 0; }
};

}  // namespace vmm
