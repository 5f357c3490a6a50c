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
#include "hw/core/mac_address.h"
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
    Status add_file(std::string name, std::vector<uint8_t> contents, Written call) override {
        if (files.contains(name)) return Error::make("file '%s' is there twice", name.c_str());
        if (call) written.emplace(name, std::move(call));
        files.emplace(std::move(name), std::move(contents));
        return {};
    }
    std::map<std::string, std::vector<uint8_t>> files;
    std::map<std::string, Written> written;
};

class FakeBackEnds final : public BackEnds {
  public:
    Result<block::IoContext*> iothread(const std::string& id, const std::string& user) override {
        return find(iothreads, "iothread", id, user);
    }
    Result<Chardev*> chardev(const std::string& id, const std::string& user) override {
        return find(chardevs, "chardev", id, user);
    }
    Result<net::Client*> netdev(const std::string& id, const std::string& user) override {
        return find(netdevs, "netdev", id, user);
    }
    MacPool& macs() override { return mac_pool; }
    block::BlockGraph& block_graph() override {
        CHECK(graph != nullptr, "the test gave no block graph");
        return *graph;
    }

    std::map<std::string, Chardev*> chardevs;
    std::map<std::string, net::Client*> netdevs;
    std::map<std::string, block::IoContext*> iothreads;
    block::BlockGraph* graph = nullptr;
    MacPool mac_pool;

  private:
    template <typename T>
    static Result<T*> find(const std::map<std::string, T*>& all, const char* kind, const std::string& id,
                           const std::string& user) {
        const auto at = all.find(id);
        if (at == all.end()) return Error::make("%s: there is no %s '%s'", user.c_str(), kind, id.c_str());
        return at->second;
    }
};

class FakeDeviceEnv : public DeviceEnv {
  public:
    EventLoop& loop() override { return loop_; }
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
    GsiRoutes* gsi_routes() override { return routes; }
    IrqFds* irq_fds() override { return fds; }
    IoEvents* io_events() override { return nullptr; }
    FirmwareFiles& firmware_files() override { return firmware; }
    GuestNeeds guest_needs() override { return needs; }
    BackEnds& back_ends() override { return hosts; }

    AddressSpace& memory() { return memory_; }
    AddressSpace& ports() { return port_space_; }

    FakeClock clock;
    FakeIrqInput pins;
    FakeMsiSink messages;
    FakeRequests asked;
    FakeFirmwareFiles firmware;
    GuestNeeds needs;
    FakeBackEnds hosts;
    std::map<uint16_t, bool> ports_taken;
    GsiRoutes* routes = nullptr;
    IrqFds* fds = nullptr;

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
