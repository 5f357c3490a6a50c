// The board's slots for memory modules: their window, their registers, and a module's way into the map.
#include "hw/i386/q35_state_priv.h"
#include "target/i386/confidential/guest.h"
#include "util/log.h"

namespace vmm {

void Q35Board::State::make_memory_slots() {
    MemorySlots::Actions actions{.map = [this](PcDimm& module, Gpa at) { return map_module(module, at); },
                                 .unmap = [this](PcDimm& module) { unmap_module(module); },
                                 .raise_event = [this] { lpc->pm().raise_gpe(acpi::MemoryHotplug::kEvent); },
                                 .report = [this](const SlotReport& report) { tree->report(report); }};
    modules = std::make_unique<MemorySlots>(
        MemorySlots::Config{.window = map.modules,
                            .most_bytes = config.memory.module_bytes,
                            .slots = config.memory.slots,
                            .nodes = static_cast<unsigned>(config.memory.nodes.size()),
                            .acpi = config.acpi},
        std::move(actions), parts.loop);
    if (!config.acpi || config.memory.slots == 0) return;
    acpi::MemoryHotplug& registers = modules->registers();
    resets.add(registers);
    regions.add(io, registers.type().data(), acpi::MemoryHotplug::kPort, acpi::MemoryHotplug::kSize,
                registers);
}

Status Q35Board::State::change_map(const std::function<void()>& change) {
    if (conversions == nullptr) return accelerator.attempt(change);
    return conversions->attempt([&] { return accelerator.attempt(change); });
}

Status Q35Board::State::map_module(PcDimm& module, Gpa at) {
    if (parts.confidential != nullptr && parts.confidential->requirements().launched)
        return Error::make("%s has its memory measured: none comes later", parts.confidential->id().c_str());
    Status done = change_map([&] { topology.add(system, module.region(), at.raw()); });
    if (!done) unmap_module(module);
    return done;
}

void Q35Board::State::unmap_module(PcDimm& module) {
    Status done = change_map([&] { topology.remove(module.region()); });
    if (done && conversions != nullptr) done = conversions->engine().release(module.ram());
    if (!done) log_warning("memory module '%s': %s", module.id().c_str(), done.error().message().c_str());
}

}  // namespace vmm
