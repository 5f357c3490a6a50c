// Drive: an ATA or ATAPI drive as an HBA's port sees it. A Command carries the host's registers in and the
// drive's registers out; its data move through the CommandHost (the port, which knows the guest's memory).
// All on the main loop's thread with no lock held; the DiskClient part of a drive is told on the same thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hw/ata/fis.h"
#include "hw/block/disk_transfer.h"

namespace vmm::ata {

class Command;

class CommandHost {
  public:
    virtual ~CommandHost() = default;
    virtual bool put(Command& command, uint64_t at, std::span<const uint8_t> from) = 0;
    virtual bool get(Command& command, uint64_t at, std::span<uint8_t> into) = 0;
    // May come from inside Drive::execute().
    virtual void completed(Command& command) = 0;
};

// How the data of a command travelled: it decides which frames tell of its end.
enum class Protocol : uint8_t { NoData, PioIn, PioOut, Dma, Queued, Packet };

class Command : public DataPort {
  public:
    explicit Command(CommandHost& host) : transfer(transfer_ended), host_(host) { transfer.command = this; }

    // The port's part.
    HostRegisters in;
    std::array<uint8_t, 16> packet{};  // of PACKET
    uint64_t room = 0;                 // bytes that the guest's memory for this command has

    // The drive's.
    DriveRegisters out;
    Protocol protocol = Protocol::NoData;
    uint32_t block = 512;        // bytes of a DRQ block, for PIO
    uint64_t moved = 0;          // bytes moved
    bool memory_failed = false;  // the guest's memory could not be read or written

    // The drive ends the command.
    void complete() { host_.completed(*this); }

    // What a drive needs while it works; `ended` gets transfer.command.
    struct Transfer : DiskTransfer {
        using DiskTransfer::DiskTransfer;
        Command* command = nullptr;
    };
    Transfer transfer;
    void (*ended)(Command&, void* drive) = nullptr;
    void* drive = nullptr;
    uint64_t step = 0;
    std::vector<uint8_t> parameter;
    std::unique_ptr<DataPort> adapter;

    bool put(uint64_t at, std::span<const uint8_t> from) override { return host_.put(*this, at, from); }
    bool get(uint64_t at, std::span<uint8_t> into) override { return host_.get(*this, at, into); }

  private:
    static void transfer_ended(DiskTransfer& transfer) {
        Command& command = *static_cast<Transfer&>(transfer).command;
        command.ended(command, command.drive);
    }
    CommandHost& host_;
};

class Drive {
  public:
    virtual ~Drive() = default;
    // What PxSIG shows: 0x00000101 for disks, 0xeb140101 for packet drives. Constant.
    virtual uint32_t signature() const = 0;
    virtual void execute(Command& command) = 0;
    // Commands under way end soon, with whatever result: nobody will look at it.
    virtual void abandon() = 0;
    // A software or hardware reset: nothing is under way any more.
    virtual void reset() = 0;
    // The number in the serial number of a drive without a name of its own; main thread, before commands.
    virtual void set_serial_number(unsigned number) = 0;
};

// Whether the command is one of native command queueing.
constexpr bool is_queued(uint8_t command) {
    return command == 0x60 || command == 0x61 || command == 0x63 || command == 0x64 || command == 0x65;
}

}  // namespace vmm::ata
