// See pci_testdev.h.
#include "hw/misc/pci_testdev.h"

#include <algorithm>

#include "util/align.h"
#include "util/endian.h"
#include "util/text.h"

namespace vmm {

namespace {

constexpr const char* kWays[PciTestDev::kTests] = {"no-eventfd", "wildcard-eventfd", "datamatch-eventfd"};
// What to write: the last test wants its own value.
constexpr uint8_t kAnyValue = 0xce, kOneValue = 0xfa;
constexpr unsigned kDataMatch = 2;
constexpr uint64_t kLeastBar = 16;

uint8_t value_of(unsigned test) {
    return test == kDataMatch ? kOneValue : kAnyValue;
}

}  // namespace

Status PciTestDev::check(const Config& values) {
    if (values.membar != 0 && (!is_power_of_two(values.membar) || values.membar < kLeastBar))
        return Error::make("Parameter 'membar' expects a power of two of at least 16");
    return {};
}

Result<std::unique_ptr<PciTestDev>> PciTestDev::create(const Config& values, DeviceEnv&,
                                                       const std::string& id) {
    return std::make_unique<PciTestDev>(Token{}, values, id);
}

PciTestDev::PciTestDev(Token, const Config& values, const std::string& id)
    : Function({.vendor = pci::kRedHatVendor,
                .device = 0x0005,
                .class_code = 0x00ff00,
                .subsystem_vendor = 0x1af4,
                .subsystem = 0x1100},
               values, id),
      empty_bar_(
          MemoryRegion::container("pci-testdev-membar", std::max<uint64_t>(values.membar, kLeastBar))) {
    add_bar(0, pci::BarKind::Memory32, memory_bar_);
    add_bar(1, pci::BarKind::Io, port_bar_);
    if (values.membar != 0) add_bar(2, pci::BarKind::Prefetchable64, empty_bar_);
    freeze();
}

void PciTestDev::reset_enter() {
    Function::reset_enter();
    Locked lock(mutex());
    for (Bench* bench : {&memory_, &ports_}) {
        bench->chosen.reset();
        bench->count = 0;
    }
}

uint64_t PciTestDev::read(const Bench& bench, uint64_t offset) {
    Locked lock(mutex());
    if (!bench.chosen) return 0;
    const unsigned test = *bench.chosen;
    std::array<uint8_t, 64> header = {};
    header[kTest] = static_cast<uint8_t>(test);
    header[kWidth] = 1;
    store_le_sized(&header[kOffset], bench.first + test, 4);
    store_le_sized(&header[kData], value_of(test), 4);
    store_le_sized(&header[kCount], bench.count, 4);
    const std::string name = strf("%s-%s", bench.kind, kWays[test]);
    std::copy(name.begin(), name.end(), header.begin() + kName);
    return offset < header.size() ? header[offset] : 0;
}

void PciTestDev::write(Bench& bench, uint64_t offset, uint64_t value) {
    Locked lock(mutex());
    if (offset == kTest) {
        // One test at a time, in either BAR.
        memory_.chosen.reset();
        ports_.chosen.reset();
        bench.count = 0;
        if (value < kTests) bench.chosen = static_cast<unsigned>(value);
        return;
    }
    if (!bench.chosen || offset != bench.first + *bench.chosen) return;
    if (*bench.chosen == kDataMatch && value != kOneValue) return;
    ++bench.count;
}

}  // namespace vmm
