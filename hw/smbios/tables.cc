#include "hw/smbios/tables.h"

#include <algorithm>
#include <cstring>

#include "hw/smbios/structures.h"
#include "util/align.h"
#include "util/check.h"
#include "util/endian.h"
#include "util/text.h"

namespace vmm::smbios {

namespace {

// Handles: the type in the high byte, as the tools of this trade are used to.
constexpr uint16_t kBios = 0x000, kSystem = 0x100, kBaseboard = 0x200, kChassis = 0x300, kProcessor = 0x400,
                   kPort = 0x800, kSlot = 0x900, kOemStrings = 0xe00, kOnboard = 0x2900,
                   kMemoryArray = 0x1000, kMemoryDevice = 0x1100, kMappedArray = 0x1300, kBootStatus = 0x2000,
                   kEnd = 0x7f00;
constexpr uint16_t kNoHandle = 0xffff, kNoErrorInformation = 0xfffe;
constexpr uint8_t kUnknown = 2, kSafe = 3;
constexpr uint64_t kDimmSize = 16 * kGiB;  // more RAM than 64 of these makes the modules larger
constexpr unsigned kMaxDimms = 64;
constexpr uint16_t kExtendedSize = 0x7fff;  // MiB; the size is in the extended field
constexpr unsigned kMaxSockets28 = 512;     // more do not fit the 64 KiB of a 2.8 table
constexpr size_t kMaxTables28 = 0xffff;
constexpr uint32_t kSumStart28 = 0x10;  // the "intermediate" part of a 2.x entry point

class Builder {
  public:
    explicit Builder(const Config& config)
        : c_(config),
          s_(config.settings),
          v30_(s_.entry_point == EntryPoint::V30 ||
               (s_.entry_point == EntryPoint::Auto && config.processors.sockets > kMaxSockets28)) {}
    Result<Image> run();

  private:
    void add(const Structure& s) {
        std::vector<uint8_t> bytes = s.finish();
        // The user's own take the place of ours.
        if (!s_.structures.contains(bytes[0])) add(bytes);
    }
    void add(const std::vector<uint8_t>& bytes) {
        largest_ = std::max(largest_, bytes.size());
        tables_.insert(tables_.end(), bytes.begin(), bytes.end());
        ++count_;
    }
    void add_bios(const Bios& bios);
    void add_system();
    void add_baseboard(const Baseboard& board);
    void add_chassis();
    void add_processor(unsigned index);
    void add_places();
    void add_oem_strings();
    void add_memory();
    void add_mapped(unsigned index, const Region& region, unsigned dimms);
    std::vector<uint8_t> anchor() const;

    const Config& c_;
    const Settings& s_;
    bool v30_;
    std::vector<uint8_t> tables_;
    size_t largest_ = 0;
    uint16_t count_ = 0;
};

void Builder::add_bios(const Bios& bios) {
    Structure s(0, kBios);
    s.text(bios.vendor).text(bios.version).u16(0xe800).text(bios.date).u8(0);
    s.u64(1u << 3);  // characteristics: none are said
    // A virtual machine; targeted content distribution.
    s.u8(0).u8(static_cast<uint8_t>(1u << 4 | 1u << 2 | (bios.uefi ? 1u << 3 : 0)));
    const std::pair<uint8_t, uint8_t> release = bios.release.value_or(std::pair<uint8_t, uint8_t>());
    s.u8(release.first).u8(release.second).u8(0xff).u8(0xff);  // of the firmware, of no controller
    add(s);
}

void Builder::add_system() {
    const System& sys = s_.system;
    Structure s(1, kSystem);
    s.text(sys.manufacturer).text(sys.product).text(sys.version).text(sys.serial);
    s.raw(sys.uuid.mixed_endian());
    s.u8(6);  // woken by the power switch
    s.text(sys.sku).text(sys.family);
    add(s);
}

void Builder::add_baseboard(const Baseboard& board) {
    Structure s(2, kBaseboard);
    s.text(board.manufacturer).text(board.product).text(board.version).text(board.serial).text(board.asset);
    s.u8(1).text(board.location);  // hosts the processors
    s.u16(kChassis).u8(0x0a).u8(0);
    add(s);
}

void Builder::add_chassis() {
    const Chassis& chassis = s_.chassis;
    Structure s(3, kChassis);
    s.text(chassis.manufacturer).u8(1).text(chassis.version);  // kind: other
    s.text(chassis.serial).text(chassis.asset).u8(kSafe).u8(kSafe).u8(kSafe).u8(kUnknown);
    s.u32(0).u8(0).u8(0).u8(0).u8(0).text(chassis.sku);
    add(s);
}

void Builder::add_processor(unsigned index) {
    const Sockets& p = c_.processors;
    auto small = [](unsigned n) { return static_cast<uint8_t>(n > 255 ? 0xff : n); };
    Structure s(4, static_cast<uint16_t>(kProcessor + index));
    const Processor& about = s_.processor;
    s.text(strf("%s %u", about.socket_prefix.c_str(), index));
    s.u8(3).u8(1).text(about.manufacturer);  // central processor; other family
    s.u64(about.id.value_or(uint64_t{p.cpuid_edx} << 32 | p.cpuid_eax));
    s.text(about.version).u8(0).u16(0);  // voltage, external clock: unknown
    s.u16(about.max_mhz).u16(about.current_mhz);
    s.u8(0x41).u8(1);                                // socket populated and enabled; upgrade: other
    s.u16(kNoHandle).u16(kNoHandle).u16(kNoHandle);  // caches
    s.text(about.serial).text(about.asset).text(about.part);
    s.u8(small(p.cores)).u8(small(p.cores)).u8(small(p.threads));
    s.u16(1u << 2).u16(1);  // 64-bit capable; family 2: other
    if (v30_) {
        const uint16_t cores = static_cast<uint16_t>(p.cores), threads = static_cast<uint16_t>(p.threads);
        s.u16(cores).u16(cores).u16(threads);
    }
    add(s);
}

// Connectors, slots and what is soldered in.
void Builder::add_places() {
    for (size_t i = 0; i < s_.ports.size(); ++i) {
        const Port& port = s_.ports[i];
        Structure s(8, static_cast<uint16_t>(kPort + i));
        s.text(port.internal_reference).u8(0).text(port.external_reference).u8(port.connector).u8(port.kind);
        add(s);
    }
    for (size_t i = 0; i < s_.slots.size(); ++i) {
        const Slot& slot = s_.slots[i];
        Structure s(9, static_cast<uint16_t>(kSlot + i));
        s.text(slot.designation).u8(slot.kind).u8(slot.width).u8(slot.usage).u8(slot.length).u16(slot.id);
        s.u8(slot.characteristics1).u8(slot.characteristics2);
        s.u16(0).u8(slot.place.bus).u8(slot.place.devfn);
        add(s);
    }
    for (size_t i = 0; i < s_.onboard.size(); ++i) {
        const Onboard& device = s_.onboard[i];
        Structure s(41, static_cast<uint16_t>(kOnboard + i));
        s.text(device.designation)
            .u8(static_cast<uint8_t>(0x80 | device.kind))
            .u8(device.instance);  // enabled
        s.u16(0).u8(device.place.bus).u8(device.place.devfn);
        add(s);
    }
}

void Builder::add_oem_strings() {
    if (s_.oem_strings.empty()) return;
    Structure s(11, kOemStrings);
    s.u8(static_cast<uint8_t>(s_.oem_strings.size()));
    for (const std::string& string : s_.oem_strings)
        s.note(string);
    add(s);
}

void Builder::add_memory() {
    const uint64_t kib = c_.ram_size / kKiB;
    const uint64_t dimm_size = std::max(kDimmSize, align_up(c_.ram_size / kMaxDimms, kGiB));
    const unsigned dimms =
        static_cast<unsigned>(std::max<uint64_t>(1, (c_.ram_size + dimm_size - 1) / dimm_size));
    const bool extended = kib >= 0x80000000;
    Structure array(16, kMemoryArray);
    array.u8(1).u8(3).u8(6);  // other location, system memory, multi-bit ECC
    array.u32(extended ? 0x80000000 : static_cast<uint32_t>(kib)).u16(kNoErrorInformation);
    array.u16(static_cast<uint16_t>(dimms)).u64(extended ? c_.ram_size : 0);
    add(array);
    for (unsigned i = 0; i < dimms; ++i) {
        const uint64_t mib = std::min(dimm_size, c_.ram_size - i * dimm_size) / kMiB;
        Structure s(17, static_cast<uint16_t>(kMemoryDevice + i));
        s.u16(kMemoryArray).u16(kNoErrorInformation).u16(0xffff).u16(0xffff);              // widths unknown
        s.u16(static_cast<uint16_t>(std::min<uint64_t>(mib, kExtendedSize))).u8(9).u8(0);  // DIMM, in no set
        const Memory& about = s_.memory;
        s.text(strf("%s %u", about.locator_prefix.c_str(), i)).text(about.bank);
        s.u8(7).u16(1u << 1).u16(about.mhz);  // RAM, other
        s.text(about.manufacturer).text(about.serial).text(about.asset).text(about.part).u8(0);
        s.u32(mib >= kExtendedSize ? static_cast<uint32_t>(mib) : 0);
        s.u16(about.mhz).u16(0).u16(0).u16(0);  // voltages unknown
        add(s);
    }
    for (size_t i = 0; i < c_.regions.size(); ++i)
        add_mapped(static_cast<unsigned>(i), c_.regions[i], dimms);
}

void Builder::add_mapped(unsigned index, const Region& r, unsigned dimms) {
    const uint64_t last_kib = (r.base + r.size) / kKiB - 1;
    const bool extended = last_kib >= 0xffffffff;
    Structure s(19, static_cast<uint16_t>(kMappedArray + index));
    s.u32(extended ? 0xffffffff : static_cast<uint32_t>(r.base / kKiB));
    s.u32(extended ? 0xffffffff : static_cast<uint32_t>(last_kib));
    s.u16(kMemoryArray).u8(static_cast<uint8_t>(std::min(dimms, 255u)));
    s.u64(extended ? r.base : 0).u64(extended ? r.base + r.size - 1 : 0);
    add(s);
}

std::vector<uint8_t> Builder::anchor() const {
    std::vector<uint8_t> a(v30_ ? 24 : 31);
    const uint32_t length = static_cast<uint32_t>(tables_.size());
    if (v30_) {
        std::memcpy(a.data(), "_SM3_", 5);
        a[6] = 24;
        a[7] = 3;  // 3.0
        a[10] = 1;
        store_le<uint32_t>(&a[12], length);
        return a;
    }
    std::memcpy(a.data(), "_SM_", 4);
    a[5] = 31;
    a[6] = 2;
    a[7] = 8;
    store_le<uint16_t>(&a[8], static_cast<uint16_t>(largest_));
    std::memcpy(&a[kSumStart28], "_DMI_", 5);
    store_le<uint16_t>(&a[22], static_cast<uint16_t>(length));
    store_le<uint16_t>(&a[28], count_);
    a[30] = 0x28;
    return a;
}

Result<Image> Builder::run() {
    for (const auto& [type, bytes] : s_.structures)
        add(bytes);
    if (s_.bios) add_bios(*s_.bios);
    add_system();
    if (s_.baseboard) add_baseboard(*s_.baseboard);
    add_chassis();
    for (unsigned i = 0; i < c_.processors.sockets; ++i)
        add_processor(i);
    add_places();
    add_oem_strings();
    add_memory();
    add(Structure(32, kBootStatus).raw(std::vector<uint8_t>(7)));  // no errors
    add(Structure(127, kEnd));
    if (!v30_ && tables_.size() > kMaxTables28)
        return Error::make("the SMBIOS structures have %zu bytes, a 32-bit entry point takes %zu",
                           tables_.size(), kMaxTables28)
            .with_hint("use -machine smbios-entry-point-type=64");
    return Image{tables_, anchor()};
}

void sum(std::vector<uint8_t>& a, size_t start, size_t at) {
    unsigned total = 0;
    for (size_t i = start; i < a.size(); ++i)
        total += a[i];
    a[at] = static_cast<uint8_t>(a[at] - total);
}

}  // namespace

Result<Image> build(const Config& config) {
    Result<Image> built = Builder(config).run();
    if (built || config.settings.entry_point != EntryPoint::Auto) return built;
    Config large = config;
    large.settings.entry_point = EntryPoint::V30;
    return Builder(large).run();
}

std::vector<uint8_t> placed_anchor(const Image& image, uint64_t tables_gpa) {
    std::vector<uint8_t> a = image.anchor;
    if (a.size() == 24) {
        store_le<uint64_t>(&a[16], tables_gpa);
        sum(a, 0, 5);
        return a;
    }
    CHECK(tables_gpa >> 32 == 0, "SMBIOS 2.8 tables above 4 GiB");
    store_le<uint32_t>(&a[24], static_cast<uint32_t>(tables_gpa));
    sum(a, kSumStart28, 21);
    sum(a, 0, 4);
    return a;
}

}  // namespace vmm::smbios
