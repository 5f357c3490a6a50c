// What a port does when its slot's registers change, and when devices come and go behind it.
#include "hw/pci/port.h"

#include "util/check.h"

namespace vmm::pci {

namespace {

constexpr uint16_t kMostErrors = 128;
constexpr uint16_t kMostSlots = 1u << 13;

}  // namespace

Port::Port(const Identity& identity, const PortConfig& values, std::string id, Topology& topology)
    : Bridge(identity, values, std::move(id), topology, BusKind::Link), values_(values) {}

Status Port::check(const PortConfig& values) {
    if (values.aer_log_max > kMostErrors)
        return Error::make("Parameter 'aer_log_max' expects 0 to %u, not %u", kMostErrors,
                           values.aer_log_max);
    if (values.slot >= kMostSlots)
        return Error::make("Parameter 'slot' expects 0 to %u, not %u", kMostSlots - 1, values.slot);
    return {};
}

void Port::add_express(const ExpressConfig& express, unsigned at) {
    add_express_capability(config(), express, at);
    slot_.emplace(config(), at,
                  Slot::Config{.number = values_.slot,
                               .hotplug = values_.hotplug,
                               .power_controller = values_.power_controller});
}

Status Port::joining(Bus& bus) {
    bool taken = false;
    bus.root().for_each([&](Function& other) {
        Bridge* bridge = other.as_bridge();
        Port* port = bridge == nullptr ? nullptr : bridge->as_port();
        taken = taken || (port != nullptr && port->place() == place());
    });
    if (taken)
        return Error::make("slot %u of chassis %u is another port's: give it its own chassis= or slot=",
                           values_.slot, values_.chassis);
    return Bridge::joining(bus);
}

Status Port::admit(DevFn at) {
    Locked lock(mutex());
    if (slot_->locked(config()))
        return Error::make("PCI address %s: the slot of '%s' is locked by the guest", at.text().c_str(),
                           id().c_str());
    return {};
}

// Who adds several functions adds function 0 last: with it the guest is told. Before the machine starts
// nobody listens, and its reset makes the slot one that was filled all along.
void Port::arrived(Function& function) {
    if (function.devfn().function == 0) {
        Locked lock(mutex());
        slot_->fill_hot(config());
        update_event();
    }
    apply_power();
}

void Port::left(DevFn) {
    if (!secondary().empty()) return;
    removal_asked_ = false;
    Locked lock(mutex());
    slot_->empty(config());
    update_event();
}

Status Port::ask_removal(Function& function) {
    if (function.devfn().function != 0 && secondary().at({0, 0}) == nullptr) {
        secondary().release(function);  // the guest never saw it
        return {};
    }
    Removal answer;
    {
        Locked lock(mutex());
        answer = slot_->ask_removal(config());
        update_event();
    }
    switch (answer) {
        case Removal::Asked:
            removal_asked_ = true;
            return {};
        case Removal::AtOnce:
            secondary().release_devices();
            return {};
        case Removal::Busy:
            return Error::make("Hot-unplug failed: guest is busy (power indicator blinking)");
        case Removal::Refused:
            return Error::make("Hot-unplug failed: unsupported by the port device '%s'", id().c_str());
    }
    UNREACHABLE();
}

void Port::finish_removals() {
    if (std::exchange(removal_asked_, false)) secondary().release_devices();
}

void Port::update_event() {
    const bool now = slot_->pending(config());
    if (now == event_) return;
    event_ = now;
    set_intx(now);
    if (now) signal(0);
}

void Port::apply_power() {
    bool on;
    {
        Locked lock(mutex());
        on = slot_->powered(config());
    }
    for (Function* function : secondary().functions())
        function->set_power(on);
}

void Port::config_changed(unsigned offset, unsigned size) {
    Bridge::config_changed(offset, size);
    const Slot::Effects effects = slot_->written(config(), offset, size);
    due_.power_changed |= effects.power_changed;
    due_.eject |= effects.eject;
    update_event();
}

void Port::config_settled(unsigned offset, unsigned size) {
    Bridge::config_settled(offset, size);
    Slot::Effects due;
    {
        Locked lock(mutex());
        due = std::exchange(due_, {});
    }
    if (due.power_changed) apply_power();
    if (due.eject) secondary().release_devices();
}

void Port::reset_enter() {
    const bool occupied = !secondary().empty();
    Bridge::reset_enter();
    Locked lock(mutex());
    slot_->reset(config(), occupied);
    due_ = {};
    event_ = false;
}

void Port::reset_hold() {
    Bridge::reset_hold();
    apply_power();
}

}  // namespace vmm::pci
