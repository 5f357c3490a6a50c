// Finding functions and handing them their configuration accesses; pins on their way to the root.
#include "hw/pci/bus.h"

#include "hw/pci/bridge.h"
#include "hw/pci/function.h"
#include "hw/pci/requester.h"
#include "util/bits.h"
#include "util/check.h"
#include "util/log.h"

namespace vmm::pci {

Bus::Bus(Spaces spaces, IntxSink& intx, MsiSink& msi)
    : DeviceBus("pcie.0", "PCIE"),
      spaces_(spaces),
      kind_(BusKind::Express),
      bridge_(nullptr),
      wires_(std::make_unique<Wires>(intx, msi)) {}

Bus::Bus(Bridge& bridge, Spaces spaces, BusKind kind)
    : DeviceBus(bridge.id(), kind == BusKind::Conventional ? "PCI" : "PCIE", &bridge),
      spaces_(spaces),
      kind_(kind),
      bridge_(&bridge) {}

Bus::~Bus() = default;

bool Bus::accepts(std::string_view type) const {
    return type == "PCI" || type == bus_type();
}

bool Bus::hotpluggable() const {
    return hotplug_ != nullptr || (bridge_ != nullptr && bridge_->hotpluggable());
}

std::optional<DevFn> Bus::free_address() const {
    const uint8_t slots = kind_ == BusKind::Link ? 1 : 32;
    for (uint8_t slot = 0; slot < slots; ++slot)
        if (at({slot, 0}) == nullptr) return DevFn{slot, 0};
    return std::nullopt;
}

bool Bus::full() const {
    // Another function of a slot that is taken may fit, at an address that the user gives.
    return kind_ != BusKind::Link && !free_address();
}

// Configuration mechanism 1 of the only root there is.
std::string Bus::firmware_path() const {
    return bridge_ == nullptr ? "/pci@i0cf8" : DeviceBus::firmware_path();
}

Status Bus::plug_in(Device& device) {
    Function* function = device.as_pci();
    CHECK(function != nullptr, "'%s' is no PCI device", device.id().c_str());
    std::optional<DevFn> address = function->wanted_address();
    if (!address) address = free_address();
    if (!address) return Error::make("PCI: no slot/function available on bus '%s'", bus_name().c_str());
    return plug(*function, *address);
}

void Bus::take_out(Device& device) {
    unplug(*device.as_pci());
}

Status Bus::request_unplug(Device& device) {
    if (hotplug_ != nullptr) return hotplug_->ask_removal(*this, device.as_pci()->devfn());
    if (bridge_ != nullptr && bridge_->hotpluggable()) return bridge_->ask_removal(*device.as_pci());
    return DeviceBus::request_unplug(device);
}

void Bus::finish_unplugs() {
    if (hotplug_ != nullptr) hotplug_->finish_removals(*this);
    if (bridge_ != nullptr) bridge_->finish_removals();
}

void Bus::release_devices() {
    for (Function* function : functions())
        released(*function);
}

void Bus::release(Function& function) {
    released(function);
}

void Bus::Gate::enter() {
    Locked lock(mutex);
    ++inside;
}

void Bus::Gate::leave() {
    Locked lock(mutex);
    if (--inside == 0) idle.notify_all();
}

void Bus::Gate::wait_until_idle() {
    Locked lock(mutex);
    while (inside != 0)
        idle.wait(mutex);
}

Status Bus::admit(DevFn at) {
    if (Function* other = this->at(at))
        return Error::make("PCI address %s is in use by %.*s", at.text().c_str(),
                           static_cast<int>(other->type().size()), other->type().data());
    // Systems look at slot 0 only; what is elsewhere is reached by those who know.
    if (kind_ == BusKind::Link && at.device != 0)
        log_warning("PCI address %s on bus '%s': behind a port, guests look at slot 00 only",
                    at.text().c_str(), bus_name().c_str());
    if (at.function == 0) return {};
    Function* first = this->at({at.device, 0});
    if (first != nullptr && (first->config_read(kHeaderType, 1) & kMultifunction) == 0)
        return Error::make("PCI address %s: the device in slot %02x has one function only", at.text().c_str(),
                           at.device);
    return {};
}

Status Bus::plug(Function& function, DevFn at) {
    CHECK(function.bus_ == nullptr, "a function is plugged twice");
    TRY(admit(at));
    if (bridge_ != nullptr) TRY(bridge_->admit(at));
    function.bus_ = this;
    function.devfn_ = at;
    Status joined = function.load_rom();
    if (joined) joined = function.joining(*this);
    if (!joined) {
        function.bus_ = nullptr;
        return joined;
    }
    {
        Locked lock(mutex_);
        functions_[at.raw()] = &function;
        if (Bridge* bridge = function.as_bridge()) bridges_[at.raw()] = bridge;
    }
    adopt(function);
    if (hotplug_ != nullptr) hotplug_->arrived(*this, at);
    if (bridge_ != nullptr) bridge_->arrived(function);
    return {};
}

void Bus::unplug(Function& function) {
    {
        Locked lock(mutex_);
        CHECK(functions_[function.devfn().raw()] == &function, "a function leaves a bus it is not on");
        functions_[function.devfn().raw()] = nullptr;
        bridges_.erase(function.devfn().raw());
    }
    root().gate_.wait_until_idle();
    function.reset_enter();
    function.reset_hold();
    function.leaving(*this);
    function.bus_ = nullptr;
    if (hotplug_ != nullptr) hotplug_->left(*this, function.devfn());
    if (bridge_ != nullptr) bridge_->left(function.devfn());
}

Function* Bus::at(DevFn devfn) const {
    Locked lock(mutex_);
    return functions_[devfn.raw()];
}

std::vector<Function*> Bus::functions() const {
    std::vector<Function*> all;
    Locked lock(mutex_);
    for (Function* function : functions_)
        if (function != nullptr) all.push_back(function);
    return all;
}

bool Bus::empty() const {
    return functions().empty();
}

void Bus::for_each(const std::function<void(Function&)>& visit) {
    for (Function* function : functions()) {
        visit(*function);
        if (Bridge* bridge = function->as_bridge()) bridge->secondary().for_each(visit);
    }
}

void Bus::reset_functions() {
    for_each([](Function& function) { function.reset_enter(); });
    for_each([](Function& function) { function.reset_hold(); });
    for_each([](Function& function) { function.reset_exit(); });
}

Bus& Bus::root() {
    return bridge_ == nullptr ? *this : bridge_->bus()->root();
}

Iommu* Bus::iommu() {
    return root().wires_->iommu.load(std::memory_order_acquire);
}

void Bus::send(const Function& source, const MsiMessage& message) {
    MsiSink& sink = root().wires_->msi;
    Iommu* unit = iommu();
    if (unit == nullptr) return sink.send(message);
    const std::optional<MsiMessage> remapped =
        unit->remap(requester_of(source), message, Iommu::Faults::Record);
    if (remapped) sink.send(*remapped);
}

uint8_t Bus::number() const {
    return bridge_ == nullptr ? 0 : bridge_->secondary_number();
}

Bus* Bus::towards(uint8_t number) const {
    Locked lock(mutex_);
    for (const auto& [devfn, bridge] : bridges_)
        if (bridge->forwards(number)) return &bridge->secondary();
    return nullptr;
}

Function* Bus::find(Address address) {
    if (address.bus == number()) return at(address.devfn);
    Bus* behind = towards(address.bus);
    return behind == nullptr ? nullptr : behind->find(address);
}

namespace {

// Behind a conventional bus nothing can ask for more than its 256 bytes.
bool within(Function& function, unsigned offset, unsigned size) {
    unsigned limit = function.config_size();
    for (const Bus* bus = function.bus(); bus != nullptr;
         bus = bus->bridge() == nullptr ? nullptr : bus->bridge()->bus())
        if (bus->kind() == BusKind::Conventional) limit = kConventionalSize;
    return offset + size <= limit;
}

}  // namespace

uint32_t Bus::config_read(Address address, unsigned offset, unsigned size) {
    Gate& gate = root().gate_;
    gate.enter();
    Function* function = find(address);
    const uint32_t value = function == nullptr || !within(*function, offset, size)
                               ? static_cast<uint32_t>(all_ones(size))
                               : function->config_read(offset, size);
    gate.leave();
    return value;
}

void Bus::config_write(Address address, unsigned offset, uint32_t value, unsigned size) {
    Gate& gate = root().gate_;
    gate.enter();
    Function* function = find(address);
    if (function != nullptr && within(*function, offset, size)) function->config_write(offset, value, size);
    gate.leave();
}

void Bus::set_intx(DevFn source, unsigned pin, bool level) {
    if (bridge_ != nullptr)
        return bridge_->bus()->set_intx(bridge_->devfn(), swizzle(source.device, pin), level);
    Locked lock(wires_->mutex);
    unsigned& holders = wires_->holders[source.raw()][pin];
    CHECK(level || holders != 0, "a pin of %s falls that was down", source.text().c_str());
    const bool was = holders != 0;
    holders = level ? holders + 1 : holders - 1;
    if (was != (holders != 0)) wires_->intx.set_intx(source, pin, level);
}

}  // namespace vmm::pci
