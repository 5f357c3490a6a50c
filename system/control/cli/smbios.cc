// -smbios: what users say about the SMBIOS structures, and structures from files.
#include <limits>

#include "qapi/convert.h"
#include "qapi/types_firmware.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/help_priv.h"
#include "util/fd.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

using smbios::Settings;

constexpr uint64_t kMostBytes = 64 << 10;  // of one structure with its strings
constexpr size_t kMostStrings = 255;
constexpr uint8_t kEnd = 127;

void set(std::string& to, const std::optional<std::string>& given) {
    if (given) to = *given;
}
template <typename T>
void set(T& to, const std::optional<T>& given) {
    if (given) to = *given;
}

// "1.12"
Result<std::pair<uint8_t, uint8_t>> release(const std::string& text) {
    const size_t dot = text.find('.');
    const auto high = parse_u64(text.substr(0, dot));
    const auto low = dot == std::string::npos ? std::nullopt : parse_u64(text.substr(dot + 1));
    if (!high || !low || *high > 255 || *low > 255)
        return Error::make("Parameter 'release' expects two numbers up to 255, such as 1.2, not %s",
                           qapi::brief(qapi::Value(text)).c_str());
    return std::pair(static_cast<uint8_t>(*high), static_cast<uint8_t>(*low));
}

Status take_bios(Builder& builder, const qapi::Dict& dict) {
    auto given = TRY(qapi::from_keyval<qapi::SmbiosBiosOptions>(dict));
    Settings& settings = builder.line.configuration.machine.smbios;
    if (!settings.bios) settings.bios.emplace();
    smbios::Bios& bios = *settings.bios;
    set(bios.vendor, given.vendor);
    set(bios.version, given.version);
    set(bios.date, given.date);
    set(bios.uefi, given.uefi);
    if (given.release) bios.release = TRY(release(*given.release));
    return {};
}

Status take_system(Builder& builder, const qapi::Dict& dict) {
    auto given = TRY(qapi::from_keyval<qapi::SmbiosSystemOptions>(dict));
    smbios::System& system = builder.line.configuration.machine.smbios.system;
    set(system.manufacturer, given.manufacturer);
    set(system.product, given.product);
    set(system.version, given.version);
    set(system.serial, given.serial);
    set(system.sku, given.sku);
    set(system.family, given.family);
    if (given.uuid) builder.line.configuration.machine.uuid = TRY(Uuid::parse(*given.uuid));
    return {};
}

Status take_baseboard(Builder& builder, const qapi::Dict& dict) {
    auto given = TRY(qapi::from_keyval<qapi::SmbiosBaseboardOptions>(dict));
    Settings& settings = builder.line.configuration.machine.smbios;
    if (!settings.baseboard) settings.baseboard.emplace();
    smbios::Baseboard& board = *settings.baseboard;
    set(board.manufacturer, given.manufacturer);
    set(board.product, given.product);
    set(board.version, given.version);
    set(board.serial, given.serial);
    set(board.asset, given.asset);
    set(board.location, given.location);
    return {};
}

Status take_chassis(Builder& builder, const qapi::Dict& dict) {
    auto given = TRY(qapi::from_keyval<qapi::SmbiosChassisOptions>(dict));
    smbios::Chassis& chassis = builder.line.configuration.machine.smbios.chassis;
    set(chassis.manufacturer, given.manufacturer);
    set(chassis.version, given.version);
    set(chassis.serial, given.serial);
    set(chassis.asset, given.asset);
    set(chassis.sku, given.sku);
    return {};
}

Status take_processor(Builder& builder, const qapi::Dict& dict) {
    auto given = TRY(qapi::from_keyval<qapi::SmbiosProcessorOptions>(dict));
    smbios::Processor& processor = builder.line.configuration.machine.smbios.processor;
    set(processor.socket_prefix, given.sock_pfx);
    set(processor.manufacturer, given.manufacturer);
    set(processor.version, given.version);
    set(processor.serial, given.serial);
    set(processor.asset, given.asset);
    set(processor.part, given.part);
    set(processor.max_mhz, given.max_speed);
    set(processor.current_mhz, given.current_speed);
    if (given.processor_id) processor.id = given.processor_id;
    return {};
}

Status take_port(Builder& builder, const qapi::Dict& dict) {
    auto given = TRY(qapi::from_keyval<qapi::SmbiosPortOptions>(dict));
    smbios::Port port;
    set(port.internal_reference, given.internal_reference);
    set(port.external_reference, given.external_reference);
    set(port.connector, given.connector_type);
    set(port.kind, given.port_type);
    builder.line.configuration.machine.smbios.ports.push_back(std::move(port));
    return {};
}

Status take_slot(Builder& builder, const qapi::Dict& dict) {
    auto given = TRY(qapi::from_keyval<qapi::SmbiosSlotOptions>(dict));
    smbios::Slot slot;
    set(slot.designation, given.slot_designation);
    set(slot.kind, given.slot_type);
    set(slot.width, given.slot_data_bus_width);
    set(slot.usage, given.current_usage);
    set(slot.length, given.slot_length);
    set(slot.id, given.slot_id);
    set(slot.characteristics1, given.slot_characteristics1);
    set(slot.characteristics2, given.slot_characteristics12);
    set(slot.place.device, given.pci_device);
    builder.line.configuration.machine.smbios.slots.push_back(std::move(slot));
    return {};
}

Status take_oem_strings(Builder& builder, const qapi::Dict& dict) {
    auto given = TRY(qapi::from_keyval<qapi::SmbiosOemOptions>(dict));
    std::vector<std::string>& strings = builder.line.configuration.machine.smbios.oem_strings;
    if (given.value) strings.insert(strings.end(), given.value->begin(), given.value->end());
    for (const std::string& path : given.path.value_or(std::vector<std::string>())) {
        const std::vector<uint8_t> bytes = TRY(read_file(path, kMostBytes));
        strings.emplace_back(bytes.begin(), bytes.end());
    }
    for (const std::string& string : strings)
        if (string.empty() || string.find('\0') != std::string::npos)
            return Error::make("a string is empty or has a zero byte");
    if (strings.size() > kMostStrings)
        return Error::make("there are %zu strings, a structure takes %zu", strings.size(), kMostStrings);
    return {};
}

Status take_memory_device(Builder& builder, const qapi::Dict& dict) {
    auto given = TRY(qapi::from_keyval<qapi::SmbiosMemoryOptions>(dict));
    smbios::Memory& memory = builder.line.configuration.machine.smbios.memory;
    set(memory.locator_prefix, given.loc_pfx);
    set(memory.bank, given.bank);
    set(memory.manufacturer, given.manufacturer);
    set(memory.serial, given.serial);
    set(memory.asset, given.asset);
    set(memory.part, given.part);
    set(memory.mhz, given.speed);
    return {};
}

Status take_onboard(Builder& builder, const qapi::Dict& dict) {
    auto given = TRY(qapi::from_keyval<qapi::SmbiosOnboardOptions>(dict));
    smbios::Onboard device;
    set(device.designation, given.designation);
    if (given.kind) device.kind = static_cast<uint8_t>(static_cast<unsigned>(*given.kind) + 1);
    set(device.instance, given.instance);
    set(device.place.device, given.pcidev);
    builder.line.configuration.machine.smbios.onboard.push_back(std::move(device));
    return {};
}

struct Kind {
    uint8_t type;
    Status (*take)(Builder& builder, const qapi::Dict& dict);
    const qapi::StructInfo* members;
};
constexpr Kind kKinds[] = {
    {0, take_bios, &qapi::kSmbiosBiosOptionsInfo},
    {1, take_system, &qapi::kSmbiosSystemOptionsInfo},
    {2, take_baseboard, &qapi::kSmbiosBaseboardOptionsInfo},
    {3, take_chassis, &qapi::kSmbiosChassisOptionsInfo},
    {4, take_processor, &qapi::kSmbiosProcessorOptionsInfo},
    {8, take_port, &qapi::kSmbiosPortOptionsInfo},
    {9, take_slot, &qapi::kSmbiosSlotOptionsInfo},
    {11, take_oem_strings, &qapi::kSmbiosOemOptionsInfo},
    {17, take_memory_device, &qapi::kSmbiosMemoryOptionsInfo},
    {41, take_onboard, &qapi::kSmbiosOnboardOptionsInfo},
};

std::string smbios_help() {
    std::string text = "-smbios file=FILE, a structure as it is, or -smbios type=N with these options:\n";
    for (const Kind& kind : kKinds)
        text += strf("type=%u\n", kind.type) + members_help(kind.members->members);
    return text;
}

// A formatted area of the length that its second byte says, then strings up to the first empty one.
Status check_structure(const std::vector<uint8_t>& bytes) {
    if (bytes.size() < 4 || bytes[1] < 4 || bytes.size() < bytes[1] + size_t{2})
        return Error::make("it has %zu bytes, which is no SMBIOS structure", bytes.size());
    size_t at = bytes[1];
    if (bytes[at] == 0) ++at;  // no strings
    while (at < bytes.size() && bytes[at] != 0) {
        while (at < bytes.size() && bytes[at] != 0)
            ++at;
        ++at;
    }
    if (at + 1 != bytes.size())
        return Error::make("it is not one SMBIOS structure that ends with two zero bytes");
    if (bytes[0] == kEnd) return Error::make("the end-of-table structure is the machine's");
    return {};
}

Status take_structure(Builder& builder, const std::string& path) {
    std::vector<uint8_t> bytes = TRY(read_file(path, kMostBytes));
    if (Status checked = check_structure(bytes); !checked)
        return std::move(checked).take_error().while_doing("'%s'", path.c_str());
    if (builder.smbios_types.contains(bytes[0]))
        return Error::make("'%s' is a structure of type %u, which -smbios type=%u describes", path.c_str(),
                           bytes[0], bytes[0]);
    builder.line.configuration.machine.smbios.structures.emplace(bytes[0], std::move(bytes));
    return {};
}

}  // namespace

Status take_smbios(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value, {.repeatable = {"value", "path"}}));
    if (parsed.help) {
        builder.print(smbios_help());
        return {};
    }
    const qapi::Value* file = parsed.dict.find("file");
    if (file != nullptr) {
        if (parsed.dict.size() != 1 || file->if_string() == nullptr)
            return Error::make("Parameter 'file' stands alone");
        return take_structure(builder, *file->if_string());
    }
    const qapi::Value* type = parsed.dict.find("type");
    const auto number =
        type != nullptr && type->if_string() != nullptr ? parse_u64(*type->if_string()) : std::nullopt;
    std::string known;
    for (const Kind& kind : kKinds) {
        known += (known.empty() ? "" : ", ") + std::to_string(kind.type);
        if (!number || kind.type != *number) continue;
        if (builder.line.configuration.machine.smbios.structures.contains(kind.type))
            return Error::make("-smbios file= has brought a structure of type %u", kind.type);
        builder.smbios_types.insert(kind.type);
        parsed.dict.erase("type");
        return kind.take(builder, parsed.dict);
    }
    return Error::make("Parameter 'type' expects one of %s", known.c_str())
        .with_hint("structures of other types come from a file, file=FILE");
}

Status finish_smbios(Builder& builder) {
    Settings& settings = builder.line.configuration.machine.smbios;
    switch (builder.machine.smbios_entry_point_type.value_or(qapi::SmbiosEntryPointType::Auto)) {
        case qapi::SmbiosEntryPointType::V32:
            settings.entry_point = smbios::EntryPoint::V28;
            break;
        case qapi::SmbiosEntryPointType::V64:
            settings.entry_point = smbios::EntryPoint::V30;
            break;
        case qapi::SmbiosEntryPointType::Auto:
            settings.entry_point = smbios::EntryPoint::Auto;
            break;
    }
    return {};
}

}  // namespace vmm::cli
