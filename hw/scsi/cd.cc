// The drive's commands and its tray; see cd.h.
#include "hw/scsi/cd.h"

#include <algorithm>

#include "hw/scsi/reply.h"
#include "util/endian.h"
#include "util/event_loop.h"

namespace vmm::scsi {

namespace {

// READ CD of whole sectors: each grows on its way to the guest.
class RawPort final : public DataPort {
  public:
    RawPort(DataPort& guest, uint64_t lba) : guest_(guest), lba_(lba) {}
    bool put(uint64_t at, std::span<const uint8_t> from) override {
        std::array<uint8_t, kRawSector> raw;
        for (uint64_t sector = at / kCdSector; !from.empty(); ++sector, from = from.subspan(kCdSector)) {
            raw_sector(lba_ + sector, from.first(kCdSector), raw);
            if (!guest_.put(sector * kRawSector, raw)) return false;
        }
        return true;
    }
    bool get(uint64_t, std::span<uint8_t>) override { return false; }

  private:
    DataPort& guest_;
    const uint64_t lba_;
};

UnitIdentity as_cd(UnitIdentity identity) {
    identity.type = DeviceType::CdRom;
    identity.removable = true;
    identity.limits.block_size = kCdSector;
    return identity;
}

bool is_write(uint8_t opcode) {
    return opcode == kWrite6 || opcode == kWrite10 || opcode == kWrite12 || opcode == kWrite16 ||
           opcode == kWriteVerify10 || opcode == kWriteVerify12;
}

}  // namespace

Cd::Cd(UnitIdentity identity, EventLoop& main_loop)
    : Unit(as_cd(std::move(identity))), main_loop_(main_loop) {}

uint64_t Cd::sectors() const {
    return disk().size() / kCdSector;
}

bool Cd::tray_open() const {
    Locked lock(tray_mutex_);
    return open_;
}

bool Cd::tray_locked() const {
    Locked lock(tray_mutex_);
    return locked_;
}

std::optional<Sense> Cd::not_ready() {
    if (tray_open()) return kNoMediumTrayOpen;
    if (!disk().loaded() || sectors() == 0) return kNoMedium;
    return std::nullopt;
}

// A reset unlocks the tray and leaves it where it is.
void Cd::reset_state() {
    Locked lock(tray_mutex_);
    locked_ = was_away_ = false;
    event_ = MediaEvent::None;
}

void Cd::eject_requested(bool) {
    Locked lock(tray_mutex_);
    event_ = MediaEvent::EjectRequest;
}

void Cd::set_tray(bool open, bool loaded) {
    {
        Locked lock(tray_mutex_);
        if (open_ == open) return;
        open_ = open;
        swapped_ = false;
    }
    loaded_changed(loaded && !open);
}

void Cd::medium_changed(bool loaded) {
    {
        Locked lock(tray_mutex_);
        swapped_ = open_;
        if (open_) return;
    }
    loaded_changed(loaded);
}

void Cd::loaded_changed(bool loaded) {
    {
        Locked lock(tray_mutex_);
        event_ = loaded ? MediaEvent::NewMedia : MediaEvent::MediaRemoval;
        was_away_ = loaded && identity().packet_interface;
    }
    if (loaded) attention(kMediumMayHaveChanged);
    tell_change(kMediumMayHaveChanged);
}

// Systems that drive ATAPI by its older rules look for a drive that is not ready before they believe that it
// has another medium.
std::optional<Sense> Cd::take_attention() {
    {
        Locked lock(tray_mutex_);
        if (std::exchange(was_away_, false)) return kNoMedium;
    }
    return Unit::take_attention();
}

// MMC-6, 4.1.6.1: how a host finds out about events must not itself fail because of one.
bool Cd::ignores_attention(uint8_t opcode) const {
    return opcode == kGetEventStatus || opcode == kGetConfiguration || Unit::ignores_attention(opcode);
}

void Cd::run(Request& request) {
    if (run_without_medium(request)) return;
    switch (request.cdb[0]) {
        case kRead10:
        case kRead12:
        case kRead16:
        case kReadCd:
        case kReadCapacity10:
        case kServiceActionIn16:
        case kReadToc:
        case kSeek10:
        case kReadDiscInformation:
        case kReadTrackInformation:
        case kReadDvdStructure:
        case kVerify10:
            break;
        default:
            // Drivers find out by writing that this is no recorder.
            return check(request, is_write(request.cdb[0]) ? kWriteProtected : kInvalidOpcode);
    }
    if (std::optional<Sense> why = not_ready()) return check(request, *why);
    run_with_medium(request);
}

bool Cd::run_without_medium(Request& request) {
    const Cdb& cdb = request.cdb;
    switch (cdb[0]) {
        case kStartStopUnit:
            start_stop(request);
            return true;
        case kPreventAllowRemoval: {
            {
                Locked lock(tray_mutex_);
                locked_ = (cdb[4] & 1) != 0;
            }
            good(request);
            return true;
        }
        case kModeSense6:
        case kModeSense10:
            mode_sense_command(request);
            return true;
        case kModeSelect6:
        case kModeSelect10:
            mode_select_command(request);
            return true;
        case kGetConfiguration:
            answer(request, get_configuration(
                                cdb, {identity().packet_interface, tray_locked(), ready() ? sectors() : 0}));
            return true;
        case kGetEventStatus:
            get_event_status(request);
            return true;
        case kMechanismStatus:
            reply(request, mechanism_status(tray_open()), load_be<uint16_t>(&cdb[8]));
            return true;
        case kSetCdSpeed:
        case kReserve6:
        case kReserve10:
        case kRelease6:
        case kRelease10:
        case kRezeroUnit:
            good(request);
            return true;
        case kSendDiagnostic:
            (cdb[1] & 0x04) != 0 ? good(request) : check(request, kInvalidField);
            return true;
        default:
            return false;
    }
}

void Cd::run_with_medium(Request& request) {
    const Cdb& cdb = request.cdb;
    switch (cdb[0]) {
        case kReadCd:
            return read_cd(request);
        case kReadCapacity10: {
            Reply out;
            out.u32(std::min<uint64_t>(sectors() - 1, UINT32_MAX));
            out.u32(kCdSector);
            return reply(request, std::move(out).take(), 8);
        }
        case kServiceActionIn16: {
            if ((cdb[1] & 0x1f) != kReadCapacity16Action) return check(request, kInvalidField);
            Reply out;
            out.u64(sectors() - 1);
            out.u32(kCdSector);
            out.fill_to(32);
            return reply(request, std::move(out).take(), cdb_allocation(cdb));
        }
        case kReadToc:
            return answer(request, read_toc(cdb, sectors()));
        case kReadDiscInformation:
            return answer(request, read_disc_information(cdb));
        case kReadTrackInformation:
            return answer(request, read_track_information(cdb, sectors()));
        case kReadDvdStructure: {
            const MmcReply data = read_dvd_structure(cdb, sectors());
            if (const Sense* why = std::get_if<Sense>(&data)) return check(request, *why);
            return reply(request, *std::get_if<0>(&data), load_be<uint16_t>(&cdb[8]));
        }
        case kSeek10:
        case kVerify10: {
            const Extent extent = cdb_extent(cdb);
            const bool inside = extent.lba < sectors();
            return inside ? good(request) : check(request, kLbaOutOfRange);
        }
        default:
            return read(request);
    }
}

void Cd::answer(Request& request, const MmcReply& what) {
    if (const Sense* why = std::get_if<Sense>(&what)) return check(request, *why);
    reply(request, *std::get_if<0>(&what), cdb_allocation(request.cdb));
}

// MMC-6, 6.46. Power conditions are taken and change nothing.
void Cd::start_stop(Request& request) {
    const uint8_t how = request.cdb[4];
    const bool load_eject = (how & 2) != 0, start = (how & 1) != 0;
    if ((how >> 4) != 0 || !load_eject) return good(request);
    if (!start && tray_locked() && !tray_open()) return check(request, kRemovalPrevented);
    move_tray(!start);
    good(request);
}

void Cd::move_tray(bool open) {
    bool swapped = false;
    {
        Locked lock(tray_mutex_);
        if (open_ == open) return;
        open_ = open;
        event_ = open ? MediaEvent::MediaRemoval : MediaEvent::NewMedia;
        if (!open) swapped = std::exchange(swapped_, false);
    }
    // The medium that the guest took out itself is no news to it.
    if (swapped && disk().loaded()) loaded_changed(true);
    if (main_loop_.on_loop_thread()) return disk().guest_moved_tray(open);
    main_loop_.post([this, open] { disk().guest_moved_tray(open); });
}

void Cd::read(Request& request) {
    const Extent extent = cdb_extent(request.cdb);
    if (extent.blocks == 0) return good(request);
    if (extent.lba >= sectors() || extent.blocks > sectors() - extent.lba)
        return check(request, kLbaOutOfRange);
    request.wanted = uint64_t{extent.blocks} * kCdSector;
    const uint64_t length = std::min(request.wanted, request.data_in);
    if (length == 0) return good(request);
    start_read(request, extent.lba * kCdSector, length);
}

// MMC-6, 6.19: user data, or whole sectors, or nothing at all.
void Cd::read_cd(Request& request) {
    const Cdb& cdb = request.cdb;
    const uint64_t lba = load_be<uint32_t>(&cdb[2]);
    const uint64_t count = load_be<uint32_t>(&cdb[5]) & 0xffffff;
    const uint8_t parts = cdb[9] & 0xf8;
    if (count == 0 || parts == 0) return good(request);
    if (lba >= sectors() || count > sectors() - lba) return check(request, kLbaOutOfRange);
    if (parts == 0x10) {
        request.wanted = count * kCdSector;
        const uint64_t length = std::min(request.wanted, request.data_in);
        return length == 0 ? good(request) : start_read(request, lba * kCdSector, length);
    }
    if (parts != 0xf8) return check(request, kInvalidField);
    request.wanted = count * kRawSector;
    const uint64_t whole = std::min(count, request.data_in / kRawSector);
    if (whole == 0) return good(request);
    DataPort& wide = adapt(request, std::make_unique<RawPort>(data_of(request), lba));
    transfer(request).read(disk(), lba * kCdSector, whole * kCdSector, wide);
}

void Cd::transfer_done(Request& request) {
    const bool raw = request.cdb[0] == kReadCd && (request.cdb[9] & 0xf8) == 0xf8;
    if (raw) request.moved = transfer(request).moved() / kCdSector * kRawSector;
    end_transfer(request);
}

void Cd::get_event_status(Request& request) {
    MediaEvent event = MediaEvent::None;
    bool open = false;
    {
        Locked lock(tray_mutex_);
        open = open_;
        const bool told = (request.cdb[1] & 1) != 0 && (request.cdb[4] & 0x10) != 0;
        if (told) event = std::exchange(event_, MediaEvent::None);
    }
    answer(request, event_status(request.cdb, event, open, disk().loaded()));
}

ModeState Cd::mode_state() const {
    ModeState state;
    state.type = DeviceType::CdRom;
    state.packet_interface = identity().packet_interface;
    state.read_only = true;
    state.block_size = kCdSector;
    state.blocks = sectors();
    state.tray_open = tray_open();
    state.locked = tray_locked();
    state.medium = disk().loaded();
    return state;
}

void Cd::mode_sense_command(Request& request) {
    const auto data = mode_sense(mode_state(), request.cdb);
    if (const Sense* why = std::get_if<Sense>(&data)) return check(request, *why);
    reply(request, *std::get_if<0>(&data), cdb_allocation(request.cdb));
}

void Cd::mode_select_command(Request& request) {
    if (!fetch(request, cdb_allocation(request.cdb), parameter(request))) return;
    const auto taken = mode_select(mode_state(), request.cdb, parameter(request));
    if (const Sense* why = std::get_if<Sense>(&taken)) return check(request, *why);
    good(request);
}

}  // namespace vmm::scsi
