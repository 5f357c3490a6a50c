// The routing table; see irq_routes.h.
#include "accel/kvm/irq_routes.h"

#include <cstring>

#include "util/log.h"

namespace vmm::kvm {

namespace {
kvm_irq_routing_entry chip_entry(unsigned gsi, unsigned chip, unsigned pin) {
    kvm_irq_routing_entry entry{};
    entry.gsi = gsi;
    entry.type = KVM_IRQ_ROUTING_IRQCHIP;
    entry.u.irqchip.irqchip = chip;
    entry.u.irqchip.pin = pin;
    return entry;
}

kvm_irq_routing_entry msi_entry(unsigned gsi, const MsiMessage& message) {
    kvm_irq_routing_entry entry{};
    entry.gsi = gsi;
    entry.type = KVM_IRQ_ROUTING_MSI;
    entry.u.msi.address_lo = static_cast<uint32_t>(message.address);
    entry.u.msi.address_hi = static_cast<uint32_t>(message.address >> 32);
    entry.u.msi.data = message.data;
    return entry;
}
}  // namespace

IrqRoutes::IrqRoutes(Vm& vm, IrqChipMode mode)
    : vm_(vm), mode_(mode), changed_(mode == IrqChipMode::Kernel) {}

// The wiring of a PC: ISA lines to both chips, the timer's to IOAPIC pin 2, the cascade to nothing.
void IrqRoutes::add_chip_pins(std::vector<kvm_irq_routing_entry>& table) const {
    for (unsigned irq = 0; irq < 16; irq++)
        if (irq != 2) {
            table.push_back(
                chip_entry(irq, irq < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, irq % 8));
        }
    for (unsigned gsi = 0; gsi < kIoApicPins; gsi++)
        if (gsi != 2) table.push_back(chip_entry(gsi, KVM_IRQCHIP_IOAPIC, gsi == 0 ? 2 : gsi));
}

void IrqRoutes::set_msi(unsigned gsi, const MsiMessage& message) {
    CHECK(mode_ != IrqChipMode::Kernel || gsi >= kIoApicPins, "GSI %u is a pin of the kernel's chips", gsi);
    Locked lock(mutex_);
    auto [place, added] = messages_.try_emplace(gsi, message);
    if (!added && place->second == message) return;
    place->second = message;
    changed_ = true;
}

void IrqRoutes::clear(unsigned gsi) {
    Locked lock(mutex_);
    if (messages_.erase(gsi) != 0) changed_ = true;
}

void IrqRoutes::commit() {
    Status status = try_commit();
    if (!status) log_error("interrupts may be lost: %s", status.error().text().c_str());
}

Status IrqRoutes::try_commit() {
    Locked lock(mutex_);
    if (!changed_) return {};
    std::vector<kvm_irq_routing_entry> table;
    if (mode_ == IrqChipMode::Kernel) add_chip_pins(table);
    for (const auto& [gsi, message] : messages_)
        table.push_back(msi_entry(gsi, message));

    // The head and its entries, as one block of 8-byte words.
    static_assert(sizeof(abi::IrqRouting) % 8 == 0 && sizeof(kvm_irq_routing_entry) % 8 == 0);
    std::vector<uint64_t> block((sizeof(abi::IrqRouting) + table.size() * sizeof(kvm_irq_routing_entry)) / 8);
    auto* head = static_cast<abi::IrqRouting*>(static_cast<void*>(block.data()));
    head->count = static_cast<uint32_t>(table.size());
    if (!table.empty())
        std::memcpy(abi::list_entries<kvm_irq_routing_entry>(*head), table.data(),
                    table.size() * sizeof(table[0]));
    TRY(vm_.ioctl<abi::kSetGsiRouting>(*head));
    changed_ = false;
    return {};
}

Status IrqRoutes::renew() {
    {
        Locked lock(mutex_);
        changed_ = changed_ || mode_ == IrqChipMode::Kernel || !messages_.empty();
    }
    return try_commit();
}

std::optional<unsigned> IrqRoutes::allocate() {
    Locked lock(mutex_);
    for (size_t i = 0; i < allocated_.size(); i++) {
        if (allocated_[i]) continue;
        allocated_[i] = true;
        return kIoApicPins + static_cast<unsigned>(i);
    }
    unsigned gsi = kIoApicPins + static_cast<unsigned>(allocated_.size());
    if (gsi >= static_cast<unsigned>(vm_.capabilities().value(KVM_CAP_IRQ_ROUTING))) return std::nullopt;
    allocated_.push_back(true);
    return gsi;
}

void IrqRoutes::release(unsigned gsi) {
    Locked lock(mutex_);
    CHECK(gsi >= kIoApicPins && gsi - kIoApicPins < allocated_.size() && allocated_[gsi - kIoApicPins],
          "GSI %u was not allocated", gsi);
    allocated_[gsi - kIoApicPins] = false;
    if (messages_.erase(gsi) != 0) changed_ = true;
}

}  // namespace vmm::kvm
