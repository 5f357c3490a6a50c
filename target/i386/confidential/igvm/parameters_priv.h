// Parameter areas while a plan is made: filled by the loader, then inserted as pages.
#pragma once

#include <map>

#include "target/i386/confidential/igvm/plan.h"

namespace vmm::igvm {

class ParameterAreas {
  public:
    Status add(const ParameterArea& area);
    Status fill(const Parameter& parameter, const GuestFacts& facts);
    // The area's bytes; it is gone afterwards.
    Result<std::vector<uint8_t>> take(uint32_t index);

  private:
    Result<std::vector<uint8_t>*> find(uint32_t index);
    std::map<uint32_t, std::vector<uint8_t>> areas_;
};

// A device tree that says what the other parameters say.
Result<std::vector<uint8_t>> build_device_tree(const GuestFacts& facts, size_t room);

}  // namespace vmm::igvm
