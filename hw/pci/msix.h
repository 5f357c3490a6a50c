// Msix: the MSI-X capability of one function and its table and pending bits in a BAR: up to 2048 vectors,
// each with its own message and mask. PCI Local Bus 3.0, 6.8.2. Made by Function::add_msix(); the device puts
// table() and pending() into the BAR's region at the offsets it gave.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "hw/pci/config_space.h"
#include "system/irq/msi.h"
#include "system/memory/region.h"
#include "system/memory/region_ops.h"
#include "util/mutex.h"

namespace vmm::pci {

// Who delivers vectors by itself (vector_events.h). Called with the Msix's lock held: takes locks of rank Irq
// and below.
class VectorSink {
  public:
    virtual ~VectorSink() = default;
    // What the vector sends now; empty while it is masked or off.
    virtual void vector_changed(unsigned vector, const std::optional<MsiMessage>& live) = 0;
    // After all changes of one access.
    virtual void vectors_settled() = 0;
    // A signal waits for the mask to go.
    virtual bool waiting(unsigned vector) = 0;
};

class Msix {
  public:
    struct Layout {
        unsigned vectors = 1;
        unsigned bar = 0;           // of both
        uint32_t table_offset = 0;  // multiples of 8
        uint32_t pending_offset = 0;
        std::optional<unsigned> at = {};  // of the capability; empty: where there is room
    };
    // Adds the capability. The sink gets messages that a guest's access to the table sets free; it is called
    // with no lock of this held.
    Msix(ConfigSpace& config, const Layout& layout, std::function<void(const MsiMessage&)> send);

    MemoryRegion& table() { return table_; }
    MemoryRegion& pending() { return pending_region_; }
    unsigned vectors() const { return static_cast<unsigned>(entries_.size()); }

    bool enabled() const;
    // As Msi::signal.
    std::optional<MsiMessage> signal(unsigned vector);
    std::vector<MsiMessage> config_written(const ConfigSpace& config);
    // All vectors masked, nothing pending.
    void reset();
    // The function may send messages at all.
    void set_master(bool on);
    // One at most; null takes it away.
    void set_sink(VectorSink* sink);
    // Tells the sink how the vector stands.
    void tell_sink(unsigned vector);
    bool covers(unsigned offset, unsigned size) const { return offset < at_ + 12 && at_ < offset + size; }

  private:
    struct Entry {
        MsiMessage message;
        uint32_t control = 1;  // bit 0: masked
        bool pending = false;
    };
    class TableOps final : public IoOps {
      public:
        explicit TableOps(Msix& msix) : msix_(msix) {}
        uint64_t read(uint64_t offset, unsigned size) override;
        void write(uint64_t offset, uint64_t value, unsigned size) override;
        IoSizes sizes() const override {
            return {.accepted_min = 4, .accepted_max = 8, .implemented_min = 4, .implemented_max = 4};
        }

      private:
        Msix& msix_;
    };
    class PendingOps final : public IoOps {
      public:
        explicit PendingOps(Msix& msix) : msix_(msix) {}
        uint64_t read(uint64_t offset, unsigned size) override;
        void write(uint64_t, uint64_t, unsigned) override {}
        IoSizes sizes() const override {
            return {.accepted_min = 4, .accepted_max = 8, .implemented_min = 4, .implemented_max = 4};
        }

      private:
        Msix& msix_;
    };
    bool masked(const Entry& entry) const REQUIRES(mutex_) {
        return function_masked_ || (entry.control & 1) != 0;
    }
    void tell_one(unsigned vector) REQUIRES(mutex_);
    void tell_all() REQUIRES(mutex_);

    const unsigned at_;
    const std::function<void(const MsiMessage&)> send_;
    mutable Mutex mutex_{LockRank::IrqRouter, "MSI-X"};
    std::vector<Entry> entries_ GUARDED_BY(mutex_);  // its size never changes
    bool enabled_ GUARDED_BY(mutex_) = false;
    bool function_masked_ GUARDED_BY(mutex_) = false;
    bool master_ GUARDED_BY(mutex_) = false;
    VectorSink* sink_ GUARDED_BY(mutex_) = nullptr;
    TableOps table_ops_{*this};
    PendingOps pending_ops_{*this};
    MemoryRegion table_;
    MemoryRegion pending_region_;
};

}  // namespace vmm::pci
