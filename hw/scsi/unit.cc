// What every logical unit does; see unit.h.
#include "hw/scsi/unit.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "hw/scsi/bus.h"
#include "util/check.h"

namespace vmm::scsi {

namespace {

constexpr uint8_t kResetCode = 0x29;

}  // namespace

Unit::Unit(UnitIdentity identity) : identity_(std::move(identity)) {}

Unit::~Unit() {
    CHECK(requests_.empty(), "a SCSI unit dies with requests under way");
    CHECK(bus_ == nullptr, "a SCSI unit dies on its bus");
}

void Unit::execute(Request& request) {
    if (closed_) {
        request.outcome = Outcome::NoTarget;
        return request.initiator_.completed(request);
    }
    request.unit_ = this;
    request.aborted_ = false;
    request.guest_data_ = false;
    request.step_ = 0;
    request.outcome = Outcome::Done;
    request.sense.clear();
    request.wanted = request.moved = 0;
    requests_.push_back(&request);
    const uint8_t opcode = request.cdb[0];
    if (!ignores_attention(opcode)) {
        if (std::optional<Sense> pending = take_attention()) return check(request, *pending);
    }
    if (opcode != kRequestSense) {
        Locked lock(mutex_);
        sense_ = kNoSense;
    }
    if (!run_common(request)) run(request);
}

bool Unit::ignores_attention(uint8_t opcode) const {
    return opcode == kInquiry || opcode == kReportLuns || opcode == kRequestSense;
}

std::optional<Sense> Unit::take_attention() {
    Locked lock(mutex_);
    return std::exchange(attention_, std::nullopt);
}

bool Unit::run_common(Request& request) {
    switch (request.cdb[0]) {
        case kInquiry:
            inquiry(request);
            return true;
        case kReportLuns:
            if (bus_ == nullptr) return false;
            report_luns(request);
            return true;
        case kRequestSense:
            request_sense(request);
            return true;
        case kTestUnitReady:
            if (std::optional<Sense> why = not_ready())
                check(request, *why);
            else
                good(request);
            return true;
        default:
            return false;
    }
}

void Unit::inquiry(Request& request) {
    const Cdb& cdb = request.cdb;
    const bool vital = (cdb[1] & 1) != 0;
    if ((cdb[1] & 2) != 0 || (!vital && cdb[2] != 0)) return check(request, kInvalidField);
    if (!vital) return reply(request, standard_inquiry(identity_), cdb_allocation(cdb));
    std::optional<std::vector<uint8_t>> page = vital_page(identity_, cdb[2]);
    if (!page) return check(request, kInvalidField);
    reply(request, *page, cdb_allocation(cdb));
}

void Unit::report_luns(Request& request) {
    const uint8_t select = request.cdb[2];
    if (select > 2 || cdb_allocation(request.cdb) < 16) return check(request, kInvalidField);
    std::vector<uint32_t> luns;
    // 1 asks for well-known units alone, of which there are none. LUN 0 is always listed.
    if (select != 1) {
        luns.push_back(0);
        for (const Unit* unit : bus_->units()) {
            const Address at = unit->address();
            if (at.channel == address_.channel && at.target == address_.target && at.lun != 0)
                luns.push_back(at.lun);
        }
    }
    reply(request, lun_list(luns), cdb_allocation(request.cdb));
}

void Unit::request_sense(Request& request) {
    if ((request.cdb[1] & 0xfe) != 0) return check(request, kInvalidField);
    const auto format = (request.cdb[1] & 1) != 0 ? SenseFormat::Descriptor : SenseFormat::Fixed;
    reply(request, sense_bytes(take_sense(), format), cdb_allocation(request.cdb));
}

Sense Unit::take_sense() {
    Locked lock(mutex_);
    const Sense last = std::exchange(sense_, kNoSense);
    if (last != kNoSense) return last;
    return std::exchange(attention_, std::nullopt).value_or(kNoSense);
}

void Unit::attention(Sense sense) {
    Locked lock(mutex_);
    if (attention_ && attention_->code == kResetCode && sense.code != kResetCode) return;
    attention_ = sense;
}

void Unit::clear_attention() {
    Locked lock(mutex_);
    attention_.reset();
}

void Unit::tell_change(Sense sense) {
    if (changed_) changed_(*this, sense);
}

void Unit::abort(Request& request) {
    if (request.unit_ != this) return;
    request.aborted_ = true;
    // A command without I/O has completed by now: what is here waits for a transfer.
    request.transfer.stop();
}

void Unit::abort_all() {
    for (Request* request : std::vector<Request*>(requests_))
        abort(*request);
}

void Unit::reset(Sense sense) {
    abort_all();
    reset_state();
    Locked lock(mutex_);
    sense_ = kNoSense;
    attention_.reset();
    if (sense != kNoSense) attention_ = sense;
}

void Unit::complete(Request& request, Outcome outcome, StatusCode status) {
    CHECK(request.unit_ == this, "a SCSI request is completed twice");
    std::erase(requests_, &request);
    request.unit_ = nullptr;
    request.outcome = request.aborted_ ? Outcome::Aborted : outcome;
    request.status = status;
    request.initiator_.completed(request);
}

void Unit::good(Request& request) {
    complete(request, Outcome::Done, StatusCode::Good);
}

void Unit::check(Request& request, Sense sense) {
    request.sense = sense_bytes(sense, SenseFormat::Fixed);
    if (identity_.packet_interface) {
        // No sense data goes with the answer: it is asked for.
        Locked lock(mutex_);
        sense_ = sense;
    }
    complete(request, Outcome::Done, StatusCode::CheckCondition);
}

void Unit::memory_failed(Request& request) {
    complete(request, Outcome::MemoryFailed, StatusCode::Good);
}

void Unit::reply(Request& request, const std::vector<uint8_t>& data, uint64_t allocation) {
    request.wanted = std::min<uint64_t>(data.size(), allocation);
    const uint64_t length = std::min(request.wanted, request.data_in);
    if (length != 0 && !request.initiator_.put(request, 0, {data.data(), length}))
        return memory_failed(request);
    request.moved = length;
    good(request);
}

bool Unit::fetch(Request& request, uint64_t length, std::vector<uint8_t>& into) {
    request.wanted = length;
    into.resize(std::min(length, request.data_out));
    if (!into.empty() && !request.initiator_.get(request, 0, into)) {
        memory_failed(request);
        return false;
    }
    request.moved = into.size();
    return true;
}

void Unit::start_read(Request& request, uint64_t offset, uint64_t bytes) {
    request.guest_data_ = true;
    request.transfer.read(*disk_, offset, bytes, request);
}
void Unit::start_write(Request& request, uint64_t offset, uint64_t bytes, uint8_t flags) {
    request.guest_data_ = true;
    request.transfer.write(*disk_, offset, bytes, request, flags);
}
void Unit::start_compare(Request& request, uint64_t offset, uint64_t bytes) {
    request.guest_data_ = true;
    request.transfer.compare(*disk_, offset, bytes, request);
}

void Request::transfer_ended(DiskTransfer& transfer) {
    scsi::Request& request = *static_cast<Transfer&>(transfer).request;
    request.unit_->transfer_over(request);
}

void Unit::transfer_over(Request& request) {
    if (request.aborted_) return complete(request, Outcome::Aborted, StatusCode::Good);
    if (request.guest_data_) request.moved = request.transfer.moved();
    transfer_done(request);
}

void Unit::transfer_done(Request& request) {
    end_transfer(request);
}

void Unit::end_transfer(Request& request) {
    switch (request.transfer.end()) {
        case DiskTransfer::End::Done:
            return good(request);
        case DiskTransfer::End::DiskError:
            return check(request, sense_of_errno(request.transfer.error(), !request.transfer.reads()));
        case DiskTransfer::End::GuestMemory:
            return memory_failed(request);
        case DiskTransfer::End::Miscompare:
            return check(request, kMiscompare);
    }
}

Sense sense_of_errno(int number, bool write) {
    switch (number) {
        case ENOMEDIUM:
            return kNoMedium;
        case ENOSPC:
            return kSpaceAllocationFailed;
        case EACCES:
        case EROFS:
            return kWriteProtected;
        case EINVAL:
            return kInvalidField;
        case ENOMEM:
            return kTargetFailure;
        case EIO:
            return write ? kWriteError : kReadError;
        default:
            return kIoProcessTerminated;
    }
}

}  // namespace vmm::scsi
