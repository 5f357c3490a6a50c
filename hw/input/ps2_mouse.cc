// The PS/2 mouse; see ps2.h.
#include <algorithm>

#include "hw/input/ps2.h"

namespace vmm {

namespace {
constexpr uint8_t kAck = 0xfa, kResend = 0xfe, kSelfTestPassed = 0xaa;
// How far unreported movement may pile up.
constexpr int kMostMovement = 10000;
}  // namespace

void Ps2Mouse::set_defaults() {
    rate_ = 100;
    resolution_ = 2;
    reporting_ = remote_ = wrap_ = scaling_ = false;
    waiting_for_ = 0;
    dx_ = dy_ = dz_ = 0;
}

void Ps2Mouse::reset() {
    set_defaults();
    id_ = 0;
    last_rates_ = {};
    queue_.clear();
}

void Ps2Mouse::command(uint8_t byte) {
    queue_.clear();
    if (wrap_ && byte != 0xff && byte != 0xec) return reply(byte);
    if (waiting_for_ != 0) return argument(byte);
    switch (byte) {
        case 0xff:
            reset();
            reply(kAck);
            reply(kSelfTestPassed);
            reply(id_);
            return;
        case 0xe8:  // resolution
        case 0xf3:  // sample rate
            waiting_for_ = byte;
            break;
        case 0xf6:
            set_defaults();
            break;
        case 0xf5:
            reporting_ = false;
            break;
        case 0xf4:
            reporting_ = true;
            break;
        case 0xf2:
            reply(kAck);
            reply(id_);
            return;
        case 0xf0:
            remote_ = true;
            break;
        case 0xea:
            remote_ = false;
            break;
        case 0xee:
            wrap_ = true;
            break;
        case 0xec:
            wrap_ = false;
            break;
        case 0xe6:
            scaling_ = false;
            break;
        case 0xe7:
            scaling_ = true;
            break;
        case 0xeb:
            reply(kAck);
            report();
            return;
        case 0xe9:
            reply(kAck);
            // The middle and right buttons change places in the status.
            reply(static_cast<uint8_t>((remote_ ? 0x40 : 0) | (reporting_ ? 0x20 : 0) |
                                       (scaling_ ? 0x10 : 0) | ((buttons_ & kLeft) << 2) |
                                       ((buttons_ & kMiddle) >> 1) | ((buttons_ & kRight) >> 1)));
            reply(resolution_);
            reply(rate_);
            return;
        default:
            reply(kResend);
            return;
    }
    reply(kAck);
}

void Ps2Mouse::argument(uint8_t byte) {
    uint8_t command = waiting_for_;
    waiting_for_ = 0;
    if (command == 0xe8) {
        resolution_ = byte & 3;
    } else {
        set_rate(byte);
    }
    reply(kAck);
}

// Drivers find a wheel by setting the rates 200, 100, 80, five buttons by 200, 200, 80.
void Ps2Mouse::set_rate(uint8_t rate) {
    rate_ = rate;
    if (rate == 80 && last_rates_[0] == 200 && last_rates_[1] == 100) id_ = 3;
    if (rate == 80 && last_rates_[0] == 200 && last_rates_[1] == 200) id_ = 4;
    last_rates_ = {last_rates_[1], rate};
}

void Ps2Mouse::move(int dx, int dy, int dz, uint8_t buttons) {
    auto add = [](int a, int b) {
        return std::clamp(a + std::clamp(b, -kMostMovement, kMostMovement), -kMostMovement, kMostMovement);
    };
    dx_ = add(dx_, dx);
    dy_ = add(dy_, -dy);  // up is positive on the wire
    dz_ = add(dz_, dz);
    buttons_ = buttons;
    if (!reporting_ || remote_ || wrap_) return;
    while (moved() && queue_.room() >= 64)
        report();
}

void Ps2Mouse::report() {
    int x = std::clamp(dx_, -255, 255), y = std::clamp(dy_, -255, 255);
    std::array<uint8_t, 4> bytes = {};
    bytes[0] = static_cast<uint8_t>(0x08 | (buttons_ & 7) | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0));
    bytes[1] = static_cast<uint8_t>(x);
    bytes[2] = static_cast<uint8_t>(y);
    size_t count = 3;
    int z = 0;
    if (id_ == 3) {
        z = std::clamp(dz_, -127, 127);
        bytes[count++] = static_cast<uint8_t>(z);
    } else if (id_ == 4) {
        z = std::clamp(dz_, -7, 7);
        bytes[count++] = static_cast<uint8_t>((z & 0xf) | ((buttons_ & (kSide | kExtra)) << 1));
    } else {
        z = dz_;  // nobody can be told
    }
    if (!queue_.push(std::span(bytes).first(count))) return;
    dx_ -= x;
    dy_ -= y;
    dz_ -= z;
    reported_buttons_ = buttons_;
}

}  // namespace vmm
