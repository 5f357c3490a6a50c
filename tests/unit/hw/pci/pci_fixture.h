// A root bus with its ports and window over real address spaces, and a sink that writes down interrupts.
#pragma once

#include <string>
#include <vector>

#include "hw/pci/bus.h"
#include "hw/pci/ecam.h"
#include "hw/pci/function.h"
#include "hw/pci/host.h"
#include "system/memory/address_space.h"
#include "system/memory/region.h"
#include "system/memory/topology.h"
#include "util/text.h"

namespace vmm::pci {

class PinLog final : public IntxSink, public MsiSink {
  public:
    void set_intx(DevFn source, unsigned pin, bool level) override {
        log += strf("%s:%c%c ", source.text().c_str(), static_cast<char>('A' + pin), level ? '+' : '-');
    }
    void send(const MsiMessage& message) override { messages.push_back(message); }
    std::string log;
    std::vector<MsiMessage> messages;
};

struct PciWorld {
    Topology topology;
    MemoryRegion memory = MemoryRegion::container("memory", MemoryRegion::kWholeSpace);
    MemoryRegion io = MemoryRegion::container("io", 0x10000);
    AddressSpace memory_space{topology, memory, "memory"};
    AddressSpace io_space{topology, io, "I/O"};
    PinLog pins;
    Bus bus{Spaces{topology, memory, io}, pins, pins};
    ConfigPorts ports{bus};
    EcamWindow ecam{bus};

    PciWorld() {
        topology.add(io, ports.address_region(), kConfigAddressPort);
        topology.add(io, ports.data_region(), kConfigDataPort);
        topology.add(memory, ecam.region(), 0xb0000000);
    }
    void out(uint16_t port, uint32_t value, unsigned size) { io_space.store(Gpa(port), value, size); }
    uint32_t in(uint16_t port, unsigned size) {
        return static_cast<uint32_t>(io_space.load(Gpa(port), size));
    }
    static uint32_t config_address(DevFn at, unsigned offset) {
        return 0x80000000u | uint32_t{at.raw()} << 8 | (offset & 0xfc);
    }
    void config_out(DevFn at, unsigned offset, uint32_t value, unsigned size) {
        out(kConfigAddressPort, config_address(at, offset), 4);
        out(static_cast<uint16_t>(kConfigDataPort + (offset & 3)), value, size);
    }
    uint32_t config_in(DevFn at, unsigned offset, unsigned size) {
        out(kConfigAddressPort, config_address(at, offset), 4);
        return in(static_cast<uint16_t>(kConfigDataPort + (offset & 3)), size);
    }
};

// A function with one BAR of each kind, whose registers read as the BAR's letter.
class TestFunction : public Function {
  public:
    explicit TestFunction(bool multifunction = false)
        : TestFunction(FunctionConfig{.multifunction = multifunction}, "test") {}
    TestFunction(const FunctionConfig& values, std::string id)
        : Function({.vendor = 0x1234,
                    .device = 0x5678,
                    .class_code = 0xff0102,
                    .revision = 9,
                    .subsystem_vendor = 0xaaaa,
                    .subsystem = 0xbbbb,
                    .interrupt_pin = 2,
                    .express = true},
                   values, std::move(id)) {
        add_bar(0, BarKind::Memory32, memory32_);
        add_bar(1, BarKind::Io, io_);
        add_bar(2, BarKind::Memory64, memory64_);
        freeze();
    }
    std::string_view type() const override { return "test-function"; }
    void pin(bool level) {
        Locked lock(mutex());
        set_intx(level);
    }

  private:
    class Letter final : public IoOps {
      public:
        explicit Letter(char letter) : letter_(letter) {}
        uint64_t read(uint64_t, unsigned) override { return static_cast<uint64_t>(letter_); }
        void write(uint64_t, uint64_t, unsigned) override {}

      private:
        char letter_;
    };
    Letter m_{'m'}, i_{'i'}, l_{'l'};
    MemoryRegion memory32_ = MemoryRegion::io("m32", 0x1000, m_);
    MemoryRegion io_ = MemoryRegion::io("io", 0x20, i_);
    MemoryRegion memory64_ = MemoryRegion::io("m64", 0x4000, l_);
};

// A function with MSI (4 vectors, masks) and MSI-X: the table at 0 of BAR 0, pending bits at 0x800.
class MessageFunction final : public Function {
  public:
    static constexpr unsigned kVectors = 3;
    MessageFunction() : Function({.vendor = 0x1234, .device = 1, .interrupt_pin = 1}, "") {
        add_bar(0, BarKind::Memory32, bar_);
        add_msi(4, VectorMasks::Yes);
        msix_ = &add_msix({.vectors = kVectors, .bar = 0, .table_offset = 0, .pending_offset = 0x800});
        freeze();
    }
    std::string_view type() const override { return "message-function"; }
    void map(Topology& topology) {
        topology.add(bar_, msix_->table(), 0);
        topology.add(bar_, msix_->pending(), 0x800);
    }
    Msix& msix() { return *msix_; }
    unsigned msix_offset() {
        Locked lock(mutex());
        return config().find_capability(kCapMsix);
    }
    using Function::signal;
    void pin(bool level) {
        Locked lock(mutex());
        set_intx(level);
    }

  private:
    MemoryRegion bar_ = MemoryRegion::container("bar", 0x1000);
    Msix* msix_ = nullptr;
};

}  // namespace vmm::pci
