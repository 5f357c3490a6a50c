// A disk's reads, writes, flushes and trims; see ata_disk.h.
#include <algorithm>
#include <cerrno>

#include "hw/ata/ata_disk.h"
#include "hw/ata/ata_opcodes.h"
#include "util/endian.h"

namespace vmm::ata {

namespace {

constexpr uint64_t kSector = 512;
constexpr uint8_t kFuaBit = 0x80;  // device register of a queued write

// A read whose data nobody wants: READ VERIFY asks whether it can be done.
struct Nowhere final : DataPort {
    bool put(uint64_t, std::span<const uint8_t>) override { return true; }
    bool get(uint64_t, std::span<uint8_t>) override { return false; }
};

}  // namespace

bool AtaDisk::execute_io(Command& command) {
    const auto multiple = static_cast<uint32_t>(settings_.multiple * kSector);
    switch (command.in.command) {
        case kReadSectors:
        case kReadSectorsNoRetry:
            read(command, Bits::Lba28, Protocol::PioIn, kSector);
            break;
        case kReadSectorsExt:
            read(command, Bits::Lba48, Protocol::PioIn, kSector);
            break;
        case kReadMultiple:
            read(command, Bits::Lba28, Protocol::PioIn, multiple);
            break;
        case kReadMultipleExt:
            read(command, Bits::Lba48, Protocol::PioIn, multiple);
            break;
        case kReadDma:
        case kReadDmaNoRetry:
            read(command, Bits::Lba28, Protocol::Dma, kSector);
            break;
        case kReadDmaExt:
            read(command, Bits::Lba48, Protocol::Dma, kSector);
            break;
        case kWriteSectors:
        case kWriteSectorsNoRetry:
            write(command, Bits::Lba28, Protocol::PioOut, kSector, 0);
            break;
        case kWriteSectorsExt:
            write(command, Bits::Lba48, Protocol::PioOut, kSector, 0);
            break;
        case kWriteMultiple:
            write(command, Bits::Lba28, Protocol::PioOut, multiple, 0);
            break;
        case kWriteMultipleExt:
            write(command, Bits::Lba48, Protocol::PioOut, multiple, 0);
            break;
        case kWriteMultipleFuaExt:
            write(command, Bits::Lba48, Protocol::PioOut, multiple, block::kFua);
            break;
        case kWriteDma:
        case kWriteDmaNoRetry:
            write(command, Bits::Lba28, Protocol::Dma, kSector, 0);
            break;
        case kWriteDmaExt:
            write(command, Bits::Lba48, Protocol::Dma, kSector, 0);
            break;
        case kWriteDmaFuaExt:
            write(command, Bits::Lba48, Protocol::Dma, kSector, block::kFua);
            break;
        case kReadQueued:
        case kWriteQueued:
            queued(command, command.in.command == kWriteQueued);
            break;
        case kReadVerify:
        case kReadVerifyNoRetry:
            verify(command, Bits::Lba28);
            break;
        case kReadVerifyExt:
            verify(command, Bits::Lba48);
            break;
        case kFlush:
        case kFlushExt:
            flush(command);
            break;
        case kDataSetManagement:
            data_set_management(command);
            break;
        default:
            return false;
    }
    return true;
}

uint64_t AtaDisk::first_sector(const Command& command, Bits bits) const {
    const HostRegisters& in = command.in;
    if (bits == Bits::Lba48) return in.lba;
    const uint64_t high = in.device & 0x0f;
    if ((in.device & kDeviceLba) != 0) return (in.lba & 0xffffff) | high << 24;
    const uint64_t cylinder = in.lba >> 8 & 0xffff, sector = in.lba & 0xff;
    // Sectors count from 1: sector 0 is nowhere, which the check of the range finds.
    return (cylinder * settings_.geometry.heads + high) * settings_.geometry.sectors + sector - 1;
}

uint64_t AtaDisk::sector_count(const Command& command, Bits bits) {
    // The high byte of a 28-bit command's count is reserved; what is there counts.
    if (command.in.count != 0) return command.in.count;
    return bits == Bits::Lba48 ? 65536 : 256;
}

std::optional<AtaDisk::Range> AtaDisk::range_of(Command& command, uint64_t lba, uint64_t sectors) {
    if (lba < identity_.sectors && sectors <= identity_.sectors - lba)
        return Range{lba * kSector, sectors * kSector};
    disk_->count_invalid(block::Op::Read);
    fail(command, kIdNotFound);
    return std::nullopt;
}

void AtaDisk::read(Command& command, Bits bits, Protocol protocol, uint32_t block) {
    if (block == 0) return fail(command, kAborted);  // multiple mode is off
    const auto range = range_of(command, first_sector(command, bits), sector_count(command, bits));
    if (!range) return;
    command.protocol = protocol;
    command.block = block;
    // What has no place in memory is dropped.
    const uint64_t length = std::min(range->length, command.room);
    if (length == 0) return good(command);
    start(command);
    command.transfer.read(*disk_, range->at, length, command);
}

void AtaDisk::write(Command& command, Bits bits, Protocol protocol, uint32_t block, uint8_t flags) {
    if (block == 0) return fail(command, kAborted);
    const auto range = range_of(command, first_sector(command, bits), sector_count(command, bits));
    if (!range) return;
    // Nothing is written of a command whose data are not all there.
    if (command.room < range->length || disk_->read_only()) return fail(command, kAborted);
    command.protocol = protocol;
    command.block = block;
    start(command);
    command.transfer.write(*disk_, range->at, range->length, command, flags);
}

void AtaDisk::queued(Command& command, bool write) {
    command.protocol = Protocol::Queued;
    if (queued_error_) return fail(command, kAborted);
    const uint64_t sectors = command.in.feature == 0 ? 65536 : command.in.feature;
    const auto range = range_of(command, command.in.lba, sectors);
    if (!range) return;
    if (!write) {
        const uint64_t length = std::min(range->length, command.room);
        if (length == 0) return good(command);
        start(command);
        return command.transfer.read(*disk_, range->at, length, command);
    }
    if (command.room < range->length || disk_->read_only()) return fail(command, kAborted);
    start(command);
    const uint8_t flags = (command.in.device & kFuaBit) != 0 ? block::kFua : uint8_t{0};
    command.transfer.write(*disk_, range->at, range->length, command, flags);
}

void AtaDisk::verify(Command& command, Bits bits) {
    const auto range = range_of(command, first_sector(command, bits), sector_count(command, bits));
    if (!range) return;
    start(command);
    command.adapter = std::make_unique<Nowhere>();
    command.transfer.read(*disk_, range->at, range->length, *command.adapter);
}

void AtaDisk::flush(Command& command) {
    start(command);
    command.transfer.flush(*disk_);
}

// ATA8-ACS, 7.10: lists of ranges, eight bytes each: 48 bits of address, 16 of length. All are judged first.
void AtaDisk::data_set_management(Command& command) {
    const uint64_t bytes = uint64_t{command.in.count} * kSector;
    const bool trim = (command.in.feature & 0xff) == 1;
    if (!trim || !identity_.trim || command.in.count == 0 || command.in.count > kMostTrimBlocks)
        return fail(command, kAborted);
    if (command.room < bytes || disk_->read_only()) return fail(command, kAborted);
    command.protocol = Protocol::Dma;
    command.parameter.resize(bytes);
    if (!command.get(0, command.parameter)) {
        command.memory_failed = true;
        return command.complete();
    }
    for (size_t at = 0; at < bytes; at += 8) {
        const uint64_t entry = load_le<uint64_t>(&command.parameter[at]);
        const uint64_t lba = entry & 0xffffffffffff, sectors = entry >> 48;
        if (sectors != 0 && !range_of(command, lba, sectors)) return;
    }
    command.moved = bytes;
    start(command);
    next_trim(command);
}

void AtaDisk::next_trim(Command& command) {
    for (; command.step < command.parameter.size(); command.step += 8) {
        const uint64_t entry = load_le<uint64_t>(&command.parameter[command.step]);
        const uint64_t lba = entry & 0xffffffffffff, sectors = entry >> 48;
        if (sectors == 0) continue;
        command.step += 8;
        return command.transfer.discard(*disk_, lba * kSector, sectors * kSector);
    }
    std::erase(running_, &command);
    good(command);
}

void AtaDisk::transfer_ended(Command& command, void* drive) {
    static_cast<AtaDisk*>(drive)->transfer_done(command);
}

void AtaDisk::transfer_done(Command& command) {
    const bool done = command.transfer.end() == DiskTransfer::End::Done;
    if (done && command.in.command == kDataSetManagement) return next_trim(command);
    std::erase(running_, &command);
    const bool guest_data = command.protocol != Protocol::NoData && command.in.command != kDataSetManagement;
    if (guest_data) command.moved = command.transfer.moved();
    if (done) return good(command);
    if (command.transfer.end() == DiskTransfer::End::GuestMemory) {
        command.memory_failed = true;
        return command.complete();
    }
    // The first sector that failed is in the piece that did.
    if (guest_data) command.out.lba += command.transfer.moved() / kSector;
    fail(command, command.transfer.reads() && command.transfer.error() == EIO ? kUncorrectable : kAborted);
}

}  // namespace vmm::ata
