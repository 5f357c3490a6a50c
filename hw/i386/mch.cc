// See mch.h.
#include "hw/i386/mch.h"

#include <algorithm>

#include "hw/i386/chipset_ids.h"
#include "hw/i386/q35_map.h"
#include "system/memory/topology.h"
#include "util/bits.h"
#include "util/log.h"

namespace vmm {

using namespace mch;

namespace {

constexpr int kEcamPriority = 1;
constexpr uint64_t kHighSmramBase = 0xfeda0000;
constexpr uint16_t kExtendedTsegQuery = 0xffff;
constexpr uint32_t kPciExBarWritableLow = 0xfc000007, kPciExBarWritableHigh = 0xf;

pci::Identity identity() {
    return {.vendor = kIntelVendor,
            .device = kQ35MchDevice,
            .class_code = 0x060000,
            .subsystem_vendor = kBoardSubsystemVendor,
            .subsystem = kBoardSubsystem};
}

}  // namespace

Status Mch::check(const Config& values) {
    constexpr unsigned kMostMib = 0xfff;
    if (values.extended_tseg_mib > kMostMib)
        return Error::make("Parameter 'extended-tseg-mbytes' expects 0 to %u, not %u", kMostMib,
                           values.extended_tseg_mib);
    return {};
}

uint64_t Mch::BlackHole::read(uint64_t, unsigned size) {
    return all_ones(size);
}

void Mch::BlackHole::write(uint64_t offset, uint64_t, unsigned) {
    log_guest_error("write to SMRAM offset 0x%llx outside SMM", static_cast<unsigned long long>(offset));
}

Mch::Mch(const Config& values, const Places& places)
    : Function(identity(), ""),
      config_values_(values),
      places_(places),
      pam_(places.topology, places.system, places.ram, places.pci),
      legacy_pci_(MemoryRegion::alias("smram-region", places.pci, kVgaWindowBase, kVgaWindowSize)),
      high_smram_(MemoryRegion::alias("smram-open-high", places.ram, kVgaWindowBase, kVgaWindowSize)),
      tseg_(MemoryRegion::io("tseg-blackhole", kMiB, black_hole_)),
      smbase_(MemoryRegion::io("smbase-blackhole", kSmbaseWindowSize, black_hole_)) {
    Locked lock(mutex());
    config().set16(pci::kCommand, pci::kCommandMemory | pci::kCommandMaster);  // wired
    config().set_writable(pci::kCommand, pci::kCommandSerr, 2);
    config().set32(kPciExBar, static_cast<uint32_t>(kEcamBase));
    config().set8(kSmram, kSmramReset);
    config().set8(kEsmramc, kEsmramcReset);
    set_masks();

    Topology& topology = places_.topology;
    Topology::Transaction transaction(topology);
    MemoryRegion& ecam = places_.ecam.region();
    topology.set_enabled(ecam, false);
    topology.add(places_.system, ecam, kEcamBase, kEcamPriority);
    if (config_values_.smm_ranges) {
        topology.add(places_.system, legacy_pci_, kVgaWindowBase, kSmramPriority);
        topology.add(places_.system, high_smram_, kHighSmramBase, kSmramPriority);
        topology.add(places_.system, tseg_, 0, kSmramPriority);
        topology.add(places_.system, smbase_, kSmbaseWindow, kSmramPriority);
        topology.set_enabled(smbase_, false);
        show({});
    }
    config().freeze_reset_values();
}

Mch::~Mch() {
    places_.topology.remove(places_.ecam.region());
}

void Mch::set_masks() {
    config().set_writable(kPciExBar, kPciExBarWritableLow, 4);
    config().set_writable(kPciExBar + 4, kPciExBarWritableHigh, 4);
    for (unsigned reg = 0; reg < kPamRegisters; ++reg)
        config().set_writable(kPam0 + reg, pam_writable(reg), 1);
    if (!config_values_.smm_ranges) return;
    if (config_values_.extended_tseg_mib != 0) config().set_writable(kExtendedTseg, 0xffff, 2);
    config().set_writable(kSmbase, 0xff, 1);
    config().set_writable(kSmram, kSmramWritable, 1);
    config().set_writable(kEsmramc, kEsmramcWritable, 1);
}

void Mch::reset_enter() {
    Function::reset_enter();
    Locked lock(mutex());
    set_masks();
    smbase_asked_ = false;
}

void Mch::reset_hold() {
    Function::reset_hold();
    Locked lock(mutex());
    update_ecam();
    update_pam();
    if (!config_values_.smm_ranges) return;
    update_smram();
    update_smbase();
}

void Mch::config_changed(unsigned offset, unsigned size) {
    if (touches(offset, size, kPciExBar, 8)) update_ecam();
    if (touches(offset, size, kPam0, kPamRegisters)) update_pam();
    if (!config_values_.smm_ranges) return;
    if (touches(offset, size, kExtendedTseg, 2)) answer_extended_tseg();
    if (touches(offset, size, kSmram, 2)) update_smram();
    if (config_values_.smbase_smram && touches(offset, size, kSmbase, 1)) update_smbase();
}

// Until it is asked for, whatever is written is dropped; once locked, it is so until reset.
void Mch::update_smbase() {
    const uint8_t value = config().load8(kSmbase);
    const bool locked = (value & kSmbaseLock) != 0 && value != kSmbaseQuery && smbase_asked_;
    if (value == kSmbaseQuery && !smbase_asked_) {
        smbase_asked_ = true;
        config().set_writable(kSmbase, kSmbaseLock, 1);
        config().set8(kSmbase, kSmbaseInRam);
    } else if (!smbase_asked_) {
        config().set8(kSmbase, 0);
    } else if (locked) {
        config().set_writable(kSmbase, 0, 1);
        config().set8(kSmbase, kSmbaseLock);
    }
    places_.topology.set_enabled(smbase_, locked);
}

void Mch::update_ecam() {
    const uint64_t written = config().load32(kPciExBar) | uint64_t{config().load32(kPciExBar + 4)} << 32;
    const uint64_t value = normalize_pciexbar(written);
    config().set32(kPciExBar, static_cast<uint32_t>(value));
    config().set32(kPciExBar + 4, static_cast<uint32_t>(value >> 32));
    const std::optional<GpaRange> window = ecam_window(value);
    if (!window && (value & 1) != 0)
        log_guest_error("host bridge: reserved PCIEXBAR length in 0x%llx",
                        static_cast<unsigned long long>(value));
    Topology::Transaction transaction(places_.topology);
    places_.topology.set_enabled(places_.ecam.region(), window.has_value());
    if (!window) return;
    places_.topology.set_offset(places_.ecam.region(), window->first().raw());
    places_.topology.set_size(places_.ecam.region(), window->size());
}

void Mch::update_pam() {
    std::array<uint8_t, kPamRegisters> registers;
    for (unsigned reg = 0; reg < kPamRegisters; ++reg)
        registers[reg] = config().load8(kPam0 + reg);
    pam_.apply(registers);
}

void Mch::answer_extended_tseg() {
    if (config().load16(kExtendedTseg) == kExtendedTsegQuery)
        config().set16(kExtendedTseg, config_values_.extended_tseg_mib);
}

void Mch::update_smram() {
    uint8_t smram = config().load8(kSmram);
    if ((smram & kLock) != 0) {
        smram &= static_cast<uint8_t>(~kOpen);
        config().set8(kSmram, smram);
        config().set_writable(kSmram, kSmramUnlocked, 1);
        config().set_writable(kEsmramc, 0, 1);
    }
    show(smram_view(smram, config().load8(kEsmramc), config_values_.extended_tseg_mib * kMiB));
}

void Mch::show(const SmramView& view) {
    Topology& topology = places_.topology;
    Topology::Transaction transaction(topology);
    topology.set_enabled(legacy_pci_, !view.legacy_is_ram);
    topology.set_enabled(high_smram_, view.high_is_ram);
    const uint64_t tseg_size = std::min(view.tseg_size, config_values_.low_ram_size);
    topology.set_enabled(tseg_, tseg_size != 0);
    if (tseg_size == 0) return;
    topology.set_offset(tseg_, config_values_.low_ram_size - tseg_size);
    topology.set_size(tseg_, tseg_size);
}

}  // namespace vmm
