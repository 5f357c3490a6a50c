// Requester: a function as the IOMMU knows it: the id that its accesses carry, and its view of memory. A
// device that reads or writes guest memory gives its DmaSpace one of these. Any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "system/memory/dma_space.h"

namespace vmm::pci {

class Function;

// Its address; behind a conventional bus the bridge's, which asks for all that is there. PCIe-to-PCI
// Bridge 1.0, 2.3.
uint16_t requester_of(const Function& function);

class Requester final : public DmaTranslator {
  public:
    // The function outlives this.
    explicit Requester(const Function& function) : function_(function) {}
    std::optional<Gpa> translate(Gpa address, bool write) override;

  private:
    const Function& function_;
};

}  // namespace vmm::pci
