// DeviceEnv: what a device may ask of its machine when it is made. The board implements it, tests have a fake
// one. References live longer than the device. Called on the main thread, from create() only; errors are for
// the user and name what was looked for.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "system/irq/line.h"
#include "util/result.h"

namespace vmm {

class Chardev;
class Clock;
class ConversionEngine;
class DeviceReports;
class DmaSpace;
class EventLoop;
class GsiRoutes;
class IoEvents;
class Iommu;
class IrqFds;
class MacPool;
class MachineRequests;
class MemoryRegion;
class RamBlock;
class MsiSink;
class Rng;
class Topology;
namespace block {
class BlockGraph;
class IoContext;
}  // namespace block
namespace net {
class Client;
}  // namespace net

// What a kind of guest asks of the devices it is given; protected guests ask for all of it.
struct GuestNeeds {
    bool modern_virtio = false;    // no legacy or transitional interface
    bool access_platform = false;  // VIRTIO_F_ACCESS_PLATFORM is offered and must be taken
    bool pinned_memory = false;    // what the guest gives up stays with it: nobody may take pages away
};

// A file for the firmware (fw_cfg), and what it says about devices.
class FirmwareFiles {
  public:
    virtual ~FirmwareFiles() = default;
    // `written` makes it a file that the guest may write: called with the new contents, no lock held.
    using Written = std::function<void(std::span<const uint8_t> contents)>;
    virtual Status add_file(std::string name, std::vector<uint8_t> contents, Written written = {}) = 0;
};

// The host's side of devices, by the ids that users gave; `user` is who wants it, for messages.
class BackEnds {
  public:
    virtual ~BackEnds() = default;
    // The loop of -object iothread,id=, and what does block I/O there.
    virtual Result<block::IoContext*> iothread(const std::string& id, const std::string& user) = 0;
    virtual Result<Chardev*> chardev(const std::string& id, const std::string& user) = 0;
    // Drives and nodes: a disk attaches itself with BlockGraph::attach().
    virtual block::BlockGraph& block_graph() = 0;
    virtual Result<net::Client*> netdev(const std::string& id, const std::string& user) = 0;
    // Those of the machine's network cards.
    virtual MacPool& macs() = 0;
    // Who wants to hear what guests do with their devices; null: nobody.
    virtual DeviceReports* reports() { return nullptr; }
    // All of a memory backend's memory, which the device puts into the guest. It stays as long as the
    // machine.
    virtual Result<RamBlock*> memory(const std::string& id, const std::string& user) {
        return Error::make("%s: there is no memory backend '%s'", user.c_str(), id.c_str());
    }
    virtual Result<Rng*> rng(const std::string& id, const std::string& user) {
        return Error::make("%s: there is no random number source '%s'", user.c_str(), id.c_str());
    }
};

class DeviceEnv {
  public:
    virtual ~DeviceEnv() = default;

    virtual EventLoop& loop() = 0;  // the main thread's
    virtual MachineRequests& requests() = 0;
    virtual Clock& virtual_clock() = 0;
    virtual Clock& host_clock() = 0;

    virtual DmaSpace& dma() = 0;
    // Null where no memory can be private.
    virtual ConversionEngine* conversions() { return nullptr; }
    virtual Topology& topology() = 0;
    virtual MemoryRegion& system_space() = 0;
    virtual MemoryRegion& io_space() = 0;

    // ISA interrupt 0 to 15.
    virtual IrqLine isa_irq(unsigned irq) = 0;
    // Whether a device on the ISA bus has this I/O port.
    virtual bool port_taken(uint16_t port) = 0;
    virtual MsiSink& msi() = 0;
    // Null where the accelerator has none.
    virtual GsiRoutes* gsi_routes() = 0;
    virtual IrqFds* irq_fds() = 0;
    virtual IoEvents* io_events() = 0;

    // For the device that stands between the others and memory; null when it goes. It is made before them.
    virtual Status set_iommu(Iommu* iommu) {
        (void)iommu;
        return Error::make("this machine has no place for an IOMMU");
    }
    virtual bool has_iommu() const { return false; }
    // Whether messages may be remapped on their way, and to processors with ids above 255.
    struct InterruptReach {
        bool can_remap = false, extended_ids = false;
    };
    virtual InterruptReach interrupt_reach() const { return {}; }

    virtual FirmwareFiles& firmware_files() = 0;
    virtual GuestNeeds guest_needs() = 0;
    // How many CPUs the machine starts with: what devices with a queue for each make by default.
    virtual unsigned cpus() { return 1; }
    virtual BackEnds& back_ends() = 0;
};

}  // namespace vmm
