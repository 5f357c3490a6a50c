// See cpu_hotplug.h.
#include "hw/acpi/cpu_hotplug.h"

#include "util/bits.h"
#include "util/check.h"
#include "util/log.h"

namespace vmm::acpi {

namespace {

enum Command : uint8_t { NextWithNews = 0, OstEvent = 1, OstStatus = 2, ApicId = 3 };

}  // namespace

CpuHotplug::CpuHotplug(std::vector<uint32_t> apic_ids, HotplugHost& host) : host_(host) {
    for (uint32_t id : apic_ids)
        slots_.push_back({.apic_id = id, .ost = {}});
}

// A bit an APIC id, those that fit.
uint64_t CpuHotplug::bitmap(uint64_t offset, unsigned size) {
    uint64_t bits = 0;
    for (const Slot& slot : slots_) {
        const uint64_t at = slot.apic_id;
        if (slot.present && at >= offset * 8 && at < (offset + size) * 8)
            bits |= bit(static_cast<unsigned>(at - offset * 8));
    }
    return bits;
}

uint64_t CpuHotplug::read(uint64_t offset, unsigned size) {
    Locked lock(mutex_);
    if (!switched_) return bitmap(offset, size);
    if (offset >= kRegistersSize) return all_ones(size);
    if (selected_ >= slots_.size()) return 0;
    const Slot& slot = slots_[selected_];
    if (offset == kState)
        return (slot.present ? kPresent : 0u) | (slot.came ? kCame : 0u) | (slot.wanted ? kWanted : 0u) |
               (slot.firmware_ejects ? kFirmwareEject : 0u);
    if (offset == kData && command_ == NextWithNews) return selected_ & all_ones(size);
    if (offset == kData && command_ == ApicId) return slot.apic_id & all_ones(size);
    return 0;
}

void CpuHotplug::select_next_with_news() {
    for (size_t i = 0; i < slots_.size(); ++i) {
        const size_t at = (selected_ + i) % slots_.size();
        if (!slots_[at].has_news()) continue;
        selected_ = static_cast<uint32_t>(at);
        return;
    }
}

CpuHotplug::Act CpuHotplug::store_state(uint32_t value) {
    Slot& slot = slots_[selected_];
    if ((value & kCame) != 0) {
        slot.came = false;
    } else if ((value & kWanted) != 0) {
        slot.wanted = false;
    } else if ((value & kEject) != 0) {
        if (slot.present && slot.removable) {
            slot.present = false;
            return Act::Eject;
        }
        log_guest_error("ACPI CPU hot-plug: CPU %u cannot be ejected", selected_);
    } else if ((value & kFirmwareEject) != 0) {
        slot.firmware_ejects = !slot.firmware_ejects;
    }
    return Act::Nothing;
}

CpuHotplug::Act CpuHotplug::store_data(uint32_t value) {
    Slot& slot = slots_[selected_];
    if (command_ == OstEvent) slot.ost.event = value;
    if (command_ != OstStatus) return Act::Nothing;
    slot.ost.status = value;
    return Act::Report;
}

CpuHotplug::Act CpuHotplug::store(uint64_t offset, uint32_t value, unsigned size) {
    if (offset == kSelect) {
        if (switched_) selected_ = value;
        if (value == 0) switched_ = true;
        return Act::Nothing;
    }
    if (!switched_ || offset >= kRegistersSize || selected_ >= slots_.size()) return Act::Nothing;
    if (offset == kState) {
        const Act act = store_state(value & 0xff);
        // One wide access reaches the command too.
        if (size == 1) return act;
        value >>= 8;
        offset = kCommand;
        if (act != Act::Nothing) return act;
    }
    if (offset == kCommand) {
        command_ = static_cast<uint8_t>(value);
        if (command_ == NextWithNews) select_next_with_news();
        return Act::Nothing;
    }
    return offset == kData ? store_data(value) : Act::Nothing;
}

void CpuHotplug::write(uint64_t offset, uint64_t value, unsigned size) {
    Act act = Act::Nothing;
    unsigned slot = 0;
    OstReport report;
    {
        Locked lock(mutex_);
        act = store(offset, static_cast<uint32_t>(value), size);
        slot = selected_;
        if (act == Act::Report) report = slots_[slot].ost;
    }
    if (act == Act::Eject) host_.eject(slot);
    if (act == Act::Report) host_.ost_reported(slot, report);
}

void CpuHotplug::reset_enter() {
    Locked lock(mutex_);
    switched_ = false;
    selected_ = 0;
    command_ = 0;
}

void CpuHotplug::arrived(unsigned slot, News news, Removable removable) {
    {
        Locked lock(mutex_);
        CHECK(slot < slots_.size() && !slots_[slot].present, "CPU slot %u", slot);
        slots_[slot] = {.apic_id = slots_[slot].apic_id,
                        .present = true,
                        .removable = removable == Removable::Yes,
                        .came = news == News::Yes,
                        .ost = slots_[slot].ost};
    }
    if (news == News::Yes) host_.raise_event();
}

void CpuHotplug::left(unsigned slot) {
    Locked lock(mutex_);
    slots_[slot] = {.apic_id = slots_[slot].apic_id, .ost = slots_[slot].ost};
}

void CpuHotplug::ask_removal(unsigned slot) {
    {
        Locked lock(mutex_);
        slots_[slot].wanted = true;
    }
    host_.raise_event();
}

std::vector<OstReport> CpuHotplug::ost_reports() {
    Locked lock(mutex_);
    std::vector<OstReport> reports;
    for (const Slot& slot : slots_)
        reports.push_back(slot.ost);
    return reports;
}

}  // namespace vmm::acpi
