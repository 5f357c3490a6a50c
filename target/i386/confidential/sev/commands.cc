// SEV's commands; see commands.h.
#include "target/i386/confidential/sev/commands.h"

#include <cerrno>

#include "target/i386/confidential/sev/ioctls.h"
#include "target/i386/confidential/until_served.h"
#include "util/text.h"

namespace vmm::sev {

namespace {

struct Name {
    abi::SevCommand command;
    const char* text;
};
constexpr Name kNames[] = {{abi::SevCommand::Init, "KVM_SEV_INIT"},
                           {abi::SevCommand::EsInit, "KVM_SEV_ES_INIT"},
                           {abi::SevCommand::LaunchStart, "KVM_SEV_LAUNCH_START"},
                           {abi::SevCommand::LaunchUpdateData, "KVM_SEV_LAUNCH_UPDATE_DATA"},
                           {abi::SevCommand::LaunchUpdateVmsa, "KVM_SEV_LAUNCH_UPDATE_VMSA"},
                           {abi::SevCommand::LaunchSecret, "KVM_SEV_LAUNCH_SECRET"},
                           {abi::SevCommand::LaunchMeasure, "KVM_SEV_LAUNCH_MEASURE"},
                           {abi::SevCommand::LaunchFinish, "KVM_SEV_LAUNCH_FINISH"},
                           {abi::SevCommand::GuestStatus, "KVM_SEV_GUEST_STATUS"},
                           {abi::SevCommand::GetAttestationReport, "KVM_SEV_GET_ATTESTATION_REPORT"},
                           {abi::SevCommand::Init2, "KVM_SEV_INIT2"},
                           {abi::SevCommand::SnpLaunchStart, "KVM_SEV_SNP_LAUNCH_START"},
                           {abi::SevCommand::SnpLaunchUpdate, "KVM_SEV_SNP_LAUNCH_UPDATE"},
                           {abi::SevCommand::SnpLaunchFinish, "KVM_SEV_SNP_LAUNCH_FINISH"},
                           {abi::SevCommand::SnpEnableReqCerts, "KVM_SEV_SNP_ENABLE_REQ_CERTS"}};

const char* name_of(abi::SevCommand command) {
    for (const Name& name : kNames)
        if (name.command == command) return name.text;
    return "KVM_MEMORY_ENCRYPT_OP";
}

const char* hint_for(int number, uint32_t firmware_error) {
    if (firmware_error == abi::kSevResourceLimit || number == EBUSY)
        return "every key of the processor is in use: stop another encrypted guest, or raise the number of "
               "ASIDs "
               "for this kind in the BIOS";
    if (firmware_error == abi::kSevPolicyFailure)
        return "the firmware of the secure processor is older than the policy asks for, or the policy "
               "forbids this";
    if (firmware_error == abi::kSevBadMeasurement)
        return "what was launched is not what id-block was made for; -launch-plan shows the digest";
    if (firmware_error == abi::kSevBadSignature || firmware_error == abi::kSevInvalidCertificate)
        return "check the certificates, the session or the signatures that were given";
    switch (number) {
        case ENOTTY:
            return "the kernel was built or loaded without it: kvm_amd.sev=1, sev_es=1, sev_snp=1";
        case ENODEV:
            return "the secure processor is not ready; look for 'ccp' in the kernel's log";
        case ENOSPC:
            return "the cgroup's limit of encrypted guests (misc.max) is reached";
        default:
            return nullptr;
    }
}

}  // namespace

const char* firmware_error_text(uint32_t error) {
    switch (error) {
        case abi::kSevInvalidPlatformState:
            return "the platform is in a state that does not allow it";
        case abi::kSevInvalidGuestState:
            return "the guest is in a state that does not allow it";
        case abi::kSevInvalidLength:
            return "a length is wrong";
        case abi::kSevAlreadyOwned:
            return "the platform has an owner";
        case abi::kSevInvalidCertificate:
            return "a certificate is not valid";
        case abi::kSevPolicyFailure:
            return "the guest's policy does not allow it";
        case abi::kSevBadSignature:
            return "a signature is wrong";
        case abi::kSevBadMeasurement:
            return "the measurement is another";
        case abi::kSevInvalidParameter:
            return "a parameter is not valid";
        case abi::kSevResourceLimit:
            return "out of resources";
        default:
            return "";
    }
}

Result<Device> Device::open(IoctlDoor& door, const std::string& path) {
    Result<Fd> fd = door.open_device(path);
    if (fd) return Device(door, std::move(*fd));
    const int number = fd.error().number();
    Error error = Error::from_errno(number, "could not open sev-device '%s'", path.c_str());
    if (number == ENOENT)
        return std::move(error).with_hint(
            "it takes an AMD EPYC processor with SEV on in the BIOS, and the module ccp loaded");
    if (number == EACCES || number == EPERM)
        return std::move(error).with_hint(
            "give this user access to the device, as udev rules for libvirt do");
    return error;
}

Status Device::command(uint32_t number, const char* name, void* data, uint32_t* firmware_error) {
    abi::SevIssueCommand command{};
    command.command = number;
    command.data = reinterpret_cast<uintptr_t>(data);
    Result<int> done = ioctl_call<abi::kSevIssueCommand>(*door_, fd_.get(), command);
    if (firmware_error != nullptr) *firmware_error = command.error;
    if (done) return {};
    const uint32_t answer = command.error;
    return Error::from_errno(done.error().number(), "%s: the secure processor answers 0x%x%s%s", name, answer,
                             *firmware_error_text(answer) != 0 ? ", " : "", firmware_error_text(answer));
}

Result<abi::SevPlatformStatus> Device::status() {
    abi::SevPlatformStatus status{};
    TRY(command(abi::kSevPlatformStatus, "SEV_PLATFORM_STATUS", &status));
    return status;
}

Result<int> Commands::try_call(abi::SevCommand command, void* data) {
    abi::EncryptCommand request{};
    request.id = static_cast<uint32_t>(command);
    request.data = reinterpret_cast<uintptr_t>(data);
    request.tail = static_cast<uint64_t>(static_cast<uint32_t>(sev_fd_)) << 32;
    Result<int> done = vm_.ioctl<abi::kMemoryEncryptOp>(request);
    firmware_error_ = static_cast<uint32_t>(request.tail);
    return done;
}

Error Commands::describe(abi::SevCommand command, Error error) const {
    const int number = error.number();
    Error told =
        firmware_error_ == 0
            ? Error::from_errno(number, "%s", name_of(command))
            : Error::from_errno(number, "%s: the secure processor answers 0x%x%s%s", name_of(command),
                                firmware_error_, *firmware_error_text(firmware_error_) != 0 ? ", " : "",
                                firmware_error_text(firmware_error_));
    if (const char* hint = hint_for(number, firmware_error_)) return std::move(told).with_hint("%s", hint);
    return told;
}

Result<int> Commands::insist(abi::SevCommand command, void* data) {
    return until_served([&] { return try_call(command, data); });
}

Status Commands::call(abi::SevCommand command, void* data) {
    Result<int> done = insist(command, data);
    if (done) return {};
    return describe(command, std::move(done).take_error());
}

std::optional<uint64_t> device_attribute(kvm::Kvm& kvm, uint64_t attribute) {
    uint64_t value = 0;
    kvm_device_attr request{};
    request.group = abi::kGroupSev;
    request.attr = attribute;
    request.addr = reinterpret_cast<uintptr_t>(&value);
    if (!ioctl_call<KVM_GET_DEVICE_ATTR>(kvm.door(), kvm.fd(), request)) return std::nullopt;
    return value;
}

}  // namespace vmm::sev
