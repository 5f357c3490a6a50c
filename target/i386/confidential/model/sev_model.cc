// Launches of SEV and SEV-ES guests, modelled; see sev_model.h.
#include "target/i386/confidential/model/sev_model.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "accel/model/contents_digest.h"
#include "target/i386/confidential/sev/policy.h"
#include "util/align.h"

namespace vmm::model {

namespace {

constexpr size_t kMeasureSize = 48, kReportSize = 128, kSecretHeaderSize = 52;
constexpr uint64_t kBlock = 16;  // what the processor encrypts at once

std::vector<uint8_t> bytes_at(uint64_t address, uint32_t length) {
    const auto* from = pointer<const uint8_t>(address);
    return {from, from + length};
}

}  // namespace

int SevModel::vm_command(abi::EncryptCommand& command) {
    uint32_t error = 0;
    int done = -EINVAL;
    const auto number = static_cast<abi::SevCommand>(command.id);
    const bool makes_guest = number == abi::SevCommand::Init || number == abi::SevCommand::EsInit ||
                             number == abi::SevCommand::Init2;
    if (!makes_guest && state_ == State::Off) return -ENOTTY;
    switch (number) {
        case abi::SevCommand::Init:
        case abi::SevCommand::EsInit:
            done = init(number == abi::SevCommand::EsInit, nullptr);
            break;
        case abi::SevCommand::Init2:
            done = init(vm_type_ == abi::kVmSevEs, pointer<const abi::SevInit>(command.data));
            break;
        case abi::SevCommand::LaunchStart:
            done = start(*pointer<abi::SevLaunchStart>(command.data), error);
            break;
        case abi::SevCommand::LaunchUpdateData:
            done = update_data(*pointer<const abi::SevBuffer>(command.data));
            break;
        case abi::SevCommand::LaunchUpdateVmsa:
            done = update_vmsa();
            break;
        case abi::SevCommand::LaunchMeasure:
            done = measure(*pointer<abi::SevBuffer>(command.data), error);
            break;
        case abi::SevCommand::LaunchSecret:
            done = secret(*pointer<const abi::SevLaunchSecret>(command.data), error);
            break;
        case abi::SevCommand::LaunchFinish:
            done = finish(error);
            break;
        case abi::SevCommand::GuestStatus:
            done = status(*pointer<abi::SevGuestStatus>(command.data));
            break;
        case abi::SevCommand::GetAttestationReport:
            done = report(*pointer<abi::SevAttestationReport>(command.data), error);
            break;
        default:
            break;
    }
    command.tail = (command.tail & ~uint64_t{0xffffffff}) | error;
    return done;
}

int SevModel::init(bool encrypted_state, const abi::SevInit* init) {
    if (state_ != State::Off || !kernel_.vcpus().empty()) return -EINVAL;
    const bool legacy = init == nullptr;
    if (legacy != (vm_type_ == abi::kVmDefault)) return -EINVAL;
    if (!legacy) {
        if (init->flags != 0 || (init->vmsa_features & ~firmware_.vmsa_features) != 0) return -EINVAL;
        if (!encrypted_state && (init->vmsa_features != 0 || init->ghcb_version != 0)) return -EINVAL;
        if (init->ghcb_version > 2) return -EINVAL;
        features_ = init->vmsa_features;
    }
    encrypted_state_ = encrypted_state;
    fpu_synced_ = !legacy;
    state_ = State::Initialized;
    return 0;
}

int SevModel::start(abi::SevLaunchStart& a, uint32_t& error) {
    if (state_ != State::Initialized) {
        error = abi::kSevInvalidGuestState;
        return -EIO;
    }
    const bool wants_encrypted = (a.policy & sev::kPolicyEncryptedState) != 0;
    if (wants_encrypted != encrypted_state_) {
        error = abi::kSevPolicyFailure;
        return -EIO;
    }
    policy_ = a.policy;
    start_arguments_ = a;
    dh_certificate_ = bytes_at(a.dh_address, a.dh_length);
    session_ = bytes_at(a.session_address, a.session_length);
    a.handle = 1;
    state_ = State::LaunchUpdate;
    return 0;
}

int SevModel::update_data(const abi::SevBuffer& a) {
    if (state_ != State::LaunchUpdate || vmsas_done_) return -EIO;
    if (a.length == 0 || !is_aligned(a.address | a.length, kBlock)) return -EINVAL;
    const std::span<uint8_t> bytes(pointer<uint8_t>(a.address), a.length);
    ContentsDigest contents;
    if (record_ != nullptr && record_->hash_contents) contents.start(bytes);
    hasher_.update(bytes);
    if (record_ != nullptr)
        record_->add({.op = "sev_launch_update_data", .length = a.length, .contents = contents.value()},
                     bytes.data());
    return 0;
}

int SevModel::update_vmsa() {
    if (!encrypted_state_) return -ENOTTY;
    if (state_ != State::LaunchUpdate || vmsas_done_) return -EIO;
    for (ModelVcpu* cpu : kernel_.vcpus()) {
        vmsas_.push_back(vmsa_of(*cpu, features_, fpu_synced_));
        hasher_.update(vmsas_.back());
        cpu->state_hidden = true;
        if (record_ != nullptr)
            record_->add({.op = "sev_launch_update_vmsa",
                          .length = kPageSize,
                          .source = "vmsa" + std::to_string(cpu->index),
                          .contents = sha384(vmsas_.back())});
    }
    vmsas_done_ = true;
    return 0;
}

Sha256Digest SevModel::launch_digest() const {
    Hasher copy(hasher_);
    Sha256Digest digest;
    copy.finish(digest);
    return digest;
}

sev::SevMeasureInputs SevModel::measure_inputs() const {
    return {.api_major = firmware_.api_major,
            .api_minor = firmware_.api_minor,
            .build = firmware_.build,
            .policy = policy_,
            .launch_digest = launch_digest(),
            .nonce = firmware_.nonce};
}

int SevModel::measure(abi::SevBuffer& a, uint32_t& error) {
    if (state_ != State::LaunchUpdate && state_ != State::LaunchSecret) return -EIO;
    if (a.address == 0 || a.length < kMeasureSize) {
        a.length = kMeasureSize;
        error = abi::kSevInvalidLength;
        return -EIO;
    }
    const std::vector<uint8_t> blob = sev::sev_launch_measure(firmware_.integrity_key, measure_inputs());
    std::copy(blob.begin(), blob.end(), pointer<uint8_t>(a.address));
    a.length = kMeasureSize;
    state_ = State::LaunchSecret;
    return 0;
}

int SevModel::secret(const abi::SevLaunchSecret& a, uint32_t& error) {
    if (state_ != State::LaunchSecret) {
        error = abi::kSevInvalidGuestState;
        return -EIO;
    }
    if (a.header_length != kSecretHeaderSize || a.packet_length == 0 || a.guest_length != a.packet_length ||
        !is_aligned(a.guest_address | a.guest_length, kBlock))
        return -EINVAL;
    const auto* packet = pointer<const uint8_t>(a.packet_address);
    secrets_.emplace_back(packet, packet + a.packet_length);
    return 0;
}

// Only what was measured may run.
int SevModel::finish(uint32_t& error) {
    if (state_ != State::LaunchSecret) {
        error = abi::kSevInvalidGuestState;
        return -EIO;
    }
    state_ = State::Running;
    return 0;
}

int SevModel::status(abi::SevGuestStatus& a) {
    constexpr uint32_t kUninitialized = 0, kLaunchUpdate = 1, kLaunchSecret = 2, kRunning = 3;
    a.handle = state_ == State::Initialized ? 0 : 1;
    a.policy = policy_;
    a.state = state_ == State::LaunchUpdate   ? kLaunchUpdate
              : state_ == State::LaunchSecret ? kLaunchSecret
              : state_ == State::Running      ? kRunning
                                              : kUninitialized;
    return 0;
}

int SevModel::report(abi::SevAttestationReport& a, uint32_t& error) {
    if (a.address == 0 || a.length < kReportSize) {
        a.length = kReportSize;
        error = abi::kSevInvalidLength;
        return -EIO;
    }
    std::vector<uint8_t> bytes(a.nonce, a.nonce + sizeof a.nonce);
    const Sha256Digest digest = launch_digest();
    bytes.insert(bytes.end(), digest.begin(), digest.end());
    bytes.resize(kReportSize);
    std::copy(bytes.begin(), bytes.end(), pointer<uint8_t>(a.address));
    a.length = kReportSize;
    return 0;
}

int SevModel::pin_region(const abi::EncryptRegion& region, bool pin) {
    if (state_ == State::Off) return -ENOTTY;
    if (pin) return pinned_.emplace(region.address, region.size).second ? 0 : -EINVAL;
    const auto found = pinned_.find(region.address);
    if (found == pinned_.end() || found->second != region.size) return -EINVAL;
    pinned_.erase(found);
    return 0;
}

std::vector<std::vector<uint8_t>> SevModel::save_areas() const {
    std::vector<std::vector<uint8_t>> all;
    for (const sev::VmsaPage& page : vmsas_)
        all.emplace_back(page.begin(), page.end());
    return all;
}

// What a guest owner needs, besides the digest, to compute LAUNCH_MEASURE for a host.
std::vector<std::pair<std::string, qapi::Value>> SevModel::details() const {
    if (state_ == State::Off) return {};
    return {{"launch-measure",
             qapi::Dict{{"policy", policy_},
                        {"covers",
                         "HMAC-SHA256 with the session's integrity key of 0x04, API major, API minor, build, "
                         "policy (4 bytes), sev-digest, nonce (16 bytes)"}}}};
}

std::vector<uint8_t> SevModel::copy_argument(const abi::EncryptCommand& command) const {
    return copy_sev_argument(command);
}

std::vector<Measurement> SevModel::measurements() const {
    if (state_ != State::LaunchSecret && state_ != State::Running) return {};
    const Sha256Digest digest = launch_digest();
    return {{"sev-digest", {digest.begin(), digest.end()}}};
}

}  // namespace vmm::model
