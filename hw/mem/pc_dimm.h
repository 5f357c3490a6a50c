// PcDimm (pc-dimm): a memory module: all of one memory backend, at an address in the part of the address
// space that -m maxmem= keeps for modules. Which address and slot, and how the guest hears of it, is the
// board's business (hw/i386/memory_slots).
//
// Missing: label areas (they are nvdimm's).
// Thread: main.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "hw/core/device_type.h"
#include "system/memory/ram_block.h"
#include "system/memory/region.h"

namespace vmm {

class DeviceTypes;

class PcDimm final : public Device {
    struct Token {};

  public:
    struct Config {
        std::string memdev;
        uint64_t addr = 0;  // 0: anywhere
        uint32_t node = 0;
        int32_t slot = -1;  // -1: any
    };
    static constexpr std::string_view kBus = "DIMM";
    static constexpr std::array kProps = {
        prop<Config, &Config::memdev>("memdev", "the memory backend that it is made of"),
        prop<Config, &Config::addr>("addr", "its guest-physical address; 0: the first that is free"),
        prop<Config, &Config::node>("node", "its NUMA node"),
        prop<Config, &Config::slot>("slot", "its slot; -1: the first that is free")};
    static constexpr DeviceInfo kInfo = {.name = "pc-dimm",
                                         .bus = kBus,
                                         .description = "DIMM memory module",
                                         .category = DeviceCategory::Misc};

    static Status check(const Config& values);
    static Result<std::unique_ptr<PcDimm>> create(const Config& values, DeviceEnv& env,
                                                  const std::string& id);
    PcDimm(Token, const Config& values, RamBlock& ram, const std::string& id);

    std::string_view type() const override { return kInfo.name; }
    PcDimm* as_dimm() override { return this; }

    const Config& config() const { return config_; }
    RamBlock& ram() const { return ram_; }
    MemoryRegion& region() { return region_; }
    // Of its address and its size.
    uint64_t alignment() const;

    // Set by the slots that it is plugged into.
    struct Place {
        GpaRange range;
        unsigned slot;
    };
    void set_place(std::optional<Place> place) { place_ = place; }
    const std::optional<Place>& place() const { return place_; }

  private:
    const Config config_;
    RamBlock& ram_;
    MemoryRegion region_;
    std::optional<Place> place_;
};

void register_mem_types(DeviceTypes& types);

}  // namespace vmm
