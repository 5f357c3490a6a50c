// The keyboard controller; see i8042.h.
#include "hw/input/i8042.h"

#include "util/log.h"

namespace vmm {

namespace {

enum : uint8_t {
    kStatusFull = 1 << 0,
    kStatusSystem = 1 << 2,
    kStatusCommand = 1 << 3,
    kStatusUnlocked = 1 << 4,
    kStatusMouse = 1 << 5,

    kModeKeyboardIrq = 1 << 0,
    kModeMouseIrq = 1 << 1,
    kModeSystem = 1 << 2,
    kModeNoKeyboard = 1 << 4,
    kModeNoMouse = 1 << 5,
    kModeTranslate = 1 << 6,

    kOutNotReset = 1 << 0,
    kOutA20 = 1 << 1,
    kOutKeyboardFull = 1 << 4,
    kOutMouseFull = 1 << 5,
};

}  // namespace

void I8042::reset_state() {
    keyboard_.reset();
    mouse_.reset();
    mode_ = kModeKeyboardIrq | kModeMouseIrq;
    output_port_ = kOutNotReset | kOutA20;
    next_data_ = 0;
    full_ = release_next_ = last_was_command_ = false;
}

void I8042::reset_hold() {
    Locked l(mutex_);
    reset_state();
    update_irq();
}

bool I8042::key(uint8_t code, bool extended, bool down) {
    Locked l(mutex_);
    bool taken = keyboard_.key(code, extended, down);
    fill();
    return taken;
}

void I8042::move_mouse(int dx, int dy, int dz, uint8_t buttons) {
    Locked l(mutex_);
    mouse_.move(dx, dy, dz, buttons);
    fill();
}

uint8_t I8042::status() const {
    return static_cast<uint8_t>(
        kStatusUnlocked | (full_ ? kStatusFull : 0) | ((mode_ & kModeSystem) != 0 ? kStatusSystem : 0) |
        (last_was_command_ ? kStatusCommand : 0) | (full_ && source_ == Source::Mouse ? kStatusMouse : 0));
}

void I8042::update_irq() {
    bool mouse = source_ == Source::Mouse;
    keyboard_irq_.set(full_ && !mouse && (mode_ & kModeKeyboardIrq) != 0);
    mouse_irq_.set(full_ && mouse && (mode_ & kModeMouseIrq) != 0);
}

void I8042::answer(uint8_t byte, Source source) {
    data_ = byte;
    source_ = source;
    full_ = true;
    update_irq();
}

// Set 2 to set 1; the release prefix becomes bit 7 of the byte after it.
std::optional<uint8_t> I8042::translated(uint8_t byte) {
    if ((mode_ & kModeTranslate) == 0) return byte;
    if (byte == 0xf0) {
        release_next_ = true;
        return std::nullopt;
    }
    auto out = static_cast<uint8_t>(translate_scan_code(byte) | (release_next_ ? 0x80 : 0));
    release_next_ = false;
    return out;
}

// The next byte of a device that may speak goes to the empty output buffer.
void I8042::fill() {
    while (!full_ && (mode_ & kModeNoKeyboard) == 0 && !keyboard_.queue().empty()) {
        if (std::optional<uint8_t> byte = translated(keyboard_.queue().pop()))
            answer(*byte, Source::Keyboard);
    }
    if (!full_ && (mode_ & kModeNoMouse) == 0 && !mouse_.queue().empty())
        answer(mouse_.queue().pop(), Source::Mouse);
}

uint64_t I8042::read_data(uint64_t, unsigned) {
    Locked l(mutex_);
    uint8_t value = data_;
    if (full_) {
        full_ = false;
        update_irq();  // falls, so that the next byte is an edge
        fill();
    }
    return value;
}

uint64_t I8042::read_status(uint64_t, unsigned) {
    Locked l(mutex_);
    return status();
}

void I8042::write_command(uint64_t, uint64_t value, unsigned) {
    bool reset = false;
    {
        Locked l(mutex_);
        last_was_command_ = true;
        next_data_ = 0;
        reset = do_command(static_cast<uint8_t>(value));
        fill();
    }
    if (reset) requests_.request_reset(ShutdownCause::GuestReset);
}

bool I8042::do_command(uint8_t value) {
    switch (value) {
        case 0x20:
            answer(mode_, Source::Controller);
            break;
        case 0x60:  // command byte
        case 0xd1:  // output port
        case 0xd2:  // as if the keyboard, the mouse had sent it
        case 0xd3:
        case 0xd4:  // to the mouse
            next_data_ = value;
            break;
        case 0xa7:
            mode_ |= kModeNoMouse;
            break;
        case 0xa8:
            mode_ &= static_cast<uint8_t>(~kModeNoMouse);
            break;
        case 0xa9:
            answer(0x00, Source::Controller);
            break;  // the mouse's port is well
        case 0xaa:
            answer(0x55, Source::Controller);
            mode_ |= kModeSystem;
            break;
        case 0xab:
            answer(0x00, Source::Controller);
            break;
        case 0xad:
            mode_ |= kModeNoKeyboard;
            break;
        case 0xae:
            mode_ &= static_cast<uint8_t>(~kModeNoKeyboard);
            break;
        case 0xc0:
            answer(0x80, Source::Controller);
            break;  // input port: not locked
        case 0xd0: {
            uint8_t full = !full_ ? 0 : source_ == Source::Mouse ? kOutMouseFull : kOutKeyboardFull;
            answer(output_port_ | full, Source::Controller);
            break;
        }
        case 0xdd:
            output_port_ &= static_cast<uint8_t>(~kOutA20);
            break;
        case 0xdf:
            output_port_ |= kOutA20;
            break;
        default:
            // 0xf0-0xff pulse the low bits of the output port that are 0; bit 0 is the reset line.
            if (value >= 0xf0) return (value & kOutNotReset) == 0;
            log_unimplemented("i8042: command 0x%02x", value);
            break;
    }
    return false;
}

bool I8042::set_output_port(uint8_t value) {
    output_port_ = value & (kOutA20 | kOutNotReset);
    return (value & kOutNotReset) == 0;
}

void I8042::write_data(uint64_t, uint64_t value, unsigned) {
    bool reset = false;
    {
        Locked l(mutex_);
        auto byte = static_cast<uint8_t>(value);
        uint8_t command = next_data_;
        next_data_ = 0;
        last_was_command_ = false;
        switch (command) {
            case 0x60:
                mode_ = byte;
                update_irq();
                break;
            case 0xd1:
                reset = set_output_port(byte);
                break;
            case 0xd2:
                answer(byte, Source::Keyboard);
                break;
            case 0xd3:
                answer(byte, Source::Mouse);
                break;
            case 0xd4:
                mouse_.command(byte);
                break;
            default:  // speaking to the keyboard lets it answer
                mode_ &= static_cast<uint8_t>(~kModeNoKeyboard);
                release_next_ = false;
                keyboard_.command(byte);
                break;
        }
        fill();
    }
    if (reset) requests_.request_reset(ShutdownCause::GuestReset);
}

uint64_t Port92::read(uint64_t, unsigned) {
    Locked l(mutex_);
    return value_;
}

void Port92::write(uint64_t, uint64_t value, unsigned) {
    bool reset = false;
    {
        Locked l(mutex_);
        reset = (value & ~uint64_t{value_} & 1) != 0;
        value_ = static_cast<uint8_t>(value & 3);
    }
    if (reset) requests_.request_reset(ShutdownCause::GuestReset);
}

void Port92::reset_hold() {
    Locked l(mutex_);
    value_ = 2;
}

}  // namespace vmm
