// See memory_slots.h.
#include "hw/i386/memory_slots.h"

#include <algorithm>

#include "hw/mem/address_plan.h"
#include "util/event_loop.h"

namespace vmm {

MemorySlots::MemorySlots(const Config& config, Actions actions, EventLoop& loop)
    : DeviceBus("dimms", PcDimm::kBus),
      config_(config),
      actions_(std::move(actions)),
      loop_(loop),
      modules_(config.slots),
      registers_(config.slots, *this) {}

Result<unsigned> MemorySlots::free_slot(int32_t wanted) const {
    if (wanted < 0) {
        const auto at = std::find(modules_.begin(), modules_.end(), nullptr);
        if (at == modules_.end()) return Error::make("no free slots available");
        return static_cast<unsigned>(at - modules_.begin());
    }
    const auto slot = static_cast<unsigned>(wanted);
    if (slot >= modules_.size())
        return Error::make("invalid slot number %u, valid range is [0-%zu]", slot, modules_.size() - 1);
    if (modules_[slot] != nullptr) return Error::make("slot %u is busy", slot);
    return slot;
}

Result<GpaRange> MemorySlots::free_range(const PcDimm& module) const {
    std::vector<PlacedModule> there;
    for (const PcDimm* other : modules_)
        if (other != nullptr) there.push_back({other->place()->range, other->id()});
    return plan_module(
        *config_.window, there,
        {.size = module.ram().size(), .alignment = module.alignment(), .address = module.config().addr});
}

Status MemorySlots::check(const PcDimm& module) const {
    if (!config_.window || modules_.empty())
        return Error::make("memory devices (e.g. for memory hotplug) are not enabled by the machine")
            .with_hint("start with -m SIZE,slots=N,maxmem=SIZE");
    if (running_ && !config_.acpi)
        return Error::make("memory hotplug is not enabled: missing acpi device or acpi disabled");
    const auto same = [&](const PcDimm* other) { return other != nullptr && &other->ram() == &module.ram(); };
    if (std::any_of(modules_.begin(), modules_.end(), same))
        return Error::make("can't use already busy memdev: %s", module.config().memdev.c_str());
    const unsigned nodes = std::max(1u, config_.nodes);
    if (module.config().node >= nodes)
        return Error::make("'DIMM property node has value %u' which exceeds the number of numa nodes: %u",
                           module.config().node, nodes);
    const uint64_t used = bytes();
    if (module.ram().size() > config_.most_bytes - std::min(used, config_.most_bytes))
        return Error::make(
            "not enough space, currently 0x%llx in use of total space for memory devices 0x%llx",
            static_cast<unsigned long long>(used), static_cast<unsigned long long>(config_.most_bytes));
    return {};
}

Status MemorySlots::plug_in(Device& device) {
    PcDimm* module = device.as_dimm();
    CHECK(module != nullptr, "'%s' is no memory module", device.id().c_str());
    TRY(check(*module));
    const unsigned slot = TRY(free_slot(module->config().slot));
    const GpaRange range = TRY(free_range(*module));
    TRY(actions_.map(*module, range.first()));
    module->set_place(PcDimm::Place{range, slot});
    modules_[slot] = module;
    registers_.arrived(slot,
                       {.address = range.first().raw(), .size = range.size(), .node = module->config().node},
                       running_ ? acpi::News::Yes : acpi::News::No);
    return {};
}

void MemorySlots::take_out(Device& device) {
    PcDimm* module = device.as_dimm();
    const unsigned slot = module->place()->slot;
    registers_.left(slot);
    modules_[slot] = nullptr;
    actions_.unmap(*module);
    module->set_place(std::nullopt);
}

Status MemorySlots::request_unplug(Device& device) {
    if (!config_.acpi)
        return Error::make("memory hot unplug is not enabled: missing acpi device or acpi disabled");
    registers_.ask_removal(device.as_dimm()->place()->slot);
    return {};
}

void MemorySlots::eject(unsigned slot) {
    loop_.post([this, slot] {
        if (modules_[slot] != nullptr) released(*modules_[slot]);
    });
}

SlotReport MemorySlots::report_of(unsigned slot, const acpi::OstReport& report) const {
    return {.kind = SlotReport::Kind::Memory,
            .slot = slot,
            .device = modules_[slot] != nullptr ? modules_[slot]->id() : std::string(),
            .source = report.event,
            .status = report.status};
}

void MemorySlots::ost_reported(unsigned slot, const acpi::OstReport& report) {
    loop_.post([this, slot, report] { actions_.report(report_of(slot, report)); });
}

uint64_t MemorySlots::bytes() const {
    uint64_t sum = 0;
    for (const PcDimm* module : modules_)
        if (module != nullptr) sum += module->ram().size();
    return sum;
}

std::vector<SlotReport> MemorySlots::reports() {
    std::vector<SlotReport> all;
    for (const acpi::OstReport& report : registers_.ost_reports())
        all.push_back(report_of(static_cast<unsigned>(all.size()), report));
    return all;
}

}  // namespace vmm
