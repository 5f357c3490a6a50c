// Dma8237: what firmware and kernels expect of the PC's DMA controllers: the registers of both chips and the
// page registers keep what is written, and the mask and status can be read. No device of this machine asks
// for a transfer, so none is made. Spec: Intel 8237A; page registers: IBM PC/AT. Missing: transfers.
// Thread: any; lock: one, rank Device.
#pragma once

#include <array>
#include <cstdint>

#include "hw/core/device.h"
#include "hw/isa/member_ops.h"
#include "util/mutex.h"

namespace vmm {

// One chip. Pure.
class Dma8237Chip {
  public:
    void reset() { *this = Dma8237Chip(); }
    uint8_t read(unsigned reg);
    void write(unsigned reg, uint8_t value);

  private:
    struct Channel {
        std::array<uint16_t, 2> base = {}, current = {};  // address, count
    };
    std::array<Channel, 4> channels_ = {};
    uint8_t mask_ = 0x0f;
    bool high_next_ = false;  // the byte flip-flop
};

class Dma8237 final : public Device {
  public:
    // The first chip has a register a byte, the second one each two.
    static constexpr uint16_t kFirstPort = 0x00, kSecondPort = 0xc0, kPagePort = 0x80;
    static constexpr uint64_t kFirstSize = 0x10, kSecondSize = 0x20, kPageSize = 0x10;

    std::string_view type() const override { return "i8257"; }
    IoOps& first() { return first_; }
    IoOps& second() { return second_; }
    // Port 0x80 among them is where firmware writes its progress codes.
    IoOps& pages() { return pages_; }
    void reset_hold() override;

  private:
    uint64_t read_first(uint64_t offset, unsigned size);
    void write_first(uint64_t offset, uint64_t value, unsigned size);
    uint64_t read_second(uint64_t offset, unsigned size);
    void write_second(uint64_t offset, uint64_t value, unsigned size);
    uint64_t read_page(uint64_t offset, unsigned size);
    void write_page(uint64_t offset, uint64_t value, unsigned size);

    Mutex mutex_{LockRank::Device, "dma"};
    std::array<Dma8237Chip, 2> chips_ GUARDED_BY(mutex_);
    std::array<uint8_t, kPageSize> page_bytes_ GUARDED_BY(mutex_) = {};
    MemberOps<&Dma8237::read_first, &Dma8237::write_first> first_{*this};
    MemberOps<&Dma8237::read_second, &Dma8237::write_second> second_{*this};
    MemberOps<&Dma8237::read_page, &Dma8237::write_page> pages_{*this};
};

}  // namespace vmm
