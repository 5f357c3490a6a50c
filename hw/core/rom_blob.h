// RomBlob: bytes the machine puts into guest memory at every reset before the CPUs run: a directly loaded
// kernel, tables, page tables. Registered by the board; written in reset's hold phase, so that what the guest
// scribbled over is whole again. Memory the guest keeps private must not be loaded this way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "system/memory/address.h"
#include "system/run/reset.h"
#include "util/result.h"

namespace vmm {

class AddressSpace;

struct RomBlob {
    std::string name;  // for messages
    Gpa address = Gpa(0);
    std::vector<uint8_t> bytes;
};

class RomLoader final : public Resettable {
  public:
    // The space is borrowed.
    explicit RomLoader(AddressSpace& memory) : memory_(memory) {}
    // Refuses bytes that overlap others or do not lie wholly in RAM.
    Status add(RomBlob blob);
    void reset_hold() override;
    const std::vector<RomBlob>& blobs() const { return blobs_; }

  private:
    AddressSpace& memory_;
    std::vector<RomBlob> blobs_;
};

}  // namespace vmm
