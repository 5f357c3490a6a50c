// Digests of measured events; see rtmr.h.
#include "target/i386/confidential/tdx/rtmr.h"

#include <algorithm>

#include "target/i386/confidential/tdx/td_hob.h"
#include "util/check.h"
#include "util/endian.h"

namespace vmm::tdx {

namespace {

void append(std::vector<uint8_t>& out, std::span<const uint8_t> bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

template <typename T>
void append_number(std::vector<uint8_t>& out, T number) {
    const size_t at = out.size();
    out.resize(at + sizeof(T));
    store_le<T>(&out[at], number);
}

// ASCII as UTF-16.
void append_wide(std::vector<uint8_t>& out, std::string_view text) {
    for (char c : text)
        append_number<uint16_t>(out, static_cast<uint8_t>(c));
}

std::span<const uint8_t> as_bytes(std::string_view text) {
    return {static_cast<const uint8_t*>(static_cast<const void*>(text.data())), text.size()};
}

// A media device path node that holds a GUID: 6 names a file of a volume, 7 the volume.
void append_volume_node(std::vector<uint8_t>& out, uint8_t subtype, const Guid& guid) {
    constexpr uint8_t kMedia = 4;
    out.push_back(kMedia);
    out.push_back(subtype);
    append_number<uint16_t>(out, 20);
    append(out, guid);
}

}  // namespace

const Guid kGlobalVariable = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                              0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
const Guid kSecurityDatabase = {0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45,
                                0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};

Sha384Digest variable_digest(const Guid& vendor, std::string_view name, std::span<const uint8_t> contents) {
    std::vector<uint8_t> data;
    append(data, vendor);
    append_number<uint64_t>(data, name.size());
    append_number<uint64_t>(data, contents.size());
    append_wide(data, name);
    append(data, contents);
    return sha384(data);
}

Sha384Digest separator_digest() {
    const uint8_t zeros[4] = {};
    return sha384(zeros);
}

Sha384Digest action_digest(std::string_view action) {
    return sha384(as_bytes(action));
}

Sha384Digest td_hob_digest(std::span<const uint8_t> hob) {
    CHECK(hob.size() >= kHobEndSize, "a HOB list ends with its end marker");
    return sha384(hob.first(hob.size() - kHobEndSize));
}

std::vector<uint8_t> boot_order_of(std::span<const uint16_t> order) {
    std::vector<uint8_t> out;
    for (uint16_t number : order)
        append_number<uint16_t>(out, number);
    return out;
}

std::vector<uint8_t> load_option(const VolumeApplication& application) {
    std::vector<uint8_t> path;
    append_volume_node(path, 7, application.volume);
    append_volume_node(path, 6, application.file);
    constexpr uint8_t kPathEnd[] = {0x7f, 0xff, 4, 0};
    append(path, kPathEnd);
    std::vector<uint8_t> out;
    append_number<uint32_t>(out, application.attributes);
    append_number<uint16_t>(out, static_cast<uint16_t>(path.size()));
    append_wide(out, application.description);
    append_number<uint16_t>(out, 0);
    append(out, path);
    return out;
}

VolumeApplication ovmf_ui_app() {
    constexpr Guid kMainVolume = {0xc9, 0xbd, 0xb8, 0x7c, 0xeb, 0xf8, 0x34, 0x4f,
                                  0xaa, 0xea, 0x3e, 0xe4, 0xaf, 0x65, 0x16, 0xa1};
    constexpr Guid kUiApp = {0x21, 0xaa, 0x2c, 0x46, 0x14, 0x76, 0x03, 0x45,
                             0x83, 0x6e, 0x8a, 0xb6, 0xf4, 0x66, 0x23, 0x31};
    // Active, hidden, an application.
    return {.volume = kMainVolume, .file = kUiApp, .description = "UiApp", .attributes = 0x109};
}

Sha384Digest replay(std::span<const MeasuredEvent> events) {
    Sha384Digest value{};
    for (const MeasuredEvent& event : events) {
        Hasher step(HashKind::Sha384);
        step.update(value);
        step.update(event.digest);
        step.finish(value);
    }
    return value;
}

std::vector<MeasuredEvent> rtmr0_events(const Rtmr0Inputs& inputs) {
    std::vector<MeasuredEvent> out;
    if (!inputs.hob.empty()) out.push_back({kEventHandoffTables, td_hob_digest(inputs.hob), "TD HOB"});
    for (const Sha384Digest& volume : inputs.configuration_volumes)
        out.push_back({kEventFirmwareBlob, volume, "configuration firmware volume"});
    struct Row {
        const Guid& vendor;
        const char* name;
    };
    const Row rows[] = {{kGlobalVariable, "SecureBoot"},
                        {kGlobalVariable, "PK"},
                        {kGlobalVariable, "KEK"},
                        {kSecurityDatabase, "db"},
                        {kSecurityDatabase, "dbx"}};
    for (const Row& row : rows)
        out.push_back({kEventVariableDriverConfig, variable_digest(row.vendor, row.name, {}),
                       std::string("variable ") + row.name + " (empty)"});
    out.push_back({kEventSeparator, separator_digest(), "separator"});
    for (const MeasuredTable& table : inputs.tables)
        out.push_back({kEventPlatformConfig, table.digest, "ACPI data " + table.file});
    if (!inputs.starts_kernel) return out;
    constexpr uint16_t kOrder[] = {0};
    out.push_back({kEventVariableBoot, sha384(boot_order_of(kOrder)), "variable BootOrder"});
    out.push_back({kEventVariableBoot, sha384(load_option(ovmf_ui_app())), "variable Boot0000 (UiApp)"});
    return out;
}

std::vector<MeasuredEvent> rtmr1_events(const Sha384Digest& kernel_digest) {
    std::vector<MeasuredEvent> out;
    out.push_back({kEventBootServicesApplication, kernel_digest, "kernel (Authenticode)"});
    auto action = [&](const char* text) { out.push_back({kEventAction, action_digest(text), text}); };
    action("Calling EFI Application from Boot Option");
    out.push_back({kEventSeparator, separator_digest(), "separator"});
    action("Exit Boot Services Invocation");
    action("Exit Boot Services Returned with Success");
    return out;
}

}  // namespace vmm::tdx
