// See vmcoreinfo.h.
#include "hw/misc/vmcoreinfo.h"

#include <vector>

#include "util/endian.h"

namespace vmm {

namespace {

constexpr size_t kSize = 16, kGuestFormat = 2, kLength = 4, kAddress = 8;

}  // namespace

Result<std::unique_ptr<VmCoreInfo>> VmCoreInfo::create(const Config&, DeviceEnv& env, const std::string& id) {
    auto device = std::make_unique<VmCoreInfo>(Token{}, id);
    VmCoreInfo* self = device.get();
    std::vector<uint8_t> file(kSize);
    store_le<uint16_t>(file.data(), kElf);
    Status added = env.firmware_files().add_file(
        "etc/vmcoreinfo", std::move(file), [self](std::span<const uint8_t> bytes) { self->written(bytes); });
    if (!added) return Error::make("only one vmcoreinfo device is permitted");
    return device;
}

void VmCoreInfo::written(std::span<const uint8_t> bytes) {
    Locked lock(mutex_);
    info_ = {load_le<uint16_t>(&bytes[kGuestFormat]), load_le<uint32_t>(&bytes[kLength]),
             load_le<uint64_t>(&bytes[kAddress])};
}

CoreInfo VmCoreInfo::info() {
    Locked lock(mutex_);
    return info_;
}

void VmCoreInfo::reset_enter() {
    Locked lock(mutex_);
    info_ = {};
}

}  // namespace vmm
