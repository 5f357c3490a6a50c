// The PS/2 keyboard; see ps2.h.
#include "hw/input/ps2.h"

namespace vmm {

namespace {

constexpr uint8_t kAck = 0xfa, kResend = 0xfe, kSelfTestPassed = 0xaa, kEcho = 0xee, kRelease = 0xf0,
                  kExtended = 0xe0;
constexpr std::array<uint8_t, 2> kKeyboardId = {0xab, 0x83};

// The controller's table: set 2 code -> set 1 code.
constexpr std::array<uint8_t, 128> kSet2ToSet1 = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,  //
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,  //
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,  //
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,  //
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,  //
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,  //
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,  //
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

uint8_t set2_of(uint8_t set1) {
    if (set1 == 0x41) return 0x83;  // F7, the one key above 0x7f
    for (unsigned code = 1; code < kSet2ToSet1.size(); ++code) {
        if (kSet2ToSet1[code] == set1) return static_cast<uint8_t>(code);
    }
    return 0;
}

}  // namespace

uint8_t translate_scan_code(uint8_t set2) {
    if (set2 < 0x80) return kSet2ToSet1[set2];
    if (set2 == 0x83) return 0x41;
    if (set2 == 0x84) return 0x54;
    return set2;
}

bool Ps2Queue::push(std::span<const uint8_t> bytes) {
    if (bytes.size() > room()) return false;
    for (uint8_t byte : bytes)
        bytes_[(head_ + count_++) % kSize] = byte;
    return true;
}

uint8_t Ps2Queue::pop() {
    if (count_ == 0) return 0;
    uint8_t byte = bytes_[head_];
    head_ = (head_ + 1) % kSize;
    --count_;
    return byte;
}

void Ps2Keyboard::set_defaults() {
    set_ = 2;
    scanning_ = true;
    waiting_for_ = 0;
}

void Ps2Keyboard::reset() {
    set_defaults();
    leds_ = 0;
    queue_.clear();
}

void Ps2Keyboard::command(uint8_t byte) {
    // Every byte to the keyboard ends what it was about to say.
    if (waiting_for_ != 0 && byte < 0xed) return argument(byte);
    waiting_for_ = 0;
    queue_.clear();
    switch (byte) {
        case 0xff:
            reset();
            reply(kAck);
            reply(kSelfTestPassed);
            break;
        case 0xf6:
            set_defaults();
            reply(kAck);
            break;
        case 0xf5:
            set_defaults();
            scanning_ = false;
            reply(kAck);
            break;
        case 0xf4:
            scanning_ = true;
            reply(kAck);
            break;
        case 0xf2:
            reply(kAck);
            queue_.push(kKeyboardId);
            break;
        case 0xee:
            reply(kEcho);
            break;
        case 0xed:  // LEDs
        case 0xf0:  // scan code set
        case 0xf3:  // typematic rate
        case 0xfb:  // key types of set 3
        case 0xfc:
        case 0xfd:
            waiting_for_ = byte;
            reply(kAck);
            break;
        case 0xf7:
        case 0xf8:
        case 0xf9:
        case 0xfa:
            reply(kAck);
            break;
        case 0xfe:
            reply(last_sent_ != 0 ? last_sent_ : kAck);
            return;
        default:
            reply(kResend);
            break;
    }
    last_sent_ = kAck;
}

void Ps2Keyboard::argument(uint8_t byte) {
    uint8_t command = waiting_for_;
    waiting_for_ = 0;
    queue_.clear();
    switch (command) {
        case 0xed:
            leds_ = byte & 7;
            break;
        case 0xf0:
            if (byte == 0) {
                reply(kAck);
                reply(set_);
                return;
            }
            if (byte > 2) {
                reply(kResend);
                return;
            }
            set_ = byte;
            break;
        default:
            break;
    }
    reply(kAck);
}

bool Ps2Keyboard::key(uint8_t code, bool extended, bool down) {
    if (!scanning_) return true;
    std::array<uint8_t, 3> bytes = {};
    size_t count = 0;
    if (extended) bytes[count++] = kExtended;
    if (set_ == 1) {
        bytes[count++] = static_cast<uint8_t>(code | (down ? 0 : 0x80));
    } else {
        uint8_t set2 = set2_of(code & 0x7f);
        if (set2 == 0) return true;  // no such key
        if (!down) bytes[count++] = kRelease;
        bytes[count++] = set2;
    }
    return queue_.push(std::span(bytes).first(count));
}

}  // namespace vmm
