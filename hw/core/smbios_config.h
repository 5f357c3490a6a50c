// What users say about SMBIOS (-smbios, -machine smbios-entry-point-type=): the strings and numbers of the
// structures, and whole structures from files. The command line fills it, hw/smbios builds from it. Plain
// data. Spec: DMTF DSP0134 3.4; the numbers in the names below are its types.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "util/uuid.h"

namespace vmm::smbios {

inline constexpr const char* kMaker = "Penumbra";

// More than 512 sockets, or more than 64 KiB of structures, get a 3.0 one unless 2.8 was asked for.
enum class EntryPoint { Auto, V28, V30 };

// Type 0. SeaBIOS and OVMF bring their own unless there is one.
struct Bios {
    std::string vendor = kMaker;
    std::string version = "1";
    std::string date = "01/01/2025";
    std::optional<std::pair<uint8_t, uint8_t>> release;
    bool uefi = false;
};
struct System {  // type 1
    std::string manufacturer = kMaker;
    std::string product = "Standard PC (Q35 + ICH9)";
    std::string version = "q35";
    std::string serial;
    std::string sku;
    std::string family;
    Uuid uuid;
};
struct Baseboard {  // type 2
    std::string manufacturer = kMaker;
    std::string product = "Standard PC (Q35 + ICH9)";
    std::string version = "q35";
    std::string serial;
    std::string asset;
    std::string location;
};
struct Chassis {  // type 3
    std::string manufacturer = kMaker;
    std::string version = "q35";
    std::string serial;
    std::string asset;
    std::string sku;
};
struct Processor {  // type 4, of each socket
    std::string socket_prefix = "CPU";
    std::string manufacturer = kMaker;
    std::string version = "q35";
    std::string serial;
    std::string asset;
    std::string part;
    uint16_t max_mhz = 2000;
    uint16_t current_mhz = 2000;
    std::optional<uint64_t> id;  // absent: CPUID leaf 1
};
struct Port {  // type 8
    std::string internal_reference;
    std::string external_reference;
    uint8_t connector = 0;
    uint8_t kind = 0;
};
// Where a PCI device is; filled in by the board from the device's id.
struct PciPlace {
    std::string device;
    uint8_t bus = 0;
    uint8_t devfn = 0;
};
struct Slot {  // type 9
    std::string designation;
    uint8_t kind = 0;
    uint8_t width = 0;
    uint8_t usage = 0;
    uint8_t length = 0;
    uint16_t id = 0;
    uint8_t characteristics1 = 0;
    uint8_t characteristics2 = 0;
    PciPlace place;
};
struct Memory {  // type 17, of each module
    std::string locator_prefix = "DIMM";
    std::string bank;
    std::string manufacturer = kMaker;
    std::string serial;
    std::string asset;
    std::string part;
    uint16_t mhz = 0;  // 0: unknown
};
struct Onboard {  // type 41
    std::string designation;
    uint8_t kind = 1;
    uint8_t instance = 0;
    PciPlace place;
};

struct Settings {
    EntryPoint entry_point = EntryPoint::Auto;
    std::optional<Bios> bios;
    System system;
    std::optional<Baseboard> baseboard;
    Chassis chassis;
    Processor processor;
    std::vector<Port> ports;
    std::vector<Slot> slots;
    std::vector<std::string> oem_strings;  // type 11, at most 255
    Memory memory;
    std::vector<Onboard> onboard;
    // Structures as they are, by type, in the place of those that would be built.
    std::multimap<uint8_t, std::vector<uint8_t>> structures;
};

}  // namespace vmm::smbios
