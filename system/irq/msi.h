// Message-signalled interrupts: a write of data to an address, and who takes it. Header only.
#pragma once

#include <cstdint>

namespace vmm {

struct MsiMessage {
    uint64_t address = 0;
    uint32_t data = 0;
    bool operator==(const MsiMessage&) const = default;
};

class MsiSink {
  public:
    virtual ~MsiSink() = default;
    // Any thread; takes at most locks of rank Irq and below.
    virtual void send(const MsiMessage& message) = 0;
};

}  // namespace vmm
