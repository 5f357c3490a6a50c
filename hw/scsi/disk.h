// Disk: a direct-access block unit. SBC-3: READ and WRITE of 6 to 16 bytes, VERIFY, WRITE SAME, UNMAP,
// SYNCHRONIZE CACHE, capacities, mode pages. Commands that need the drive go to its BlockHandle.
//
// Missing: protection information, FORMAT UNIT, GET LBA STATUS, XOR and token commands, defect lists.
//
// Thread: see unit.h.
#pragma once

#include "hw/block/disk_config.h"
#include "hw/block/geometry.h"
#include "hw/scsi/mode_pages.h"
#include "hw/scsi/unit.h"

namespace vmm::scsi {

class Disk final : public Unit {
  public:
    struct Settings {
        BlockSizes sizes;
        GeometryConfig geometry;
        bool dpofua = true;
        uint64_t max_unmap = uint64_t{1} << 30;  // bytes of one UNMAP
        uint64_t max_io = INT32_MAX;             // bytes of one READ or WRITE
        uint16_t rotation_rate = 0;              // see BlockLimits
    };
    Disk(UnitIdentity identity, const Settings& settings);

    // Logical blocks of the drive as it is.
    uint64_t blocks() const;

    void resized() override;

  private:
    enum class Verify { No, Yes };

    void run(Request& request) override;
    void transfer_done(Request& request) override;
    std::optional<Sense> not_ready() override;

    bool run_medium_access(Request& request);
    void read(Request& request);
    void write(Request& request);
    void verify(Request& request);
    void write_same(Request& request);
    void unmap(Request& request);
    void next_unmap(Request& request);
    void synchronize(Request& request);
    void read_capacity_10(Request& request);
    void read_capacity_16(Request& request);
    void mode_sense_command(Request& request);
    void mode_select_command(Request& request);
    // The extent as bytes when it lies on the medium; the command ended otherwise.
    struct Bytes {
        uint64_t at, length;
    };
    std::optional<Bytes> judge(Request& request, const Extent& extent);
    ModeState mode_state() const;

    const Settings settings_;
};

}  // namespace vmm::scsi
