// What the models of SEV launches share: save areas and the devices; see sev_model.h.
#include <cerrno>
#include <cstring>

#include "target/i386/confidential/model/sev_model.h"

namespace vmm::model {

namespace {

constexpr uint32_t kPatMsr = 0x277;

template <typename T>
bool get_state(ModelVcpu& cpu, unsigned long request, T& into) {
    const std::vector<uint8_t>& bytes = cpu.state[request];
    if (bytes.size() != sizeof(T)) return false;
    std::memcpy(&into, bytes.data(), sizeof(T));
    return true;
}

kvm_segment segment(uint16_t selector, uint64_t base, uint8_t type, uint8_t system) {
    kvm_segment s{};
    s.selector = selector;
    s.base = base;
    s.limit = 0xffff;
    s.type = type;
    s.s = system;
    s.present = 1;
    return s;
}

// What KVM on AMD makes of a new vCPU: segments that were not accessed yet.
kvm_sregs kernel_reset_sregs() {
    kvm_sregs sregs{};
    sregs.cs = segment(0xf000, 0xffff0000, 0xa, 1);
    for (kvm_segment* data : {&sregs.ds, &sregs.es, &sregs.fs, &sregs.gs, &sregs.ss})
        *data = segment(0, 0, 2, 1);
    sregs.ldt = segment(0, 0, 2, 0);
    sregs.tr = segment(0, 0, 3, 0);
    sregs.gdt.limit = sregs.idt.limit = 0xffff;
    sregs.cr0 = 0x60000010;
    return sregs;
}

// Into a buffer that may be too short: then nothing is written.
bool fits(std::span<const uint8_t> bytes, uint64_t address, uint32_t room) {
    if (room < bytes.size()) return false;
    std::memcpy(pointer<void>(address), bytes.data(), bytes.size());
    return true;
}

// Lengths are told in any case.
int export_keys(const SevFirmware& firmware, abi::SevPdhCertExport& a) {
    const bool key = fits(firmware.pdh, a.pdh_address, a.pdh_length);
    const bool chain = fits(firmware.certificates, a.chain_address, a.chain_length);
    a.pdh_length = static_cast<uint32_t>(firmware.pdh.size());
    a.chain_length = static_cast<uint32_t>(firmware.certificates.size());
    return key && chain ? 0 : -EIO;
}

int tell_id(const SevFirmware& firmware, abi::SevGetId2& a) {
    const bool told = fits(firmware.chip_id, a.address, a.length);
    a.length = static_cast<uint32_t>(firmware.chip_id.size());
    return told ? 0 : -EIO;
}

}  // namespace

sev::VmsaPage vmsa_of(ModelVcpu& cpu, uint64_t sev_features, bool fpu_synced) {
    sev::VmsaInputs in;
    if (!get_state(cpu, KVM_SET_REGS, in.regs)) {
        in.regs.rip = 0xfff0;
        in.regs.rflags = 2;
        in.regs.rdx = 0x600;
    }
    if (!get_state(cpu, KVM_SET_SREGS, in.sregs)) in.sregs = kernel_reset_sregs();
    kvm_debugregs debug{};
    if (get_state(cpu, KVM_SET_DEBUGREGS, debug)) {
        in.dr6 = debug.dr6;
        in.dr7 = debug.dr7;
    }
    kvm_xcrs xcrs{};
    if (get_state(cpu, KVM_SET_XCRS, xcrs) && xcrs.nr_xcrs != 0) in.xcr0 = xcrs.xcrs[0].value;
    if (const auto pat = cpu.msrs.find(kPatMsr); pat != cpu.msrs.end()) in.pat = pat->second;
    in.sev_features = sev_features;
    in.fpu_synced = fpu_synced;
    return sev::build_vmsa(in);
}

std::vector<uint8_t> copy_sev_argument(const abi::EncryptCommand& command) {
    size_t size = 0;
    switch (static_cast<abi::SevCommand>(command.id)) {
        case abi::SevCommand::Init2:
            size = sizeof(abi::SevInit);
            break;
        case abi::SevCommand::LaunchStart:
            size = sizeof(abi::SevLaunchStart);
            break;
        case abi::SevCommand::LaunchUpdateData:
        case abi::SevCommand::LaunchMeasure:
            size = sizeof(abi::SevBuffer);
            break;
        case abi::SevCommand::LaunchSecret:
            size = sizeof(abi::SevLaunchSecret);
            break;
        case abi::SevCommand::SnpLaunchStart:
            size = sizeof(abi::SnpLaunchStart);
            break;
        case abi::SevCommand::SnpLaunchUpdate:
            size = sizeof(abi::SnpLaunchUpdate);
            break;
        case abi::SevCommand::SnpLaunchFinish:
            size = sizeof(abi::SnpLaunchFinish);
            break;
        case abi::SevCommand::GuestStatus:
            size = sizeof(abi::SevGuestStatus);
            break;
        default:
            return {};
    }
    const auto* from = reinterpret_cast<const uint8_t*>(static_cast<uintptr_t>(command.data));
    std::vector<uint8_t> copy(from, from + size);
    if (static_cast<abi::SevCommand>(command.id) != abi::SevCommand::LaunchMeasure) return copy;
    // The model's own answer goes behind the copy, not to whoever asked. (A moved vector keeps its place.)
    constexpr size_t kRoom = 64;
    copy.resize(sizeof(abi::SevBuffer) + kRoom);
    abi::SevBuffer buffer{};
    buffer.address = reinterpret_cast<uintptr_t>(copy.data() + sizeof buffer);
    buffer.length = kRoom;
    std::memcpy(copy.data(), &buffer, sizeof buffer);
    return copy;
}

std::unique_ptr<ProtectionModel> make_sev_model(uint32_t vm_type, KernelModel& kernel,
                                                const SevFirmware& firmware, LaunchRecord* record) {
    if (vm_type == abi::kVmSnp) return std::make_unique<SnpModel>(kernel, firmware, record);
    if (vm_type == abi::kVmDefault || vm_type == abi::kVmSev || vm_type == abi::kVmSevEs)
        return std::make_unique<SevModel>(kernel, vm_type, firmware, record);
    return nullptr;
}

int sev_device_call(const SevFirmware& firmware, unsigned long request, void* argument) {
    if (request != abi::kSevIssueCommand) return -EINVAL;
    auto& command = *static_cast<abi::SevIssueCommand*>(argument);
    if (command.command == abi::kSevPdhCertExport)
        return export_keys(firmware, *pointer<abi::SevPdhCertExport>(command.data));
    if (command.command == abi::kSevGetId2) return tell_id(firmware, *pointer<abi::SevGetId2>(command.data));
    if (command.command != abi::kSevPlatformStatus) return -EINVAL;
    abi::SevPlatformStatus status{};
    status.api_major = firmware.api_major;
    status.api_minor = firmware.api_minor;
    status.build = firmware.build;
    status.flags = 1u << 8;
    std::memcpy(pointer<void>(command.data), &status, sizeof status);
    command.error = 0;
    return 0;
}

int sev_device_attribute(const SevFirmware& firmware, uint32_t group, uint64_t attribute, uint64_t* value) {
    if (group != abi::kGroupSev) return -ENXIO;
    switch (attribute) {
        case abi::kSevVmsaFeatures:
            *value = firmware.vmsa_features;
            return 0;
        case abi::kSevSnpPolicyBits:
            *value = firmware.snp_policy_bits;
            return 0;
        case abi::kSevSnpReqCerts:
            *value = firmware.request_certs ? 1 : 0;
            return 0;
        default:
            return -ENXIO;
    }
}

}  // namespace vmm::model
