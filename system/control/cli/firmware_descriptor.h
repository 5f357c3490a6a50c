// Firmware descriptors: JSON files by which distributions say which firmware there is, for which machines and
// with which features; -machine firmware-descriptor= chooses among them. The format is QEMU's
// docs/interop/firmware.json. Reading is pure but for the folders; threads: main.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace vmm::cli {

struct FirmwareDescriptor {
    std::string name;                     // of its file, without ".json"
    std::vector<std::string> interfaces;  // "uefi", "bios"
    std::vector<std::string> features;    // "amd-sev-snp", "requires-smm"
    struct Target {
        std::string architecture;
        std::vector<std::string> machines;  // patterns
    };
    std::vector<Target> targets;
    struct File {
        std::string path;
        std::string format = "raw";
    };
    bool flash = false;  // else mapped as -bios does
    File executable;
    File variables;  // the template of a store for variables; empty path: there is none

    bool has_feature(std::string_view feature) const;
    bool fits(std::string_view architecture, std::string_view machine) const;
};

// The text of one file.
Result<FirmwareDescriptor> parse_firmware_descriptor(std::string_view text, std::string name);
// All of the folders in their order of use: by name; of one name the first folder's counts, and an empty file
// hides the others. Files that are no descriptors are passed over with a warning.
std::vector<FirmwareDescriptor> find_firmware_descriptors(const std::vector<std::string>& folders);
// The user's, the administrator's, the distribution's.
std::vector<std::string> firmware_descriptor_folders();

struct FirmwareWish {
    std::string what;     // "uefi", "bios", a name, or a path
    std::string machine;  // "pc-q35-7.2"
    std::string feature;  // that it must have; may be empty
};
// The first that will do; the error says why there is none.
Result<FirmwareDescriptor> choose_firmware(const FirmwareWish& wish,
                                           const std::vector<FirmwareDescriptor>& descriptors);

}  // namespace vmm::cli
