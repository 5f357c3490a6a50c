// BalloonPages: gives guest pages back to the host: finds the RAM behind guest addresses, waits until a whole
// host page (which may be huge) is given, and frees it - through the conversion engine when the guest has
// private memory, which frees both sides and leaves private what is private. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "system/memory/address.h"
#include "system/memory/address_space.h"
#include "util/result.h"

namespace vmm {
class ConversionEngine;
class RamBlock;
}  // namespace vmm

namespace vmm::virtio {

class BalloonPages {
  public:
    static constexpr uint64_t kPage = 4096;  // whatever the pages of host or guest are

    // Both outlive this; engine null: nothing is private. pinned: pages are taken note of and stay, as the
    // device of a guest whose memory nobody may take away does.
    BalloonPages(AddressSpace& memory, ConversionEngine* engine, bool pinned)
        : memory_(memory), engine_(engine), pinned_(pinned) {}

    // The guest gives up a page at a 4 KiB boundary. False: there is no RAM.
    [[nodiscard]] bool give(Gpa page);
    // A piece of free memory of any size: the whole host pages in it. False: not all of it is RAM.
    [[nodiscard]] bool give_free(Gpa first, uint64_t bytes);
    // Frees what was gathered; give() gathers pages that follow each other.
    void flush();
    // A host page of which only a part was given is forgotten.
    void forget();

  private:
    struct Place {
        RamBlock* block = nullptr;
        RamOffset offset = RamOffset(0);
        uint64_t bytes = 0;  // to the end of the section
    };
    Place find(Gpa address) const;
    void add(RamBlock& block, RamOffset first, uint64_t bytes);
    void free_pages(RamBlock& block, RamRange range);

    AddressSpace& memory_;
    ConversionEngine* const engine_;
    const bool pinned_;
    // Gathered: whole host pages.
    RamBlock* block_ = nullptr;
    uint64_t first_ = 0, end_ = 0;
    // The host page of which parts were given.
    RamBlock* partial_block_ = nullptr;
    uint64_t partial_ = 0;
    std::vector<bool> parts_;
    size_t given_ = 0;
};

}  // namespace vmm::virtio
