// RamWriter: puts a kernel and its companions straight into the RAM blocks of a q35, whatever the chipset
// shows at those addresses (shadow RAM is not open yet when a boot is prepared). Used while no CPU runs.
#pragma once

#include <span>
#include <vector>

#include "hw/i386/guest_writer.h"
#include "hw/i386/q35_map.h"
#include "system/memory/ram_block.h"

namespace vmm {

class RamWriter final : public GuestWriter {
  public:
    // The blocks make up RAM in this order, lowest address first, as in BoardMemory; they outlive this.
    RamWriter(const Q35Map& map, std::span<RamBlock* const> blocks);

    // Refuses what is not RAM, and RAM that is private: the host cannot write what the guest would see.
    Status write(uint64_t gpa, std::span<const uint8_t> bytes) override;
    // What the guest left there; refuses the same.
    Status read(uint64_t gpa, std::span<uint8_t> bytes);
    // Leaves pages alone that were never touched.
    Status clear(uint64_t gpa, uint64_t size) override;

  private:
    // Calls act(block, range) for each piece of the guest-physical range, in order.
    template <typename Act>
    Status each_piece(uint64_t gpa, uint64_t size, Act act);

    const uint64_t below_;
    const uint64_t above_;
    const std::vector<RamBlock*> blocks_;
};

}  // namespace vmm
