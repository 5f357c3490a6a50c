// fw_cfg; see fw_cfg.h.
#include "hw/nvram/fw_cfg.h"

#include <algorithm>
#include <array>
#include <span>

#include "system/memory/dma_space.h"
#include "system/memory/topology.h"
#include "util/bits.h"
#include "util/endian.h"
#include "util/log.h"

namespace vmm {

namespace {

constexpr uint64_t kDmaSignature = 0x51454d5520434647;  // "QEMU CFG", read from the DMA register
constexpr uint32_t kFeatures = 3;                       // bit 0: the selector interface, bit 1: DMA
constexpr uint32_t kControlError = 1u << 0;
constexpr uint32_t kControlRead = 1u << 1;
constexpr uint32_t kControlSkip = 1u << 2;
constexpr uint32_t kControlSelect = 1u << 3;
constexpr uint32_t kControlWrite = 1u << 4;
// How many bytes one request may ask for past the end of an item (they read as zero).
constexpr uint32_t kMostPastTheEnd = 16u << 20;

// The request in guest memory; every field is big-endian.
struct DmaRequest {
    std::array<uint8_t, 4> control;
    std::array<uint8_t, 4> length;
    std::array<uint8_t, 8> address;
};
static_assert(sizeof(DmaRequest) == 16);

}  // namespace

FwCfg::FwCfg(Topology& topology, MemoryRegion& io_root, DmaSpace& dma)
    : topology_(topology),
      dma_(dma),
      registers_region_(MemoryRegion::io("fwcfg", 2, registers_)),
      dma_region_(MemoryRegion::io("fwcfg.dma", 8, dma_register_)) {
    items_.set(FwCfgKey::Signature, {'Q', 'E', 'M', 'U'});
    items_.set_number(FwCfgKey::Id, kFeatures, 4);
    Topology::Transaction transaction(topology_);
    topology_.add(io_root, registers_region_, kSelectorPort);
    topology_.add(io_root, dma_region_, kDmaPort);
}

FwCfg::~FwCfg() {
    Topology::Transaction transaction(topology_);
    topology_.remove(registers_region_);
    topology_.remove(dma_region_);
}

void FwCfg::reset_hold() {
    Locked lock(mutex_);
    select(static_cast<uint16_t>(FwCfgKey::Signature));
    dma_address_ = 0;
}

void FwCfg::select(uint16_t key) {
    position_ = 0;
    item_ = items_.find(key);
}

uint8_t FwCfg::read_byte() {
    if (item_ == nullptr || position_ >= item_->bytes.size()) return 0;
    return item_->bytes[position_++];
}

uint64_t FwCfg::read_registers(uint64_t offset, unsigned size) {
    // Data comes a byte at a time from 0x511; the selector reads as nothing.
    if (offset != 1 || size != 1) return all_ones(size);
    Locked lock(mutex_);
    return read_byte();
}

void FwCfg::write_registers(uint64_t offset, uint64_t value, unsigned size) {
    if (offset != 0 || size != 2) {
        log_guest_error("fw_cfg: write of %u bytes at port 0x%x, only the 16-bit selector can be written",
                        size, static_cast<unsigned>(kSelectorPort + offset));
        return;
    }
    Locked lock(mutex_);
    select(static_cast<uint16_t>(value));
}

uint64_t FwCfg::read_dma_register(uint64_t offset, unsigned size) {
    std::array<uint8_t, 8> bytes;
    store_be(bytes.data(), kDmaSignature);
    return offset + size <= bytes.size() ? load_le_sized(bytes.data() + offset, size) : all_ones(size);
}

void FwCfg::write_dma_register(uint64_t offset, uint64_t value, unsigned size) {
    FwCfgItem* written = nullptr;
    {
        Locked lock(mutex_);
        std::array<uint8_t, 8> bytes;
        store_be(bytes.data(), dma_address_);
        if (offset + size > bytes.size()) return;
        store_le_sized(bytes.data() + offset, value, size);
        dma_address_ = load_be<uint64_t>(bytes.data());
        if (offset + size < bytes.size()) return;  // the low half starts it
        written = run_dma(Gpa(dma_address_));
        dma_address_ = 0;
    }
    if (written != nullptr) written->written();
}

FwCfgItem* FwCfg::run_dma(Gpa request) {
    DmaRequest raw = {};
    if (!dma_.read(request, writable_bytes_of(raw))) {
        log_guest_error("fw_cfg: DMA request at 0x%llx is not in RAM",
                        static_cast<unsigned long long>(request.raw()));
        return nullptr;
    }
    auto control = load_be<uint32_t>(raw.control.data());
    auto length = load_be<uint32_t>(raw.length.data());
    Gpa address(load_be<uint64_t>(raw.address.data()));
    if ((control & kControlSelect) != 0) select(static_cast<uint16_t>(control >> 16));
    bool good = true;
    FwCfgItem* written = nullptr;
    if ((control & kControlRead) != 0) {
        good = dma_read(address, length);
    } else if ((control & kControlWrite) != 0) {
        good = dma_write(address, length);
        if (good) written = item_;
    } else if ((control & kControlSkip) != 0 && item_ != nullptr) {
        uint64_t end = item_->bytes.size();
        position_ = static_cast<uint32_t>(std::min<uint64_t>(uint64_t{position_} + length, end));
    }
    if (!good)
        log_guest_error("fw_cfg: DMA of %u bytes at 0x%llx failed", length,
                        static_cast<unsigned long long>(address.raw()));
    std::array<uint8_t, 4> answer;
    store_be(answer.data(), good ? uint32_t{0} : kControlError);
    (void)static_cast<bool>(dma_.write(request, answer));
    return written;
}

bool FwCfg::dma_read(Gpa to, uint32_t length) {
    uint32_t there = 0;
    if (item_ != nullptr && position_ < item_->bytes.size()) {
        there = static_cast<uint32_t>(std::min<uint64_t>(item_->bytes.size() - position_, length));
        if (!dma_.write(to, std::span(item_->bytes).subspan(position_, there))) return false;
        position_ += there;
    }
    uint32_t rest = length - there;
    if (rest > kMostPastTheEnd) return false;
    static constexpr std::array<uint8_t, 4096> kZeros = {};
    for (uint64_t at = to.raw() + there; rest > 0;) {
        uint32_t piece = std::min<uint32_t>(rest, kZeros.size());
        if (!dma_.write(Gpa(at), std::span(kZeros).first(piece))) return false;
        at += piece;
        rest -= piece;
    }
    return true;
}

bool FwCfg::dma_write(Gpa from, uint32_t length) {
    if (item_ == nullptr || !item_->writable() || length > item_->bytes.size() - position_) return false;
    if (!dma_.read(from, std::span(item_->bytes).subspan(position_, length))) return false;
    position_ += length;
    return true;
}

}  // namespace vmm
