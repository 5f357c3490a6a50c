// See cpu_sockets.h.
#include "hw/i386/cpu_sockets.h"

#include <algorithm>

#include "util/event_loop.h"

namespace vmm {

namespace {

std::vector<uint32_t> apic_ids(const std::vector<CpuSlotPlace>& places) {
    std::vector<uint32_t> ids;
    for (const CpuSlotPlace& place : places)
        ids.push_back(place.apic_id);
    return ids;
}

}  // namespace

CpuSockets::CpuSockets(Config config, Actions actions, EventLoop& loop)
    : DeviceBus("cpus", CpuDevice::kBus),
      config_(std::move(config)),
      actions_(std::move(actions)),
      loop_(loop),
      devices_(config_.places.size()),
      registers_(apic_ids(config_.places), *this) {
    for (unsigned i = 0; i < config_.at_start; ++i)
        registers_.arrived(i, acpi::News::No, acpi::Removable::No);
}

Status CpuSockets::takes(const DeviceInfo& info) const {
    if (info.name == config_.cpu_type) return {};
    return Error::make("Invalid CPU type, expected cpu type: '%s'", config_.cpu_type.c_str());
}

Status CpuSockets::plug_in(Device& device) {
    CpuDevice* cpu = device.as_cpu();
    CHECK(cpu != nullptr, "'%s' is no processor", device.id().c_str());
    const unsigned index = TRY(find_cpu_place(config_.topology, config_.places, cpu->config()));
    if (present(index))
        return Error::make("CPU[%u] with APIC ID %u exists", index, config_.places[index].apic_id);
    if (running_ && !config_.acpi) return Error::make("CPU hot-plug needs ACPI, which acpi=off turned off");
    if (running_) TRY(actions_.make(index));
    devices_[index] = cpu;
    registers_.arrived(index, running_ ? acpi::News::Yes : acpi::News::No,
                       index == 0 ? acpi::Removable::No : acpi::Removable::Yes);
    return {};
}

void CpuSockets::take_out(Device& device) {
    const unsigned index = index_of(device);
    registers_.left(index);
    if (running_) actions_.end(index);
    devices_[index] = nullptr;
}

unsigned CpuSockets::index_of(const Device& device) const {
    const auto at = std::find(devices_.begin(), devices_.end(), &device);
    CHECK(at != devices_.end(), "processor '%s' is in no socket", device.id().c_str());
    return static_cast<unsigned>(at - devices_.begin());
}

Status CpuSockets::request_unplug(Device& device) {
    const unsigned index = index_of(device);
    if (index == 0) return Error::make("Boot CPU is unpluggable");
    if (!config_.acpi) return Error::make("CPU hot-unplug needs ACPI, which acpi=off turned off");
    registers_.ask_removal(index);
    return {};
}

void CpuSockets::eject(unsigned slot) {
    loop_.post([this, slot] {
        if (devices_[slot] != nullptr) released(*devices_[slot]);
    });
}

SlotReport CpuSockets::report_of(unsigned slot, const acpi::OstReport& report) const {
    return {.kind = SlotReport::Kind::Cpu,
            .slot = slot,
            .device = devices_[slot] != nullptr ? devices_[slot]->id() : std::string(),
            .source = report.event,
            .status = report.status};
}

void CpuSockets::ost_reported(unsigned slot, const acpi::OstReport& report) {
    loop_.post([this, slot, report] { actions_.report(report_of(slot, report)); });
}

std::vector<unsigned> CpuSockets::present() const {
    std::vector<unsigned> indices;
    for (unsigned i = 0; i < devices_.size(); ++i)
        if (present(i)) indices.push_back(i);
    return indices;
}

std::vector<SlotReport> CpuSockets::reports() {
    std::vector<SlotReport> all;
    for (const acpi::OstReport& report : registers_.ost_reports())
        all.push_back(report_of(static_cast<unsigned>(all.size()), report));
    return all;
}

}  // namespace vmm
