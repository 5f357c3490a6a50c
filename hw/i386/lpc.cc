// See lpc.h.
#include "hw/i386/lpc.h"

#include "hw/i386/chipset_ids.h"
#include "system/memory/topology.h"
#include "util/bits.h"

namespace vmm {

namespace {

constexpr unsigned kPmBase = 0x40, kAcpiControl = 0x44, kGpioBase = 0x48, kGpioControl = 0x4c, kPirqA = 0x60,
                   kSerialIrq = 0x64, kPirqE = 0x68, kIoDecode = 0x80, kIoEnable = 0x82,
                   kGenericDecode = 0x84, kGenPmCon1 = 0xa0, kGenPmCon2 = 0xa2, kGenPmCon3 = 0xa4,
                   kGenPmLock = 0xa6, kHubSelect1 = 0xd0, kHubSelect2 = 0xd4, kHubEnable = 0xd8,
                   kBiosControl = 0xdc, kRootComplexBase = 0xf0;

struct Register {
    uint8_t offset;
    uint8_t size;
    uint32_t writable;
    uint32_t reset;
};
constexpr Register kRegisters[] = {
    {kPmBase, 4, 0xff80, 1},
    {kAcpiControl, 1, 0x87, 0},
    {kGpioBase, 4, 0xffc0, 1},
    {kGpioControl, 1, 0x10, 0},
    {kPirqA, 4, 0x8f8f8f8f, 0x80808080},
    {kSerialIrq, 1, 0xc3, 0x10},
    {kPirqE, 4, 0x8f8f8f8f, 0x80808080},
    {kIoDecode, 2, 0x1377, 0},
    {kIoEnable, 2, 0x3f0f, 0},
    {kGenericDecode, 4, 0x00fcfffd, 0},
    {kGenericDecode + 4, 4, 0x00fcfffd, 0},
    {kGenericDecode + 8, 4, 0x00fcfffd, 0},
    {kGenericDecode + 12, 4, 0x00fcfffd, 0},
    {kGenPmCon1, 2, 0x04b7, 0},
    {kGenPmCon2, 1, 0x80, 0},
    {kGenPmCon3, 1, 0xfd, 0},
    {kGenPmLock, 1, 0x06, 0},
    {kHubSelect1, 4, 0xffffffff, 0x00112233},
    {kHubSelect2, 2, 0xffff, 0x4567},
    {kHubEnable, 2, 0x7fcf, 0xffcf},
    {kBiosControl, 1, 0x0f, 0},
    {kRootComplexBase, 4, 0xffffc001, 0},
};

using AcpiEnable = Bits<7>;
using SciSelect = Bits<2, 0>;
using SmiLock = Bits<4>;  // in GEN_PMCON_1
constexpr int kWindowPriority = 1;

pci::Identity identity() {
    return {.vendor = kIntelVendor,
            .device = kIch9LpcDevice,
            .class_code = 0x060100,
            .revision = kIch9Revision,
            .subsystem_vendor = kBoardSubsystemVendor,
            .subsystem = kBoardSubsystem,
            .multifunction = true};
}

}  // namespace

std::optional<unsigned> sci_gsi_of(uint8_t acpi_control) {
    const auto select = static_cast<unsigned>(SciSelect::get(acpi_control));
    if (select == 3) return std::nullopt;
    return select < 3 ? 9 + select : 16 + select;
}

Status Lpc::check(const Config& values) {
    if (values.disable_s3 != 1 || values.disable_s4 != 1)
        return Error::make("ICH9-LPC: the machine cannot suspend: disable_s3 and disable_s4 are 1");
    return {};
}

Lpc::Lpc(const Config& values, const Places& places)
    : Function(identity(), ""),
      places_(places),
      pm_(values.acpi_mode, places.topology, places.io, places.clock, places.requests,
          IrqLine(places.router, 0), [this] { return chipset_.no_reboot(); }),
      apm_(pm_),
      reset_control_(places.requests),
      chipset_(places.router, values.no_reboot),
      chipset_window_(MemoryRegion::io("lpc-rcrb-mmio", ChipsetRegisters::kWindowSize, chipset_)) {
    Locked lock(mutex());
    places_.topology.set_enabled(chipset_window_, false);
    places_.topology.add(places_.system, chipset_window_, 0, kWindowPriority);
    places_.topology.add(places_.io, apm_.region(), kApmPort);
    set_up_registers();
    config().freeze_reset_values();
    update_all();
}

void Lpc::set_up_registers() {
    config().set16(pci::kCommand, pci::kCommandIo | pci::kCommandMemory | pci::kCommandMaster);  // wired
    config().set_writable(pci::kCommand, pci::kCommandParity | pci::kCommandSerr, 2);
    for (const Register& r : kRegisters) {
        config().set(r.offset, r.reset, r.size);
        config().set_writable(r.offset, r.writable, r.size);
    }
}

void Lpc::reset_enter() {
    Function::reset_enter();
    {
        Locked lock(mutex());
        set_up_registers();
    }
    pm_.reset_enter();
    apm_.reset();
    reset_control_.reset();
}

void Lpc::reset_hold() {
    Function::reset_hold();
    chipset_.reset();
    {
        Locked lock(mutex());
        update_all();
    }
    pm_.reset_hold();
}

void Lpc::config_changed(unsigned offset, unsigned size) {
    if (touches(offset, size, kPmBase, 5)) update_pm();
    if (touches(offset, size, kPirqA, 4) || touches(offset, size, kPirqE, 4)) update_routes();
    if (touches(offset, size, kGenPmCon1, 1)) lock_smi();
    if (touches(offset, size, kRootComplexBase, 4)) update_chipset_window();
}

void Lpc::update_all() {
    update_pm();
    update_routes();
    update_chipset_window();
    lock_smi();
}

void Lpc::update_pm() {
    const uint8_t control = config().load8(kAcpiControl);
    const auto base = static_cast<uint16_t>(config().load32(kPmBase) & ~1u);
    const bool shown = AcpiEnable::test(control) && base != 0;
    pm_.place(shown ? std::optional(base) : std::nullopt);
    places_.router.set_sci_gsi(sci_gsi_of(control));
}

void Lpc::update_routes() {
    PirqRoutes routes;
    for (unsigned i = 0; i < kPirqs / 2; ++i) {
        routes[i] = config().load8(kPirqA + i);
        routes[kPirqs / 2 + i] = config().load8(kPirqE + i);
    }
    places_.router.set_routes(routes);
}

void Lpc::update_chipset_window() {
    const uint32_t value = config().load32(kRootComplexBase);
    Topology::Transaction transaction(places_.topology);
    places_.topology.set_enabled(chipset_window_, (value & 1) != 0);
    places_.topology.set_offset(chipset_window_, value & ~1u);
}

// The lock holds until reset.
void Lpc::lock_smi() {
    const uint16_t value = config().load16(kGenPmCon1);
    if (SmiLock::test(value)) config().set_writable(kGenPmCon1, 0x04b7 & ~SmiLock::kMask, 2);
    pm_.lock_smi(SmiLock::test(value));
}

}  // namespace vmm
