// The tables of VT-d in guest memory: from a function's address to a guest-physical one (root, context and
// second-level tables), and from an interrupt request to a message (the interrupt remapping table). Called by
// IntelIommu with a copy of the registers it needs; keeps nothing: each translation walks the tables anew.
// Any thread, no lock. Spec: Intel Virtualization Technology for Directed I/O, 3.4 and 3.7 (legacy
// mode), 5.1, 9.1, 9.3, 9.8 and 9.10.
#pragma once

#include <cstdint>
#include <optional>

#include "system/irq/msi.h"
#include "system/memory/dma_space.h"

namespace vmm::vtd {

// Why a request is refused (appendix A of the specification).
enum class Fault : uint8_t {
    RootNotPresent = 0x1,
    ContextNotPresent = 0x2,
    ContextInvalid = 0x3,
    AddressBeyondWidth = 0x4,
    WriteDenied = 0x5,
    ReadDenied = 0x6,
    PageTableUnreadable = 0x7,
    RootUnreadable = 0x8,
    ContextUnreadable = 0x9,
    RootReserved = 0xa,
    ContextReserved = 0xb,
    PageReserved = 0xc,
    InterruptIndex = 0x21,
    InterruptNotPresent = 0x22,
    InterruptUnreadable = 0x23,
    InterruptReserved = 0x24,
    InterruptFormat = 0x25,
    InterruptSource = 0x26,
};

// Where a request goes, or why it does not. `silent`: its entry asks that the fault is not recorded.
template <typename Where>
struct Outcome {
    std::optional<Where> where = {};
    Fault fault = Fault::RootNotPresent;
    bool silent = false;

    static Outcome to(Where w) { return {w}; }
    static Outcome refused(Fault why, bool silently = false) { return {std::nullopt, why, silently}; }
};

struct DmaTables {
    uint64_t root = 0;
    unsigned address_bits = 39;  // of the host, and the most of a function's addresses: 39 or 48
    bool pass_through = true;    // contexts may ask for none
    bool device_tlbs = false;    // and may allow requests that are translated, which no device makes
};
Outcome<Gpa> translate(const DmaTables& tables, const DmaSpace& memory, uint16_t requester, Gpa address,
                       bool write);

struct InterruptTable {
    uint64_t base = 0;
    uint32_t entries = 0;
    bool extended_ids = false;
    bool old_format = false;  // requests of the old format pass as they are
};
// Without a requester the sender is not verified. `index` is what a fault record names.
struct Interrupt {
    Outcome<MsiMessage> outcome;
    uint16_t index = 0;
};
Interrupt remap(const InterruptTable& table, const DmaSpace& memory, std::optional<uint16_t> requester,
                const MsiMessage& message);

}  // namespace vmm::vtd
