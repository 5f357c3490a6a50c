// The 16550 serial chip; see uart16550.h.
#include "hw/char/uart16550.h"

#include <algorithm>

#include "util/bits.h"

namespace vmm {

namespace {

enum Register { kData = 0, kIer = 1, kIirFcr = 2, kLcr = 3, kMcr = 4, kLsr = 5, kMsr = 6, kScr = 7 };

enum : uint8_t {
    kIerData = 1 << 0,
    kIerThr = 1 << 1,
    kIerLine = 1 << 2,
    kIerModem = 1 << 3,
    kIerMask = 0x0f,

    kIirNone = 0x01,
    kIirModem = 0x00,
    kIirThr = 0x02,
    kIirData = 0x04,
    kIirLine = 0x06,
    kIirTimeout = 0x0c,
    kIirFifos = 0xc0,

    kFcrEnable = 1 << 0,
    kFcrClearIn = 1 << 1,
    kFcrClearOut = 1 << 2,
    kFcrKept = 0xc9,

    kLcrDivisor = 1 << 7,

    kMcrDtr = 1 << 0,
    kMcrRts = 1 << 1,
    kMcrOut1 = 1 << 2,
    kMcrOut2 = 1 << 3,
    kMcrLoop = 1 << 4,
    kMcrMask = 0x1f,

    kLsrData = 1 << 0,
    kLsrOverrun = 1 << 1,
    kLsrBreak = 1 << 4,
    kLsrThrEmpty = 1 << 5,
    kLsrAllSent = 1 << 6,
    kLsrFifoError = 1 << 7,
    kLsrErrors = 0x1e,

    kMsrDeltas = 0x0f,
    kMsrRing = 1 << 6,
    kMsrRingEnded = 1 << 2,
    kMsrPeerThere = 0xb0,  // DCD, DSR, CTS
};

}  // namespace

Uart16550::Uart16550(Token, Clock& clock, IrqLine irq, Chardev* chardev, std::string id)
    : Device(std::move(id)),
      clock_(clock),
      irq_(irq),
      chardev_(chardev),
      timeout_(clock.make_timer([this] { timed_out(); })) {}

Result<std::unique_ptr<Uart16550>> Uart16550::create(Clock& clock, IrqLine irq, Chardev* chardev,
                                                     std::string id) {
    auto made = std::make_unique<Uart16550>(Token{}, clock, irq, chardev, std::move(id));
    if (chardev != nullptr) TRY(chardev->attach(*made));
    return made;
}

Uart16550::~Uart16550() {
    if (chardev_ != nullptr) chardev_->detach(*this);
}

uint64_t Uart16550::read(uint64_t offset, unsigned) {
    uint8_t value = 0;
    bool more = false;
    {
        Locked l(mutex_);
        value = load(offset & 7);
        update_irq();
        more = take_room();
    }
    if (more) chardev_->accept_input();
    return value;
}

void Uart16550::write(uint64_t offset, uint64_t value, unsigned) {
    bool send = false, more = false;
    {
        Locked l(mutex_);
        store(offset & 7, static_cast<uint8_t>(value));
        update_irq();
        send = s_.out.count > 0;
        more = take_room();
    }
    if (send) pump();
    if (more) chardev_->accept_input();
}

void Uart16550::reset_hold() {
    bool more = false;
    {
        Locked l(mutex_);
        s_ = State{};
        timeout_->disarm();
        update_irq();
        more = take_room();
    }
    if (more) chardev_->accept_input();
}

unsigned Uart16550::depth() const {
    return (s_.fcr & kFcrEnable) != 0 ? kFifoSize : 1;
}

unsigned Uart16550::trigger() const {
    static constexpr std::array<uint8_t, 4> kLevels = {1, 4, 8, 14};
    return (s_.fcr & kFcrEnable) != 0 ? kLevels[s_.fcr >> 6] : 1;
}

// The cause that IIR shows: the highest that is enabled and pending.
uint8_t Uart16550::identification() const {
    if ((s_.ier & kIerLine) != 0 && (s_.lsr & kLsrErrors) != 0) return kIirLine;
    if ((s_.ier & kIerData) != 0 && s_.in.count >= trigger()) return kIirData;
    if ((s_.ier & kIerData) != 0 && s_.timeout_pending) return kIirTimeout;
    if ((s_.ier & kIerThr) != 0 && s_.thr_pending) return kIirThr;
    if ((s_.ier & kIerModem) != 0 && (s_.msr & kMsrDeltas) != 0) return kIirModem;
    return kIirNone;
}

void Uart16550::update_irq() {
    irq_.set(identification() != kIirNone);
}

uint8_t Uart16550::load(unsigned reg) {
    bool divisor = (s_.lcr & kLcrDivisor) != 0;
    switch (reg) {
        case kData:
            return divisor ? static_cast<uint8_t>(s_.divisor) : take_byte();
        case kIer:
            return divisor ? static_cast<uint8_t>(s_.divisor >> 8) : s_.ier;
        case kIirFcr: {
            uint8_t cause = identification();
            if (cause == kIirThr) s_.thr_pending = false;  // reading it is being told
            return static_cast<uint8_t>(cause | ((s_.fcr & kFcrEnable) != 0 ? kIirFifos : 0));
        }
        case kLcr:
            return s_.lcr;
        case kMcr:
            return s_.mcr;
        case kLsr: {
            uint8_t value = s_.lsr;
            s_.lsr = static_cast<uint8_t>(s_.lsr & ~(kLsrErrors | kLsrFifoError));
            return value;
        }
        case kMsr: {
            uint8_t value = s_.msr;
            s_.msr = static_cast<uint8_t>(s_.msr & ~kMsrDeltas);
            return value;
        }
        default:
            return s_.scr;
    }
}

void Uart16550::store(unsigned reg, uint8_t value) {
    bool divisor = (s_.lcr & kLcrDivisor) != 0;
    switch (reg) {
        case kData:
            if (divisor)
                s_.divisor = static_cast<uint16_t>((s_.divisor & 0xff00) | value);
            else
                send_byte(value);
            break;
        case kIer:
            if (divisor) {
                s_.divisor = static_cast<uint16_t>((s_.divisor & 0x00ff) | (value << 8));
                break;
            }
            // Enabling the interrupt while the transmitter is empty raises it, each time: drivers probe for
            // that.
            if ((value & kIerThr) != 0 && (s_.ier & kIerThr) == 0 && (s_.lsr & kLsrThrEmpty) != 0)
                s_.thr_pending = true;
            s_.ier = value & kIerMask;
            break;
        case kIirFcr:
            set_fifo_control(value);
            break;
        case kLcr:
            s_.lcr = value;
            break;
        case kMcr:
            set_modem_control(value);
            break;
        case kLsr:  // factory test
        case kMsr:
            break;
        default:
            s_.scr = value;
            break;
    }
}

uint8_t Uart16550::take_byte() {
    s_.timeout_pending = false;
    if (s_.in.count == 0) return 0;
    uint8_t byte = s_.in.pop();
    if (s_.in.count == 0) {
        s_.lsr = static_cast<uint8_t>(s_.lsr & ~kLsrData);
        timeout_->disarm();
    } else {
        start_timeout();
    }
    return byte;
}

void Uart16550::give_byte(uint8_t byte) {
    if (s_.in.count >= depth()) {
        s_.lsr |= kLsrOverrun;
        // Without FIFO the new byte takes the old one's place; with it the new one is lost.
        if (depth() > 1) return;
        s_.in.clear();
    }
    s_.in.push(byte);
    s_.lsr |= kLsrData;
    start_timeout();
}

void Uart16550::send_byte(uint8_t byte) {
    s_.thr_pending = false;
    if ((s_.mcr & kMcrLoop) != 0) {
        give_byte(byte);
        sent();
        return;
    }
    if (chardev_ == nullptr) return sent();
    if (s_.out.count >= depth()) {
        // A driver that does not wait loses what it wrote: the holding register is overwritten.
        if (depth() > 1 || pumping_) return;
        s_.out.clear();
    }
    s_.out.push(byte);
    s_.lsr = static_cast<uint8_t>(s_.lsr & ~(kLsrThrEmpty | kLsrAllSent));
    update_irq();
}

// A fall and a rise are two edges for the interrupt controller, even if nothing happened in between.
void Uart16550::sent() {
    update_irq();
    s_.lsr |= kLsrThrEmpty | kLsrAllSent;
    s_.thr_pending = true;
    update_irq();
}

void Uart16550::set_fifo_control(uint8_t value) {
    bool toggled = ((value ^ s_.fcr) & kFcrEnable) != 0;
    if ((value & kFcrClearIn) != 0 || toggled) {
        s_.in.clear();
        s_.lsr = static_cast<uint8_t>(s_.lsr & ~(kLsrData | kLsrBreak));
        s_.timeout_pending = false;
        timeout_->disarm();
    }
    if (((value & kFcrClearOut) != 0 || toggled) && !pumping_) {
        bool had = s_.out.count > 0;
        s_.out.clear();
        if (had) sent();
    }
    // Without the enable bit the others are not written.
    s_.fcr = (value & kFcrEnable) != 0 ? static_cast<uint8_t>(value & kFcrKept) : uint8_t{0};
}

void Uart16550::set_modem_control(uint8_t value) {
    s_.mcr = value & kMcrMask;
    uint8_t inputs = kMsrPeerThere;
    if ((s_.mcr & kMcrLoop) != 0) {
        inputs = static_cast<uint8_t>(((s_.mcr & kMcrRts) << 3) | ((s_.mcr & kMcrDtr) << 5) |
                                      ((s_.mcr & kMcrOut1) << 4) | ((s_.mcr & kMcrOut2) << 4));
    }
    set_modem_inputs(inputs);
}

void Uart16550::set_modem_inputs(uint8_t levels) {
    uint8_t changed = (s_.msr ^ levels) & 0xf0;
    auto deltas = static_cast<uint8_t>((s_.msr & kMsrDeltas) | ((changed >> 4) & ~kMsrRingEnded));
    if ((changed & kMsrRing) != 0 && (levels & kMsrRing) == 0) deltas |= kMsrRingEnded;
    s_.msr = levels | deltas;
}

// Four characters of silence at the line's speed.
void Uart16550::start_timeout() {
    if ((s_.fcr & kFcrEnable) == 0) return;
    int64_t bits = 1 + 5 + (s_.lcr & 3) + ((s_.lcr >> 3) & 1) + 1 + ((s_.lcr >> 2) & 1);
    int64_t divisor = std::max<int64_t>(s_.divisor, 1);
    timeout_->arm(clock_.now_ns() + 4 * bits * divisor * 1'000'000'000 / kBaudBase);
}

void Uart16550::timed_out() {
    Locked l(mutex_);
    if (s_.in.count == 0 || (s_.fcr & kFcrEnable) == 0) return;
    s_.timeout_pending = true;
    update_irq();
}

bool Uart16550::take_room() {
    if (!held_back_ || (s_.mcr & kMcrLoop) != 0 || s_.in.count > depth() / 2) return false;
    held_back_ = false;
    return true;
}

// Gives the chardev what waits to be sent, one thread at a time, so that bytes keep their order.
void Uart16550::pump() {
    for (;;) {
        std::array<uint8_t, kFifoSize> bytes;
        unsigned count = 0;
        {
            Locked l(mutex_);
            if (pumping_) {
                pump_again_ = true;
                return;
            }
            count = s_.out.count;
            if (count == 0) return;
            for (unsigned i = 0; i < count; ++i)
                bytes[i] = s_.out.bytes[(s_.out.head + i) % kFifoSize];
            pumping_ = true;
            pump_again_ = false;
        }
        auto taken = static_cast<unsigned>(chardev_->write_soon(std::span(bytes).first(count)));
        Locked l(mutex_);
        pumping_ = false;
        // A reset may have emptied the queue meanwhile.
        s_.out.drop(std::min(taken, s_.out.count));
        if (s_.out.count == 0 && (s_.lsr & kLsrThrEmpty) == 0) sent();
        if (taken < count && !pump_again_) return;
    }
}

size_t Uart16550::room() {
    Locked l(mutex_);
    unsigned space = (s_.mcr & kMcrLoop) != 0 || s_.in.count >= depth() ? 0 : depth() - s_.in.count;
    held_back_ = space == 0;
    return space;
}

void Uart16550::receive(std::span<const uint8_t> bytes) {
    Locked l(mutex_);
    if ((s_.mcr & kMcrLoop) != 0) return;  // the line is cut off
    for (uint8_t byte : bytes)
        give_byte(byte);
    update_irq();
}

void Uart16550::char_event(CharEvent event) {
    if (event != CharEvent::Break) return;
    Locked l(mutex_);
    if ((s_.mcr & kMcrLoop) != 0) return;
    give_byte(0);
    s_.lsr |= kLsrBreak;
    if ((s_.fcr & kFcrEnable) != 0) s_.lsr |= kLsrFifoError;
    update_irq();
}

}  // namespace vmm
