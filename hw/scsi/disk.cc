// Commands of a disk; see disk.h.
#include "hw/scsi/disk.h"

#include <algorithm>

#include "hw/scsi/reply.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm::scsi {

namespace {

// Steps of a READ.
constexpr unsigned kFlushing = 1, kMoving = 2;

constexpr uint8_t kForceUnitAccess = 0x08;  // READ, WRITE: byte 1
constexpr uint8_t kProtectField = 0xe0;     // RDPROTECT and its like

// A read whose data nobody wants.
class Discard final : public DataPort {
  public:
    bool put(uint64_t, std::span<const uint8_t>) override { return true; }
    bool get(uint64_t, std::span<uint8_t>) override { return false; }
};

BlockLimits limits_of(const Disk::Settings& settings) {
    const BlockSizes& sizes = settings.sizes;
    BlockLimits limits;
    const auto in_blocks = [&](uint64_t bytes) {
        return static_cast<uint32_t>(std::min<uint64_t>(bytes / sizes.logical, UINT32_MAX));
    };
    limits.block_size = sizes.logical;
    limits.max_transfer = in_blocks(settings.max_io);
    limits.optimal_granularity = std::min<uint32_t>(in_blocks(sizes.min_io), UINT16_MAX);
    limits.optimal_transfer = in_blocks(sizes.opt_io);
    limits.provisioning = sizes.discard != 0;
    limits.max_unmap = in_blocks(settings.max_unmap);
    limits.max_unmap_descriptors = 255;
    limits.unmap_granularity = in_blocks(sizes.discard);
    limits.max_write_same = in_blocks(settings.max_io);
    limits.rotation_rate = settings.rotation_rate;
    return limits;
}

}  // namespace

Disk::Disk(UnitIdentity identity, const Settings& settings) : Unit(std::move(identity)), settings_(settings) {
    set_identity_limits(limits_of(settings));
}

uint64_t Disk::blocks() const {
    return disk().size() / settings_.sizes.logical;
}

void Disk::resized() {
    attention(kCapacityChanged);
    tell_change(kCapacityChanged);
}

std::optional<Sense> Disk::not_ready() {
    if (disk().loaded()) return std::nullopt;
    return kNoMedium;
}

void Disk::run(Request& request) {
    switch (request.cdb[0]) {
        case kModeSense6:
        case kModeSense10:
            return mode_sense_command(request);
        case kModeSelect6:
        case kModeSelect10:
            return mode_select_command(request);
        // One initiator has no rival: its reservations always succeed.
        case kReserve6:
        case kReserve10:
        case kRelease6:
        case kRelease10:
        case kStartStopUnit:
        case kPreventAllowRemoval:
        case kRezeroUnit:
            return good(request);
        case kSendDiagnostic:
            // The default self-test, which finds nothing.
            return (request.cdb[1] & 0x04) != 0 ? good(request) : check(request, kInvalidField);
        default:
            break;
    }
    if (!run_medium_access(request)) check(request, kInvalidOpcode);
}

bool Disk::run_medium_access(Request& request) {
    using Handler = void (Disk::*)(Request&);
    Handler handler = nullptr;
    switch (request.cdb[0]) {
        case kRead6:
        case kRead10:
        case kRead12:
        case kRead16:
            handler = &Disk::read;
            break;
        case kWrite6:
        case kWrite10:
        case kWrite12:
        case kWrite16:
        case kWriteVerify10:
        case kWriteVerify12:
        case kWriteVerify16:
            handler = &Disk::write;
            break;
        case kVerify10:
        case kVerify12:
        case kVerify16:
            handler = &Disk::verify;
            break;
        case kWriteSame10:
        case kWriteSame16:
            handler = &Disk::write_same;
            break;
        case kUnmap:
            handler = &Disk::unmap;
            break;
        case kSynchronizeCache10:
        case kSynchronizeCache16:
            handler = &Disk::synchronize;
            break;
        case kReadCapacity10:
            handler = &Disk::read_capacity_10;
            break;
        case kServiceActionIn16:
            if ((request.cdb[1] & 0x1f) != kReadCapacity16Action) return false;
            handler = &Disk::read_capacity_16;
            break;
        case kSeek6:
        case kSeek10: {
            const uint64_t lba = cdb_extent(request.cdb).lba;
            lba < blocks() ? good(request) : check(request, kLbaOutOfRange);
            return true;
        }
        default:
            return false;
    }
    if (std::optional<Sense> why = not_ready())
        check(request, *why);
    else
        (this->*handler)(request);
    return true;
}

std::optional<Disk::Bytes> Disk::judge(Request& request, const Extent& extent) {
    const uint64_t size = blocks();
    if (extent.lba > size || extent.blocks > size - extent.lba) {
        check(request, kLbaOutOfRange);
        return std::nullopt;
    }
    return Bytes{extent.lba * settings_.sizes.logical, uint64_t{extent.blocks} * settings_.sizes.logical};
}

void Disk::read(Request& request) {
    const bool six = request.cdb[0] == kRead6;
    if (!six && (request.cdb[1] & kProtectField) != 0) return check(request, kInvalidField);
    const std::optional<Bytes> bytes = judge(request, cdb_extent(request.cdb));
    if (!bytes) return;
    request.wanted = bytes->length;
    if (std::min(bytes->length, request.data_in) == 0) return good(request);
    const bool force = !six && (request.cdb[1] & kForceUnitAccess) != 0;
    // What is read with FUA was on the medium before.
    if (force && step(request) == 0) {
        step(request) = kFlushing;
        return transfer(request).flush(disk());
    }
    step(request) = kMoving;
    start_read(request, bytes->at, std::min(bytes->length, request.data_in));
}

void Disk::write(Request& request) {
    const bool six = request.cdb[0] == kWrite6;
    if (!six && (request.cdb[1] & kProtectField) != 0) return check(request, kInvalidField);
    const std::optional<Bytes> bytes = judge(request, cdb_extent(request.cdb));
    if (!bytes) return;
    if (disk().read_only()) return check(request, kWriteProtected);
    request.wanted = bytes->length;
    const uint64_t whole_blocks = align_down(request.data_out, settings_.sizes.logical);
    const uint64_t length = std::min(bytes->length, whole_blocks);
    if (length == 0) return good(request);
    const uint8_t opcode = request.cdb[0];
    const bool verifies = opcode == kWriteVerify10 || opcode == kWriteVerify12 || opcode == kWriteVerify16;
    const bool force = verifies || (!six && (request.cdb[1] & kForceUnitAccess) != 0);
    start_write(request, bytes->at, length, force ? block::kFua : uint8_t{0});
}

void Disk::verify(Request& request) {
    if ((request.cdb[1] & kProtectField) != 0) return check(request, kInvalidField);
    const std::optional<Bytes> bytes = judge(request, cdb_extent(request.cdb));
    if (!bytes) return;
    if (bytes->length == 0) return good(request);
    const unsigned compare = (request.cdb[1] >> 1) & 3;  // BYTCHK
    if (compare == 0) {
        DataPort& nowhere = adapt(request, std::make_unique<Discard>());
        return transfer(request).read(disk(), bytes->at, bytes->length, nowhere);
    }
    if (compare == 2) return check(request, kInvalidField);
    if (compare == 1) {
        request.wanted = bytes->length;
        if (request.data_out < bytes->length) return check(request, kInvalidField);
        return start_compare(request, bytes->at, bytes->length);
    }
    // The same block, again and again.
    if (!fetch(request, settings_.sizes.logical, parameter(request))) return;
    if (parameter(request).size() < settings_.sizes.logical) return check(request, kInvalidField);
    transfer(request).compare(disk(), bytes->at, bytes->length,
                              adapt(request, std::make_unique<PatternPort>(parameter(request))));
}

void Disk::write_same(Request& request) {
    const uint8_t flags = request.cdb[1];
    // NDOB; of WRITE SAME (10), too, where the specification has nothing in its place.
    const bool no_data = (flags & 0x01) != 0;
    const bool may_unmap = (flags & 0x08) != 0;
    // Protection, ANCHOR, LBDATA and PBDATA are not there.
    if ((flags & 0xf6) != 0) return check(request, kInvalidField);
    if (may_unmap && !identity().limits.provisioning) return check(request, kInvalidField);
    const Extent extent = cdb_extent(request.cdb);
    if (extent.blocks == 0 || extent.blocks > identity().limits.max_write_same)
        return check(request, kInvalidField);
    const std::optional<Bytes> bytes = judge(request, extent);
    if (!bytes) return;
    if (disk().read_only()) return check(request, kWriteProtected);
    std::vector<uint8_t>& pattern = parameter(request);
    if (!no_data) {
        if (!fetch(request, settings_.sizes.logical, pattern)) return;
        if (pattern.size() < settings_.sizes.logical) return check(request, kInvalidField);
    }
    const bool zeroes =
        no_data || std::all_of(pattern.begin(), pattern.end(), [](uint8_t b) { return b == 0; });
    if (zeroes)
        return transfer(request).write_zeroes(disk(), bytes->at, bytes->length,
                                              may_unmap ? block::kMayUnmap : uint8_t{0});
    transfer(request).write(disk(), bytes->at, bytes->length,
                            adapt(request, std::make_unique<PatternPort>(parameter(request))), 0);
}

// SBC-3, 5.28. The list is judged as a whole before anything is given back.
void Disk::unmap(Request& request) {
    constexpr size_t kHeader = 8, kDescriptor = 16;
    if (!identity().limits.provisioning) return check(request, kInvalidOpcode);
    if ((request.cdb[1] & 0x01) != 0) return check(request, kInvalidField);  // ANCHOR
    const uint32_t length = cdb_allocation(request.cdb);
    if (length == 0) return good(request);
    if (length < kHeader) return check(request, kParameterLength);
    std::vector<uint8_t>& list = parameter(request);
    if (!fetch(request, length, list)) return;
    if (list.size() < kHeader) return check(request, kParameterLength);
    if (disk().read_only()) return check(request, kWriteProtected);
    const size_t there = std::min<size_t>(load_be<uint16_t>(&list[2]), list.size() - kHeader);
    const size_t count = there / kDescriptor;
    if (count > identity().limits.max_unmap_descriptors) return check(request, kInvalidParameter);
    list.resize(kHeader + count * kDescriptor);
    uint64_t total = 0;
    for (size_t i = 0; i < count; ++i) {
        const uint8_t* at = &list[kHeader + i * kDescriptor];
        const Extent extent{load_be<uint64_t>(at), load_be<uint32_t>(at + 8)};
        if (!judge(request, extent)) return;
        total += extent.blocks;
    }
    if (total > identity().limits.max_unmap) return check(request, kInvalidParameter);
    next_unmap(request);
}

void Disk::next_unmap(Request& request) {
    const std::vector<uint8_t>& list = parameter(request);
    for (;;) {
        const size_t at = 8 + size_t{16} * step(request)++;
        if (at >= list.size()) return good(request);
        const uint64_t lba = load_be<uint64_t>(&list[at]), count = load_be<uint32_t>(&list[at + 8]);
        const uint64_t block = settings_.sizes.logical;
        if (count != 0) return transfer(request).discard(disk(), lba * block, count * block);
    }
}

void Disk::synchronize(Request& request) {
    if (!judge(request, cdb_extent(request.cdb))) return;
    transfer(request).flush(disk());
}

void Disk::transfer_done(Request& request) {
    if (transfer(request).end() == DiskTransfer::End::Done) {
        const uint8_t opcode = request.cdb[0];
        if (opcode == kUnmap) return next_unmap(request);
        const bool reads = opcode == kRead10 || opcode == kRead12 || opcode == kRead16;
        if (reads && step(request) == kFlushing) return read(request);
    }
    end_transfer(request);
}

void Disk::read_capacity_10(Request& request) {
    const uint64_t last = blocks() - 1;
    if (blocks() == 0) return check(request, kNoMedium);
    Reply out;
    out.u32(std::min<uint64_t>(last, UINT32_MAX));
    out.u32(settings_.sizes.logical);
    reply(request, std::move(out).take(), 8);
}

void Disk::read_capacity_16(Request& request) {
    if (blocks() == 0) return check(request, kNoMedium);
    unsigned exponent = 0;
    while (settings_.sizes.logical << exponent < settings_.sizes.physical)
        ++exponent;
    Reply out;
    out.u64(blocks() - 1);
    out.u32(settings_.sizes.logical);
    out.u8(0);  // no protection
    out.u8(exponent);
    out.u8(identity().limits.provisioning ? 0x80 : 0);  // LBPME
    out.fill_to(32);
    reply(request, std::move(out).take(), cdb_allocation(request.cdb));
}

ModeState Disk::mode_state() const {
    ModeState state;
    state.read_only = disk().read_only();
    state.dpofua = settings_.dpofua;
    state.write_cache = disk().write_cache();
    state.blocks = blocks();
    state.block_size = settings_.sizes.logical;
    state.geometry = physical_geometry(settings_.geometry, disk().size() / 512);
    return state;
}

void Disk::mode_sense_command(Request& request) {
    const auto answer = mode_sense(mode_state(), request.cdb);
    if (const Sense* why = std::get_if<Sense>(&answer)) return check(request, *why);
    reply(request, *std::get_if<std::vector<uint8_t>>(&answer), cdb_allocation(request.cdb));
}

void Disk::mode_select_command(Request& request) {
    if (!fetch(request, cdb_allocation(request.cdb), parameter(request))) return;
    const auto answer = mode_select(mode_state(), request.cdb, parameter(request));
    if (const Sense* why = std::get_if<Sense>(&answer)) return check(request, *why);
    const bool cache = *std::get_if<bool>(&answer);
    const bool turned_off = disk().write_cache() && !cache;
    disk().set_write_cache(cache);
    // What was promised to be written sometime is written now.
    if (turned_off) return transfer(request).flush(disk());
    good(request);
}

}  // namespace vmm::scsi
