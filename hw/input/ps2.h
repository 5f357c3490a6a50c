// The two devices on the PS/2 ports: a keyboard (scan code sets 1 and 2) and a mouse (three bytes, with wheel
// four, with five buttons four). Pure state: bytes in from the controller, bytes out through a bounded queue;
// the controller (i8042.h) holds the lock.
// Spec: IBM PS/2 Technical Reference, keyboard and mouse; Microsoft IntelliMouse detection. Missing: scan
// code set 3, typematic repeat (whoever feeds keys repeats them), remote mode reports on their own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace vmm {

// Bytes on the way to the controller. Replies to commands find room always: they replace what waits.
class Ps2Queue {
  public:
    static constexpr unsigned kSize = 256;
    bool empty() const { return count_ == 0; }
    unsigned room() const { return kSize - count_; }
    // All or nothing.
    bool push(std::span<const uint8_t> bytes);
    void push(uint8_t byte) { push(std::span(&byte, 1)); }
    uint8_t pop();
    void clear() { head_ = count_ = 0; }

  private:
    std::array<uint8_t, kSize> bytes_ = {};
    unsigned head_ = 0;
    unsigned count_ = 0;
};

class Ps2Keyboard {
  public:
    void reset();
    // A byte from the host.
    void command(uint8_t byte);
    // A key by its set 1 code (bit 7 clear), with `extended` for those behind the prefix 0xe0. False: no
    // room.
    bool key(uint8_t code, bool extended, bool down);
    Ps2Queue& queue() { return queue_; }
    uint8_t leds() const { return leds_; }

  private:
    void argument(uint8_t byte);
    void set_defaults();
    void reply(uint8_t byte) { queue_.push(byte); }

    Ps2Queue queue_;
    uint8_t waiting_for_ = 0;  // the command whose argument comes next
    uint8_t last_sent_ = 0;
    uint8_t leds_ = 0;
    uint8_t set_ = 2;
    bool scanning_ = true;
};

class Ps2Mouse {
  public:
    enum Button : uint8_t { kLeft = 1, kRight = 2, kMiddle = 4, kSide = 8, kExtra = 16 };
    void reset();
    void command(uint8_t byte);
    // Movement since the last call (right, down, wheel towards the user positive) and the buttons held.
    // What finds no room is kept and reported later.
    void move(int dx, int dy, int dz, uint8_t buttons);
    Ps2Queue& queue() { return queue_; }

  private:
    void argument(uint8_t byte);
    void set_defaults();
    void set_rate(uint8_t rate);
    void report();
    bool moved() const { return dx_ != 0 || dy_ != 0 || dz_ != 0 || buttons_ != reported_buttons_; }
    void reply(uint8_t byte) { queue_.push(byte); }

    Ps2Queue queue_;
    uint8_t waiting_for_ = 0;
    uint8_t id_ = 0;  // 0 plain, 3 with wheel, 4 with five buttons
    std::array<uint8_t, 2> last_rates_ = {};
    uint8_t rate_ = 100, resolution_ = 2;
    bool reporting_ = false, remote_ = false, wrap_ = false, scaling_ = false;
    int dx_ = 0, dy_ = 0, dz_ = 0;
    uint8_t buttons_ = 0, reported_buttons_ = 0;
};

// Set 2 to set 1, as the controller translates it: the bytes after 0xf0 are turned to releases.
uint8_t translate_scan_code(uint8_t set2);

}  // namespace vmm
