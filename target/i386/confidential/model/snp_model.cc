// Launches of SEV-SNP guests, modelled; see sev_model.h.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "accel/model/contents_digest.h"
#include "target/i386/confidential/model/sev_model.h"
#include "target/i386/confidential/sev/id_block.h"
#include "target/i386/confidential/sev/policy.h"
#include "util/align.h"

namespace vmm::model {

namespace {

bool may_be_added(uint8_t type) {
    switch (static_cast<sev::PageType>(type)) {
        case sev::PageType::Normal:
        case sev::PageType::Zero:
        case sev::PageType::Unmeasured:
        case sev::PageType::Secrets:
        case sev::PageType::Cpuid:
            return true;
        case sev::PageType::Vmsa:  // the kernel's own
            break;
    }
    return false;
}

}  // namespace

int SnpModel::vm_command(abi::EncryptCommand& command) {
    auto error = static_cast<uint32_t>(command.tail);
    error = 0;
    int done = -EINVAL;
    switch (static_cast<abi::SevCommand>(command.id)) {
        case abi::SevCommand::Init2:
            done = init(*pointer<abi::SevInit>(command.data));
            break;
        case abi::SevCommand::SnpLaunchStart:
            done = start(*pointer<abi::SnpLaunchStart>(command.data));
            break;
        case abi::SevCommand::SnpLaunchUpdate:
            done = update(*pointer<abi::SnpLaunchUpdate>(command.data), error);
            break;
        case abi::SevCommand::SnpLaunchFinish:
            done = finish(*pointer<abi::SnpLaunchFinish>(command.data), error);
            break;
        case abi::SevCommand::SnpEnableReqCerts:
            if (firmware_.request_certs && state_ != State::Fresh)
                done = kernel_.vcpus().empty() ? 0 : -EBUSY;
            break;
        default:  // those of SEV and SEV-ES are refused by SNP guests
            done = state_ == State::Fresh ? -ENOTTY : -EPERM;
            break;
    }
    command.tail = (command.tail & ~uint64_t{0xffffffff}) | error;
    return done;
}

int SnpModel::init(const abi::SevInit& init) {
    if (state_ != State::Fresh || !kernel_.vcpus().empty()) return -EINVAL;
    if (init.flags != 0 || (init.vmsa_features & ~firmware_.vmsa_features) != 0 || init.ghcb_version > 2)
        return -EINVAL;
    features_ = init.vmsa_features | abi::kSevFeatureSnpActive;
    state_ = State::Initialized;
    return 0;
}

int SnpModel::start(const abi::SnpLaunchStart& start) {
    if (state_ == State::Fresh) return -ENOTTY;
    if (state_ != State::Initialized || start.flags != 0) return -EINVAL;
    if ((start.policy & sev::kSnpPolicyReserved) == 0 || (start.policy & ~firmware_.snp_policy_bits) != 0)
        return -EINVAL;
    policy_ = start.policy;
    start_arguments_ = start;
    state_ = State::Started;
    return 0;
}

// Why the page cannot be added.
int SnpModel::refusal_at(uint64_t gpa) const {
    return kernel_.launchable(gpa, kPageSize) == 0 ? -EINVAL : -EEXIST;
}

bool SnpModel::accept_cpuid(uint8_t* page, uint32_t& error) {
    if (firmware_.check_cpuid && !firmware_.check_cpuid({page, kPageSize})) {
        error = abi::kSevInvalidParameter;
        return false;
    }
    cpuid_page_.assign(page, page + kPageSize);
    return true;
}

void SnpModel::add_pages(sev::PageType type, uint64_t gpa, uint64_t length, const uint8_t* data) {
    if (length == 0) return;
    pages_.add(gpa, length);
    const std::span<const uint8_t> contents(data, data != nullptr ? length : 0);
    const bool wants_contents = record_ != nullptr && record_->hash_contents && type == sev::PageType::Normal;
    ContentsDigest contents_digest;
    if (wants_contents) contents_digest.start(contents);
    digest_.add(type, gpa, length, contents);
    if (record_ == nullptr) return;
    const bool has_data =
        type == sev::PageType::Normal || type == sev::PageType::Unmeasured || type == sev::PageType::Cpuid;
    record_->add({.op = "snp_launch_update",
                  .type = static_cast<uint32_t>(type),
                  .gpa = gpa,
                  .length = length,
                  .contents = contents_digest.value()},
                 has_data ? data : nullptr);
}

int SnpModel::update(abi::SnpLaunchUpdate& a, uint32_t& error) {
    if (state_ == State::Fresh) return -ENOTTY;
    const auto type = static_cast<sev::PageType>(a.type);
    const bool zero = type == sev::PageType::Zero;
    if (state_ != State::Started || a.flags != 0 || !may_be_added(a.type)) return -EINVAL;
    if (a.length == 0 || !is_aligned(a.length, kPageSize) || (!zero && !is_aligned(a.address, kPageSize)))
        return -EINVAL;
    const uint64_t first = a.gfn * kPageSize;
    const uint64_t asked =
        firmware_.pages_at_once != 0 ? std::min(a.length, firmware_.pages_at_once * kPageSize) : a.length;
    auto* const data = zero ? nullptr : pointer<uint8_t>(a.address);
    // Whole runs are judged at once; the first page that cannot be added ends the call.
    uint64_t done = std::min(kernel_.launchable(first, asked), pages_.run(first, asked, false));
    int refused = done < asked ? refusal_at(first + done) : 0;
    if (type == sev::PageType::Cpuid && done != 0 && !accept_cpuid(data, error)) {
        done = 0;
        refused = -EIO;
    }
    add_pages(type, first, done, data);
    a.gfn += done / kPageSize;
    if (!zero) a.address += done;
    a.length -= done;
    return refused;
}

void SnpModel::add_vmsas() {
    for (ModelVcpu* cpu : kernel_.vcpus()) {
        vmsas_.push_back(vmsa_of(*cpu, features_, true));
        const sev::VmsaPage& page = vmsas_.back();
        digest_.add_page(sev::PageType::Vmsa, sev::kVmsaGpa, page);
        if (record_ != nullptr)
            record_->add({.op = "snp_launch_update",
                          .type = static_cast<uint32_t>(sev::PageType::Vmsa),
                          .gpa = sev::kVmsaGpa,
                          .length = kPageSize,
                          .source = "vmsa" + std::to_string(cpu->index),
                          .contents = sha384(page)});
        cpu->state_hidden = true;
    }
}

int SnpModel::finish(const abi::SnpLaunchFinish& a, uint32_t& error) {
    if (state_ == State::Fresh) return -ENOTTY;
    if (state_ != State::Started || a.flags != 0) return -EINVAL;
    add_vmsas();
    finish_arguments_ = a;
    if (a.id_block_enabled != 0) {
        const auto* const block_at = pointer<const uint8_t>(a.id_block_address);
        const auto* const auth_at = pointer<const uint8_t>(a.id_auth_address);
        id_block_.assign(block_at, block_at + sev::kIdBlockSize);
        id_auth_.assign(auth_at, auth_at + sev::kIdAuthSize);
        const auto block = sev::parse_id_block(id_block_);
        if (!block) {
            error = abi::kSevInvalidParameter;
            return -EIO;
        }
        if (block->policy != policy_) error = abi::kSevPolicyFailure;
        if (block->launch_digest != digest_.value()) error = abi::kSevBadMeasurement;
        if (error != 0) return -EIO;
    }
    state_ = State::Finished;
    return 0;
}

std::vector<std::vector<uint8_t>> SnpModel::save_areas() const {
    std::vector<std::vector<uint8_t>> all;
    for (const sev::VmsaPage& page : vmsas_)
        all.emplace_back(page.begin(), page.end());
    return all;
}

std::vector<uint8_t> SnpModel::copy_argument(const abi::EncryptCommand& command) const {
    return copy_sev_argument(command);
}

std::vector<Measurement> SnpModel::measurements() const {
    if (state_ != State::Finished) return {};
    const Sha384Digest& value = digest_.value();
    return {{"launch-digest", {value.begin(), value.end()}}};
}

}  // namespace vmm::model
