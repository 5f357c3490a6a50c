// Request: one SCSI command on its way from a controller (the Initiator) to a unit and back. A controller
// derives its own requests from it, keeps them in a pool, fills in the first part and gives them to
// Bus::execute(). Initiator is the controller's side. All on the thread of the unit's loop, with no lock
// held. SAM-5, 5.1 to 5.3.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hw/block/disk_transfer.h"
#include "hw/scsi/cdb.h"
#include "hw/scsi/sense.h"

namespace vmm::scsi {

class Bus;
class Request;
class Unit;

enum class StatusCode : uint8_t {
    Good = 0x00,
    CheckCondition = 0x02,
    Busy = 0x08,
    ReservationConflict = 0x18,
    TaskSetFull = 0x28,
    TaskAborted = 0x40,
};

// What became of a request, before its status: for the transport's own answer.
enum class Outcome : uint8_t {
    Done,          // `status` says how
    NoTarget,      // nobody has that address
    Aborted,       // by abort() or a reset; no status
    MemoryFailed,  // the initiator's memory could not be read or written
};

class Initiator {
  public:
    virtual ~Initiator() = default;
    // Data to and from the guest, at an offset into the command's data, within data_in and data_out. False: a
    // bus error.
    virtual bool put(Request& request, uint64_t at, std::span<const uint8_t> from) = 0;
    virtual bool get(Request& request, uint64_t at, std::span<uint8_t> into) = 0;
    // The last word; may come from inside execute(). The request may be used again at once.
    virtual void completed(Request& request) = 0;
};

struct Address {
    uint32_t channel = 0;
    uint32_t target = 0;
    uint32_t lun = 0;
    bool operator==(const Address&) const = default;
};

class Request : private DataPort {
  public:
    // The initiator outlives the request.
    explicit Request(Initiator& initiator) : transfer(transfer_ended), initiator_(initiator) {
        transfer.request = this;
    }
    virtual ~Request() = default;

    // The initiator's part.
    uint64_t tag = 0;
    Cdb cdb{};
    uint64_t data_in = 0;   // room for bytes from the unit
    uint64_t data_out = 0;  // bytes for the unit
    // The unit's answer.
    Outcome outcome = Outcome::Done;
    StatusCode status = StatusCode::Good;
    std::vector<uint8_t> sense;  // with CheckCondition
    uint64_t wanted = 0;         // bytes the command would move, had the initiator room or data for it
    uint64_t moved = 0;          // bytes moved

    Unit* unit() const { return unit_; }

  private:
    friend class Unit;
    friend class Bus;
    struct Transfer : DiskTransfer {
        using DiskTransfer::DiskTransfer;
        scsi::Request* request = nullptr;
    };
    static void transfer_ended(DiskTransfer& transfer);
    bool put(uint64_t at, std::span<const uint8_t> from) override { return initiator_.put(*this, at, from); }
    bool get(uint64_t at, std::span<uint8_t> into) override { return initiator_.get(*this, at, into); }

    Transfer transfer;
    Initiator& initiator_;
    // The unit's, while it has the request.
    Unit* unit_ = nullptr;
    bool aborted_ = false;
    bool guest_data_ = false;            // the transfer's data are the guest's
    unsigned step_ = 0;                  // of a command of several transfers
    std::unique_ptr<DataPort> adapter_;  // changes data on their way
    std::vector<uint8_t> parameter_;     // what was read of the initiator for the command's steps
};

}  // namespace vmm::scsi
