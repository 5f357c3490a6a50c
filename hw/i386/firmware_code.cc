// Firmware's part before a Multiboot kernel; see firmware_code.h.
#include "hw/i386/firmware_code.h"

#include <initializer_list>
#include <utility>
#include <vector>

#include "hw/i386/low_memory.h"
#include "util/check.h"
#include "util/endian.h"

namespace vmm {

namespace {

// Real-mode handlers that only end the interrupt: push %ax; mov $0x20, %al; out %al, $0x20 (first $0xa0,
// too); pop %ax; iret.
constexpr uint8_t kFirstChip[] = {0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf};
constexpr uint8_t kSecondChip[] = {0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf};
constexpr uint64_t kFirstHandler = low_memory::kFirmwareCode, kSecondHandler = kFirstHandler + 0x10,
                   kStart = kFirstHandler + 0x20;
constexpr unsigned kFirstVector = 8, kSecondVector = 0x70, kPins = 8;

// Intel 8259A and 8254, and ICH9 10.8 for the edge and level registers: vectors where a BIOS has them, the
// pins of the timer, the keyboard, the clock and the drives open, PCI's interrupts 10 and 11 by level, the
// timer at 18.2 Hz.
constexpr std::pair<uint16_t, uint8_t> kWrites[] = {
    {0x20, 0x11}, {0x21, kFirstVector},  {0x21, 0x04}, {0x21, 0x01},   //
    {0xa0, 0x11}, {0xa1, kSecondVector}, {0xa1, 0x02}, {0xa1, 0x01},   //
    {0x21, 0xb8}, {0xa1, 0x8e},          {0x4d0, 0x0}, {0x4d1, 0x0c},  //
    {0x43, 0x34}, {0x40, 0x00},          {0x40, 0x00},
};

class Code {
  public:
    void bytes(std::initializer_list<uint8_t> list) { code_.insert(code_.end(), list); }
    void number(uint32_t value) {
        code_.resize(code_.size() + 4);
        store_le<uint32_t>(&code_[code_.size() - 4], value);
    }
    void out(uint16_t port, uint8_t value) {
        bytes({0xba});  // mov $port, %edx
        number(port);
        bytes({0xb0, value, 0xee});  // mov $value, %al; out %al, (%dx)
    }
    const std::vector<uint8_t>& all() const { return code_; }

  private:
    std::vector<uint8_t> code_;
};

Status write_vectors(unsigned first, uint64_t handler, GuestWriter& guest) {
    uint8_t table[kPins * 4];
    for (unsigned i = 0; i < kPins; ++i)
        store_le<uint32_t>(&table[4 * i], static_cast<uint32_t>(low_memory::kBiosArea >> 4 << 16 |
                                                                (handler - low_memory::kBiosArea)));
    return guest.write(4 * uint64_t{first}, table);
}

}  // namespace

Result<uint32_t> write_firmware_code(uint32_t entry, uint32_t eax, GuestWriter& guest) {
    TRY(guest.write(kFirstHandler, kFirstChip));
    TRY(guest.write(kSecondHandler, kSecondChip));
    TRY(write_vectors(kFirstVector, kFirstHandler, guest));
    TRY(write_vectors(kSecondVector, kSecondHandler, guest));
    Code code;
    for (const auto& [port, value] : kWrites)
        code.out(port, value);
    code.bytes({0xb8});  // mov $eax, %eax
    code.number(eax);
    code.bytes({0xba});  // mov $entry, %edx; jmp *%edx
    code.number(entry);
    code.bytes({0xff, 0xe2});
    CHECK(kStart + code.all().size() <= low_memory::kFirmwareEnd, "firmware code of %zu bytes",
          code.all().size());
    TRY(guest.write(kStart, code.all()));
    return static_cast<uint32_t>(kStart);
}

}  // namespace vmm
