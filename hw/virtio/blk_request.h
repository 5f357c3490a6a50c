// One request of a virtio block device: the driver's header and its buffers, as an operation on the drive.
// Made by Blk, kept in its queues' pools and used again, so that a request allocates nothing.
// Virtio 1.2, 5.2.6.
#pragma once

#include <cstdint>

#include "backends/block/handle.h"
#include "hw/virtio/chain.h"
#include "system/memory/dma_mapping.h"
#include "util/endian.h"

namespace vmm::virtio {

class Blk;
class Queue;

enum class BlkType : uint32_t {
    In = 0,
    Out = 1,
    ScsiCommand = 2,  // legacy
    Flush = 4,
    GetId = 8,
    Discard = 11,
    WriteZeroes = 13,
};
enum class BlkStatus : uint8_t { Ok = 0, IoError = 1, Unsupported = 2 };

inline constexpr uint64_t kSector = 512;
inline constexpr size_t kBlkIdBytes = 20;
inline constexpr uint32_t kUnmapFlag = 1;  // of a write-zeroes or discard range

struct BlkHeader {
    Le32 type;
    Le32 priority;
    Le64 sector;
};
struct BlkRange {
    Le64 sector;
    Le32 sectors;
    Le32 flags;
};

// What the device allows, in the units of the checks.
struct BlkLimits {
    uint64_t capacity = 0;  // bytes
    uint32_t block = 512;   // bytes, a power of two
    uint32_t max_discard_sectors = 0;
    uint32_t max_write_zeroes_sectors = 0;
    bool read_only = false;
    bool discard = false;  // agreed upon
    bool write_zeroes = false;
};

struct BlkRequest final : block::DiskRequest {
    BlkRequest(Queue& owner, void (*when_done)(block::DiskRequest&)) : queue(owner) { complete = when_done; }

    // The parts of the chain: header, data, and the status in its last writable byte. What is wrong with its
    // shape, or null.
    const char* parse(DmaLookup& memory);
    // Turns it into an operation on the drive. Empty: submit it; else it is answered with this.
    std::optional<BlkStatus> prepare(DmaLookup& memory, const BlkLimits& limits);
    // Copies what was read to the guest where it does not lie there yet, and the status; `written` tells how
    // many bytes these are. False: a bus error.
    [[nodiscard]] bool answer(DmaLookup& memory, BlkStatus status);

    Queue& queue;
    Chain chain;
    Blk* user = nullptr;  // whose it is
    BlkHeader header;
    uint64_t written = 0;

  private:
    std::optional<BlkStatus> prepare_data(DmaLookup& memory, const BlkLimits& limits);
    std::optional<BlkStatus> prepare_range(DmaLookup& memory, const BlkLimits& limits);
    uint64_t in_bytes() const { return chain.writable_bytes() - 1; }
    uint64_t out_bytes() const { return chain.readable_bytes() - sizeof(BlkHeader); }

    DmaMapping mapping_;
    bool mapped_ = false;
};

}  // namespace vmm::virtio
