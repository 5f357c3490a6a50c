// KVM's binary interface of SEV, SEV-ES and SEV-SNP: the commands of KVM_MEMORY_ENCRYPT_OP and their
// arguments, and those of /dev/sev that a VMM uses. Our own definitions;
// Documentation/virt/kvm/x86/amd-memory-encryption.rst. Header only; sizes and offsets are checked at the
// end.
#pragma once

#include <sys/ioctl.h>

#include <cstddef>
#include <cstdint>

namespace vmm::abi {

enum class SevCommand : uint32_t {
    Init = 0,
    EsInit = 1,
    LaunchStart = 2,
    LaunchUpdateData = 3,
    LaunchUpdateVmsa = 4,
    LaunchSecret = 5,
    LaunchMeasure = 6,
    LaunchFinish = 7,
    GuestStatus = 16,
    GetAttestationReport = 20,
    Init2 = 22,
    SnpLaunchStart = 100,
    SnpLaunchUpdate = 101,
    SnpLaunchFinish = 102,
    SnpEnableReqCerts = 103,
};

struct SevInit {
    uint64_t vmsa_features;
    uint32_t flags;
    uint16_t ghcb_version;
    uint16_t pad1;
    uint32_t pad2[8];
};
struct SevLaunchStart {
    uint32_t handle;
    uint32_t policy;
    uint64_t dh_address;
    uint32_t dh_length;
    uint32_t pad0;
    uint64_t session_address;
    uint32_t session_length;
    uint32_t pad1;
};
// LAUNCH_UPDATE_DATA; LAUNCH_MEASURE, which writes back the length it needs.
struct SevBuffer {
    uint64_t address;
    uint32_t length;
    uint32_t pad;
};
struct SevLaunchSecret {
    uint64_t header_address;
    uint32_t header_length;
    uint32_t pad0;
    uint64_t guest_address;
    uint32_t guest_length;
    uint32_t pad1;
    uint64_t packet_address;
    uint32_t packet_length;
    uint32_t pad2;
};
struct SevGuestStatus {
    uint32_t handle;
    uint32_t policy;
    uint32_t state;
};
struct SevAttestationReport {
    uint8_t nonce[16];
    uint64_t address;
    uint32_t length;
    uint32_t pad;
};
struct SnpLaunchStart {
    uint64_t policy;
    uint8_t gosvw[16];
    uint16_t flags;
    uint8_t pad0[6];
    uint64_t pad1[4];
};
// The kernel moves gfn, address and length on as it goes: what is left is to be asked again.
struct SnpLaunchUpdate {
    uint64_t gfn;
    uint64_t address;
    uint64_t length;
    uint8_t type;
    uint8_t pad0;
    uint16_t flags;
    uint32_t pad1;
    uint64_t pad2[4];
};
struct SnpLaunchFinish {
    uint64_t id_block_address;
    uint64_t id_auth_address;
    uint8_t id_block_enabled;
    uint8_t author_key_enabled;
    uint8_t vcek_disabled;
    uint8_t host_data[32];
    uint8_t pad0[3];
    uint16_t flags;
    uint64_t pad1[4];
};

// SEV_FEATURES of the save area.
inline constexpr uint64_t kSevFeatureSnpActive = 1u << 0;
inline constexpr uint64_t kSevFeatureDebugSwap = 1u << 5;
inline constexpr uint64_t kSevFeatureSecureTsc = 1u << 9;

// What /dev/kvm knows of SEV: group and numbers of KVM_GET_DEVICE_ATTR.
inline constexpr uint32_t kGroupSev = 1;
inline constexpr uint64_t kSevVmsaFeatures = 0, kSevSnpPolicyBits = 1, kSevSnpReqCerts = 2;

// Answers of the secure processor's firmware that have a meaning of their own.
inline constexpr uint32_t kSevPolicyFailure = 7, kSevBadSignature = 0xa, kSevBadMeasurement = 0xb,
                          kSevResourceLimit = 0x17, kSevInvalidParameter = 0x16, kSevInvalidPlatformState = 1,
                          kSevInvalidGuestState = 2, kSevAlreadyOwned = 5, kSevInvalidCertificate = 6,
                          kSevInvalidLength = 4;

// Guests that ask for certificates with their reports.
inline constexpr uint32_t kExitSnpRequestCerts = 43;
struct SnpRequestCertsExit {
    uint64_t gpa;
    uint64_t pages;
    uint64_t result;  // written by user space: 0, ENOSPC with pages, EAGAIN, EIO
};

// /dev/sev.
struct [[gnu::packed]] SevIssueCommand {
    uint32_t command;
    uint64_t data;
    uint32_t error;
};
inline constexpr unsigned long kSevIssueCommand = _IOWR('S', 0x0, SevIssueCommand);
inline constexpr uint32_t kSevPlatformStatus = 1, kSevPdhCertExport = 6, kSevGetId2 = 8;
struct [[gnu::packed]] SevPlatformStatus {
    uint8_t api_major;
    uint8_t api_minor;
    uint8_t state;
    uint32_t flags;  // bit 0: owned, bit 8: SEV-ES is configured
    uint8_t build;
    uint32_t guests;
};
struct [[gnu::packed]] SevPdhCertExport {
    uint64_t pdh_address;
    uint32_t pdh_length;
    uint64_t chain_address;
    uint32_t chain_length;
};
struct [[gnu::packed]] SevGetId2 {
    uint64_t address;
    uint32_t length;
};

static_assert(sizeof(SevInit) == 48 && offsetof(SevInit, ghcb_version) == 12);
static_assert(sizeof(SevLaunchStart) == 40 && offsetof(SevLaunchStart, session_address) == 24);
static_assert(sizeof(SevBuffer) == 16 && sizeof(SevLaunchSecret) == 48 && sizeof(SevGuestStatus) == 12);
static_assert(sizeof(SevAttestationReport) == 32);
static_assert(sizeof(SnpLaunchStart) == 64 && offsetof(SnpLaunchStart, flags) == 24);
static_assert(sizeof(SnpLaunchUpdate) == 64 && offsetof(SnpLaunchUpdate, type) == 24);
static_assert(sizeof(SnpLaunchFinish) == 88 && offsetof(SnpLaunchFinish, flags) == 54);
static_assert(sizeof(SevIssueCommand) == 16 && kSevIssueCommand == 0xc0105300);
static_assert(sizeof(SevPlatformStatus) == 12 && sizeof(SevPdhCertExport) == 24);

}  // namespace vmm::abi
