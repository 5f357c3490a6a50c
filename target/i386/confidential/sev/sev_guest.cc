// Launching an SEV or SEV-ES guest; see sev_guest.h.
#include "target/i386/confidential/sev/sev_guest.h"

#include <algorithm>
#include <set>

#include "accel/model/launch_record.h"
#include "linux-headers/kvm_abi.h"
#include "system/memory/address_space.h"
#include "system/memory/ram_block.h"
#include "target/i386/confidential/kernel_hashes.h"
#include "util/base64.h"

namespace vmm::sev {

namespace {

constexpr uint64_t kMostFileBytes = 64 * 1024;
constexpr uint64_t kBlock = 16;  // what the processor encrypts at once

Result<std::vector<uint8_t>> read_base64_file(const char* property, const std::string& path) {
    if (path.empty()) return std::vector<uint8_t>();
    auto text = read_file(path, kMostFileBytes);
    if (!text) return std::move(text).take_error().while_doing("%s", property);
    auto bytes =
        from_base64({static_cast<const char*>(static_cast<const void*>(text->data())), text->size()});
    if (!bytes) return std::move(bytes).take_error().while_doing("%s '%s'", property, path.c_str());
    return bytes;
}

bool is_legacy(const SevConfig& config) {
    if (config.legacy_vm_type != LegacyVm::Auto) return config.legacy_vm_type == LegacyVm::On;
    return !config.common.debug_swap && !config.common.vmsa_features;
}

Status refuse_id_block(const igvm::Terms& terms, const std::string& id) {
    if (!terms.id_block) return {};
    return Error::make("%s: the IGVM file has an ID block, which is SEV-SNP's", id.c_str());
}

// The host's memory of guest RAM; nothing where the range is not RAM as one piece.
std::span<uint8_t> host_memory(AddressSpace& memory, uint64_t gpa, uint64_t size) {
    const FlatViewPtr view = memory.view();
    const FlatSection* section = view->find(Gpa(gpa));
    const auto range = GpaRange::make(Gpa(gpa), size);
    if (section == nullptr || !range || section->ram == nullptr || !section->range.contains(*range))
        return {};
    const uint64_t offset = section->ram_offset.raw() + (gpa - section->range.first().raw());
    return section->ram->bytes().subspan(offset, size);
}

// A command that tells the length of its answer when it is asked without room.
template <typename Argument>
Result<std::vector<uint8_t>> sized_answer(Commands& commands, abi::SevCommand command, Argument& argument) {
    Result<int> asked = commands.insist(command, &argument);
    if (argument.length == 0) {
        if (asked) return Error::make("the secure processor has no answer to give");
        return commands.describe(command, std::move(asked).take_error());
    }
    constexpr uint32_t kMostAnswer = 16384;
    if (argument.length > kMostAnswer)
        return Error::make("the secure processor's answer would have %u bytes", argument.length);
    std::vector<uint8_t> answer(argument.length);
    argument.address = reinterpret_cast<uintptr_t>(answer.data());
    TRY(commands.call(command, &argument));
    return answer;
}

}  // namespace

SevGuest::SevGuest(SevConfig config)
    : BaseGuest(config.common), config_(std::move(config)), legacy_(is_legacy(config_)) {
    const bool es = encrypted_state();
    requirements_.vm_type = legacy_ ? abi::kVmDefault : es ? abi::kVmSevEs : abi::kVmSev;
    requirements_.vm_type_name = legacy_ ? "default" : es ? "sev-es" : "sev";
    requirements_.kernel_lapic = es;
    requirements_.firmware_required = true;
    requirements_.pinned_memory = true;
    requirements_.launched = true;
    requirements_.forbids_smm = es;
    requirements_.forbids_readonly_memory = es && !legacy_;
    requirements_.cannot_reset = es;
    requirements_.cpu_state = es ? CpuState::Measured : CpuState::Open;
    requirements_.phys_bits = PhysBitsRule::Reduced;
    requirements_.reduced_phys_bits = common_.reduced_phys_bits;
    requirements_.modern_virtio = true;
    requirements_.access_platform = true;
}

Result<std::unique_ptr<SevGuest>> SevGuest::create(SevConfig config) {
    const char* id = config.common.id.c_str();
    if (Status good = check_sev_policy(config.policy); !good)
        return std::move(good).take_error().while_doing("%s", id);
    const bool es = (config.policy & kPolicyEncryptedState) != 0;
    if (config.common.debug_swap && !es)
        return Error::make("%s: debug-swap=on needs SEV-ES, which policy=0x%x does not ask for", id,
                           config.policy)
            .with_hint("set bit 2 of the policy");
    if (config.common.debug_swap && config.legacy_vm_type == LegacyVm::On)
        return Error::make("%s: debug-swap=on contradicts legacy-vm-type=on", id);
    return std::make_unique<SevGuest>(std::move(config));
}

uint32_t SevGuest::technology_bits() const {
    return 1u << 1 | (encrypted_state() ? 1u << 3 : 0);  // SEV, SEV-ES
}

Status SevGuest::start(kvm::Vm& vm) {
    vm_ = &vm;
    measurement_.clear();
    info_ = {};
    const std::vector<uint8_t> dh_certificate = TRY(read_base64_file("dh-cert-file", config_.dh_cert_file));
    const std::vector<uint8_t> session = TRY(read_base64_file("session-file", config_.session_file));
    TRY(open_device(vm));
    const abi::SevPlatformStatus platform = TRY(device_->status());
    info_.api_major = platform.api_major;
    info_.api_minor = platform.api_minor;
    info_.build = platform.build;
    constexpr uint32_t kEncryptedStateReady = 1u << 8;
    if (encrypted_state() && (platform.flags & kEncryptedStateReady) == 0)
        return Error::make("%s: policy=0x%x asks for SEV-ES, which this host has not set up", id().c_str(),
                           config_.policy)
            .with_hint(
                "give SEV-ES keys in the BIOS (minimum SEV non-ES ASID) and load kvm_amd with sev_es=1");
    if (legacy_) {
        TRY(commands_->call(encrypted_state() ? abi::SevCommand::EsInit : abi::SevCommand::Init, nullptr));
    } else {
        abi::SevInit init{};
        init.vmsa_features = wanted_features();
        TRY(check_vmsa_features(vm, init.vmsa_features));
        TRY(commands_->call(abi::SevCommand::Init2, &init));
    }
    abi::SevLaunchStart launch{};
    launch.handle = config_.handle;
    launch.policy = config_.policy;
    if (!dh_certificate.empty()) {
        launch.dh_address = reinterpret_cast<uintptr_t>(dh_certificate.data());
        launch.dh_length = static_cast<uint32_t>(dh_certificate.size());
    }
    if (!session.empty()) {
        launch.session_address = reinterpret_cast<uintptr_t>(session.data());
        launch.session_length = static_cast<uint32_t>(session.size());
    }
    TRY(commands_->call(abi::SevCommand::LaunchStart, &launch));
    info_.handle = launch.handle;
    info_.policy = config_.policy;
    info_.state = State::LaunchUpdate;
    return {};
}

// Encrypted pages may not move: the processor's key is bound to their place. Each piece of RAM once.
Status SevGuest::pin_memory(LaunchScene& scene) {
    std::set<const RamBlock*> done;
    const FlatViewPtr view = scene.media.memory.view();
    for (const FlatSection& section : view->sections()) {
        RamBlock* block = section.ram;
        if (block == nullptr || !done.insert(block).second) continue;
        abi::EncryptRegion region{reinterpret_cast<uintptr_t>(block->data()), block->size()};
        Result<int> pinned = vm_->ioctl<abi::kMemoryEncryptRegister>(region);
        if (pinned) continue;
        const bool no_memory = pinned.error().number() == ENOMEM;
        Error error = std::move(pinned).take_error().while_doing("%s: could not pin RAM '%s'", id().c_str(),
                                                                 block->id().c_str());
        if (no_memory)
            return std::move(error).with_hint(
                "raise the limit of locked memory (ulimit -l, or LimitMEMLOCK=)");
        return error;
    }
    return {};
}

Status SevGuest::update_data(std::span<uint8_t> bytes, const std::string& source) {
    if (record() != nullptr) record()->set_source(source, bytes.data());
    // The length is a 32-bit number.
    constexpr size_t kMostAtOnce = 1u << 30;
    for (size_t at = 0; at < bytes.size(); at += kMostAtOnce) {
        const std::span<uint8_t> part = bytes.subspan(at, std::min(kMostAtOnce, bytes.size() - at));
        abi::SevBuffer buffer{};
        buffer.address = reinterpret_cast<uintptr_t>(part.data());
        buffer.length = static_cast<uint32_t>(part.size());
        Status done = commands_->call(abi::SevCommand::LaunchUpdateData, &buffer);
        if (!done) return std::move(done).take_error().while_doing("%s: '%s'", id().c_str(), source.c_str());
        progress().given(part.size());
    }
    return {};
}

Status SevGuest::take_igvm(const igvm::Terms& terms) {
    TRY(refuse_id_block(terms, id()));
    if (terms.policy && *terms.policy != config_.policy)
        return Error::make("%s: policy 0x%x contradicts the IGVM file's 0x%llx", id().c_str(), config_.policy,
                           static_cast<unsigned long long>(*terms.policy));
    if (!terms.vmsa_features || *terms.vmsa_features == 0) return {};
    if (legacy_)
        return Error::make("%s: the IGVM file asks for features that a VM of the legacy type does not have",
                           id().c_str())
            .with_hint("legacy-vm-type=off");
    set_vmsa_features(*terms.vmsa_features);
    return {};
}

Status SevGuest::measure(LaunchScene& scene, std::span<const MeasuredPages> pages) {
    TRY(needs_started());
    memory_ = &scene.media.memory;
    TRY(pin_memory(scene));
    for (const MeasuredPages& run : pages) {
        const std::span<uint8_t> host = host_memory(*memory_, run.range.first().raw(), run.range.size());
        if (host.empty())
            return Error::make("%s: '%s' at 0x%llx is not in RAM", id().c_str(), run.source.c_str(),
                               static_cast<unsigned long long>(run.range.first().raw()));
        std::fill(host.begin(), host.end(), 0);
        std::copy(run.contents.begin(), run.contents.end(), host.begin());
        if (run.kind == PageKind::Unmeasured) {
            progress().given(host.size());
            continue;  // the guest sees it encrypted by itself, or not at all
        }
        TRY(update_data(host, run.source));
    }
    return finish_measurement();
}

Status SevGuest::launch(LaunchScene& scene) {
    TRY(needs_started());
    memory_ = &scene.media.memory;
    TRY(pin_memory(scene));
    if (!scene.media.firmware.empty()) progress().expect(scene.media.firmware.front().bytes.size());
    if (hashes_page(scene.media)) progress().expect(kKernelHashesSize);
    for (const LaunchImage& image : scene.media.firmware)
        // Variables are the user's, who changes them: only the firmware itself is measured.
        if (&image == &scene.media.firmware.front()) TRY(update_data(image.bytes, image.name));
    if (const auto page = hashes_page(scene.media)) {
        const std::span<uint8_t> host = host_memory(*memory_, hash_area_->base, kKernelHashesSize);
        if (host.empty())
            return Error::make("%s: the firmware wants the kernel's hashes at 0x%x, where no RAM is",
                               id().c_str(), hash_area_->base);
        std::copy_n(page->begin() + (hash_area_->base & (kPageSize - 1)), kKernelHashesSize, host.begin());
        TRY(update_data(host, "kernel-hashes"));
    }
    return finish_measurement();
}

Status SevGuest::finish_measurement() {
    if (encrypted_state()) TRY(commands_->call(abi::SevCommand::LaunchUpdateVmsa, nullptr));
    abi::SevBuffer buffer{};
    auto answer = sized_answer(*commands_, abi::SevCommand::LaunchMeasure, buffer);
    if (!answer) return std::move(answer).take_error().while_doing("%s", id().c_str());
    measurement_ = std::move(*answer);
    info_.state = State::LaunchSecret;
    return {};
}

Status SevGuest::finish() {
    TRY(needs_started());
    Status done = commands_->call(abi::SevCommand::LaunchFinish, nullptr);
    if (!done) return std::move(done).take_error().while_doing("%s", id().c_str());
    info_.state = State::Running;
    return {};
}

Result<std::vector<uint8_t>> SevGuest::attestation_report(std::span<const uint8_t> nonce) {
    abi::SevAttestationReport report{};
    if (nonce.size() != sizeof report.nonce)
        return Error::make("SEV: mnonce must be %zu bytes (got %zu)", sizeof report.nonce, nonce.size());
    TRY(needs_started());
    std::copy(nonce.begin(), nonce.end(), report.nonce);
    return sized_answer(*commands_, abi::SevCommand::GetAttestationReport, report);
}

Status SevGuest::inject_secret(std::span<const uint8_t> header, std::span<const uint8_t> packet,
                               std::optional<uint64_t> gpa) {
    if (info_.state != State::LaunchSecret)
        return Error::make("SEV: Not in correct state. (LSECRET) %x", static_cast<unsigned>(info_.state));
    if (!gpa && !secret_area_)
        return Error::make("SEV: no secret area found in OVMF, gpa must be specified.");
    const uint64_t at = gpa ? *gpa : secret_area_->base;
    if (header.empty() || packet.empty()) return Error::make("SEV: header and secret may not be empty");
    const std::span<uint8_t> host = host_memory(*memory_, at, packet.size());
    if (host.empty() || at % kBlock != 0)
        return Error::make("SEV: there is no RAM for a secret of %zu bytes at 0x%llx", packet.size(),
                           static_cast<unsigned long long>(at));
    std::vector<uint8_t> own_header(header.begin(), header.end()), own_packet(packet.begin(), packet.end());
    abi::SevLaunchSecret secret{};
    secret.header_address = reinterpret_cast<uintptr_t>(own_header.data());
    secret.header_length = static_cast<uint32_t>(own_header.size());
    secret.guest_address = reinterpret_cast<uintptr_t>(host.data());
    secret.guest_length = static_cast<uint32_t>(host.size());
    secret.packet_address = reinterpret_cast<uintptr_t>(own_packet.data());
    secret.packet_length = static_cast<uint32_t>(own_packet.size());
    return commands_->call(abi::SevCommand::LaunchSecret, &secret);
}

}  // namespace vmm::sev
