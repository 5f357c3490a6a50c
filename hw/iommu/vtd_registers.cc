// Masks, and the values after a reset.
#include "hw/iommu/vtd_registers.h"

#include "util/bits.h"

namespace vmm::vtd {

namespace {

constexpr uint32_t kAll = 0xffffffff;

struct Row {
    unsigned at;
    uint32_t writable;
    uint32_t cleared_by_one = 0;
};
constexpr Row kRows[] = {
    {kRootTable, 0xfffff000},
    {kRootTable + 4, kAll},
    {kContextCommand, kAll},
    {kContextCommand + 4, 0xe0000003},
    {kFaultStatus, 0, kFaultOverflow | kQueueError},
    {kFaultControl, kEventMasked},
    {kFaultData, 0xffff},
    {kFaultAddress, 0xfffffffc},
    {kFaultUpperAddress, kAll},
    {kQueueTail, 0x7fff0},
    {kQueueAddress, 0xfffff007},
    {kQueueAddress + 4, kAll},
    {kWaitStatus, 0, kWaitComplete},
    {kWaitControl, kEventMasked},
    {kWaitData, 0xffff},
    {kWaitAddress, 0xfffffffc},
    {kWaitUpperAddress, kAll},
    {kInterruptTable, 0xfffff00f | kExtendedIds},
    {kInterruptTable + 4, kAll},
    {kInvalidateAddress, kAll},
    {kInvalidateAddress + 4, kAll},
    {kInvalidateCommand, kAll},
    {kInvalidateCommand + 4, 0xb003ffff},
    {kFaultRecord + 12, 0, kFaultRecorded},
};

}  // namespace

void RegisterFile::set_capabilities() {
    constexpr uint64_t kDomains = 6;  // 16-bit domain ids
    constexpr uint64_t kPages2M1G = 3ull << 34, kByPage = 1ull << 39, kDrain = 3ull << 54;
    uint64_t capability = kDomains | uint64_t{features_.address_bits - 1} << 16 |
                          uint64_t{kFaultRecord / 16} << 24 | kPages2M1G | kByPage | uint64_t{18} << 48;
    capability |= features_.address_bits == 48 ? bit(9) | bit(10) : bit(9);
    if (features_.caching_mode) capability |= bit(7);
    if (features_.drain) capability |= kDrain;
    set64(kCapability, capability);

    constexpr uint64_t kQueuedInvalidation = 1 << 1, kMaskOfHandles = 15 << 20;
    uint64_t extended = kQueuedInvalidation | uint64_t{kInvalidateAddress / 16} << 8;
    if (features_.device_tlbs) extended |= bit(2);
    if (features_.remapping) extended |= bit(3) | kMaskOfHandles;
    if (features_.extended_ids) extended |= bit(4);
    if (features_.pass_through) extended |= bit(6);
    set64(kExtendedCapability, extended);
}

void RegisterFile::reset() {
    words_ = {};
    set(kVersion, 0x10);
    set_capabilities();
    set(kFaultControl, kEventMasked);
    set(kWaitControl, kEventMasked);
}

void RegisterFile::write(unsigned at, uint32_t value) {
    for (const Row& row : kRows) {
        if (row.at != at) continue;
        uint32_t writable = row.writable;
        if (at == kInterruptTable && !features_.extended_ids) writable &= ~kExtendedIds;
        set(at, ((get(at) & ~writable) | (value & writable)) & ~(value & row.cleared_by_one));
    }
}

void RegisterFile::update_fault_status() {
    turn(kFaultStatus, kFaultPending, (get(kFaultRecord + 12) & kFaultRecorded) != 0);
}

}  // namespace vmm::vtd
