// Registers, the invalidation queue and what devices ask; see intel_iommu.h.
#include "hw/iommu/intel_iommu.h"

#include "system/memory/topology.h"
#include "util/bits.h"
#include "util/log.h"

namespace vmm {

using namespace vtd;

namespace {

constexpr uint64_t kMessages = 0xfee00000, kMessagesEnd = 0xfef00000;
constexpr unsigned kDescriptorSize = 16;

// Descriptors of the queue, 6.5.2: the kind in the low bits.
enum Descriptor : unsigned { kContexts = 1, kTranslations = 2, kDeviceTlb = 3, kInterrupts = 4, kWait = 5 };

struct QueueEntry {
    LeNumber<uint64_t> low, high;
};

uint64_t page_mask(unsigned address_bits) {
    return ((uint64_t{1} << address_bits) - 1) & ~uint64_t{0xfff};
}

}  // namespace

Status IntelIommu::check(const Config& values) {
    if (values.aw_bits != 39 && values.aw_bits != 48)
        return Error::make("Parameter 'aw-bits' expects 39 or 48");
    if (values.eim == qapi::OnOffAuto::On && values.intremap == qapi::OnOffAuto::Off)
        return Error::make("eim=on needs intremap=on");
    return {};
}

Result<std::unique_ptr<IntelIommu>> IntelIommu::create(const Config& values, DeviceEnv& env,
                                                       const std::string& id) {
    const DeviceEnv::InterruptReach reach = env.interrupt_reach();
    if (values.intremap == qapi::OnOffAuto::On && !reach.can_remap)
        return Error::make("intremap=on does not work with the kernel's interrupt controllers")
            .with_hint("use -machine kernel_irqchip=split");
    const bool remapping = values.intremap != qapi::OnOffAuto::Off && reach.can_remap;
    if (values.eim == qapi::OnOffAuto::On && !(remapping && reach.extended_ids))
        return Error::make("eim=on needs intremap=on and a machine that may have more than 255 processors");
    const RegisterFile::Features features{
        .address_bits = values.aw_bits,
        .caching_mode = values.caching_mode,
        .pass_through = values.pt,
        .remapping = remapping,
        .extended_ids = remapping && reach.extended_ids && values.eim != qapi::OnOffAuto::Off,
        .drain = values.dma_drain,
        .device_tlbs = values.device_iotlb};
    auto unit = std::make_unique<IntelIommu>(Token{}, features, env, id);
    TRY(env.set_iommu(unit.get()));
    unit->known_ = true;
    return unit;
}

IntelIommu::IntelIommu(Token, const RegisterFile::Features& features, DeviceEnv& env, const std::string& id)
    : Device(id),
      features_(features),
      env_(env),
      memory_(env.dma()),
      msi_(env.msi()),
      registers_(features),
      region_(MemoryRegion::io("intel_iommu", kSize, *this)) {
    env_.topology().add(env_.system_space(), region_, kAddress);
}

IntelIommu::~IntelIommu() {
    if (known_) (void)env_.set_iommu(nullptr);
    env_.topology().remove(region_);
}

Iommu::Description IntelIommu::describe() const {
    return {features_.address_bits, features_.remapping, features_.extended_ids};
}

void IntelIommu::reset_hold() {
    {
        Locked lock(registers_mutex_);
        registers_.reset();
        root_ = interrupt_table_ = 0;
    }
    finish({.messages = {}, .remapping_changed = true});
}

uint64_t IntelIommu::read(uint64_t offset, unsigned) {
    Locked lock(registers_mutex_);
    return offset == kCommand ? 0 : registers_.get(static_cast<unsigned>(offset));
}

void IntelIommu::write(uint64_t offset, uint64_t value, unsigned) {
    const auto at = static_cast<unsigned>(offset);
    After after;
    {
        Locked one_at_a_time(commands_);
        {
            Locked lock(registers_mutex_);
            if (at < kRegistersEnd) registers_.write(at, static_cast<uint32_t>(value));
        }
        act_on(at, static_cast<uint32_t>(value), after);
    }
    finish(after);
}

void IntelIommu::finish(const After& after) {
    if (after.remapping_changed && remapping_changed_) remapping_changed_();
    for (const MsiMessage& message : after.messages)
        msi_.send(message);
}

void IntelIommu::act_on(unsigned at, uint32_t value, After& after) {
    switch (at) {
        case kCommand:
            return command(value, after);
        case kQueueTail:
        case kFaultStatus:  // an error that is cleared lets the queue go on
            return run_queue(after);
        default:
            break;
    }
    Locked lock(registers_mutex_);
    // The upper halves hold the bit that starts the command, what was asked for, and what was done (the
    // same).
    if (at == kContextCommand + 4 && (value & 1u << 31) != 0)
        registers_.set(at, (value & 0x60000003) | (value >> 29 & 3) << 27);
    if (at == kInvalidateCommand + 4 && (value & 1u << 31) != 0)
        registers_.set(at, (value & 0x3003ffff) | (value >> 28 & 3) << 25);
    if (at == kFaultRecord + 12) registers_.update_fault_status();
    if (at == kFaultControl || at == kWaitControl) unmasked(at, after);
}

// One-shot commands first, then what is turned on or off.
void IntelIommu::command(uint32_t value, After& after) {
    {
        Locked lock(registers_mutex_);
        if ((value & kSetRoot) != 0) {
            root_ = registers_.get64(kRootTable) & page_mask(features_.address_bits);
            registers_.turn(kStatus, kSetRoot, true);
        }
        uint32_t switches = kTranslation | kQueued;
        if (features_.remapping) {
            switches |= kRemapping | kOldFormat;
            if ((value & kSetInterruptTable) != 0) {
                interrupt_table_ = registers_.get64(kInterruptTable);
                registers_.turn(kStatus, kSetInterruptTable, true);
            }
            after.remapping_changed = true;
        }
        const uint32_t before = registers_.get(kStatus);
        registers_.set(kStatus, (before & ~switches) | (value & switches));
        if ((before & kQueued) != 0 && (value & kQueued) == 0) registers_.set64(kQueueHead, 0);
    }
    run_queue(after);
}

// At most each entry once: the tail stays as it is meanwhile.
void IntelIommu::run_queue(After& after) {
    for (;;) {
        uint64_t base = 0, head = 0;
        {
            Locked lock(registers_mutex_);
            const uint64_t queue = registers_.get64(kQueueAddress);
            const uint64_t size = uint64_t{4096} << (queue & 7);
            base = queue & page_mask(features_.address_bits);
            head = registers_.get(kQueueHead);
            const bool on = (registers_.get(kStatus) & kQueued) != 0;
            const bool failed = (registers_.get(kFaultStatus) & kQueueError) != 0;
            const uint32_t tail = registers_.get(kQueueTail);
            if (!on || failed || head == tail) return;
            if (tail >= size || head >= size) return fail_queue(after);
            registers_.set(kQueueHead, static_cast<uint32_t>((head + kDescriptorSize) % size));
        }
        const auto entry = memory_.read<QueueEntry>(Gpa(base + head));
        if (entry && run_descriptor(entry->low, entry->high, after)) continue;
        Locked lock(registers_mutex_);
        registers_.set(kQueueHead, static_cast<uint32_t>(head));
        return fail_queue(after);
    }
}

void IntelIommu::fail_queue(After& after) {
    log_guest_error("intel-iommu: a descriptor of the invalidation queue is wrong");
    registers_.turn(kFaultStatus, kQueueError, true);
    raise(kFaultControl, after);
}

bool IntelIommu::run_descriptor(uint64_t low, uint64_t high, After& after) {
    switch (low & 0xf) {
        case kContexts:
            return (low >> 4 & 3) != 0;
        case kTranslations:
            return (low >> 4 & 3) != 0;
        case kDeviceTlb:
            return features_.device_tlbs;
        case kInterrupts:
            after.remapping_changed = true;
            return features_.remapping;
        case kWait:
            return run_wait(low, high, after);
        default:
            return false;
    }
}

bool IntelIommu::run_wait(uint64_t low, uint64_t high, After& after) {
    constexpr uint64_t kInterrupt = 1 << 4, kWriteStatus = 1 << 5;
    if ((low & kWriteStatus) != 0) {
        const LeNumber<uint32_t> data(static_cast<uint32_t>(low >> 32));
        if (!memory_.write_value(Gpa(high & ~uint64_t{3}), data)) return false;
    }
    if ((low & kInterrupt) == 0) return true;
    Locked lock(registers_mutex_);
    if ((registers_.get(kWaitStatus) & kWaitComplete) != 0) return true;
    registers_.turn(kWaitStatus, kWaitComplete, true);
    raise(kWaitControl, after);
    return true;
}

void IntelIommu::raise(unsigned control, After& after) {
    if ((registers_.get(control) & kEventMasked) != 0) {
        registers_.turn(control, kEventPending, true);
        return;
    }
    after.messages.push_back({registers_.get(control + 8) | uint64_t{registers_.get(control + 12)} << 32,
                              registers_.get(control + 4)});
}

void IntelIommu::unmasked(unsigned control, After& after) {
    const uint32_t now = registers_.get(control);
    if ((now & kEventMasked) != 0 || (now & kEventPending) == 0) return;
    registers_.turn(control, kEventPending, false);
    raise(control, after);
}

// 7.2: one record; what comes while it is full only sets the overflow.
void IntelIommu::record(Fault fault, uint16_t requester, uint64_t information, bool read) {
    After after;
    {
        Locked lock(registers_mutex_);
        if ((registers_.get(kFaultStatus) & kFaultOverflow) != 0) return;
        if ((registers_.get(kFaultRecord + 12) & kFaultRecorded) != 0)
            return registers_.turn(kFaultStatus, kFaultOverflow, true);
        const bool quiet = (registers_.get(kFaultStatus) & (kFaultPending | kQueueError)) == 0;
        registers_.set64(kFaultRecord, information);
        registers_.set(kFaultRecord + 8, requester);
        registers_.set(kFaultRecord + 12,
                       kFaultRecorded | (read ? 1u << 30 : 0u) | static_cast<uint32_t>(fault));
        registers_.update_fault_status();
        if (quiet) raise(kFaultControl, after);
    }
    finish(after);
}

std::optional<Gpa> IntelIommu::translate(uint16_t requester, Gpa address, bool write) {
    // Never translated: they are interrupts, not memory.
    if (address.raw() >= kMessages && address.raw() < kMessagesEnd) return address;
    DmaTables tables{.root = 0,
                     .address_bits = features_.address_bits,
                     .pass_through = features_.pass_through,
                     .device_tlbs = features_.device_tlbs};
    {
        Locked lock(registers_mutex_);
        if ((registers_.get(kStatus) & kTranslation) == 0) return address;
        tables.root = root_;
    }
    const Outcome<Gpa> found = vtd::translate(tables, memory_, requester, address, write);
    if (!found.where && !found.silent)
        record(found.fault, requester, address.raw() & ~uint64_t{0xfff}, !write);
    return found.where;
}

std::optional<MsiMessage> IntelIommu::remap(std::optional<uint16_t> requester, const MsiMessage& message,
                                            Faults faults) {
    InterruptTable table;
    {
        Locked lock(registers_mutex_);
        const uint32_t status = registers_.get(kStatus);
        if ((status & kRemapping) == 0) return message;
        table = {.base = interrupt_table_ & page_mask(features_.address_bits),
                 .entries = 2u << (interrupt_table_ & 0xf),
                 .extended_ids = (interrupt_table_ & kExtendedIds) != 0,
                 .old_format = (status & kOldFormat) != 0};
    }
    const Interrupt found = vtd::remap(table, memory_, requester, message);
    if (!found.outcome.where && !found.outcome.silent && faults == Faults::Record)
        record(found.outcome.fault, requester.value_or(0), uint64_t{found.index} << 48, true);
    return found.outcome.where;
}

}  // namespace vmm
