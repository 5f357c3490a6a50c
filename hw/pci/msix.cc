// The MSI-X capability, table and pending bits.
#include "hw/pci/msix.h"

#include "util/align.h"
#include "util/bits.h"
#include "util/check.h"

namespace vmm::pci {

namespace {

constexpr unsigned kControl = 2, kTable = 4, kPending = 8, kCapabilitySize = 12;
constexpr unsigned kEntrySize = 16, kMaxVectors = 2048;
// Message control.
using FunctionMask = Bits<14>;
using Enable = Bits<15>;
// Words of a table entry.
constexpr unsigned kAddressLow = 0, kAddressHigh = 4, kData = 8;

uint64_t pending_bytes(unsigned vectors) {
    return align_up(vectors, 64) / 8;
}

}  // namespace

Msix::Msix(ConfigSpace& config, const Layout& layout, std::function<void(const MsiMessage&)> send)
    : at_(config.add_capability(kCapMsix, kCapabilitySize, layout.at)),
      send_(std::move(send)),
      entries_(layout.vectors),
      table_(MemoryRegion::io("msix-table", uint64_t{layout.vectors} * kEntrySize, table_ops_)),
      pending_region_(MemoryRegion::io("msix-pba", pending_bytes(layout.vectors), pending_ops_)) {
    CHECK(layout.vectors >= 1 && layout.vectors <= kMaxVectors, "%u MSI-X vectors", layout.vectors);
    CHECK(layout.bar < 6 && layout.table_offset % 8 == 0 && layout.pending_offset % 8 == 0, "MSI-X layout");
    config.set16(at_ + kControl, static_cast<uint16_t>(layout.vectors - 1));
    config.set_writable(at_ + kControl, static_cast<uint32_t>(FunctionMask::kMask | Enable::kMask), 2);
    config.set32(at_ + kTable, layout.table_offset | layout.bar);
    config.set32(at_ + kPending, layout.pending_offset | layout.bar);
}

bool Msix::enabled() const {
    Locked lock(mutex_);
    return enabled_;
}

std::optional<MsiMessage> Msix::signal(unsigned vector) {
    Locked lock(mutex_);
    CHECK(vector < entries_.size(), "MSI-X vector %u", vector);
    Entry& entry = entries_[vector];
    if (!enabled_) return std::nullopt;
    if (masked(entry)) {
        entry.pending = true;
        return std::nullopt;
    }
    return entry.message;
}

std::vector<MsiMessage> Msix::config_written(const ConfigSpace& config) {
    Locked lock(mutex_);
    const uint16_t control = config.load16(at_ + kControl);
    enabled_ = Enable::test(control);
    function_masked_ = FunctionMask::test(control);
    std::vector<MsiMessage> due;
    for (Entry& entry : entries_) {
        if (!enabled_ || masked(entry) || !entry.pending) continue;
        entry.pending = false;
        due.push_back(entry.message);
    }
    tell_all();
    return due;
}

void Msix::tell_one(unsigned vector) {
    if (sink_ == nullptr) return;
    const Entry& entry = entries_[vector];
    const bool live = enabled_ && master_ && !masked(entry);
    sink_->vector_changed(vector, live ? std::optional(entry.message) : std::nullopt);
}

void Msix::tell_all() {
    if (sink_ == nullptr) return;
    for (unsigned vector = 0; vector < entries_.size(); ++vector)
        tell_one(vector);
    sink_->vectors_settled();
}

void Msix::tell_sink(unsigned vector) {
    Locked lock(mutex_);
    if (sink_ == nullptr) return;
    tell_one(vector);
    sink_->vectors_settled();
}

void Msix::set_sink(VectorSink* sink) {
    Locked lock(mutex_);
    sink_ = sink;
}

void Msix::set_master(bool on) {
    Locked lock(mutex_);
    if (master_ == on) return;
    master_ = on;
    tell_all();
}

void Msix::reset() {
    Locked lock(mutex_);
    for (Entry& entry : entries_)
        entry = {};
    enabled_ = function_masked_ = master_ = false;
    tell_all();
}

uint64_t Msix::TableOps::read(uint64_t offset, unsigned) {
    Locked lock(msix_.mutex_);
    const Entry& entry = msix_.entries_[offset / kEntrySize];
    switch (offset % kEntrySize) {
        case kAddressLow:
            return static_cast<uint32_t>(entry.message.address);
        case kAddressHigh:
            return entry.message.address >> 32;
        case kData:
            return entry.message.data;
        default:
            return entry.control;
    }
}

void Msix::TableOps::write(uint64_t offset, uint64_t value, unsigned) {
    std::optional<MsiMessage> due;
    {
        Locked lock(msix_.mutex_);
        const auto vector = static_cast<unsigned>(offset / kEntrySize);
        Entry& entry = msix_.entries_[vector];
        const uint32_t was = entry.control;
        switch (offset % kEntrySize) {
            case kAddressLow:
                Bits<31, 0>::set(entry.message.address, value & ~uint64_t{3});
                break;
            case kAddressHigh:
                Bits<63, 32>::set(entry.message.address, value);
                break;
            case kData:
                entry.message.data = static_cast<uint32_t>(value);
                break;
            default:
                entry.control = value & 1;
                break;
        }
        if (msix_.enabled_ && entry.pending && !msix_.masked(entry)) {
            entry.pending = false;
            due = entry.message;
        }
        // What is masked and stays so concerns nobody yet.
        if (msix_.sink_ != nullptr && (!msix_.masked(entry) || was != entry.control)) {
            msix_.tell_one(vector);
            msix_.sink_->vectors_settled();
        }
    }
    if (due) msix_.send_(*due);
}

uint64_t Msix::PendingOps::read(uint64_t offset, unsigned size) {
    Locked lock(msix_.mutex_);
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8 * size; ++i) {
        const uint64_t vector = offset * 8 + i;
        if (vector >= msix_.entries_.size()) break;
        const bool waits = msix_.sink_ != nullptr && msix_.sink_->waiting(static_cast<unsigned>(vector));
        if (waits || msix_.entries_[vector].pending) bits |= bit(i);
    }
    return bits;
}

}  // namespace vmm::pci
