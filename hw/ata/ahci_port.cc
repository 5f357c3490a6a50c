// Registers, link and resets of a port; see ahci_port.h. The command list is in ahci_command.cc.
#include "hw/ata/ahci_port.h"

#include "util/check.h"
#include "util/log.h"

namespace vmm::ata {

AhciPort::AhciPort(const Parts& parts)
    : mutex_(parts.mutex),
      owner_(parts.owner),
      dma_(parts.dma),
      index_(parts.index),
      doorbell_(parts.loop, [this] { work(); }) {
    for (unsigned i = 0; i < kSlots; ++i)
        slots_[i] = std::make_unique<Slot>(*this, i);
    Locked lock(mutex_);
    power_on_reset();
}

AhciPort::~AhciPort() {
    Locked lock(mutex_);
    CHECK(running_ == 0, "AHCI port %u dies with commands under way", index_);
}

void AhciPort::set_drive(Drive* drive) {
    Locked lock(mutex_);
    CHECK(running_ == 0, "the drive of AHCI port %u changes under commands", index_);
    drive_ = drive;
    power_on_reset();
}

uint32_t AhciPort::interrupt_status() const {
    uint32_t status = is_;
    if ((serr_ & kSerrExchanged) != 0) status |= kIntConnect;
    if ((serr_ & kSerrPhyReadyChange) != 0) status |= kIntPhyReady;
    return status;
}

uint32_t AhciPort::read(unsigned offset) {
    switch (offset) {
        case kPxClb:
            return static_cast<uint32_t>(clb_);
        case kPxClbu:
            return static_cast<uint32_t>(clb_ >> 32);
        case kPxFb:
            return static_cast<uint32_t>(fb_);
        case kPxFbu:
            return static_cast<uint32_t>(fb_ >> 32);
        case kPxIs:
            return interrupt_status();
        case kPxIe:
            return ie_;
        case kPxCmd:
            return cmd_;
        case kPxTfd:
            return tfd_;
        case kPxSig:
            return sig_;
        case kPxSsts:
            return ssts_;
        case kPxSctl:
            return sctl_;
        case kPxSerr:
            return serr_;
        case kPxSact:
            return sact_;
        case kPxCi:
            return ci_;
        default:
            return 0;
    }
}

void AhciPort::write(unsigned offset, uint32_t value) {
    constexpr uint64_t kLow = 0xffffffff;
    const bool running = (cmd_ & kCmdStart) != 0;
    switch (offset) {
        case kPxClb:
            clb_ = (clb_ & ~kLow) | (value & ~0x3ffu);
            break;
        case kPxClbu:
            clb_ = (clb_ & kLow) | uint64_t{value} << 32;
            break;
        case kPxFb:
            fb_ = (fb_ & ~kLow) | (value & ~0xffu);
            break;
        case kPxFbu:
            fb_ = (fb_ & kLow) | uint64_t{value} << 32;
            break;
        case kPxIs:
            is_ &= ~value;
            owner_.port_changed(false);
            break;
        case kPxIe:
            ie_ = value & kIntAll;
            owner_.port_changed(interrupting());
            break;
        case kPxCmd:
            write_command(value);
            break;
        case kPxSctl:
            write_link_control(value);
            break;
        case kPxSerr:
            serr_ &= ~value;
            owner_.port_changed(false);
            break;
        case kPxSact:
            if (running) sact_ |= value;
            break;
        case kPxCi:
            if (!running) {
                log_guest_error("AHCI port %u: a command is issued to a stopped list", index_);
                break;
            }
            ci_ |= value;
            ring();
            break;
        default:
            log_guest_error("AHCI port %u: write of 0x%x to register 0x%x", index_, value, offset);
            break;
    }
}

void AhciPort::raise(uint32_t bits) {
    const bool news = (bits & ie_) != 0;
    is_ |= bits;
    owner_.port_changed(news);
}

// AHCI 1.3.1, 3.3.7. Spin-up and power are always on: CAP says that neither can be switched.
void AhciPort::write_command(uint32_t value) {
    constexpr uint32_t kWritable = kCmdStart | kCmdFisReceive | kCmdAtapi | kCmdAtapiLed;
    const uint32_t before = cmd_;
    cmd_ = (cmd_ & ~kWritable) | (value & kWritable);
    if ((value & kCmdListOverride) != 0 && (before & kCmdStart) == 0) tfd_ &= ~uint32_t{kBusy | kDrq};
    if ((cmd_ & kCmdFisReceive) != 0) {
        cmd_ |= kCmdFisRunning;
        send_signature();
    } else {
        cmd_ &= ~kCmdFisRunning;
    }
    const bool starts = (cmd_ & ~before & kCmdStart) != 0;
    const bool stops = (before & ~cmd_ & kCmdStart) != 0;
    if (stops) stop_list();
    if (starts) {
        cmd_ |= kCmdListRunning;
        ring();
    }
}

// The list no longer waits for what the drive has: the drive finishes it unseen.
void AhciPort::stop_list() {
    cmd_ &= ~(kCmdListRunning | kCmdCurrentSlotMask);
    ci_ = sact_ = 0;
    stale_ = running_;
    halted_ = false;
    last_slot_ = kSlots - 1;
}

// SATA 3.0, 14.1.3: DET is 1 while the link is being reset, 4 for a link that is off.
void AhciPort::write_link_control(uint32_t value) {
    const uint32_t before = sctl_ & 0xf, now = value & 0xf;
    sctl_ = value & 0xfff;
    if (now == before) return;
    if (now == 1 || now == 4) {
        ssts_ = now == 4 ? 4 : 0;
        sig_ = kSigNone;
        tfd_ = kTfdNone;
        begin_drive_reset();
        signature_due_ = false;
    } else if (before == 1 || before == 4) {
        if (drive_ == nullptr) {
            ssts_ = 0;
            return;
        }
        ssts_ = kSstsLinked;
        serr_ |= kSerrExchanged;
        owner_.port_changed((ie_ & kIntConnect) != 0);
        signature_due_ = true;
        send_signature();
    }
}

void AhciPort::begin_drive_reset() {
    stale_ = running_;
    sact_ = ci_ = 0;
    halted_ = false;
    drive_reset_due_ = drive_ != nullptr;
    signature_due_ = drive_ != nullptr;
    if (drive_ != nullptr) ring();
}

void AhciPort::reset() {
    is_ = ie_ = serr_ = sctl_ = 0;
    cmd_ = kCmdSpinUp | kCmdPowerOn;
    tfd_ = kTfdNone;
    sig_ = kSigNone;
    ssts_ = drive_ == nullptr ? 0 : kSstsLinked;
    soft_reset_ = false;
    last_slot_ = kSlots - 1;
    begin_drive_reset();
}

void AhciPort::power_on_reset() {
    clb_ = fb_ = 0;
    reset();
}

// The first frame after a reset. AHCI 1.3.1, 10.4.2; it needs a place to go and an idle drive.
void AhciPort::send_signature() {
    if (!signature_due_ || running_ != 0 || (cmd_ & kCmdFisRunning) == 0) return;
    signature_due_ = false;
    sig_ = drive_->signature();
    DriveRegisters registers;
    registers.error = 1;  // the diagnostic passed
    registers.count = static_cast<uint16_t>(sig_ & 0xff);
    registers.lba = sig_ >> 8;
    send_register_frame(registers, Interrupt::Yes);
}

void AhciPort::receive(unsigned where, std::span<const uint8_t> frame) {
    if ((cmd_ & kCmdFisRunning) == 0) return;
    if (!dma_.write(Gpa(fb_) + where, frame)) host_bus_error();
}

void AhciPort::send_register_frame(const DriveRegisters& registers, Interrupt interrupt) {
    receive(kRfisRegister, register_fis(registers, interrupt));
    tfd_ = uint32_t{registers.error} << 8 | registers.status;
    uint32_t bits = interrupt == Interrupt::Yes ? kIntRegister : 0;
    if ((registers.status & kErr) != 0) bits |= kIntTaskFile;
    if (bits != 0) raise(bits);
}

void AhciPort::host_bus_error() {
    log_guest_error("AHCI port %u: command list or frames are not in memory", index_);
    halted_ = true;
    raise(kIntHostBus);
}

void AhciPort::abandon() {
    if (drive_ != nullptr) drive_->abandon();
}

}  // namespace vmm::ata
