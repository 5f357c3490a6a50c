// The items of a fw_cfg device: numbered blobs and named files, and the directory that lists the files. Pure
// data; the device (fw_cfg.h) serves it to the guest. Specification: the fw_cfg document of QEMU's specs,
// "Selector keys".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace vmm {

// Well-known keys.
enum class FwCfgKey : uint16_t {
    Signature = 0x00,
    Id = 0x01,
    Uuid = 0x02,
    RamSize = 0x03,
    NoGraphic = 0x04,
    NbCpus = 0x05,
    KernelAddress = 0x07,
    KernelSize = 0x08,
    KernelCmdline = 0x09,
    InitrdAddress = 0x0a,
    InitrdSize = 0x0b,
    BootDevice = 0x0c,
    Numa = 0x0d,
    BootMenu = 0x0e,
    MaxCpus = 0x0f,
    KernelEntry = 0x10,
    KernelData = 0x11,
    InitrdData = 0x12,
    CmdlineAddress = 0x13,
    CmdlineSize = 0x14,
    CmdlineData = 0x15,
    SetupAddress = 0x16,
    SetupSize = 0x17,
    SetupData = 0x18,
    FileDirectory = 0x19,
    FirstFile = 0x20,
    AcpiTables = 0x8000,
    SmbiosTables = 0x8001,
    Irq0Override = 0x8002,
    E820 = 0x8003,
    Hpet = 0x8004,
};

struct FwCfgItem {
    std::vector<uint8_t> bytes;
    // Set for items the guest may write (by DMA only): called after the bytes changed, with no lock held.
    std::function<void()> written;
    bool writable() const { return written != nullptr; }
};

class FwCfgItems {
  public:
    static constexpr size_t kMaxFiles = 0x4000 - static_cast<size_t>(FwCfgKey::FirstFile);
    static constexpr size_t kMaxFileName = 55;

    // Adds or replaces a numbered item.
    void set(FwCfgKey key, std::vector<uint8_t> bytes);
    void set_number(FwCfgKey key, uint64_t number, unsigned bytes);  // little-endian
    // Adds a named file. Names are unique and at most 55 characters; what the user named is refused with a
    // reason.
    Status add_file(std::string_view name, std::vector<uint8_t> bytes, std::function<void()> written = {});

    // New contents of a file that is there, or a further file. While nobody reads (in a reset).
    void replace_file(std::string_view name, std::vector<uint8_t> bytes);

    // The item behind a selector key, or null. Building the directory is done when it was changed.
    FwCfgItem* find(uint16_t key);
    const FwCfgItem* find_file(std::string_view name) const;
    std::vector<std::string> file_names() const;

  private:
    void build_directory();

    std::map<uint16_t, FwCfgItem> numbered_;
    std::map<std::string, FwCfgItem, std::less<>> files_;
    // Files in name order get the keys from FirstFile on, so that the directory does not depend on who added
    // what first.
    std::vector<FwCfgItem*> by_key_;
    bool directory_stale_ = true;
};

}  // namespace vmm
