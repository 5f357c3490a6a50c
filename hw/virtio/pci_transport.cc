// How a virtio function looks on its bus, its interrupts and its life; the registers are in pci_modern.cc and
// pci_legacy.cc. See pci_transport.h.
#include "hw/virtio/pci_transport.h"

#include <bit>

#include "hw/core/bus.h"
#include "hw/core/device_env.h"
#include "hw/pci/bus.h"
#include "hw/pci/express_cap.h"
#include "hw/virtio/pci_layout.h"
#include "qom/node.h"
#include "system/memory/topology.h"
#include "util/log.h"

namespace vmm::virtio {

namespace {

pci::Identity identity_of(const PciKind& kind, const PciConfig& config) {
    return {.vendor = kPciVendor,
            .class_code = kind.class_code,
            .subsystem_vendor = kPciVendor,
            .interrupt_pin = 1,
            .express = !config.disable_modern};
}

unsigned vectors_of(const PciKind& kind, const PciConfig& config) {
    return config.vectors.value_or(kind.vectors);
}

}  // namespace

Status check_pci_config(const PciConfig& config) {
    if (config.modern_pio_notify) return Error::make("modern-pio-notify=on is not supported");
    if (config.ats) return Error::make("ats=on is not supported: virtio devices have no device TLB");
    if (config.disable_modern && config.disable_legacy == qapi::OnOffAuto::On)
        return Error::make("device cannot work as neither modern nor legacy mode is enabled")
            .with_hint("set either disable-modern or disable-legacy to off");
    if (config.disable_modern && (config.packed || config.iommu_platform))
        return Error::make("packed=on and iommu_platform=on need the modern interface");
    if (config.vectors.value_or(0) > 2048) return Error::make("vectors=%u: at most 2048", *config.vectors);
    return {};
}

Result<std::unique_ptr<PciTransport>> PciTransport::create(const PciKind& kind, const PciConfig& config,
                                                           DeviceEnv& env,
                                                           std::unique_ptr<virtio::Device> device,
                                                           const std::string& id) {
    TRY(check_pci_config(config));
    if (config.iommu_platform && env.has_iommu())
        return Error::make("iommu_platform=on: virtio devices are not behind the IOMMU of this machine")
            .with_hint("leave it off: their accesses are not translated then, as the guest knows");
    return std::make_unique<PciTransport>(Token(), kind, config, env, std::move(device), id);
}

PciTransport::PciTransport(Token, const PciKind& kind, const PciConfig& config, DeviceEnv& env,
                           std::unique_ptr<virtio::Device> device, const std::string& id)
    : Function(identity_of(kind, config), config, id),
      kind_(kind),
      config_(config),
      env_(env),
      device_(std::move(device)),
      vectors_(vectors_of(kind, config)),
      queue_vectors_(device_->queue_count()) {
    for (auto& vector : queue_vectors_)
        vector = kNoVector;
    for (DeviceBus* bus : device_->buses())
        bus->set_owner(*this);
}

std::vector<QomProperty> PciTransport::live_properties() {
    return device_->live_properties();
}

PciTransport::~PciTransport() = default;

// ---- joining ----

Status PciTransport::choose_interfaces(bool behind_port) {
    using enum qapi::OnOffAuto;
    const GuestNeeds needs = env_.guest_needs();
    modern_ = !config_.disable_modern;
    legacy_ = config_.disable_legacy == Off || (config_.disable_legacy == Auto && !behind_port);
    if (kind_.legacy_id == 0 || needs.modern_virtio) {
        const char* who = kind_.legacy_id == 0 ? "this device has" : "a protected guest's devices have";
        if (config_.disable_modern || (needs.modern_virtio && config_.disable_legacy == Off))
            return Error::make("%s: %s the modern interface only, use disable-legacy=on,disable-modern=off",
                               std::string(kind_.type).c_str(), who);
        legacy_ = false;
    }
    if (!modern_ && !legacy_) legacy_ = true;  // disable-modern=on behind a port
    if (legacy_ && config_.iommu_platform)
        return Error::make(
            "%s: iommu_platform=on needs a device without a legacy interface, use disable-legacy=on",
            std::string(kind_.type).c_str());
    return {};
}

Status PciTransport::joining(pci::Bus& bus) {
    const bool behind_port = bus.kind() != pci::BusKind::Conventional && bus.bridge() != nullptr;
    TRY(choose_interfaces(behind_port));
    const auto id = static_cast<uint16_t>(device_->device_id());
    {
        Locked lock(mutex());
        config().set16(pci::kDeviceId,
                       legacy_ ? kind_.legacy_id : static_cast<uint16_t>(kModernDeviceBase + id));
        config().set8(pci::kRevision, legacy_ ? 0 : 1);
        config().set16(pci::kSubsystemId, legacy_ ? id : kModernSubsystem);
        if (behind_port && modern_) {
            pci::add_express_capability(config(), {.kind = pci::ExpressKind::Endpoint});
            pci::add_power_management(config());
        }
    }
    if (modern_) add_modern();
    if (vectors_ != 0) add_vectors();
    if (legacy_) add_legacy();
    freeze();
    device_->connect(*this, common_features());
    device_->allow_dma(false);
    return {};
}

uint64_t PciTransport::common_features() const {
    uint64_t features = 0;
    if (config_.indirect_desc) features |= kIndirect;
    if (config_.event_idx) features |= kEventIdx;
    if (config_.notify_on_empty) features |= kNotifyOnEmpty;
    if (config_.any_layout) features |= kAnyLayout;
    if (!modern_) return features;
    features |= kVersion1;
    if (config_.queue_reset) features |= kRingReset;
    if (config_.packed) features |= kRingPacked;
    if (config_.iommu_platform || env_.guest_needs().access_platform) features |= kAccessPlatform;
    return features;
}

PciTransport::ModernBar::ModernBar(PciTransport& t)
    : bar(MemoryRegion::container("virtio-pci",
                                  std::bit_ceil(kNotifyAt + uint64_t{kMaxQueueSize} * t.notify_step()))),
      common(MemoryRegion::io("virtio-pci-common", kBlockSize, t.common_ops_)),
      isr(MemoryRegion::io("virtio-pci-isr", kBlockSize, t.isr_ops_)),
      device(MemoryRegion::io("virtio-pci-device", kBlockSize, t.device_ops_)),
      notify(
          MemoryRegion::io("virtio-pci-notify", uint64_t{kMaxQueueSize} * t.notify_step(), t.notify_ops_)) {}

void PciTransport::add_modern() {
    modern_bar_ = std::make_unique<ModernBar>(*this);
    ModernBar& m = *modern_bar_;
    Topology& topology = env_.topology();
    topology.add(m.bar, m.common, kCommonAt);
    topology.add(m.bar, m.isr, kIsrAt);
    topology.add(m.bar, m.device, kDeviceAt);
    topology.add(m.bar, m.notify, kNotifyAt);
    add_bar(kModernBar, pci::BarKind::Prefetchable64, m.bar);
    Locked lock(mutex());
    (void)add_capability(CapType::Common, kCommonAt, kBlockSize, 0);
    (void)add_capability(CapType::Isr, kIsrAt, kBlockSize, 0);
    (void)add_capability(CapType::Device, kDeviceAt, kBlockSize, 0);
    const unsigned notify =
        add_capability(CapType::Notify, kNotifyAt, static_cast<uint32_t>(m.notify.size()), 4);
    config().set32(notify + kCapExtra, notify_step());
    window_ = add_capability(CapType::PciConfig, 0, 0, 4);
    config().set8(window_ + kCapBar, 0);
    config().set_writable(window_ + kCapBar, 0xff, 1);
    config().set_writable(window_ + kCapOffset, 0xffffffff, 4);
    config().set_writable(window_ + kCapSpan, 0xffffffff, 4);
    config().set_writable(window_ + kCapExtra, 0xffffffff, 4);
}

unsigned PciTransport::add_capability(CapType type, uint32_t offset, uint32_t span, unsigned extra_bytes) {
    const unsigned at = config().add_capability(pci::kCapVendor, kCapSize + extra_bytes);
    config().set8(at + kCapLength, static_cast<uint8_t>(kCapSize + extra_bytes));
    config().set8(at + kCapType, static_cast<uint8_t>(type));
    config().set8(at + kCapBar, kModernBar);
    config().set32(at + kCapOffset, offset);
    config().set32(at + kCapSpan, span);
    return at;
}

void PciTransport::add_vectors() {
    const uint32_t table = std::max(kMsixBarSize / 2, vectors_ * 16);
    const uint32_t pending = static_cast<uint32_t>(align_up(vectors_, 64) / 8);
    msix_bar_ = std::make_unique<MsixBar>(std::bit_ceil(std::max(kMsixBarSize, table + pending)));
    add_bar(kMsixBar, pci::BarKind::Memory32, msix_bar_->bar);
    msix_ = &add_msix({.vectors = vectors_, .bar = kMsixBar, .table_offset = 0, .pending_offset = table});
    env_.topology().add(msix_bar_->bar, msix_->table(), 0);
    env_.topology().add(msix_bar_->bar, msix_->pending(), table);
}

PciTransport::LegacyBar::LegacyBar(PciTransport& t)
    : bar(MemoryRegion::io("virtio-pci-legacy",
                           std::bit_ceil((t.msix_ != nullptr ? legacy::kConfigWithMsix : legacy::kConfig) +
                                         t.device_->config_size()),
                           t.legacy_ops_)) {}

void PciTransport::add_legacy() {
    legacy_bar_ = std::make_unique<LegacyBar>(*this);
    add_bar(kLegacyBar, pci::BarKind::Io, legacy_bar_->bar);
}

Status PciTransport::plugged() {
    IoEvents* io_events = env_.io_events();
    if (modern_ && config_.ioeventfd && io_events != nullptr)
        events_ = std::make_unique<NotifyEvents>(env_.dma().space(), *io_events, modern_bar_->notify);
    if (msix_ != nullptr && env_.gsi_routes() != nullptr && env_.irq_fds() != nullptr &&
        env_.irq_fds()->in_kernel()) {
        vector_events_ = std::make_unique<pci::VectorEvents>(*msix_, *env_.gsi_routes(), *env_.irq_fds());
        vector_signals_ = std::vector<std::atomic<EventFd*>>(vectors_);
    }
    return device_->plugged();
}

void PciTransport::unplugging() {
    device_->unplugging();
    device_->reset();
    events_.reset();
    for (auto& signal : vector_signals_)
        signal = nullptr;
    vector_events_.reset();
}

// ---- interrupts ----

void PciTransport::raise(uint16_t vector, uint8_t reason) {
    if (msix_ != nullptr && msix_->enabled()) {
        if (vector == kNoVector) return;
        const EventFd* event = vector_events_ != nullptr ? vector_signals_[vector].load() : nullptr;
        if (event != nullptr)
            event->signal();
        else
            (void)signal(vector);
        return;
    }
    isr_.fetch_or(reason);
    Locked lock(mutex());
    set_intx(isr_ != 0);
}

uint8_t PciTransport::take_isr() {
    const uint8_t reasons = isr_.exchange(0);
    Locked lock(mutex());
    set_intx(isr_ != 0);
    return reasons;
}

void PciTransport::queue_interrupt(unsigned queue) {
    raise(queue_vectors_[queue], kIsrQueue);
}

void PciTransport::config_interrupt() {
    // Both, as drivers of that device have always seen it; a look at the queues for nothing harms nobody.
    raise(config_vector_, kIsrQueue | kIsrConfig);
}

uint16_t PciTransport::checked_vector(uint64_t value) const {
    return value < vectors_ ? static_cast<uint16_t>(value) : kNoVector;
}

// Those of the queues; a change of the configuration is rare.
void PciTransport::bind_vectors() {
    if (vector_events_ == nullptr) return;
    Locked lock(binding_);
    for (const auto& chosen : queue_vectors_) {
        const uint16_t vector = chosen;
        if (vector == kNoVector || vector_signals_[vector] != nullptr) continue;
        Result<EventFd*> event = vector_events_->bind(vector);
        if (!event) {
            log_warning("%s: interrupts leave the kernel: %s", id().c_str(), event.error().text().c_str());
            return;
        }
        vector_signals_[vector] = *event;
    }
}

// What waited for a mask to go when the device was reset.
void PciTransport::drain_vectors() {
    for (const auto& signal : vector_signals_)
        if (const EventFd* event = signal) (void)event->take();
}

// ---- status and reset ----

void PciTransport::clear_registers() {
    device_feature_select_ = driver_feature_select_ = 0;
    queue_select_ = 0;
    config_vector_ = kNoVector;
    for (auto& vector : queue_vectors_)
        vector = kNoVector;
    (void)take_isr();
    drain_vectors();
}

void PciTransport::write_status(uint8_t status) {
    device_->set_status(status);
    if (status == 0) clear_registers();
    if ((status & kDriverOk) != 0) bind_vectors();
    update_events();
}

void PciTransport::reset_enter() {
    Function::reset_enter();
    device_->allow_dma(false);
    device_->reset();
    clear_registers();
    update_events();
}

void PciTransport::update_events() {
    if (events_ == nullptr) return;
    std::vector<NotifyEvents::Event> queues;
    for (unsigned i = 0; i < device_->queue_count(); ++i) {
        const Queue& queue = device_->queue(i);
        if (queue.live()) queues.push_back({uint64_t{i} * notify_step(), queue.kick_fd()});
    }
    events_->set_queues(std::move(queues));
}

void PciTransport::config_changed(unsigned offset, unsigned size) {
    if (offset < pci::kCommand + 2 && pci::kCommand < offset + size) device_->allow_dma(bus_master());
}

// ---- the PCI configuration capability: a way into the BAR without the BAR ----

bool PciTransport::touches_window(unsigned offset, unsigned size) const {
    return window_ != 0 && offset < window_ + kCapExtra + 4 && window_ + kCapExtra < offset + size;
}

uint32_t PciTransport::config_read(unsigned offset, unsigned size) {
    if (touches_window(offset, size)) access_window(false);
    return Function::config_read(offset, size);
}

void PciTransport::config_settled(unsigned offset, unsigned size) {
    if (touches_window(offset, size)) access_window(true);
}

void PciTransport::access_window(bool write) {
    uint32_t bar, at, size, value;
    {
        Locked lock(mutex());
        bar = config().load8(window_ + kCapBar);
        at = config().load32(window_ + kCapOffset);
        size = config().load32(window_ + kCapSpan);
        value = config().load32(window_ + kCapExtra);
    }
    if (bar != kModernBar || (size != 1 && size != 2 && size != 4) || !is_aligned(at, size)) return;
    const uint32_t offset = at % kBlockSize;
    using Access =
        std::pair<uint64_t (Self::*)(uint64_t, unsigned), void (Self::*)(uint64_t, uint64_t, unsigned)>;
    Access access = {&Self::read_notify, &Self::write_notify};
    uint64_t where = offset;
    if (at < kIsrAt)
        access = {&Self::read_common, &Self::write_common};
    else if (at < kDeviceAt)
        access = {&Self::read_isr, &Self::write_isr};
    else if (at < kNotifyAt)
        access = {&Self::read_device, &Self::write_device};
    else
        where = at - kNotifyAt;
    if (write) {
        (this->*access.second)(where, value & all_ones(size), size);
        return;
    }
    value = static_cast<uint32_t>((this->*access.first)(where, size));
    Locked lock(mutex());
    config().set32(window_ + kCapExtra, value);
}

}  // namespace vmm::virtio
