// What interrupt controllers in user space and devices with many vectors ask of the accelerator. Implemented
// by accel/kvm; software stand-ins serve VMs and tests without them. GSIs below kIoApicPins are the IOAPIC's
// pins.
#pragma once

#include <cstdint>
#include <optional>

#include "system/irq/msi.h"
#include "util/result.h"

namespace vmm {

inline constexpr unsigned kIoApicPins = 24;

// The table gsi -> message. Changes are gathered and reach the kernel at commit().
class GsiRoutes {
  public:
    virtual ~GsiRoutes() = default;
    virtual void set_msi(unsigned gsi, const MsiMessage& message) = 0;
    virtual void clear(unsigned gsi) = 0;
    virtual void commit() = 0;
    // A GSI above the pins for one MSI vector; empty when the table is full.
    virtual std::optional<unsigned> allocate() = 0;
    virtual void release(unsigned gsi) = 0;
};

// A descriptor that raises a GSI when signalled.
class IrqFds {
  public:
    virtual ~IrqFds() = default;
    virtual Status attach(unsigned gsi, int event_fd) = 0;
    virtual void detach(unsigned gsi, int event_fd) = 0;
    // Without a turn of a loop of this process, from any thread.
    virtual bool in_kernel() const { return true; }
};

// A guest write that signals a descriptor without leaving the kernel.
struct IoEventAddress {
    bool port = false;  // I/O port rather than memory
    uint64_t address = 0;
    uint8_t size = 0;  // 0: any size
    std::optional<uint64_t> value;
    bool operator==(const IoEventAddress&) const = default;
};
class IoEvents {
  public:
    virtual ~IoEvents() = default;
    virtual Status attach(const IoEventAddress& address, int event_fd) = 0;
    virtual void detach(const IoEventAddress& address, int event_fd) = 0;
};

// Told when a local APIC ends a level-triggered interrupt of this vector.
class EoiListener {
  public:
    virtual ~EoiListener() = default;
    virtual void end_of_interrupt(uint8_t vector) = 0;
};

// The 8259 pair as the CPU sees it when it lives in user space: an INTR output and an acknowledge cycle.
class ExternalInterrupts {
  public:
    virtual ~ExternalInterrupts() = default;
    virtual bool pending() = 0;
    // The acknowledge cycle: the vector to inject (spurious when nothing is pending any more).
    virtual uint8_t acknowledge() = 0;
};

}  // namespace vmm
