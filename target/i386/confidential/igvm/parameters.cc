// What the loader tells an IGVM file's guest; see parameters_priv.h. Formats: igvm_defs.
#include <algorithm>

#include "target/i386/confidential/igvm/parameters_priv.h"
#include "util/align.h"
#include "util/endian.h"
#include "util/text.h"

namespace vmm::igvm {

namespace {

// The guest's memory needs private pages first; always said, as asking for what is so is harmless.
constexpr uint32_t kMemoryIsShared = 1;

template <std::unsigned_integral T>
void append(std::vector<uint8_t>& bytes, T value) {
    uint8_t raw[sizeof(T)];
    store_le<T>(raw, value);
    bytes.insert(bytes.end(), raw, raw + sizeof(T));
}

// With an empty entry at the end.
std::vector<uint8_t> memory_map(const std::vector<MemoryEntry>& memory) {
    std::vector<uint8_t> bytes;
    for (const MemoryEntry& entry : memory) {
        append<uint64_t>(bytes, entry.base / kPageSize);
        append<uint64_t>(bytes, entry.size / kPageSize);
        append<uint16_t>(bytes, static_cast<uint16_t>(entry.type));
        append<uint16_t>(bytes, 0);
        append<uint32_t>(bytes, 0);
    }
    bytes.resize(bytes.size() + kMemoryMapEntrySize);
    return bytes;
}

std::vector<uint8_t> mmio_ranges(const std::vector<MemoryEntry>& mmio) {
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < 2; ++i) {
        append<uint64_t>(bytes, i < mmio.size() ? mmio[i].base / kPageSize : 0);
        append<uint64_t>(bytes, i < mmio.size() ? mmio[i].size / kPageSize : 0);
    }
    return bytes;
}

std::vector<uint8_t> number(uint32_t value) {
    std::vector<uint8_t> bytes;
    append(bytes, value);
    return bytes;
}

Result<std::vector<uint8_t>> table(const std::vector<uint8_t>& bytes, const char* name) {
    if (bytes.empty())
        return Error::make("it asks for the ACPI table %s, which this machine does not have", name);
    return bytes;
}

Result<std::vector<uint8_t>> value_of(HeaderType type, const GuestFacts& facts, size_t room) {
    switch (type) {
        case HeaderType::VpCount:
            return number(static_cast<uint32_t>(facts.apic_ids.size()));
        case HeaderType::EnvironmentInfo:
            return number(kMemoryIsShared);
        case HeaderType::MemoryMap:
            return memory_map(facts.memory);
        case HeaderType::MmioRanges:
            return mmio_ranges(facts.mmio);
        case HeaderType::CommandLine: {
            std::vector<uint8_t> bytes(facts.command_line.begin(), facts.command_line.end());
            bytes.push_back(0);
            return bytes;
        }
        case HeaderType::Madt:
            return table(facts.madt, "MADT");
        case HeaderType::Srat:
            return table(facts.srat, "SRAT");
        case HeaderType::Slit:
            return table(facts.slit, "SLIT");
        case HeaderType::DeviceTree:
            return build_device_tree(facts, room);
        default:
            return Error::make("it asks for parameter 0x%x, which this machine does not have",
                               static_cast<unsigned>(type));
    }
}

}  // namespace

Result<std::vector<uint8_t>*> ParameterAreas::find(uint32_t index) {
    auto found = areas_.find(index);
    if (found == areas_.end()) return Error::make("there is no parameter area %u at this point", index);
    return &found->second;
}

Status ParameterAreas::add(const ParameterArea& area) {
    std::vector<uint8_t> bytes(area.size);
    std::copy(area.initial.begin(), area.initial.end(), bytes.begin());
    if (!areas_.emplace(area.index, std::move(bytes)).second)
        return Error::make("parameter area %u is there twice", area.index);
    return {};
}

Status ParameterAreas::fill(const Parameter& parameter, const GuestFacts& facts) {
    std::vector<uint8_t>& area = *TRY(find(parameter.area));
    const size_t room = parameter.offset <= area.size() ? area.size() - parameter.offset : 0;
    const std::vector<uint8_t> value = TRY(value_of(parameter.type, facts, room));
    if (value.size() > room)
        return Error::make("parameter 0x%x has %zu bytes, its area has room for %zu",
                           static_cast<unsigned>(parameter.type), value.size(), room);
    std::copy(value.begin(), value.end(), area.begin() + static_cast<ptrdiff_t>(parameter.offset));
    return {};
}

Result<std::vector<uint8_t>> ParameterAreas::take(uint32_t index) {
    std::vector<uint8_t> bytes = std::move(*TRY(find(index)));
    areas_.erase(index);
    return bytes;
}

}  // namespace vmm::igvm
