// Numbers, windows and reset of a bridge.
#include "hw/pci/bridge.h"

#include <array>

#include "system/memory/topology.h"

namespace vmm::pci {

namespace {

constexpr uint16_t kSecondaryErrors = 0xf900;
// Parity, SERR, ISA, VGA, 16-bit VGA, reset.
constexpr uint16_t kControlBits = 0x5f & ~(1u << 5);
constexpr uint8_t kPrefetch64 = 0x1;
constexpr uint64_t kVgaMemory = 0xa0000, kVgaMemoryLast = 0xbffff;
constexpr uint64_t kVgaLowPorts = 0x3b0, kVgaLowPortsLast = 0x3bb;
constexpr uint64_t kVgaHighPorts = 0x3c0, kVgaHighPortsLast = 0x3df;
constexpr int kWindowPriority = 1;

Identity as_bridge_identity(Identity identity) {
    identity.bridge = true;
    return identity;
}

}  // namespace

Bridge::Bridge(Identity identity, const FunctionConfig& values, std::string id, Topology& topology,
               BusKind behind)
    : Function(as_bridge_identity(identity), values, std::move(id)),
      topology_(topology),
      secondary_(*this, Spaces{topology, memory_, io_}, behind),
      io_window_{MemoryRegion::alias("pci-bridge-io-window", io_, 0, 0x1000), true},
      memory_window_{MemoryRegion::alias("pci-bridge-memory-window", memory_, 0, kMiB), false},
      prefetch_window_{MemoryRegion::alias("pci-bridge-prefetch-window", memory_, 0, kMiB), false},
      vga_memory_{MemoryRegion::alias("pci-bridge-vga", memory_, kVgaMemory, 0x20000), false},
      vga_low_io_{MemoryRegion::alias("pci-bridge-vga-io-low", io_, kVgaLowPorts, 0xc), true},
      vga_high_io_{MemoryRegion::alias("pci-bridge-vga-io-high", io_, kVgaHighPorts, 0x20), true} {
    set_up_header();
}

Bridge::~Bridge() = default;

Status Bridge::ask_removal(Function& function) {
    return Error::make("Bus '%s' does not support hotplugging (%s)", id().c_str(), function.id().c_str());
}

void Bridge::set_up_header() {
    Locked lock(mutex());
    ConfigSpace& c = config();
    c.set_writable(kPrimaryBus, 0xffffff, 3);
    c.set_writable(kIoBase, 0xf0, 1);
    c.set_writable(kIoLimit, 0xf0, 1);
    c.set_write_one_clears(kSecondaryStatus, kSecondaryErrors, 2);
    c.set_writable(kMemoryBase, 0xfff0, 2);
    c.set_writable(kMemoryLimit, 0xfff0, 2);
    // Windows whose base lies above their limit show nothing.
    c.set8(kIoBase, 0xf0);
    c.set16(kMemoryBase, 0xfff0);
    c.set16(kPrefetchBase, 0xfff0 | kPrefetch64);
    c.set16(kPrefetchLimit, kPrefetch64);
    c.set_writable(kPrefetchBase, 0xfff0, 2);
    c.set_writable(kPrefetchLimit, 0xfff0, 2);
    c.set_writable(kPrefetchBaseUpper, 0xffffffff, 4);
    c.set_writable(kPrefetchLimitUpper, 0xffffffff, 4);
    c.set_writable(kBridgeControl, kControlBits, 2);
}

void Bridge::add_subsystem_capability(unsigned at, uint16_t vendor, uint16_t device) {
    config().add_capability(kCapSubsystem, 8, at);
    config().set16(at + 4, vendor);
    config().set16(at + 6, device);
}

void Bridge::remove_io_window() {
    config().set_writable(kIoBase, 0, 2);
    config().set_writable(
        kCommand, kCommandMemory | kCommandMaster | kCommandParity | kCommandSerr | kCommandIntxOff, 2);
}

bool Bridge::forwards(uint8_t bus) const {
    const uint8_t first = secondary_number();
    return first != 0 && first <= bus && bus <= subordinate_number_.load(std::memory_order_relaxed) &&
           !in_reset_.load(std::memory_order_relaxed);
}

Status Bridge::joining(Bus& bus) {
    Topology::Transaction transaction(topology_);
    for (Window* w :
         {&io_window_, &memory_window_, &prefetch_window_, &vga_memory_, &vga_low_io_, &vga_high_io_}) {
        topology_.set_enabled(w->region, false);
        topology_.add(w->io ? bus.spaces().io : bus.spaces().memory, w->region, 0, kWindowPriority);
    }
    return {};
}

void Bridge::leaving(Bus&) {
    Topology::Transaction transaction(topology_);
    for (Window* w :
         {&io_window_, &memory_window_, &prefetch_window_, &vga_memory_, &vga_low_io_, &vga_high_io_})
        topology_.remove(w->region);
}

void Bridge::show(Window& window, bool on, uint64_t first, uint64_t last) {
    on = on && first <= last;
    topology_.set_enabled(window.region, on);
    if (!on) return;
    topology_.set_offset(window.region, first);
    topology_.set_alias_offset(window.region, first);
    topology_.set_size(window.region, last - first + 1);
}

void Bridge::update_windows() {
    const ConfigSpace& c = config();
    const uint16_t command = c.load16(kCommand), control = c.load16(kBridgeControl);
    const bool io = (command & kCommandIo) != 0, memory = (command & kCommandMemory) != 0;
    const bool vga = (control & kBridgeControlVga) != 0;
    Topology::Transaction transaction(topology_);
    show(io_window_, io, uint64_t{c.load8(kIoBase) & 0xf0u} << 8,
         uint64_t{c.load8(kIoLimit) & 0xf0u} << 8 | 0xfff);
    show(memory_window_, memory, uint64_t{c.load16(kMemoryBase) & 0xfff0u} << 16,
         uint64_t{c.load16(kMemoryLimit) & 0xfff0u} << 16 | 0xfffff);
    show(prefetch_window_, memory,
         uint64_t{c.load32(kPrefetchBaseUpper)} << 32 | uint64_t{c.load16(kPrefetchBase) & 0xfff0u} << 16,
         uint64_t{c.load32(kPrefetchLimitUpper)} << 32 | uint64_t{c.load16(kPrefetchLimit) & 0xfff0u} << 16 |
             0xfffff);
    show(vga_memory_, memory && vga, kVgaMemory, kVgaMemoryLast);
    show(vga_low_io_, io && vga, kVgaLowPorts, kVgaLowPortsLast);
    show(vga_high_io_, io && vga, kVgaHighPorts, kVgaHighPortsLast);
}

void Bridge::update_numbers() {
    secondary_number_.store(config().load8(kSecondaryBus), std::memory_order_relaxed);
    subordinate_number_.store(config().load8(kSubordinateBus), std::memory_order_relaxed);
    const bool reset = (config().load16(kBridgeControl) & kBridgeControlReset) != 0;
    reset_asked_ = reset && !in_reset_.load(std::memory_order_relaxed);
    in_reset_.store(reset, std::memory_order_relaxed);
}

void Bridge::config_changed(unsigned offset, unsigned size) {
    const bool control = touches(offset, size, kBridgeControl, 2);
    if (control || touches(offset, size, kPrimaryBus, 3)) update_numbers();
    if (control || touches(offset, size, kCommand, 2) || touches(offset, size, kIoBase, 2) ||
        touches(offset, size, kMemoryBase, 16))
        update_windows();
}

void Bridge::config_settled(unsigned offset, unsigned size) {
    if (!touches(offset, size, kBridgeControl, 2)) return;
    bool reset;
    {
        Locked lock(mutex());
        reset = std::exchange(reset_asked_, false);
    }
    if (reset) secondary_.reset_functions();
}

void Bridge::reset_enter() {
    Function::reset_enter();
    Locked lock(mutex());
    update_numbers();
}

void Bridge::reset_hold() {
    Function::reset_hold();
    if (bus() == nullptr) return;
    Locked lock(mutex());
    update_windows();
}

}  // namespace vmm::pci
