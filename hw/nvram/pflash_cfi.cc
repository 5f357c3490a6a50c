// The flash's command machine; see pflash_cfi.h.
#include "hw/nvram/pflash_cfi.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "util/log.h"

namespace vmm {

namespace {

enum : uint8_t {
    kReadArray = 0xff,
    kReadArrayOld = 0x00,
    kResetOfOthers = 0xf0,  // read array of the other command set, which drivers probe with
    kProgram = 0x40,
    kProgramOld = 0x10,
    kErase = 0x20,
    kClearStatus = 0x50,
    kLock = 0x60,
    kReadStatus = 0x70,
    kReadId = 0x90,
    kReadQuery = 0x98,
    kBufferedProgram = 0xe8,
    kConfirm = 0xd0,
    kLockBlock = 0x01,
};
enum : uint8_t { kReady = 0x80, kEraseFailed = 0x20, kProgramFailed = 0x10 };

constexpr uint8_t kManufacturer = 0x89, kDeviceCode = 0x18;

// The query table from 0x10 on: identification, voltages, times (powers of two, in us and ms) and geometry.
std::array<uint8_t, 0x30> query_table(uint64_t size, uint32_t sector) {
    std::array<uint8_t, 0x30> table = {};
    const auto set = [&](unsigned at, std::initializer_list<unsigned> bytes) {
        for (const unsigned byte : bytes)
            table[at++ - 0x10] = static_cast<uint8_t>(byte);
    };
    const auto sectors = static_cast<uint32_t>(size / sector - 1);
    set(0x10, {'Q', 'R', 'Y', 1, 0, 0x31, 0});               // Intel's extended command set, table at 0x31
    set(0x1b, {0x45, 0x55, 0, 0, 7, 7, 10, 0, 4, 4, 4, 0});  // 4.5 to 5.5 V
    set(0x27, {static_cast<unsigned>(std::bit_width(size) - 1), 0, 0, 11, 0, 1});  // x8, 2 KiB buffer
    set(0x2d, {sectors & 0xff, sectors >> 8 & 0xff, sector >> 8 & 0xff, sector >> 16 & 0xff});
    set(0x31, {'P', 'R', 'I', '1', '0'});
    return table;
}

}  // namespace

PflashCfi::PflashCfi(const Config& config, RamBlock& contents, Topology& topology, FlashStore* store)
    : config_(config),
      contents_(contents),
      topology_(topology),
      store_(store),
      region_(MemoryRegion::rom_device(config.name, contents_, *this)) {
    CHECK(contents_.size() % config_.sector_size == 0, "flash '%s' ends within a sector",
          config_.name.c_str());
}

void PflashCfi::reset_hold() {
    Locked l(mutex_);
    status_ = kReady;
    expect_ = Expect::Command;
    enter(Mode::Array);
}

void PflashCfi::enter(Mode mode) {
    if ((mode == Mode::Array) != (mode_ == Mode::Array))
        topology_.set_rom_device_mode(region_,
                                      mode == Mode::Array ? RomDeviceMode::Memory : RomDeviceMode::Io);
    mode_ = mode;
}

void PflashCfi::failed(uint8_t status) {
    status_ |= kReady | status;
    expect_ = Expect::Command;
    enter(Mode::StatusByte);
}

uint8_t PflashCfi::read_byte(uint64_t offset) const {
    switch (mode_) {
        case Mode::Array:
            return contents_.data()[offset];
        case Mode::StatusByte:
            return status_;
        case Mode::Id:
            // Within a block: who made it, what it is, and that the block is not locked.
            switch (offset & 0xff) {
                case 0:
                    return kManufacturer;
                case 1:
                    return kDeviceCode;
                default:
                    return 0;
            }
        case Mode::Query: {
            const std::array<uint8_t, 0x30> table = query_table(contents_.size(), config_.sector_size);
            const uint64_t at = offset & 0xff;
            return at >= 0x10 && at - 0x10 < table.size() ? table[at - 0x10] : 0;
        }
    }
    UNREACHABLE();
}

uint64_t PflashCfi::read(uint64_t offset, unsigned size) {
    Locked l(mutex_);
    uint64_t value = 0;
    for (unsigned i = 0; i < size && offset + i < contents_.size(); ++i)
        value |= uint64_t{read_byte(offset + i)} << (8 * i);
    return value;
}

void PflashCfi::write(uint64_t offset, uint64_t value, unsigned size) {
    Changed changed;
    {
        Locked l(mutex_);
        changed = take(offset, value, size);
    }
    if (changed.bytes != 0 && store_ != nullptr) store_->changed(changed.offset, changed.bytes);
}

PflashCfi::Changed PflashCfi::take(uint64_t offset, uint64_t value, unsigned size) {
    const auto code = static_cast<uint8_t>(value);
    const Expect now = std::exchange(expect_, Expect::Command);
    switch (now) {
        case Expect::Command:
            command(code);
            return {};
        case Expect::Byte: {
            uint8_t bytes[8];
            std::memcpy(bytes, &value, sizeof bytes);
            return program(offset, bytes, std::min<uint64_t>(size, contents_.size() - offset));
        }
        case Expect::EraseConfirm:
            if (code == kConfirm) return erase(offset);
            if (code == kReadArray)
                enter(Mode::Array);
            else
                failed(kEraseFailed | kProgramFailed);
            return {};
        case Expect::LockConfirm:
            if (code == kConfirm || code == kLockBlock)
                failed(0);  // done, that is: ready and nothing wrong
            else
                enter(Mode::Array);
            return {};
        case Expect::Count:
            buffer_left_ = (value & 0xffff) + 1;
            buffer_base_ = offset & ~(kBufferSize - 1);
            buffer_first_ = kBufferSize;
            buffer_end_ = 0;
            expect_ = Expect::Data;
            return {};
        case Expect::Data:
            buffer_data(offset, value, size);
            return {};
        case Expect::BufferConfirm:
            if (code == kConfirm && buffer_first_ < buffer_end_)
                return program(buffer_base_ + buffer_first_, &buffer_[buffer_first_],
                               buffer_end_ - buffer_first_);
            failed(kProgramFailed | kEraseFailed);
            return {};
    }
    UNREACHABLE();
}

void PflashCfi::command(uint8_t code) {
    switch (code) {
        case kReadArray:
        case kReadArrayOld:
        case kResetOfOthers:
            enter(Mode::Array);
            return;
        case kProgram:
        case kProgramOld:
            expect_ = Expect::Byte;
            enter(Mode::StatusByte);
            return;
        case kErase:
            expect_ = Expect::EraseConfirm;
            enter(Mode::StatusByte);
            return;
        case kClearStatus:
            status_ = 0;
            enter(Mode::Array);
            return;
        case kLock:
            expect_ = Expect::LockConfirm;
            enter(Mode::StatusByte);
            return;
        case kReadStatus:
            enter(Mode::StatusByte);
            return;
        case kReadId:
            enter(Mode::Id);
            return;
        case kReadQuery:
            enter(Mode::Query);
            return;
        case kBufferedProgram:
            status_ |= kReady;
            expect_ = Expect::Count;
            enter(Mode::StatusByte);
            return;
        default:
            log_guest_error("%s: unknown command 0x%02x", config_.name.c_str(), code);
            enter(Mode::Array);
    }
}

// Programming clears bits; only an erase sets them.
PflashCfi::Changed PflashCfi::program(uint64_t offset, const uint8_t* bytes, uint64_t size) {
    if (config_.readonly) {
        failed(kProgramFailed);
        return {};
    }
    uint8_t* to = contents_.data() + offset;
    for (uint64_t i = 0; i < size; ++i)
        to[i] &= bytes[i];
    status_ |= kReady;
    enter(Mode::StatusByte);
    return {offset, size};
}

PflashCfi::Changed PflashCfi::erase(uint64_t offset) {
    if (config_.readonly) {
        failed(kEraseFailed);
        return {};
    }
    const uint64_t first = offset & ~uint64_t{config_.sector_size - 1};
    std::memset(contents_.data() + first, 0xff, config_.sector_size);
    status_ |= kReady;
    enter(Mode::StatusByte);
    return {first, config_.sector_size};
}

void PflashCfi::buffer_data(uint64_t offset, uint64_t value, unsigned size) {
    const uint64_t at = offset - buffer_base_;
    if (offset < buffer_base_ || at + size > kBufferSize || offset + size > contents_.size()) {
        log_guest_error("%s: buffered program outside its buffer", config_.name.c_str());
        failed(kProgramFailed);
        return;
    }
    if (buffer_first_ >= buffer_end_) buffer_.fill(0xff);  // programs nothing
    std::memcpy(&buffer_[at], &value, size);
    buffer_first_ = std::min(buffer_first_, at);
    buffer_end_ = std::max(buffer_end_, at + size);
    expect_ = --buffer_left_ == 0 ? Expect::BufferConfirm : Expect::Data;
}

}  // namespace vmm
