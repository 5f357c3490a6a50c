// Unit: a logical unit - what answers SCSI commands. This base does what every kind does (INQUIRY, REPORT
// LUNS, REQUEST SENSE, unit attentions, aborts and resets); Disk and Cd add the rest. It belongs to a Bus, or
// to an ATAPI drive, which is a unit behind another wire. SPC-4.
//
// Missing: reservations (refused: no such command), ACA, task attributes (all tasks are simple), descriptor
// information in sense data.
//
// Threads: execute() and abort() on the loop's thread of the unit's drive; attention() and what DiskClient
// says on the main thread; mutex_ (rank Device) guards what both touch and is never held while calling out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "backends/block/handle.h"
#include "hw/scsi/inquiry.h"
#include "hw/scsi/request.h"
#include "hw/scsi/sense.h"
#include "util/mutex.h"

namespace vmm::scsi {

class Bus;

class Unit : public block::DiskClient {
  public:
    explicit Unit(UnitIdentity identity);
    ~Unit() override;
    Unit(const Unit&) = delete;
    Unit& operator=(const Unit&) = delete;

    // The drive; once, before the first command. It outlives the unit's commands.
    void set_disk(block::BlockHandle& disk) { disk_ = &disk; }
    block::BlockHandle& disk() const { return *disk_; }
    const UnitIdentity& identity() const { return identity_; }

    // Both names of a unit that had none; before the first command.
    void set_serial(const std::string& serial) { identity_.serial = identity_.device_id = serial; }

    // Where the user wants it; absent parts are found by the bus.
    struct Place {
        uint32_t channel = 0;
        std::optional<uint32_t> target, lun;
    };
    void set_place(const Place& place) { place_ = place; }
    const Place& place() const { return place_; }
    // Where it sits; a unit without a bus is alone (ATAPI).
    Bus* bus() const { return bus_; }
    Address address() const { return address_; }

    void execute(Request& request);
    // The request will complete as Aborted, at once or when its I/O is over.
    void abort(Request& request);
    void abort_all();
    // The same, and no command is taken any more.
    void close() {
        closed_ = true;
        abort_all();
    }
    // Requests under way.
    const std::vector<Request*>& requests() const { return requests_; }

    // LUN reset: what is under way is aborted, state goes back to the start, and the next command is told
    // (unless kNoSense).
    void reset(Sense attention);
    // The next command but INQUIRY, REPORT LUNS and REQUEST SENSE fails with this. A reset's outranks others.
    void attention(Sense sense);
    // Takes the sense data that REQUEST SENSE would give.
    Sense take_sense();
    // Removes an attention that is pending: for hosts that report it by other means.
    void clear_attention();

    // The unit and what it holds changed in a way that the controller may report as an event.
    void set_change_listener(std::function<void(Unit&, Sense)> listener) { changed_ = std::move(listener); }

  protected:
    // One command that the base does not know. Ends with one of the calls below, at once or later.
    virtual void run(Request& request) = 0;
    // The transfer that a command of run() started is over; the default ends the command by end_transfer().
    virtual void transfer_done(Request& request);
    // Not ready: why.
    virtual std::optional<Sense> not_ready() { return std::nullopt; }
    virtual void reset_state() {}
    // What the next command fails with, taken away; nothing: it may run.
    virtual std::optional<Sense> take_attention();
    // Commands that are done although there is an attention to report.
    virtual bool ignores_attention(uint8_t opcode) const;
    void set_identity_limits(const BlockLimits& limits) { identity_.limits = limits; }

    // Ends of a command.
    void good(Request& request);
    void check(Request& request, Sense sense);
    // Data for the initiator: at most `allocation` bytes of it.
    void reply(Request& request, const std::vector<uint8_t>& data, uint64_t allocation);
    void memory_failed(Request& request);
    // By the transfer's end: good, or the sense data of its errno.
    void end_transfer(Request& request);

    // A parameter list of the initiator's: at most `length` bytes of it, fewer when it has fewer. False: the
    // command ended by a memory failure.
    bool fetch(Request& request, uint64_t length, std::vector<uint8_t>& into);

    // Starts of transfers; requests come back through transfer_done(). Bytes.
    void start_read(Request& request, uint64_t offset, uint64_t bytes);
    void start_write(Request& request, uint64_t offset, uint64_t bytes, uint8_t flags);
    void start_compare(Request& request, uint64_t offset, uint64_t bytes);
    // Others, without data of the guest.
    DiskTransfer& transfer(Request& request) { return request.transfer; }
    unsigned& step(Request& request) { return request.step_; }
    std::vector<uint8_t>& parameter(Request& request) { return request.parameter_; }

    // The guest's data, and what stands before them in this command.
    DataPort& data_of(Request& request) { return request; }
    DataPort& adapt(Request& request, std::unique_ptr<DataPort> adapter) {
        request.adapter_ = std::move(adapter);
        return *request.adapter_;
    }

    void tell_change(Sense sense);
    Mutex& mutex() { return mutex_; }

  private:
    friend class Bus;
    friend class Request;
    bool run_common(Request& request);
    void inquiry(Request& request);
    void report_luns(Request& request);
    void request_sense(Request& request);
    void complete(Request& request, Outcome outcome, StatusCode status);
    void transfer_over(Request& request);

    UnitIdentity identity_;
    block::BlockHandle* disk_ = nullptr;
    Bus* bus_ = nullptr;
    Place place_;
    Address address_;
    std::vector<Request*> requests_;
    bool closed_ = false;  // the loop's thread
    std::function<void(Unit&, Sense)> changed_;

    Mutex mutex_{LockRank::Device, "SCSI unit"};
    std::optional<Sense> attention_ GUARDED_BY(mutex_);
    Sense sense_ GUARDED_BY(mutex_);  // of the last command that failed
};

// The sense data for a failed operation of the host.
Sense sense_of_errno(int number, bool write);
}  // namespace vmm::scsi
