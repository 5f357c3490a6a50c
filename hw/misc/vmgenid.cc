// See vmgenid.h.
#include "hw/misc/vmgenid.h"

#include <sys/random.h>

#include <algorithm>

#include "hw/acpi/vmgenid_table.h"
#include "util/endian.h"

namespace vmm {

namespace {

Result<Uuid> random_uuid() {
    Uuid uuid;
    if (::getrandom(uuid.bytes.data(), uuid.bytes.size(), 0) != static_cast<ssize_t>(uuid.bytes.size()))
        return Error::from_errno(errno, "getrandom");
    // Version 4, the variant of RFC 4122.
    uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);
    uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
    return uuid;
}

}  // namespace

Status VmGenId::check(const Config& values) {
    if (values.guid == "auto") return {};
    Result<Uuid> parsed = Uuid::parse(values.guid);
    if (!parsed) return std::move(parsed).take_error().while_doing("Parameter 'guid'");
    return {};
}

Result<std::unique_ptr<VmGenId>> VmGenId::create(const Config& values, DeviceEnv& env,
                                                 const std::string& id) {
    const Uuid guid = values.guid == "auto" ? TRY(random_uuid()) : TRY(Uuid::parse(values.guid));
    auto device = std::make_unique<VmGenId>(Token{}, guid, id);
    VmGenId* self = device.get();
    Status added = env.firmware_files().add_file(
        acpi::kGenerationAddressFile, std::vector<uint8_t>(8), [self](std::span<const uint8_t> bytes) {
            self->address_.store(load_le<uint64_t>(bytes.data()), std::memory_order_relaxed);
        });
    if (!added) return Error::make("only one vmgenid device is permitted");
    return device;
}

std::vector<uint8_t> VmGenId::page() const {
    std::vector<uint8_t> bytes(acpi::kGenerationPageSize);
    const std::array<uint8_t, 16> guid = guid_.mixed_endian();
    std::copy(guid.begin(), guid.end(), bytes.begin() + acpi::kGenerationOffset);
    return bytes;
}

}  // namespace vmm
