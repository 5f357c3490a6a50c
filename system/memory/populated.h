// Populated: several reasons why a page may be missing (private visibility; a virtio-mem block that is
// unplugged), one populated map, many listeners. Used by the conversion engine and by devices that plug
// memory. Sources and listeners come and go only while nothing is being populated or discarded: their owner
// goes through ConversionEngine, which sees to that.
#pragma once

#include <functional>
#include <vector>

#include "system/memory/address.h"
#include "system/memory/discard_listener.h"
#include "util/result.h"

namespace vmm {

class PopulatedSource {
  public:
    virtual ~PopulatedSource() = default;
    // Calls visit for each maximal run of the range that this source leaves in place, in order.
    virtual void visit_populated(const RamBlock& block, RamRange range,
                                 const std::function<void(RamRange)>& visit) const = 0;
};

class Populated {
  public:
    void add_source(const PopulatedSource& source);
    void remove_source(const PopulatedSource& source);
    void add_listener(DiscardListener& listener);
    void remove_listener(DiscardListener& listener);
    bool has_listeners() const { return !listeners_.empty(); }

    // The runs of the range that every source but `except` (may be null) leaves in place.
    std::vector<RamRange> runs(const RamBlock& block, RamRange range,
                               const PopulatedSource* except = nullptr) const;
    // `source` is about to give or has just given the range: tells the listeners of the parts that all others
    // leave in place. All or nothing: when one refuses, those told before are told the reverse.
    Status populate(RamBlock& block, RamRange range, const PopulatedSource& source) const;
    // `source` is about to take the range away.
    void discard(RamBlock& block, RamRange range, const PopulatedSource& source) const;

  private:
    std::vector<const PopulatedSource*> sources_;
    std::vector<DiscardListener*> listeners_;
};

}  // namespace vmm
