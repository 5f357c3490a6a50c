// See memory_hotplug.h.
#include "hw/acpi/memory_hotplug.h"

#include "util/bits.h"
#include "util/check.h"
#include "util/log.h"

namespace vmm::acpi {

uint64_t MemoryHotplug::read(uint64_t offset, unsigned size) {
    Locked lock(mutex_);
    if (selected_ >= slots_.size()) return 0;
    const Slot& slot = slots_[selected_];
    if (offset == kState)
        return (slot.present ? kPresent : 0u) | (slot.came ? kCame : 0u) | (slot.wanted ? kWanted : 0u);
    const Module module = slot.present ? slot.module : Module{};
    switch (offset) {
        case 0:
            return module.address & all_ones(size);
        case 4:
            return module.address >> 32 & all_ones(size);
        case 8:
            return module.size & all_ones(size);
        case 12:
            return module.size >> 32 & all_ones(size);
        case kNode:
            return module.node & all_ones(size);
        default:
            return all_ones(size);
    }
}

MemoryHotplug::Act MemoryHotplug::store(uint64_t offset, uint32_t value) {
    if (offset == kSelect) {
        selected_ = value;
        return Act::Nothing;
    }
    if (selected_ >= slots_.size()) return Act::Nothing;
    Slot& slot = slots_[selected_];
    if (offset == kOstEvent) {
        slot.ost.event = value;
    } else if (offset == kOstStatus) {
        slot.ost.status = value;
        return Act::Report;
    } else if (offset == kState && (value & kCame) != 0) {
        slot.came = false;
    } else if (offset == kState && (value & kWanted) != 0) {
        slot.wanted = false;
    } else if (offset == kState && (value & kEject) != 0) {
        if (slot.present) {
            slot.present = false;
            return Act::Eject;
        }
        log_guest_error("ACPI memory hot-plug: slot %u is empty and ejected", selected_);
    }
    return Act::Nothing;
}

void MemoryHotplug::write(uint64_t offset, uint64_t value, unsigned) {
    Act act = Act::Nothing;
    unsigned slot = 0;
    OstReport report;
    {
        Locked lock(mutex_);
        act = store(offset, static_cast<uint32_t>(value));
        slot = selected_;
        if (act == Act::Report) report = slots_[slot].ost;
    }
    if (act == Act::Eject) host_.eject(slot);
    if (act == Act::Report) host_.ost_reported(slot, report);
}

void MemoryHotplug::reset_enter() {
    Locked lock(mutex_);
    selected_ = 0;
}

void MemoryHotplug::arrived(unsigned slot, const Module& module, News news) {
    {
        Locked lock(mutex_);
        CHECK(slot < slots_.size() && !slots_[slot].present, "memory slot %u", slot);
        slots_[slot] = {
            .present = true, .came = news == News::Yes, .module = module, .ost = slots_[slot].ost};
    }
    if (news == News::Yes) host_.raise_event();
}

void MemoryHotplug::left(unsigned slot) {
    Locked lock(mutex_);
    slots_[slot] = {.ost = slots_[slot].ost};
}

void MemoryHotplug::ask_removal(unsigned slot) {
    {
        Locked lock(mutex_);
        slots_[slot].wanted = true;
    }
    host_.raise_event();
}

std::vector<OstReport> MemoryHotplug::ost_reports() {
    Locked lock(mutex_);
    std::vector<OstReport> reports;
    for (const Slot& slot : slots_)
        reports.push_back(slot.ost);
    return reports;
}

}  // namespace vmm::acpi
