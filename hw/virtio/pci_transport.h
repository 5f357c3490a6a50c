// PciTransport: a virtio device as a PCI function: the modern interface (capabilities and a memory BAR), the
// legacy one (an I/O BAR), or both, as the bus and the user's options say. Virtio 1.2, 4.1. Made by each
// kind's create(); which of the interfaces it shows is known when it joins its bus.
//
// Missing: administration queues, shared memory regions, notification data, notifications by I/O port, ATS.
// Threads: registers by any vCPU; they are atomics or belong to the Device. The interrupt pin is under the
// function's lock, which is never held while the device is called.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hw/isa/member_ops.h"
#include "hw/pci/function.h"
#include "hw/pci/vector_events.h"
#include "hw/virtio/device.h"
#include "hw/virtio/pci_config.h"
#include "hw/virtio/pci_layout.h"
#include "hw/virtio/pci_notify.h"
#include "system/memory/region.h"

namespace vmm {
class DeviceEnv;
}

namespace vmm::virtio {

class PciTransport : public pci::Function, private Transport {
    struct Token {
        explicit Token() = default;
    };

  public:
    static Result<std::unique_ptr<PciTransport>> create(const PciKind& kind, const PciConfig& config,
                                                        DeviceEnv& env,
                                                        std::unique_ptr<virtio::Device> device,
                                                        const std::string& id);
    PciTransport(Token, const PciKind& kind, const PciConfig& config, DeviceEnv& env,
                 std::unique_ptr<virtio::Device> device, const std::string& id);
    ~PciTransport() override;

    std::string_view type() const override { return kind_.type; }
    virtio::Device& device() { return *device_; }

    std::span<DeviceBus* const> buses() override { return device_->buses(); }
    BalloonControl* as_balloon() override { return device_->as_balloon(); }
    std::vector<QomProperty> live_properties() override;
    std::string_view behind() const override { return device_->name(); }
    std::vector<BootPlace> boot_places() const override { return device_->boot_places(); }
    std::optional<BiosGeometry> bios_geometry() const override { return device_->bios_geometry(); }
    Status plugged() override;
    void unplugging() override;
    void reset_enter() override;
    uint32_t config_read(unsigned offset, unsigned size) override;

  private:
    Status joining(pci::Bus& bus) override;
    void config_changed(unsigned offset, unsigned size) override;
    void config_settled(unsigned offset, unsigned size) override;
    // Transport
    void queue_interrupt(unsigned queue) override;
    void config_interrupt() override;

    // Joining the bus.
    Status choose_interfaces(bool behind_port);
    void add_modern();
    void add_legacy();
    void add_vectors();
    unsigned add_capability(CapType type, uint32_t offset, uint32_t span, unsigned extra_bytes);
    uint64_t common_features() const;
    uint32_t notify_step() const { return config_.page_per_vq ? kBlockSize : 4; }

    // Registers.
    uint64_t read_common(uint64_t offset, unsigned size);
    void write_common(uint64_t offset, uint64_t value, unsigned size);
    uint64_t read_isr(uint64_t offset, unsigned size);
    void write_isr(uint64_t, uint64_t, unsigned) {}
    uint64_t read_device(uint64_t offset, unsigned size);
    void write_device(uint64_t offset, uint64_t value, unsigned size);
    uint64_t read_notify(uint64_t, unsigned) { return 0; }
    void write_notify(uint64_t offset, uint64_t value, unsigned size);
    uint64_t read_legacy(uint64_t offset, unsigned size);
    void write_legacy(uint64_t offset, uint64_t value, unsigned size);

    uint64_t read_queue_register(uint64_t offset);
    void write_queue_register(uint64_t offset, uint64_t value, unsigned size);
    void write_queue_address(uint64_t offset, uint32_t value);
    void write_legacy_status(uint8_t status);
    void place_legacy_queue(uint64_t frame);
    uint32_t legacy_config_at() const;
    void write_status(uint8_t status);
    void clear_registers();
    // The selected queue, if the device has one of that number.
    bool queue_selected() const;
    uint16_t checked_vector(uint64_t value) const;
    void raise(uint16_t vector, uint8_t reason);
    uint8_t take_isr();
    void update_events();
    void bind_vectors();
    void drain_vectors();
    // The window of the PCI configuration capability.
    bool touches_window(unsigned offset, unsigned size) const;
    void access_window(bool write);

    const PciKind kind_;
    const PciConfig config_;
    DeviceEnv& env_;
    const std::unique_ptr<virtio::Device> device_;
    bool modern_ = false, legacy_ = false;
    unsigned vectors_ = 0;
    unsigned window_ = 0;  // offset of the PCI configuration capability
    pci::Msix* msix_ = nullptr;

    std::atomic<uint32_t> device_feature_select_{0}, driver_feature_select_{0};
    std::atomic<uint16_t> queue_select_{0};
    std::atomic<uint16_t> config_vector_{kNoVector};
    std::vector<std::atomic<uint16_t>> queue_vectors_;
    std::atomic<uint8_t> isr_{0};

    static constexpr IoSizes kRegisters = {.accepted_max = 8, .implemented_max = 4};
    static constexpr IoSizes kPorts = {.accepted_max = 4, .implemented_max = 4, .unaligned = true};
    using Self = PciTransport;
    MemberOps<&Self::read_common, &Self::write_common> common_ops_{*this, kRegisters};
    MemberOps<&Self::read_isr, &Self::write_isr> isr_ops_{*this, kRegisters};
    MemberOps<&Self::read_device, &Self::write_device> device_ops_{*this, kRegisters};
    MemberOps<&Self::read_notify, &Self::write_notify> notify_ops_{*this, kRegisters};
    MemberOps<&Self::read_legacy, &Self::write_legacy> legacy_ops_{*this, kPorts};

    // Made when it joins its bus.
    struct ModernBar {
        explicit ModernBar(PciTransport& t);
        MemoryRegion bar, common, isr, device, notify;
    };
    struct MsixBar {
        explicit MsixBar(uint64_t size) : bar(MemoryRegion::container("virtio-pci-msix", size)) {}
        MemoryRegion bar;
    };
    struct LegacyBar {
        explicit LegacyBar(PciTransport& t);
        MemoryRegion bar;
    };
    std::unique_ptr<ModernBar> modern_bar_;
    std::unique_ptr<MsixBar> msix_bar_;
    std::unique_ptr<LegacyBar> legacy_bar_;
    std::unique_ptr<NotifyEvents> events_;
    // The kernel delivers the queues' vectors; bound when a driver starts that uses them, until the function
    // goes.
    std::unique_ptr<pci::VectorEvents> vector_events_;
    Mutex binding_{LockRank::IntxTree, "virtio vectors"};
    std::vector<std::atomic<EventFd*>> vector_signals_;  // by vector; null: Function::signal
};

}  // namespace vmm::virtio
