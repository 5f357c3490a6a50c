// PciTestDev (pci-testdev, 1b36:0005): tells test programs how fast accesses to BARs are. Each BAR (0 memory,
// 1 ports) begins with a header; writing a number to its first byte chooses a test, which the header then
// describes: how wide, at which offset and with which value to write; each such write is counted. `membar`
// adds an empty 64-bit BAR of a size, to see where firmware places it. Public interface: QEMU's
// docs/specs/pci-testdev.
//
// Missing: tests whose writes end in the kernel (they are there and are counted here).
// Thread: any; the function's mutex guards the counts.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "hw/core/device_type.h"
#include "hw/isa/member_ops.h"
#include "hw/pci/function.h"
#include "hw/pci/function_config.h"

namespace vmm {

class PciTestDev final : public pci::Function {
    struct Token {};

  public:
    struct Config : pci::FunctionConfig {
        Size membar = 0;
    };
    static constexpr auto kProps = join_props(
        pci::function_props<Config>(),
        std::array{prop<Config, &Config::membar>("membar", "size of a further, empty 64-bit BAR")});
    static constexpr DeviceInfo kInfo = {.name = "pci-testdev",
                                         .parent = "pci-device",
                                         .bus = "PCI",
                                         .description = "PCI Test Device",
                                         .category = DeviceCategory::Misc};
    static Status check(const Config& values);
    static Result<std::unique_ptr<PciTestDev>> create(const Config& values, DeviceEnv& env,
                                                      const std::string& id);
    PciTestDev(Token, const Config& values, const std::string& id);
    std::string_view type() const override { return kInfo.name; }
    void reset_enter() override;

    static constexpr uint64_t kMemorySize = 4096, kPortsSize = 256;
    static constexpr unsigned kTests = 3;  // a BAR
    // Of the header.
    static constexpr unsigned kTest = 0, kWidth = 1, kOffset = 4, kData = 8, kCount = 12, kName = 16;

  private:
    // The tests of one BAR.
    struct Bench {
        const char* kind;
        uint32_t first;  // offset of the first test's byte
        std::optional<unsigned> chosen = {};
        uint32_t count = 0;
    };
    uint64_t read_memory(uint64_t offset, unsigned) { return read(memory_, offset); }
    uint64_t read_ports(uint64_t offset, unsigned) { return read(ports_, offset); }
    void write_memory(uint64_t offset, uint64_t value, unsigned) { write(memory_, offset, value); }
    void write_ports(uint64_t offset, uint64_t value, unsigned) { write(ports_, offset, value); }
    uint64_t read(const Bench& bench, uint64_t offset);
    void write(Bench& bench, uint64_t offset, uint64_t value);

    Bench memory_ GUARDED_BY(mutex()) = {"mmio", kMemorySize / 2};
    Bench ports_ GUARDED_BY(mutex()) = {"portio", kPortsSize / 2};
    MemberOps<&PciTestDev::read_memory, &PciTestDev::write_memory> memory_ops_{*this};
    MemberOps<&PciTestDev::read_ports, &PciTestDev::write_ports> port_ops_{*this};
    MemoryRegion memory_bar_ = MemoryRegion::io("pci-testdev-mmio", kMemorySize, memory_ops_);
    MemoryRegion port_bar_ = MemoryRegion::io("pci-testdev-portio", kPortsSize, port_ops_);
    MemoryRegion empty_bar_;
};

}  // namespace vmm
