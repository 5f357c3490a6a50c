// What a logical unit says of itself: standard INQUIRY data and the vital product data pages. SPC-4, 6.6
// and 7.8; SBC-3, 6.6 (block limits, characteristics, provisioning). Pure functions of UnitIdentity.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vmm::scsi {

enum class DeviceType : uint8_t { Disk = 0x00, CdRom = 0x05 };

// Sizes are in logical blocks unless named otherwise; 0 means "not said".
struct BlockLimits {
    uint32_t block_size = 512;  // bytes
    uint32_t max_transfer = 0;  // one READ or WRITE
    uint32_t optimal_granularity = 0;
    uint32_t optimal_transfer = 0;
    uint32_t max_unmap = 0;
    uint32_t max_unmap_descriptors = 0;
    uint32_t unmap_granularity = 0;
    uint64_t max_write_same = 0;
    uint16_t rotation_rate = 0;  // 1: not rotating; 0401h and above: revolutions a minute
    bool provisioning = false;   // UNMAP and WRITE SAME with UNMAP are taken
};

struct UnitIdentity {
    DeviceType type = DeviceType::Disk;
    bool removable = false;
    bool command_queueing = true;
    // An ATAPI drive: INQUIRY as MMC's drives on that bus give it.
    bool packet_interface = false;
    std::string vendor = "QEMU";
    std::string product = "QEMU HARDDISK";
    std::string version = "2.5+";
    uint8_t spc_version = 5;
    std::string serial;     // empty: no page 80h
    std::string device_id;  // empty: no such designator
    uint64_t wwn = 0;       // 0: none
    uint64_t port_wwn = 0;
    uint16_t port_index = 0;
    BlockLimits limits;
};

std::vector<uint8_t> standard_inquiry(const UnitIdentity& identity);
// Empty: there is no such page.
std::optional<std::vector<uint8_t>> vital_page(const UnitIdentity& identity, uint8_t page);

// The LUN list of REPORT LUNS, SAM-5 4.7: single-level, peripheral (below 256) or flat space addressing.
std::vector<uint8_t> lun_list(const std::vector<uint32_t>& luns);

}  // namespace vmm::scsi
