// See lpc_pm.h.
#include "hw/i386/lpc_pm.h"

#include <utility>

#include "system/memory/topology.h"
#include "system/run/requests.h"
#include "util/bits.h"
#include "util/check.h"
#include "util/log.h"

namespace vmm {

namespace {

constexpr uint32_t kSmiGlobalEnable = 1u << 0, kSmiEndOfSmi = 1u << 1, kSmiApmEnable = 1u << 5,
                   kSmiBiosRelease = 1u << 7;
constexpr uint32_t kSmiWritable = 0x0806687f;  // BIOS_RLS reads as zero
constexpr unsigned kSoftOff = 0;               // the type that the DSDT's _S5 names
constexpr unsigned kSuspendToRam = 1;          // as in other machines of this kind; no table names it

}  // namespace

LpcPm::LpcPm(acpi::AcpiMode mode, Topology& topology, MemoryRegion& io_root, Clock& clock,
             MachineRequests& requests, IrqLine sci, std::function<bool()> reboot_forbidden)
    : mode_(mode),
      topology_(topology),
      requests_(requests),
      sci_(sci),
      pm_(mode, clock),
      timer_(clock.make_timer([this] { time_passed(); })),
      tco_(clock, requests, std::move(reboot_forbidden)) {
    topology_.set_enabled(window_, false);
    topology_.add(io_root, window_, 0);
    reset_enter();
}

uint64_t LpcPm::read(uint64_t offset, unsigned size) {
    const auto at = static_cast<unsigned>(offset);
    if (at >= kTco) return tco_.read(at - kTco, size);
    Locked lock(mutex_);
    return load(at & ~3u) >> (at % 4 * 8) & all_ones(size);
}

void LpcPm::write(uint64_t offset, uint64_t value, unsigned size) {
    const auto at = static_cast<unsigned>(offset);
    if (at >= kTco) return tco_.write(at - kTco, static_cast<uint32_t>(value), size);
    const unsigned shift = at % 4 * 8;
    std::optional<unsigned> sleep_type;
    {
        Locked lock(mutex_);
        sleep_type = store(at & ~3u, static_cast<uint32_t>(value << shift),
                           static_cast<uint32_t>(all_ones(size) << shift));
        update();
    }
    if (sleep_type) sleep(*sleep_type);
}

uint32_t LpcPm::load(unsigned offset) {
    if (offset <= acpi::PmRegisters::kTimer) return pm_.load(offset);
    if (offset >= kGpe0 && offset < kGpe0 + acpi::GpeBlock::kBytes) return gpe_.load(offset - kGpe0);
    if (offset == kSmiEnable) return smi_enable_;
    if (offset != kSmiStatus) log_unimplemented("read of power management register 0x%x", offset);
    return 0;
}

std::optional<unsigned> LpcPm::store(unsigned offset, uint32_t value, uint32_t lanes) {
    if (offset <= acpi::PmRegisters::kTimer) return pm_.store(offset, value, lanes);
    if (offset >= kGpe0 && offset < kGpe0 + acpi::GpeBlock::kBytes)
        gpe_.store(offset - kGpe0, value, lanes);
    else if (offset == kSmiEnable)
        store_smi_enable(value, lanes);
    else if (offset != kSmiStatus)
        log_unimplemented("write of 0x%x to power management register 0x%x", value & lanes, offset);
    return std::nullopt;
}

void LpcPm::store_smi_enable(uint32_t value, uint32_t lanes) {
    uint32_t writable = kSmiWritable & lanes;
    if (smi_locked_.load(std::memory_order_relaxed)) writable &= ~kSmiGlobalEnable;
    smi_enable_ = (smi_enable_ & ~writable) | (value & writable);
    if ((value & lanes & kSmiBiosRelease) != 0) pm_.release_global_lock();
}

void LpcPm::update() {
    sci_.set(pm_.acpi_mode() && (pm_.pending() || gpe_.pending()));
    if (auto when = pm_.next_change_ns())
        timer_->arm(*when);
    else
        timer_->disarm();
}

void LpcPm::sleep(unsigned type) {
    if (type == kSoftOff) return requests_.request_shutdown(ShutdownCause::GuestShutdown);
    if (type != kSuspendToRam || !can_sleep_)
        return log_guest_error("sleep type %u, which no table announces", type);
    {
        Locked lock(mutex_);
        asleep_ = true;
    }
    requests_.request_sleep();
}

void LpcPm::rtc_alarm() {
    {
        Locked lock(mutex_);
        if (!asleep_ || !pm_.wakes(acpi::kPm1Rtc)) return;
        asleep_ = false;
        woken_by_ = acpi::kPm1Rtc;
    }
    requests_.request_wake();
}

void LpcPm::prepare_wake() {
    Locked lock(mutex_);
    waking_ = true;
}

void LpcPm::time_passed() {
    Locked lock(mutex_);
    update();
}

void LpcPm::place(std::optional<uint16_t> base) {
    Topology::Transaction transaction(topology_);
    topology_.set_enabled(window_, base.has_value());
    if (base) topology_.set_offset(window_, *base);
}

void LpcPm::set_acpi_mode(bool on) {
    Locked lock(mutex_);
    pm_.set_acpi_mode(on);
    update();
}

bool LpcPm::press_power_button() {
    Locked lock(mutex_);
    const bool heard = pm_.press_power_button();
    update();
    return heard;
}

void LpcPm::raise_gpe(unsigned event) {
    Locked lock(mutex_);
    gpe_.raise(event);
    update();
}

void LpcPm::reset_enter() {
    tco_.reset();
    Locked lock(mutex_);
    pm_.reset();
    if (std::exchange(waking_, false)) pm_.woke(woken_by_);
    asleep_ = false;
    woken_by_ = 0;
    gpe_.reset();
    // With APMC_EN up, firmware takes system-management mode for set up already and leaves it alone.
    smi_enable_ = mode_ == acpi::AcpiMode::Always ? kSmiEndOfSmi | kSmiApmEnable : kSmiEndOfSmi;
}

void LpcPm::reset_hold() {
    Locked lock(mutex_);
    update();
}

}  // namespace vmm
