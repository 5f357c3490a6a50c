// AtapiCd: a CD drive behind ATA: PACKET hands MMC commands to a scsi::Cd, which is the drive; the rest of
// the ATA commands say what it is. ATA8-ACS, 7.20 and the PACKET feature set; the answers' form: SFF-8020i.
//
// Missing: overlapped and queued packets; read look-ahead and power settings have no effect.
//
// Thread: the main loop's.
#pragma once

#include "hw/ata/drive.h"
#include "hw/ata/identify.h"
#include "hw/scsi/cd.h"
#include "hw/scsi/request.h"

namespace vmm::ata {

class AtapiCd final : public Drive, private scsi::Initiator {
  public:
    AtapiCd(DriveIdentity identity, EventLoop& main_loop);

    scsi::Cd& unit() { return unit_; }

    uint32_t signature() const override { return 0xeb140101; }
    void execute(Command& command) override;
    void abandon() override { unit_.abort_all(); }
    void reset() override;
    void set_serial_number(unsigned number) override;

  private:
    // scsi::Initiator.
    bool put(scsi::Request& request, uint64_t at, std::span<const uint8_t> from) override;
    bool get(scsi::Request& request, uint64_t at, std::span<uint8_t> into) override;
    void completed(scsi::Request& request) override;

    void packet(Command& command);
    void identify(Command& command);
    void set_features(Command& command);
    void good(Command& command);
    void fail(Command& command, uint8_t error);

    DriveIdentity identity_;
    DriveSettings settings_;
    scsi::Cd unit_;
    scsi::Request request_;
    Command* command_ = nullptr;  // whose packet is under way
};

}  // namespace vmm::ata
