// IoApic: 24 pins to messages for the local APICs, at 0xfec00000.
// Spec: Intel 82093AA (290566), with the EOI register of version 0x20 (Intel ICH9 datasheet). Missing: pin
// polarity (a pin here is asserted or not), ExtINT entries (the 8259's output goes to the boot CPU's LINT0).
// Thread: any; lock: one, rank Irq. Routes are published under it, messages are sent after it was let go.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "hw/core/device.h"
#include "system/irq/chip_state.h"
#include "system/irq/line.h"
#include "system/irq/msi.h"
#include "system/irq/routes.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm {

class IoApic final : public Device, public IoOps, public IrqInput, public EoiListener {
  public:
    static constexpr uint64_t kAddress = 0xfec00000;
    static constexpr uint64_t kSize = 0x1000;
    static constexpr unsigned kPins = kIoApicPins;

    // routes (may be null): learns each unmasked entry, so that a split irqchip tells the ends of its vector,
    // and keeps that of a level until it is no level any more: what is masked is ended too.
    IoApic(MsiSink& msi, GsiRoutes* routes) : msi_(msi), routes_(routes) {}

    std::string_view type() const override { return "ioapic"; }
    uint64_t read(uint64_t offset, unsigned size) override;
    void write(uint64_t offset, uint64_t value, unsigned size) override;
    IoSizes sizes() const override { return {1, 4, 4, 4, false}; }
    void set_pin(unsigned pin, bool level) override;
    void end_of_interrupt(uint8_t vector) override;
    void reset_hold() override;
    IoApicState state();

    // What stands between this and the processors; empty: it blocks the message. `silently`: it is only asked
    // what it would do. While the machine is made; entries have an index of its table then.
    using Remap = std::function<std::optional<MsiMessage>(const MsiMessage& message, bool silently)>;
    void set_remap(Remap remap);
    // It may remap otherwise from now on.
    void remapping_changed();

  private:
    using Messages = std::vector<MsiMessage>;
    std::optional<MsiMessage> remapped(const MsiMessage& message, bool silently) const {
        return remap_ ? remap_(message, silently) : message;
    }
    uint32_t load(unsigned index) const REQUIRES(mutex_);
    void store(unsigned index, uint32_t value, Messages& out) REQUIRES(mutex_);
    void service(unsigned pin, Messages& out) REQUIRES(mutex_);
    void end(uint8_t vector, Messages& out) REQUIRES(mutex_);
    void publish(unsigned pin) REQUIRES(mutex_);
    void send(const Messages& messages);

    MsiSink& msi_;
    GsiRoutes* const routes_;
    Remap remap_;
    Mutex mutex_{LockRank::Irq, "ioapic"};
    std::array<uint64_t, kPins> entries_ GUARDED_BY(mutex_) = all_masked();
    uint32_t levels_ GUARDED_BY(mutex_) = 0;   // pins asserted
    uint32_t pending_ GUARDED_BY(mutex_) = 0;  // edges not delivered yet
    uint32_t routed_ GUARDED_BY(mutex_) = 0;
    uint8_t id_ GUARDED_BY(mutex_) = 0;
    uint8_t select_ GUARDED_BY(mutex_) = 0;

    static std::array<uint64_t, kPins> all_masked();
};

}  // namespace vmm
