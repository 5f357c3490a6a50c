// A disk's commands that move no sectors; see ata_disk.h. Reads and writes are in ata_disk_io.cc.
#include "hw/ata/ata_disk.h"

#include <algorithm>

#include "hw/ata/ata_opcodes.h"
#include "hw/block/disk_config.h"
#include "util/check.h"
#include "util/endian.h"

namespace vmm::ata {

AtaDisk::AtaDisk(DriveIdentity identity) : identity_(std::move(identity)) {}

AtaDisk::~AtaDisk() {
    CHECK(running_.empty(), "an ATA disk dies with commands under way");
}

void AtaDisk::set_disk(block::BlockHandle& disk) {
    disk_ = &disk;
    identity_.sectors = disk.size() / 512;
    if (identity_.geometry == Geometry{}) identity_.geometry = default_geometry(identity_.sectors);
    settings_ = power_on_settings();
}

void AtaDisk::set_serial_number(unsigned number) {
    if (identity_.serial.empty()) identity_.serial = default_serial(number);
}

void AtaDisk::resized() {
    identity_.sectors = disk_->size() / 512;
}

DriveSettings AtaDisk::power_on_settings() const {
    DriveSettings settings;
    settings.geometry = identity_.geometry;
    settings.write_cache = disk_->write_cache();
    return settings;
}

void AtaDisk::reset() {
    settings_ = power_on_settings();
    smart_.reset();
    queued_error_.reset();
}

void AtaDisk::abandon() {
    for (Command* command : running_)
        command->transfer.stop();
}

void AtaDisk::execute(Command& command) {
    command.drive = this;
    command.ended = transfer_ended;
    if (!execute_io(command) && !execute_settings(command)) fail(command, kAborted);
}

void AtaDisk::good(Command& command) {
    command.out.status = kGoodStatus;
    command.out.error = 0;
    command.complete();
}

void AtaDisk::fail(Command& command, uint8_t error) {
    command.out.status = kReady | kErr;
    command.out.error = error;
    if (is_queued(command.in.command) && !queued_error_) {
        const auto tag = static_cast<uint8_t>(command.in.count >> 3 & 0x1f);
        queued_error_ = QueuedError{tag, command.out};
    }
    command.complete();
}

void AtaDisk::reply(Command& command, std::span<const uint8_t> data) {
    const uint64_t length = std::min<uint64_t>(data.size(), command.room);
    if (!command.put(0, data.first(length))) {
        command.memory_failed = true;
        return command.complete();
    }
    command.moved = length;
    good(command);
}

bool AtaDisk::execute_settings(Command& command) {
    const uint8_t opcode = command.in.command;
    if ((opcode & 0xf0) == kRecalibrate) {
        good(command);
        return true;
    }
    switch (opcode) {
        case kIdentify:
            settings_.write_cache = disk_->write_cache();
            settings_.smart = smart_.enabled();
            command.protocol = Protocol::PioIn;
            reply(command, identify_disk(identity_, settings_));
            return true;
        case kSetFeatures:
            set_features(command);
            return true;
        case kSetMultiple:
            set_multiple(command);
            return true;
        case kInitializeParameters:
            initialize_parameters(command);
            return true;
        case kReadNativeMax:
            read_native_max(command, Bits::Lba28);
            return true;
        case kReadNativeMaxExt:
            read_native_max(command, Bits::Lba48);
            return true;
        case kSmart:
            smart(command);
            return true;
        case kReadLogExt:
            read_log(command, Protocol::PioIn);
            return true;
        case kReadLogDmaExt:
            read_log(command, Protocol::Dma);
            return true;
        case kDiagnose:
            diagnose(command);
            return true;
        case kCheckPower:
        case kCheckPowerOld:
            command.out.count = 0xff;  // active
            good(command);
            return true;
        case kStandbyImmediate:
        case kIdleImmediate:
        case kStandby:
        case kIdle:
        case kSleep:
        case kStandbyImmediateOld:
        case kIdleImmediateOld:
        case kStandbyOld:
        case kIdleOld:
        case kSleepOld:
        case kSeek:
            good(command);
            return true;
        default:
            return false;
    }
}

void AtaDisk::set_features(Command& command) {
    switch (command.in.feature & 0xff) {
        case 0x02:
            disk_->set_write_cache(true);
            return good(command);
        case 0x82:
            disk_->set_write_cache(false);
            // What was promised to be written sometime is written now.
            return flush(command);
        case 0x03:
            return set_transfer_mode(static_cast<uint8_t>(command.in.count)) ? good(command)
                                                                             : fail(command, kAborted);
        case 0xaa:
        case 0x55:
            settings_.look_ahead = (command.in.feature & 0xff) == 0xaa;
            return good(command);
        // Power and acoustic levels, and whether a reset forgets settings: nothing to change here.
        case 0x05:
        case 0x85:
        case 0x42:
        case 0xc2:
        case 0x66:
        case 0xcc:
        case 0x67:
        case 0x69:
            return good(command);
        default:
            return fail(command, kAborted);
    }
}

// ATA8-ACS, table 50.
bool AtaDisk::set_transfer_mode(uint8_t mode) {
    const unsigned kind = mode >> 3, number = mode & 7;
    uint8_t single_word = 0, multi_word = 0, ultra = 0;
    switch (kind) {
        case 0:  // PIO default
        case 1:  // PIO mode
            if (number > 4) return false;
            break;
        case 2:
            if (number > 2) return false;
            single_word = static_cast<uint8_t>(1u << number);
            break;
        case 4:
            if (number > 2) return false;
            multi_word = static_cast<uint8_t>(1u << number);
            break;
        case 8:
            if (number > 5) return false;
            ultra = static_cast<uint8_t>(1u << number);
            break;
        default:
            return false;
    }
    settings_.single_word_dma = single_word;
    settings_.multi_word_dma = multi_word;
    settings_.ultra_dma = ultra;
    return true;
}

void AtaDisk::set_multiple(Command& command) {
    const unsigned sectors = command.in.count & 0xff;
    if (sectors > kMostMultiple || (sectors & (sectors - 1)) != 0) return fail(command, kAborted);
    settings_.multiple = static_cast<uint8_t>(sectors);
    good(command);
}

// The old way of choosing a geometry; LBA is what counts.
void AtaDisk::initialize_parameters(Command& command) {
    const uint32_t heads = (command.in.device & 0x0fu) + 1, sectors = command.in.count & 0xff;
    if (sectors == 0) return fail(command, kAborted);
    const uint64_t cylinders = identity_.geometry.capacity() / (heads * sectors);
    settings_.geometry = {static_cast<uint32_t>(std::min<uint64_t>(cylinders, 65535)), heads, sectors};
    good(command);
}

void AtaDisk::read_native_max(Command& command, Bits bits) {
    if (identity_.sectors == 0) return fail(command, kAborted);
    const uint64_t last = identity_.sectors - 1;
    if (bits == Bits::Lba48) {
        command.out.lba = last;
    } else {
        const uint64_t shown = std::min<uint64_t>(last, 0x0fffffff);
        command.out.lba = shown & 0xffffff;
        command.out.device = static_cast<uint8_t>((command.in.device & 0xf0) | shown >> 24);
    }
    good(command);
}

void AtaDisk::smart(Command& command) {
    // The signature that guards against accidents.
    constexpr uint64_t kKey = 0xc24f00;
    if ((command.in.lba & 0xffff00) != kKey) return fail(command, kAborted);
    const auto what = static_cast<uint8_t>(command.in.feature);
    const auto low = static_cast<uint8_t>(command.in.lba);
    if (!smart_.enabled() && what != Smart::kEnable) return fail(command, kAborted);
    switch (what) {
        case Smart::kEnable:
        case Smart::kDisable:
            smart_.enable(what == Smart::kEnable);
            return good(command);
        case Smart::kAutosave: {
            const unsigned how = command.in.count & 0xff;
            if (how != 0 && how != 0xf1) return fail(command, kAborted);
            smart_.set_autosave(how != 0);
            return good(command);
        }
        case Smart::kReturnStatus:
            return good(command);  // with the key as it came: no threshold is passed
        case Smart::kSelfTest:
            return smart_.run_self_test(low) ? good(command) : fail(command, kAborted);
        case Smart::kReadData:
            command.protocol = Protocol::PioIn;
            return reply(command, smart_.data());
        case Smart::kReadThresholds:
            command.protocol = Protocol::PioIn;
            return reply(command, smart_.thresholds());
        case Smart::kReadLog: {
            const std::optional<Smart::Page> page = smart_.log(low);
            if (!page || (command.in.count & 0xff) != 1) return fail(command, kAborted);
            command.protocol = Protocol::PioIn;
            return reply(command, *page);
        }
        default:
            return fail(command, kAborted);
    }
}

// The directory (page 0) and the log of the queued command that failed. ATA8-ACS, A.1 and A.7.
void AtaDisk::read_log(Command& command, Protocol protocol) {
    constexpr uint8_t kDirectory = 0x00, kQueuedErrorLog = 0x10;
    const auto address = static_cast<uint8_t>(command.in.lba);
    const uint64_t page = (command.in.lba >> 8 & 0xff) | (command.in.lba >> 24 & 0xff00);
    if (command.in.count != 1 || page != 0) return fail(command, kAborted);
    std::array<uint8_t, 512> log{};
    if (address == kDirectory) {
        store_le<uint16_t>(&log[0], 1);
        store_le<uint16_t>(&log[2 * size_t{kQueuedErrorLog}], 1);
    } else if (address == kQueuedErrorLog) {
        log[0] = 0x80;  // no queued command failed
        if (queued_error_) {
            const DriveRegisters& r = queued_error_->registers;
            log[0] = queued_error_->tag;
            log[2] = r.status;
            log[3] = r.error;
            for (unsigned i = 0; i < 3; ++i) {
                log[4 + i] = static_cast<uint8_t>(r.lba >> (8 * i));
                log[8 + i] = static_cast<uint8_t>(r.lba >> (24 + 8 * i));
            }
            log[7] = r.device;
            store_le<uint16_t>(&log[12], r.count);
        }
        uint8_t sum = 0;
        for (size_t i = 0; i < 511; ++i)
            sum = static_cast<uint8_t>(sum + log[i]);
        log[511] = static_cast<uint8_t>(-sum);
        queued_error_.reset();
    } else {
        return fail(command, kAborted);
    }
    command.protocol = protocol;
    reply(command, log);
}

void AtaDisk::diagnose(Command& command) {
    command.out.status = kGoodStatus;
    command.out.error = 1;  // passed
    command.out.count = 1;
    command.out.lba = signature() >> 8;
    command.out.device = 0;
    command.complete();
}

}  // namespace vmm::ata
