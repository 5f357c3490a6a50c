// The command list of a port: which slot is next, fetching it, and telling how it ended. AHCI 1.3.1, 5.3 to
// 5.6 and 6.2.
#include <array>
#include <cstddef>
#include <utility>

#include "hw/ata/ahci_port.h"
#include "util/endian.h"
#include "util/log.h"

namespace vmm::ata {

namespace {

// AHCI 1.3.1, 4.2.2.
struct CommandHeader {
    Le32 flags;
    Le32 moved;  // PRDBC
    Le64 table;
    Le32 reserved[4];
};
static_assert(sizeof(CommandHeader) == 32);
constexpr uint32_t kHeaderAtapi = 1u << 5;
constexpr unsigned kHeaderEntriesShift = 16;

// AHCI 1.3.1, 4.2.3: offsets in a command table.
constexpr unsigned kTablePacket = 0x40;
constexpr unsigned kTableEntries = 0x80;

constexpr uint8_t kSoftReset = 0x04;  // in the control register
constexpr uint8_t kPacketCommand = 0xa0;
constexpr uint16_t kPacketBytes = 12;

constexpr uint32_t slot_bit(unsigned slot) {
    return 1u << slot;
}

}  // namespace

// Works off what can be done now. Loop thread; nested calls (a drive that completes at once) do nothing.
void AhciPort::work() {
    if (working_) return;
    working_ = true;
    // Each turn takes a command from the list or ends; a guest that issues without end gets others' turns in
    // between, by the doorbell.
    constexpr unsigned kMostTurns = 4 * kSlots;
    for (unsigned turn = 0;; ++turn) {
        if (turn == kMostTurns) {
            ring();
            break;
        }
        bool reset_drive = false, abandon = false;
        std::optional<unsigned> next;
        Gpa list{0};
        {
            Locked lock(mutex_);
            if (running_ == 0) {
                reset_drive = std::exchange(drive_reset_due_, false);
                send_signature();
            }
            abandon = stale_ != 0;
            next = choose();
            list = Gpa(clb_);
        }
        if (abandon) drive_->abandon();
        if (reset_drive) drive_->reset();
        if (!next) break;
        Slot& slot = *slots_[*next];
        const Fetch fetched = fetch(slot, list);
        {
            Locked lock(mutex_);
            if (fetched == Fetch::Failed) fetch_failed(*next);
            if (fetched == Fetch::Nothing) take_control_frame(*next, slot.in.control);
            if (fetched == Fetch::Command) accept(slot);
        }
        if (fetched == Fetch::Command) drive_->execute(slot);
    }
    working_ = false;
}

// One command at a time, or any number of queued ones; in the order of slots from the last one on.
std::optional<unsigned> AhciPort::choose() {
    const bool able = drive_ != nullptr && (cmd_ & kCmdListRunning) != 0 && !halted_ && !drive_reset_due_ &&
                      ssts_ == kSstsLinked;
    if (!able) return std::nullopt;
    if ((running_ & ~queued_) != 0 || (running_ & stale_) != 0) return std::nullopt;
    const uint32_t ready = ci_ & ~running_;
    for (unsigned i = 1; i <= kSlots; ++i) {
        const unsigned slot = (last_slot_ + i) % kSlots;
        if ((ready & slot_bit(slot)) == 0) continue;
        // What is active is queued; anything else waits until the queue is empty.
        const bool queued = (sact_ & slot_bit(slot)) != 0;
        if (running_ != 0 && !queued) return std::nullopt;
        last_slot_ = slot;
        cmd_ = (cmd_ & ~kCmdCurrentSlotMask) | slot << kCmdCurrentSlotShift;
        running_ |= slot_bit(slot);
        return slot;
    }
    return std::nullopt;
}

// Reads the slot's header, frame, packet and descriptors; each byte once. Without the lock.
AhciPort::Fetch AhciPort::fetch(Slot& slot, Gpa list) {
    slot.header = list + slot.index * sizeof(CommandHeader);
    const auto header = dma_.read<CommandHeader>(slot.header);
    if (!header) return Fetch::Failed;
    const Gpa table(header->table & ~uint64_t{0x7f});
    const auto frame = dma_.read<HostFis>(table);
    if (!frame) return Fetch::Failed;
    if ((*frame)[0] != kRegisterH2D) {
        log_guest_error("AHCI port %u: slot %u holds a frame of type 0x%x", index_, slot.index, (*frame)[0]);
        return Fetch::Failed;
    }
    slot.in = host_registers(*frame);
    if (!is_command(*frame)) return Fetch::Nothing;
    slot.packet.fill(0);
    if ((header->flags & kHeaderAtapi) != 0) {
        const auto packet = dma_.read<std::array<uint8_t, 16>>(table + kTablePacket);
        if (!packet) return Fetch::Failed;
        slot.packet = *packet;
    }
    const unsigned entries = header->flags >> kHeaderEntriesShift;
    if (!slot.data.load(dma_, table + kTableEntries, entries)) return Fetch::Failed;
    slot.room = slot.data.size();
    return Fetch::Command;
}

void AhciPort::accept(Slot& slot) {
    slot.out = DriveRegisters{};
    slot.out.device = slot.in.device;
    slot.out.lba = slot.in.lba;
    slot.out.count = slot.in.count;
    slot.protocol = Protocol::NoData;
    slot.moved = 0;
    slot.memory_failed = false;
    slot.step = 0;
    if (!is_queued(slot.in.command)) {
        tfd_ = (tfd_ & 0xff00) | kBusy | kGoodStatus;
        return;
    }
    // The drive takes a queued command at once and frees the slot's issue bit.
    queued_ |= slot_bit(slot.index);
    ci_ &= ~slot_bit(slot.index);
    send_register_frame(slot.out, Interrupt::No);
}

// A frame that only sets the control register: the two halves of a software reset. SATA 3.0, 11.4.
void AhciPort::take_control_frame(unsigned slot, uint8_t control) {
    running_ &= ~slot_bit(slot);
    stale_ &= ~slot_bit(slot);
    ci_ &= ~slot_bit(slot);
    const bool was = soft_reset_;
    soft_reset_ = (control & kSoftReset) != 0;
    if (soft_reset_ && !was) {
        const uint32_t issued = ci_;
        begin_drive_reset();
        ci_ = issued;
        signature_due_ = false;
        tfd_ = (tfd_ & 0xff00) | kGoodStatus;
    } else if (was && !soft_reset_) {
        signature_due_ = true;
    }
}

void AhciPort::fetch_failed(unsigned slot) {
    running_ &= ~slot_bit(slot);
    stale_ &= ~slot_bit(slot);
    host_bus_error();
}

bool AhciPort::put(Command& command, uint64_t at, std::span<const uint8_t> from) {
    return static_cast<Slot&>(command).data.put(dma_, at, from);
}

bool AhciPort::get(Command& command, uint64_t at, std::span<uint8_t> into) {
    return static_cast<Slot&>(command).data.get(dma_, at, into);
}

void AhciPort::completed(Command& command) {
    Slot& slot = static_cast<Slot&>(command);
    {
        Locked lock(mutex_);
        const uint32_t bit = slot_bit(slot.index);
        const bool stale = (stale_ & bit) != 0;
        finish(slot);
        running_ &= ~bit;
        queued_ &= ~bit;
        stale_ &= ~bit;
        // The drive is idle again, though nobody waited.
        if (stale && running_ == 0 && !signature_due_) tfd_ &= ~uint32_t{kBusy | kDrq};
    }
    slot.data.clear();
    work();
}

void AhciPort::finish(Slot& slot) {
    if ((stale_ & slot_bit(slot.index)) != 0) return;
    if (slot.memory_failed) {
        log_guest_error("AHCI port %u: data of slot %u are not in memory", index_, slot.index);
        tfd_ &= ~uint32_t{kBusy | kDrq};
        return host_bus_error();
    }
    if ((queued_ & slot_bit(slot.index)) != 0)
        finish_queued(slot);
    else
        finish_single(slot);
}

void AhciPort::finish_single(Slot& slot) {
    const bool failed = (slot.out.status & kErr) != 0;
    if (!dma_.write_value(slot.header + offsetof(CommandHeader, moved),
                          Le32(static_cast<uint32_t>(slot.moved))))
        host_bus_error();
    tell_pio(slot);
    if (failed)
        halted_ = true;
    else
        ci_ &= ~slot_bit(slot.index);
    send_register_frame(slot.out, Interrupt::Yes);
}

// The frame that precedes a DRQ block: the last one is what a guest finds.
void AhciPort::tell_pio(const Slot& slot) {
    const bool failed = (slot.out.status & kErr) != 0;
    if (slot.in.command == kPacketCommand) {
        const auto frame =
            pio_setup_fis(slot.out, Interrupt::No, PioDirection::ToDrive, kPacketBytes, kGoodStatus | kDrq);
        receive(kRfisPioSetup, frame);
    }
    const bool pio = slot.protocol == Protocol::PioIn || slot.protocol == Protocol::PioOut;
    if (!pio || slot.moved == 0 || failed) return;
    const uint64_t rest = slot.moved % slot.block;
    const auto bytes = static_cast<uint16_t>(rest == 0 ? slot.block : rest);
    const bool in = slot.protocol == Protocol::PioIn;
    // The first block of a write is asked for without an interrupt.
    const auto interrupt = in || slot.moved > slot.block ? Interrupt::Yes : Interrupt::No;
    receive(kRfisPioSetup,
            pio_setup_fis(slot.out, interrupt, in ? PioDirection::FromDrive : PioDirection::ToDrive, bytes,
                          slot.out.status));
    if (interrupt == Interrupt::Yes) raise(kIntPioSetup);
}

// A queued command that failed stops the queue: its bit stays active, and what else the drive has is dropped.
void AhciPort::finish_queued(Slot& slot) {
    const uint32_t bit = slot_bit(slot.index);
    const bool failed = (slot.out.status & kErr) != 0;
    if (failed) {
        halted_ = true;
        stale_ |= running_ & ~bit;
    } else {
        sact_ &= ~bit;
    }
    receive(kRfisDeviceBits, set_device_bits_fis(slot.out, Interrupt::Yes, failed ? 0 : bit));
    tfd_ = uint32_t{slot.out.error} << 8 | (tfd_ & (kBusy | kDrq)) | (slot.out.status & 0x77u);
    raise(kIntDeviceBits | (failed ? kIntTaskFile : 0));
}

}  // namespace vmm::ata
