// Packets to the unit; see atapi_cd.h.
#include "hw/ata/atapi_cd.h"

#include <algorithm>

#include "hw/ata/ata_opcodes.h"
#include "hw/block/disk_config.h"

namespace vmm::ata {

namespace {

constexpr uint8_t kDmaBit = 0x01;       // in the feature register of PACKET
constexpr uint16_t kReasonDone = 0x03;  // interrupt reason: status, towards the host

scsi::UnitIdentity unit_identity(const DriveIdentity& drive) {
    scsi::UnitIdentity identity;
    identity.packet_interface = true;
    identity.command_queueing = false;
    identity.product = drive.model;
    identity.version = drive.version;
    identity.serial = drive.serial;
    identity.device_id = drive.serial;
    identity.wwn = drive.wwn;
    return identity;
}

}  // namespace

AtapiCd::AtapiCd(DriveIdentity identity, EventLoop& main_loop)
    : identity_(std::move(identity)), unit_(unit_identity(identity_), main_loop), request_(*this) {}

// Hosts know of the reset by the signature: no attention is left for the first packet.
void AtapiCd::reset() {
    settings_ = DriveSettings{};
    unit_.reset(scsi::kNoSense);
}

void AtapiCd::set_serial_number(unsigned number) {
    if (!identity_.serial.empty()) return;
    identity_.serial = default_serial(number);
    unit_.set_serial(identity_.serial);
}

void AtapiCd::good(Command& command) {
    command.out.status = kGoodStatus;
    command.out.error = 0;
    command.complete();
}

void AtapiCd::fail(Command& command, uint8_t error) {
    command.out.status = kReady | kErr;
    command.out.error = error;
    command.complete();
}

void AtapiCd::execute(Command& command) {
    switch (command.in.command) {
        case kPacket:
            return packet(command);
        case kIdentifyPacket:
            return identify(command);
        case kIdentify:
        case kReadSectors:
            // How a host that knows no packets finds out: the signature, and a refusal.
            command.out.count = 1;
            command.out.lba = signature() >> 8;
            return fail(command, kAborted);
        case kDeviceReset:
        case kDiagnose:
            if (command.in.command == kDeviceReset) unit_.reset(scsi::kNoSense);
            command.out.count = 1;
            command.out.lba = signature() >> 8;
            command.out.status = 0;
            command.out.error = 1;
            return command.complete();
        case kSetFeatures:
            return set_features(command);
        case kCheckPower:
            command.out.count = 0xff;
            return good(command);
        case kIdleImmediate:
        case kIdle:
        case kStandbyImmediate:
        case kStandby:
        case kSleep:
            return good(command);
        case kFlush:
        case kFlushExt:
            return good(command);  // nothing is ever written
        default:
            return fail(command, kAborted);
    }
}

void AtapiCd::identify(Command& command) {
    const IdentifyData data = identify_packet_drive(identity_, settings_);
    const uint64_t length = std::min<uint64_t>(data.size(), command.room);
    if (!command.put(0, std::span(data).first(length))) {
        command.memory_failed = true;
        return command.complete();
    }
    command.protocol = Protocol::PioIn;
    command.moved = length;
    good(command);
}

void AtapiCd::set_features(Command& command) {
    const unsigned feature = command.in.feature & 0xff, mode = command.in.count & 0xff;
    // Transfer modes up to PIO 4, multi-word 2 and ultra 5; all that can be said is taken.
    const bool known_mode = mode <= 0x0c || (mode >= 0x20 && mode <= 0x22) || (mode >= 0x40 && mode <= 0x45);
    if (feature != 0x03) return feature == 0x66 || feature == 0xcc ? good(command) : fail(command, kAborted);
    if (!known_mode) return fail(command, kAborted);
    settings_.multi_word_dma = mode >> 3 == 4 ? static_cast<uint8_t>(1u << (mode & 7)) : uint8_t{0};
    settings_.ultra_dma = mode >> 3 == 8 ? static_cast<uint8_t>(1u << (mode & 7)) : uint8_t{0};
    good(command);
}

void AtapiCd::packet(Command& command) {
    const bool dma = (command.in.feature & kDmaBit) != 0;
    // Bytes of a DRQ block, as the host wants it.
    auto limit = static_cast<uint32_t>(command.in.lba >> 8 & 0xffff);
    if (limit == 0xffff) limit = 0xfffe;
    command.protocol = dma ? Protocol::Packet : Protocol::PioIn;
    command.block = limit;
    command_ = &command;
    std::copy(command.packet.begin(), command.packet.begin() + 12, request_.cdb.begin());
    std::fill(request_.cdb.begin() + 12, request_.cdb.end(), uint8_t{0});
    // A host that gives no limit for PIO cannot take data.
    request_.data_in = dma || limit != 0 ? command.room : 0;
    request_.data_out = command.room;
    unit_.execute(request_);
}

bool AtapiCd::put(scsi::Request&, uint64_t at, std::span<const uint8_t> from) {
    return command_->put(at, from);
}

bool AtapiCd::get(scsi::Request&, uint64_t at, std::span<uint8_t> into) {
    return command_->get(at, into);
}

void AtapiCd::completed(scsi::Request& request) {
    Command& command = *command_;
    command_ = nullptr;
    command.moved = request.moved;
    command.out.count = kReasonDone;
    if (request.outcome == scsi::Outcome::MemoryFailed) {
        command.memory_failed = true;
        return command.complete();
    }
    if (request.outcome != scsi::Outcome::Done) return fail(command, kAborted);
    if (request.status == scsi::StatusCode::Good) {
        // PIO data without a limit had no way to come.
        const bool no_way = command.protocol == Protocol::PioIn && command.block == 0 && request.wanted != 0;
        return no_way ? fail(command, kAborted) : good(command);
    }
    // The sense key stands in the error register; the rest is asked for.
    const uint8_t key = request.sense.size() > 2 ? request.sense[2] & 0x0f : uint8_t{0};
    fail(command, static_cast<uint8_t>(key << 4));
}

}  // namespace vmm::ata
