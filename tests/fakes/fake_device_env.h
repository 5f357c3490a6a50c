// FakeDeviceEnv: a machine for devices under test: memory and port space (empty: tests map what they want), a
// clock that moves when told, recorded interrupts, messages and requests. Character devices are put into
// `chardevs` by id; there are no other back ends unless a test derives. One thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hw/core/device_env.h"
#include "system/memory/address_space.h"
#include "system/memory/dma_space.h"
#include "system/memory/topology.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_irq_line.h"
#include "tests/fakes/fake_requests.h"
#include "util/event_loop.h"

namespace vmm {

class FakeFirmwareFiles final : public FirmwareFiles {
  public:
    Status add_file(std::string name, std::vector<uint8_t> contents) override {
        if (files.contains(name)) return Error::make("file '%s' is there twice", name.c_str());
        files.emplace(std::move(name), std::move(contents));
        return {};
    }
    std::map<std::string, std::vector<uint8_t>> files;
};

class FakeDeviceEnv : public DeviceEnv {
  public:
    EventLoop& loop() override { return loop_; }
    Result<block::IoContext*> iothread(const std::string& id, const std::string& user) override {
        return Error::make("%s: there is no iothread '%s'", user.c_str(), id.c_str());
    }
    MachineRequests& requests() override { return asked; }
    Clock& virtual_clock() override { return clock; }
    Clock& host_clock() override { return clock; }
    DmaSpace& dma() override { return dma_; }
    Topology& topology() override { return topology_; }
    MemoryRegion& system_space() override { return system_; }
    MemoryRegion& io_space() override { return io_; }
    IrqLine isa_irq(unsigned irq) override { return pins.line(irq); }
    bool port_taken(uint16_t port) override { return ports_taken.contains(port); }
    MsiSink& msi() override { return messages; }
    GsiRoutes* gsi_routes() override { return nullptr; }
    IrqFds* irq_fds() override { return nullptr; }
    IoEvents* io_events() override { return nullptr; }
    FirmwareFiles& firmware_files() override { return firmware; }
    GuestNeeds guest_needs() override { return needs; }
    Result<Chardev*> chardev(const std::string& id, const std::string& user) override {
        const auto at = chardevs.find(id);
        if (at == chardevs.end())
            return Error::make("%s: there is no chardev '%s'", user.c_str(), id.c_str());
        return at->second;
    }
    block::BlockGraph& block_graph() override {
        CHECK(graph != nullptr, "the test gave no block graph");
        return *graph;
    }
    Result<net::Client*> netdev(const std::string& id, const std::string& user) override {
        return Error::make("%s: there is no netdev '%s'", user.c_str(), id.c_str());
    }

    AddressSpace& memory() { return memory_; }
    AddressSpace& ports() { return port_space_; }

    FakeClock clock;
    FakeIrqInput pins;
    FakeMsiSink messages;
    FakeRequests asked;
    FakeFirmwareFiles firmware;
    GuestNeeds needs;
    std::map<std::string, Chardev*> chardevs;
    std::map<uint16_t, bool> ports_taken;
    block::BlockGraph* graph = nullptr;

  private:
    EventLoop loop_;
    Topology topology_;
    MemoryRegion system_ = MemoryRegion::container("system", MemoryRegion::kWholeSpace);
    MemoryRegion io_ = MemoryRegion::container("io", 0x10000);
    AddressSpace memory_{topology_, system_, "memory"};
    AddressSpace port_space_{topology_, io_, "I/O"};
    DmaSpace dma_{memory_};
};

}  // namespace vmm
