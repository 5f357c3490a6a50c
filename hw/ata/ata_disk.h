// AtaDisk: an ATA hard disk. ATA8-ACS: reads and writes by PIO, multiple, DMA and queued DMA, with 28 and 48
// bits and in CHS; flushes, IDENTIFY, SET FEATURES, SMART, DATA SET MANAGEMENT (TRIM), the log of queued
// errors, power and other commands that a disk without a motor can only agree to.
//
// Missing: security (refused: aborted), host protected area (sizes can be read, not set), WRITE
// UNCORRECTABLE, streaming, power management levels.
//
// Thread: the main loop's, where its drive's requests end.
#pragma once

#include <optional>
#include <vector>

#include "hw/ata/drive.h"
#include "hw/ata/identify.h"
#include "hw/ata/smart.h"

namespace vmm::ata {

class AtaDisk final : public Drive, public block::DiskClient {
  public:
    explicit AtaDisk(DriveIdentity identity);
    ~AtaDisk() override;

    // Once, before the first command; outlives the commands. The size is asked for here and at resized().
    void set_disk(block::BlockHandle& disk);

    uint32_t signature() const override { return 0x00000101; }
    void execute(Command& command) override;
    void abandon() override;
    void reset() override;
    void set_serial_number(unsigned number) override;
    void resized() override;
    const DriveIdentity& identity() const { return identity_; }

  private:
    // What a read, write or verify is about, in bytes.
    struct Range {
        uint64_t at = 0, length = 0;
    };
    enum class Bits : uint8_t { Lba28, Lba48 };

    // Ends of a command.
    void good(Command& command);
    void fail(Command& command, uint8_t error);
    void reply(Command& command, std::span<const uint8_t> data);
    static void transfer_ended(Command& command, void* drive);
    void transfer_done(Command& command);

    // Reads and writes; hw/ata/ata_disk_io.cc.
    bool execute_io(Command& command);
    void read(Command& command, Bits bits, Protocol protocol, uint32_t block);
    void write(Command& command, Bits bits, Protocol protocol, uint32_t block, uint8_t flags);
    void queued(Command& command, bool write);
    void verify(Command& command, Bits bits);
    void flush(Command& command);
    void data_set_management(Command& command);
    void next_trim(Command& command);
    std::optional<Range> range_of(Command& command, uint64_t lba, uint64_t sectors);
    uint64_t first_sector(const Command& command, Bits bits) const;
    static uint64_t sector_count(const Command& command, Bits bits);
    void start(Command& command) { running_.push_back(&command); }

    // All else; ata_disk.cc.
    bool execute_settings(Command& command);
    void set_features(Command& command);
    bool set_transfer_mode(uint8_t mode);
    void set_multiple(Command& command);
    void initialize_parameters(Command& command);
    void read_native_max(Command& command, Bits bits);
    void smart(Command& command);
    void read_log(Command& command, Protocol protocol);
    void diagnose(Command& command);
    DriveSettings power_on_settings() const;

    DriveIdentity identity_;
    block::BlockHandle* disk_ = nullptr;
    DriveSettings settings_;
    Smart smart_;
    std::vector<Command*> running_;  // with a transfer under way
    // The queued command that failed, until its log is read or the drive is reset.
    struct QueuedError {
        uint8_t tag;
        DriveRegisters registers;
    };
    std::optional<QueuedError> queued_error_;
};

}  // namespace vmm::ata
