// DeviceEnv: what a device may ask for. Filled by the board; every reference outlives the devices. A device
// keeps only the pieces it uses. Optional helpers of the accelerator are null when the VM has none; the
// software way must then work.
#pragma once

namespace vmm {

class AddressSpace;
class Clock;
class DmaSpace;
class EventLoop;
class GsiRoutes;
class IoEvents;
class IrqFds;
class MachineRequests;
class MemoryRegion;
class MsiSink;
class Topology;

struct DeviceEnv {
    Topology& topology;         // where regions are mapped and unmapped
    MemoryRegion& memory_root;  // guest-physical memory
    MemoryRegion& io_root;      // the 64 KiB of I/O ports
    DmaSpace& dma;              // RAM only: what a device may read and write in guest memory
    Clock& virtual_clock;       // stops with the VM
    Clock& host_clock;          // wall clock, for the RTC
    EventLoop& loop;            // the main loop
    MachineRequests& requests;
    MsiSink& msi;
    GsiRoutes* gsi_routes = nullptr;
    IrqFds* irq_fds = nullptr;
    IoEvents* io_events = nullptr;
};

}  // namespace vmm
