// Loads a kernel for its Multiboot 1 entry: segments, modules on page boundaries, the information structure
// with memory sizes, map, command line and modules (GNU Multiboot Specification 0.6.96, 3.2 and 3.3): 32-bit
// flat protected mode, EAX = magic, EBX = information. See direct_boot.h.
#include <algorithm>

#include "hw/i386/boot_places.h"
#include "hw/i386/direct_boot_priv.h"
#include "hw/i386/firmware_code.h"
#include "hw/i386/low_memory.h"
#include "hw/i386/multiboot_image.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm {

namespace {

constexpr uint32_t kLoaderMagic = 0x2badb002;
constexpr uint32_t kHasMemory = 1u << 0, kHasCommandLine = 1u << 2, kHasModules = 1u << 3, kHasMap = 1u << 6,
                   kHasName = 1u << 9;
constexpr size_t kInfoSize = 88, kModuleSize = 16, kMapEntrySize = 24;
constexpr char kLoaderName[] = "penumbra";

// The parts that low memory holds, one after the other.
class InfoWriter {
  public:
    explicit InfoWriter(GuestWriter& guest) : guest_(guest) {}
    Result<uint32_t> put(std::span<const uint8_t> bytes) {
        const uint64_t at = align_up(next_, 8);
        if (at + bytes.size() > low_memory::kCommandLine + low_memory::kMaxCommandLine)
            return Error::make("the multiboot information does not fit (command lines, modules)");
        TRY(guest_.write(at, bytes));
        next_ = at + bytes.size();
        return static_cast<uint32_t>(at);
    }
    Result<uint32_t> put(const std::string& text) {
        std::vector<uint8_t> bytes(text.begin(), text.end());
        bytes.push_back(0);
        return put(bytes);
    }

  private:
    GuestWriter& guest_;
    uint64_t next_ = low_memory::kCommandLine;
};

std::vector<uint8_t> memory_map(const E820Map& e820) {
    std::vector<uint8_t> bytes(e820.size() * kMapEntrySize);
    for (size_t i = 0; i < e820.size(); ++i) {
        uint8_t* at = &bytes[i * kMapEntrySize];
        store_le<uint32_t>(at, kMapEntrySize - 4);  // the size field does not count itself
        store_le<uint64_t>(at + 4, e820[i].base);
        store_le<uint64_t>(at + 12, e820[i].size);
        store_le<uint32_t>(at + 20, static_cast<uint32_t>(e820[i].type));
    }
    return bytes;
}

// The modules' entries; they lie from the end of usable RAM downwards, none in the kernel's way.
Result<std::vector<uint8_t>> place_modules(const DirectBoot& boot, const BootPlan& plan, BootRange kernel,
                                           InfoWriter& info, GuestWriter& guest) {
    std::vector<uint8_t> entries(boot.modules.size() * kModuleSize);
    BootRange room = plan.ram;
    for (size_t i = 0; i < boot.modules.size(); ++i) {
        const BootModule& module = boot.modules[i];
        uint64_t at = room.end();
        if (!module.bytes.empty()) {
            at = TRY(place_high(room, 0xffffffff, kernel, module.bytes.size(), "multiboot module"));
            TRY(guest.write(at, module.bytes));
            room.size = at - room.base;
        }
        store_le<uint32_t>(&entries[i * kModuleSize], static_cast<uint32_t>(at));
        store_le<uint32_t>(&entries[i * kModuleSize + 4], static_cast<uint32_t>(at + module.bytes.size()));
        store_le<uint32_t>(&entries[i * kModuleSize + 8], TRY(info.put(module.text)));
    }
    return entries;
}

Result<uint32_t> write_info(const DirectBoot& boot, const BootPlan& plan, BootRange kernel,
                            GuestWriter& guest) {
    InfoWriter info(guest);
    uint8_t fields[kInfoSize] = {};
    auto set = [&fields](size_t at, uint64_t value) {
        store_le<uint32_t>(&fields[at], static_cast<uint32_t>(value));
    };
    set(0, kHasMemory | kHasCommandLine | kHasMap | kHasName | (boot.modules.empty() ? 0 : kHasModules));
    set(4, low_memory::kEbda / kKiB);
    set(8, (plan.ram.end() - kMiB) / kKiB);
    set(16, TRY(info.put(boot.command_line)));
    const std::vector<uint8_t> modules = TRY(place_modules(boot, plan, kernel, info, guest));
    set(20, boot.modules.size());
    set(24, modules.empty() ? 0 : TRY(info.put(modules)));
    const std::vector<uint8_t> map = memory_map(plan.e820);
    set(44, map.size());
    set(48, TRY(info.put(map)));
    set(64, TRY(info.put(std::string(kLoaderName))));
    return info.put(fields);
}

}  // namespace

Result<BootState> load_multiboot(const DirectBoot& boot, const BootPlan& plan, GuestWriter& guest) {
    if (!boot.dtb.empty()) return Error::make("a device tree cannot be given to a multiboot kernel");
    const MultibootImage image = TRY(parse_multiboot_image(boot.kernel));
    // Below 1 MiB too, beside the information: a kernel for real mode lies there.
    constexpr uint64_t kInfoEnd = low_memory::kCommandLine + low_memory::kMaxCommandLine;
    const BootRange room[] = {plan.ram,
                              {kPageSize, low_memory::kCommandLine - kPageSize},
                              {kInfoEnd, low_memory::kEbda - kInfoEnd}};
    TRY(load_segments(image.segments, room, guest));
    BootState s = flat_entry(TRY(write_firmware_code(image.entry, kLoaderMagic, guest)));
    s.rbx = TRY(write_info(boot, plan, extent(image.segments), guest));
    return s;
}

}  // namespace vmm
