// See edu.h.
#include "hw/misc/edu.h"

#include "util/bits.h"
#include "util/log.h"

namespace vmm {

namespace {

constexpr uint32_t kIdentification = 0x010000ed;
constexpr uint32_t kComputing = 0x01, kInterruptWhenComputed = 0x80;  // of the status
constexpr uint32_t kComputed = 0x001, kCopied = 0x100;                // of the interrupt status
constexpr uint64_t kStart = 1, kToGuest = 2, kInterruptWhenCopied = 4;
constexpr int64_t kCopyDelayNs = 100'000'000;
constexpr uint64_t kWideRegisters = 0x80;  // from here on, 8 bytes are allowed

// Of what fits into 32 bits; from 34 on that is 0.
uint32_t factorial_of(uint32_t n) {
    uint32_t result = 1;
    for (; n > 1 && result != 0; --n)
        result *= n;
    return result;
}

}  // namespace

Result<std::unique_ptr<Edu>> Edu::create(const Config& values, DeviceEnv& env, const std::string& id) {
    return std::make_unique<Edu>(Token{}, values, env, id);
}

Edu::Edu(Token, const Config& values, DeviceEnv& env, const std::string& id)
    : Function({.vendor = 0x1234,
                .device = 0x11e8,
                .class_code = 0x00ff00,
                .revision = 0x10,
                .subsystem_vendor = 0x1af4,
                .subsystem = 0x1100,
                .interrupt_pin = 1},
               values, id),
      mask_(values.dma_mask),
      clock_(env.virtual_clock()),
      dma_(env.dma().space(), &requester_),
      compute_timer_(clock_.make_timer([this] { compute(); })),
      copy_timer_(clock_.make_timer([this] { copy(); })) {
    add_bar(0, pci::BarKind::Memory32, bar_);
    add_msi(1, pci::VectorMasks::No);
    freeze();
}

Edu::~Edu() = default;

void Edu::reset_enter() {
    Function::reset_enter();
    compute_timer_->disarm();
    copy_timer_->disarm();
    Locked lock(mutex());
    inverted_ = factorial_ = status_ = interrupts_ = 0;
    source_ = target_ = count_ = command_ = 0;
}

uint64_t* Edu::copy_register(uint64_t offset) {
    switch (offset) {
        case kSource:
            return &source_;
        case kTarget:
            return &target_;
        case kCount:
            return &count_;
        case kCommand:
            return &command_;
        default:
            return nullptr;
    }
}

uint64_t Edu::read(uint64_t offset, unsigned size) {
    Locked lock(mutex());
    if (offset < kWideRegisters && size != 4) return all_ones(size);
    if (const uint64_t* wide = copy_register(offset)) return *wide;
    switch (offset) {
        case kId:
            return kIdentification;
        case kInverted:
            return inverted_;
        case kFactorial:
            return factorial_;
        case kStatus:
            return status_;
        case kInterruptStatus:
            return interrupts_;
        default:
            return all_ones(size);
    }
}

void Edu::write(uint64_t offset, uint64_t value, unsigned size) {
    if (offset < kWideRegisters && size != 4) return;
    const auto word = static_cast<uint32_t>(value);
    bool message = false, compute = false, copy = false;
    {
        Locked lock(mutex());
        if (uint64_t* wide = copy_register(offset)) {
            if ((command_ & kStart) != 0) return;  // what is under way stays as it is
            copy = offset == kCommand && (value & kStart) != 0;
            if (offset != kCommand || copy) *wide = value;
        } else if (offset == kInverted) {
            inverted_ = ~word;
        } else if (offset == kFactorial && (status_ & kComputing) == 0) {
            factorial_ = word;
            status_ |= kComputing;
            compute = true;
        } else if (offset == kStatus) {
            status_ = (status_ & ~kInterruptWhenComputed) | (word & kInterruptWhenComputed);
        } else if (offset == kRaise) {
            message = change_interrupts(word, 0);
        } else if (offset == kAcknowledge) {
            (void)change_interrupts(0, word);
        }
    }
    if (message) (void)signal(0);
    if (compute) compute_timer_->arm(clock_.now_ns());
    if (copy) copy_timer_->arm(clock_.now_ns() + kCopyDelayNs);
}

bool Edu::change_interrupts(uint32_t set, uint32_t clear) {
    interrupts_ = (interrupts_ | set) & ~clear;
    set_intx(interrupts_ != 0);
    return (set & ~clear) != 0;
}

void Edu::compute() {
    bool message = false;
    {
        Locked lock(mutex());
        if ((status_ & kComputing) == 0) return;  // reset meanwhile
        factorial_ = factorial_of(factorial_);
        status_ &= ~kComputing;
        if ((status_ & kInterruptWhenComputed) != 0) message = change_interrupts(kComputed, 0);
    }
    if (message) (void)signal(0);
}

void Edu::copy() {
    uint64_t source = 0, target = 0, count = 0, command = 0;
    {
        Locked lock(mutex());
        if ((command_ & kStart) == 0) return;
        source = source_, target = target_, count = count_, command = command_;
        if (!bus_master()) count = 0;
    }
    if (!do_copy(source, target, count, (command & kToGuest) != 0))
        log_guest_error("edu: nothing is copied from 0x%llx to 0x%llx",
                        static_cast<unsigned long long>(source), static_cast<unsigned long long>(target));
    bool message = false;
    {
        Locked lock(mutex());
        if ((command_ & kStart) == 0) return;
        command_ &= ~kStart;
        if ((command & kInterruptWhenCopied) != 0) message = change_interrupts(kCopied, 0);
    }
    if (message) (void)signal(0);
}

bool Edu::do_copy(uint64_t source, uint64_t target, uint64_t count, bool to_guest) {
    const uint64_t inside = (to_guest ? source : target) - kBuffer;
    const Gpa outside((to_guest ? target : source) & mask_);
    if (count == 0 || count > kBufferSize || inside > kBufferSize - count) return false;
    const std::span<uint8_t> part = std::span(buffer_).subspan(inside, count);
    return to_guest ? dma_.write(outside, part) : dma_.read(outside, part);
}

}  // namespace vmm
