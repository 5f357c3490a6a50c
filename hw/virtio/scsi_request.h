// Requests and tasks of a virtio SCSI host as they lie in its queues' buffers. Virtio 1.2, 5.6.6.1
// and 5.6.6.2. Plain data and copying; what is done with them is in scsi.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "hw/scsi/request.h"
#include "hw/virtio/chain.h"
#include "util/endian.h"

namespace vmm::virtio {

class Queue;
struct ScsiTask;

enum class ScsiResponse : uint8_t {
    Ok = 0,  // of a task: function complete
    Overrun = 1,
    Aborted = 2,
    BadTarget = 3,
    Reset = 4,
    Busy = 5,
    TransportFailure = 6,
    Failure = 9,
    Succeeded = 10,
    Rejected = 11,
    IncorrectLun = 12,
};

using ScsiLun = std::array<uint8_t, 8>;
// Empty: not an address of this host.
std::optional<scsi::Address> address_of(const ScsiLun& lun);
ScsiLun lun_of(const scsi::Address& address);

struct ScsiCommandHeader {
    ScsiLun lun;
    Le64 tag;
    uint8_t attribute;
    uint8_t priority;
    uint8_t crn;
};
static_assert(sizeof(ScsiCommandHeader) == 19);
struct ScsiCommandAnswer {
    Le32 sense_size;
    Le32 residual;
    Le16 qualifier;
    uint8_t status;
    uint8_t response;
};
static_assert(sizeof(ScsiCommandAnswer) == 12);

struct ScsiRequest final : scsi::Request {
    explicit ScsiRequest(scsi::Initiator& initiator) : scsi::Request(initiator) {}
    // Header and CDB out of the chain. False: the buffer is too short, or no shared RAM.
    [[nodiscard]] bool parse(DmaLookup& memory, uint32_t cdb_bytes, uint32_t sense_bytes);
    // Answer and sense data into the chain; how many bytes were written to it, the data counted.
    std::optional<uint64_t> answer(DmaLookup& memory, ScsiResponse response);
    uint64_t data_in_at() const { return sizeof(ScsiCommandAnswer) + sense_room; }
    uint64_t data_out_at() const { return sizeof(ScsiCommandHeader) + cdb_room; }

    Queue* queue = nullptr;
    Chain chain;
    std::optional<scsi::Address> address;
    uint32_t cdb_room = 0, sense_room = 0;
    ScsiTask* waiter = nullptr;  // a task that waits for its end
    ScsiRequest* next_free = nullptr;
    bool busy = false;
};

enum class ScsiTaskKind : uint32_t {
    AbortTask = 0,
    AbortTaskSet = 1,
    ClearAca = 2,
    ClearTaskSet = 3,
    NexusReset = 4,
    UnitReset = 5,
    QueryTask = 6,
    QueryTaskSet = 7,
};
struct ScsiTaskHeader {
    Le32 type;
    Le32 subtype;
    ScsiLun lun;
    Le64 tag;
};
static_assert(sizeof(ScsiTaskHeader) == 24);

struct ScsiTask {
    Queue* queue = nullptr;
    Chain chain;
    ScsiTaskHeader header{};
    ScsiResponse response = ScsiResponse::Ok;
    unsigned waits_for = 0;  // requests
};

}  // namespace vmm::virtio
