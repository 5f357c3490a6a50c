// The host's secure processor; see platform.h.
#include "target/i386/confidential/sev/platform.h"

#include <cpuid.h>

namespace vmm::sev {

std::optional<uint32_t> host_cbit() {
    constexpr uint32_t kEncryptionLeaf = 0x8000001f, kSev = 1u << 1;
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid_count(kEncryptionLeaf, 0, &eax, &ebx, &ecx, &edx) == 0 || (eax & kSev) == 0)
        return std::nullopt;
    return ebx & 0x3f;
}

Result<uint32_t> check_cbit(const std::string& id, std::optional<uint32_t> wanted,
                            std::optional<uint32_t> of_host) {
    if (!of_host)
        return Error::make("%s: this processor has no SEV", id.c_str())
            .with_hint("it takes an AMD EPYC processor with SEV on in the BIOS (SMEE), and kvm_amd.sev=1");
    if (wanted && *wanted != *of_host)
        return Error::make("%s: cbitpos check failed, host '%u' requested '%u'", id.c_str(), *of_host,
                           *wanted)
            .with_hint("leave cbitpos out");
    return *of_host;
}

Result<HostPlatform> read_platform(IoctlDoor& door, const std::string& path, std::optional<uint32_t> bit) {
    HostPlatform platform;
    Device device = TRY(Device::open(door, path));
    if (!bit) return Error::make("SEV is not enabled in KVM").with_hint("load kvm_amd with sev=1");
    platform.cbitpos = *bit;
    // Asked without room, both say how much they need.
    constexpr uint32_t kMostBytes = 65536;
    abi::SevPdhCertExport keys{};
    (void)device.command(abi::kSevPdhCertExport, "SEV_PDH_CERT_EXPORT", &keys);
    if (keys.pdh_length == 0 || keys.pdh_length > kMostBytes || keys.chain_length > kMostBytes)
        return Error::make("SEV: Failed to get PDH cert: the secure processor says no length");
    platform.pdh.resize(keys.pdh_length);
    platform.certificates.resize(keys.chain_length);
    keys.pdh_address = reinterpret_cast<uintptr_t>(platform.pdh.data());
    keys.chain_address = reinterpret_cast<uintptr_t>(platform.certificates.data());
    TRY(device.command(abi::kSevPdhCertExport, "SEV_PDH_CERT_EXPORT", &keys));
    abi::SevGetId2 id{};
    (void)device.command(abi::kSevGetId2, "SEV_GET_ID2", &id);
    if (id.length == 0 || id.length > kMostBytes)
        return Error::make("SEV: Failed to get ID: the secure processor says no length");
    platform.cpu0_id.resize(id.length);
    id.address = reinterpret_cast<uintptr_t>(platform.cpu0_id.data());
    TRY(device.command(abi::kSevGetId2, "SEV_GET_ID2", &id));
    return platform;
}

}  // namespace vmm::sev
