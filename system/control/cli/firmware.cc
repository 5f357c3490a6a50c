// What is handed to the firmware: -fw_cfg, -acpitable, -option-rom, -boot splash=, and where -bios looks for
// files (-L). The files are read here, once.
#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "backends/block/options/drive_config.h"
#include "qapi/convert.h"
#include "qapi/types_firmware.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/firmware_descriptor.h"
#include "system/control/cli/help_priv.h"
#include "util/endian.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

constexpr uint64_t kMostBytes = 64 << 20;  // of a file for the guest
constexpr uint64_t kMostRomBytes = 16 << 20;
constexpr size_t kMostNameBytes = 55;

// Fields of an ACPI table's header (ACPI 6.4, 5.2.6).
constexpr size_t kHeader = 36, kLength = 4, kRevision = 8, kOemId = 10, kOemTableId = 16, kOemRevision = 24,
                 kCreatorId = 28, kCreatorRevision = 32;
constexpr uint64_t kMostTableBytes = 2 << 20;

FirmwareConfig& firmware(Builder& builder) {
    return builder.line.configuration.machine.firmware;
}

// Text in a field of the header: what is shorter is filled up with `pad`.
Status put_text(std::vector<uint8_t>& table, size_t at, size_t size, const char* key,
                const std::optional<std::string>& text, char pad) {
    if (!text) return {};
    if (text->size() > size) return Error::make("Parameter '%s' has more than %zu characters", key, size);
    for (size_t i = 0; i < size; ++i)
        table[at + i] = static_cast<uint8_t>(i < text->size() ? (*text)[i] : pad);
    return {};
}

Status fill_header(std::vector<uint8_t>& table, const qapi::AcpiTableOptions& given) {
    if (given.sig && given.sig->size() != 4) return Error::make("Parameter 'sig' expects four characters");
    TRY(put_text(table, 0, 4, "sig", given.sig, ' '));
    TRY(put_text(table, kOemId, 6, "oem_id", given.oem_id, '\0'));
    TRY(put_text(table, kOemTableId, 8, "oem_table_id", given.oem_table_id, '\0'));
    TRY(put_text(table, kCreatorId, 4, "asl_compiler_id", given.asl_compiler_id, '\0'));
    if (given.rev) table[kRevision] = *given.rev;
    if (given.oem_rev) store_le<uint32_t>(&table[kOemRevision], *given.oem_rev);
    if (given.asl_compiler_rev) store_le<uint32_t>(&table[kCreatorRevision], *given.asl_compiler_rev);
    return {};
}

// A header of our own, for contents that come without one.
std::vector<uint8_t> plain_header() {
    std::vector<uint8_t> header(kHeader);
    header[kRevision] = 1;
    const qapi::AcpiTableOptions ours{
        .oem_id = "PENUMB", .oem_table_id = "PENUMBRA", .asl_compiler_id = "PNMB"};
    CHECK(fill_header(header, ours), "our names do not fit an ACPI header");
    store_le<uint32_t>(&header[kOemRevision], 1);
    store_le<uint32_t>(&header[kCreatorRevision], 1);
    return header;
}

Result<std::vector<uint8_t>> read_splash(const std::string& path, bool& jpeg) {
    std::vector<uint8_t> bytes = TRY(read_file(path, kMostBytes));
    jpeg = bytes.size() > 2 && bytes[0] == 0xff && bytes[1] == 0xd8;
    const bool bmp = bytes.size() > 54 && bytes[0] == 'B' && bytes[1] == 'M';
    if (!jpeg && !bmp) return Error::make("'%s' is neither a JPEG nor a BMP picture", path.c_str());
    if (bmp && load_le<uint16_t>(&bytes[28]) != 24)
        return Error::make("'%s': firmware shows BMP pictures of 24 bits a pixel only", path.c_str());
    return bytes;
}

// What a protected guest needs of its firmware.
std::string needed_feature(const Builder& builder) {
    for (const qapi::ObjectOptions& object : builder.objects) {
        if (object.id != builder.machine.confidential_guest_support) continue;
        const std::string_view type = to_text(object.qom_type);
        if (type == "sev-guest") return "amd-sev";
        if (type == "sev-snp-guest") return "amd-sev-snp";
        if (type == "tdx-guest") return "intel-tdx";
    }
    return "";
}

Status add_flash(Builder& builder, const char* unit, const FirmwareDescriptor::File& file,
                 const qapi::Dict& more) {
    qapi::Dict options{{"file", file.path}, {"if", "pflash"}, {"unit", unit}, {"format", file.format}};
    for (const qapi::Dict::Entry& entry : more)
        options.append(entry.key, entry.value);
    builder.drives.push_back(TRY(block::parse_drive(options)));
    return {};
}

// The store of variables: a copy of the template that the user keeps, or the template with its changes
// forgotten.
Status add_variables(Builder& builder, FirmwareDescriptor::File file) {
    const std::string path = builder.machine.firmware_vars.value_or("");
    if (path.empty()) return add_flash(builder, "1", file, {{"snapshot", "on"}});
    if (::access(path.c_str(), F_OK) != 0) {
        const std::vector<uint8_t> contents = TRY(read_file(file.path, kMostBytes));
        const Fd copy = TRY(open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
        TRY(write_full(copy.get(), contents));
    }
    file.path = path;
    return add_flash(builder, "1", file, {});
}

}  // namespace

Status finish_described_firmware(Builder& builder) {
    const qapi::MachineOptions& given = builder.machine;
    if (!given.firmware_descriptor) {
        if (!given.firmware_vars) return {};
        return Error::make("-machine firmware-vars=%s needs firmware-descriptor=",
                           given.firmware_vars->c_str());
    }
    const std::string where = "-machine firmware-descriptor=" + *given.firmware_descriptor;
    const FirmwareWish wish{*given.firmware_descriptor, builder.line.configuration.machine.type,
                            needed_feature(builder)};
    Result<FirmwareDescriptor> chosen =
        choose_firmware(wish, find_firmware_descriptors(firmware_descriptor_folders()));
    if (!chosen) return std::move(chosen).take_error().while_doing("%s", where.c_str());
    if (given.firmware || given.pflash0 || given.pflash1)
        return Error::make("%s contradicts -bios and pflash0=: each names the firmware", where.c_str());
    if (!chosen->flash) {
        if (given.firmware_vars)
            return Error::make("%s: this firmware (%s) keeps no variables, firmware-vars= has no use",
                               where.c_str(), chosen->name.c_str());
        return set_machine(builder, qapi::Dict{{"firmware", chosen->executable.path}});
    }
    Status done = add_flash(builder, "0", chosen->executable, {{"readonly", "on"}});
    if (done && !chosen->variables.path.empty()) done = add_variables(builder, chosen->variables);
    if (!done) return std::move(done).take_error().while_doing("%s", where.c_str());
    return {};
}

Status take_fw_cfg(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value, {.implied_key = "name"}));
    if (parsed.help) {
        builder.print("-fw_cfg options:\n" + members_help(qapi::kFirmwareFileOptionsInfo.members));
        return {};
    }
    auto given = TRY(qapi::from_keyval<qapi::FirmwareFileOptions>(parsed.dict));
    if (!!given.file + !!given.string + !!given.gen_id != 1)
        return Error::make("expected one of file=, string= and gen_id=");
    if (given.name.empty() || given.name.size() > kMostNameBytes)
        return Error::make("Parameter 'name' has %zu characters; 1 to %zu are allowed", given.name.size(),
                           kMostNameBytes);
    if (given.gen_id)
        return Error::make("gen_id=%s: no object of this version makes contents", given.gen_id->c_str())
            .with_hint("use file= or string=");
    if (!given.name.starts_with("opt/"))
        log_warning("-fw_cfg name=%s: names of users' files should begin with opt/", given.name.c_str());
    NamedBytes file{given.name, {}};
    if (given.string)
        file.bytes.assign(given.string->begin(), given.string->end());
    else
        file.bytes = TRY(read_file(*given.file, kMostBytes));
    firmware(builder).files.push_back(std::move(file));
    return {};
}

Status take_acpitable(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value));
    if (parsed.help) {
        builder.print("-acpitable options:\n" + members_help(qapi::kAcpiTableOptionsInfo.members));
        return {};
    }
    auto given = TRY(qapi::from_keyval<qapi::AcpiTableOptions>(parsed.dict));
    if (!!given.file + !!given.data != 1) return Error::make("expected one of file= and data=");
    if (given.data && !given.sig) return Error::make("Parameter 'sig' is missing");
    std::vector<uint8_t> table = given.data ? plain_header() : std::vector<uint8_t>();
    for (const std::string_view path : split(given.data ? *given.data : *given.file, ':')) {
        const std::vector<uint8_t> part = TRY(read_file(std::string(path), kMostTableBytes));
        table.insert(table.end(), part.begin(), part.end());
    }
    if (table.size() < kHeader || table.size() > kMostTableBytes)
        return Error::make("the table has %zu bytes, expected %zu to %llu", table.size(), kHeader,
                           static_cast<unsigned long long>(kMostTableBytes));
    TRY(fill_header(table, given));
    store_le<uint32_t>(&table[kLength], static_cast<uint32_t>(table.size()));
    const std::string_view signature(reinterpret_cast<const char*>(table.data()), 4);
    for (const std::string_view own : {"FACS", "FACP", "DSDT", "RSDT", "XSDT", "APIC"})
        if (signature == own) return Error::make("the table %s is the machine's", std::string(own).c_str());
    firmware(builder).acpi_tables.push_back(std::move(table));
    return {};
}

Status take_option_rom(Builder& builder, const std::string& value) {
    qapi::Keyval parsed = TRY(qapi::parse_keyval(value, {.implied_key = "romfile"}));
    if (parsed.help) {
        builder.print("-option-rom options:\n" + members_help(qapi::kOptionRomOptionsInfo.members));
        return {};
    }
    auto given = TRY(qapi::from_keyval<qapi::OptionRomOptions>(parsed.dict));
    OptionRom rom;
    const std::string path = find_data_file(builder, given.romfile);
    rom.file.name = path.substr(path.rfind('/') + 1);
    rom.file.bytes = TRY(read_file(path, kMostRomBytes));
    if (rom.file.bytes.empty()) return Error::make("'%s' is empty", path.c_str());
    rom.boot_index = given.bootindex.value_or(-1);
    firmware(builder).option_roms.push_back(std::move(rom));
    return {};
}

Status take_data_folder(Builder& builder, const std::string& value) {
    if (value == "help") {
        std::string text;
        for (const std::string& folder : data_folders(builder))
            text += folder + "\n";
        builder.print(text);
        return {};
    }
    builder.data_folders.push_back(value);
    return {};
}

std::vector<std::string> data_folders(const Builder& builder) {
    std::vector<std::string> folders = builder.data_folders;
    for (const char* folder : {"/usr/share/qemu", "/usr/share/seabios", "/usr/share/ovmf", "/usr/share/OVMF"})
        folders.emplace_back(folder);
    return folders;
}

std::string find_data_file(const Builder& builder, const std::string& name) {
    if (name.empty() || ::access(name.c_str(), R_OK) == 0 || name.find('/') != std::string::npos) return name;
    for (const std::string& folder : data_folders(builder))
        if (std::string path = folder + "/" + name; ::access(path.c_str(), R_OK) == 0) return path;
    return name;
}

Status finish_firmware(Builder& builder) {
    FirmwareConfig& out = firmware(builder);
    struct Text {
        const char* key;
        const std::optional<std::string>& given;
        std::string& to;
        size_t most;
    };
    for (const Text& text : {Text{"x-oem-id", builder.machine.x_oem_id, out.oem_id, 6},
                             Text{"x-oem-table-id", builder.machine.x_oem_table_id, out.oem_table_id, 8}}) {
        if (!text.given) continue;
        if (text.given->size() > text.most)
            return Error::make("-machine %s=%s: it has more than %zu characters", text.key,
                               text.given->c_str(), text.most);
        text.to = *text.given;
    }
    if (!builder.machine.boot || !builder.machine.boot->splash) return {};
    const std::string path = find_data_file(builder, *builder.machine.boot->splash);
    bool jpeg = false;
    Result<std::vector<uint8_t>> bytes = read_splash(path, jpeg);
    if (!bytes) return std::move(bytes).take_error().while_doing("-boot splash=");
    out.splash.push_back({jpeg ? "bootsplash.jpg" : "bootsplash.bmp", std::move(*bytes)});
    return {};
}

}  // namespace vmm::cli
