// Making what protects the guest; see confidential_guests.h.
#include "system/control/startup/confidential_guests.h"

#include <algorithm>

#include "backends/net/options.h"
#include "system/control/startup/launch_plan.h"
#include "target/i386/confidential/sev/id_block.h"
#include "target/i386/confidential/sev/sev_guest.h"
#include "target/i386/confidential/sev/snp_guest.h"
#include "target/i386/confidential/sw_protected_vm.h"
#include "target/i386/confidential/tdx/guest.h"
#include "util/base64.h"
#include "util/log.h"

namespace vmm {

namespace {

using Guest = std::unique_ptr<ConfidentialGuest>;

sev::CommonConfig common_config(const std::string& id, const qapi::SevCommonProperties& options) {
    sev::CommonConfig config;
    config.id = id;
    if (options.sev_device) config.device = *options.sev_device;
    config.cbitpos = options.cbitpos;
    config.reduced_phys_bits = options.reduced_phys_bits;
    config.kernel_hashes = options.kernel_hashes.value_or(false);
    config.debug_swap = options.debug_swap.value_or(false);
    return config;
}

// A binary property: base64 of exactly so many bytes; empty when it was not given.
Result<std::vector<uint8_t>> binary(const std::string& id, const char* name,
                                    const std::optional<std::string>& text, size_t size) {
    if (!text) return std::vector<uint8_t>();
    auto bytes = from_base64(*text);
    if (!bytes) return std::move(bytes).take_error().while_doing("%s: %s", id.c_str(), name);
    if (bytes->size() == size) return bytes;
    return Error::make("%s: %s length of %zu is not %zu, the length required", id.c_str(), name,
                       bytes->size(), size);
}

template <size_t Size>
Status fill(std::array<uint8_t, Size>& into, const std::string& id, const char* name,
            const std::optional<std::string>& text) {
    const std::vector<uint8_t> bytes = TRY(binary(id, name, text, Size));
    std::copy(bytes.begin(), bytes.end(), into.begin());
    return {};
}

Result<Guest> make_sev_guest(const std::string& id, const qapi::SevGuestProperties& options) {
    sev::SevConfig config;
    config.common = common_config(id, options);
    config.dh_cert_file = options.dh_cert_file.value_or("");
    config.session_file = options.session_file.value_or("");
    config.policy = options.policy.value_or(sev::kDefaultSevPolicy);
    config.handle = options.handle.value_or(0);
    const qapi::OnOffAuto legacy = options.legacy_vm_type.value_or(qapi::OnOffAuto::Auto);
    config.legacy_vm_type = legacy == qapi::OnOffAuto::On    ? sev::LegacyVm::On
                            : legacy == qapi::OnOffAuto::Off ? sev::LegacyVm::Off
                                                             : sev::LegacyVm::Auto;
    return Guest(TRY(sev::SevGuest::create(std::move(config))));
}

Result<Guest> make_snp_guest(const std::string& id, const qapi::SevSnpGuestProperties& options) {
    sev::SnpConfig config;
    config.common = common_config(id, options);
    config.policy = options.policy.value_or(sev::kDefaultSnpPolicy);
    TRY(fill(config.visible_workarounds, id, "guest-visible-workarounds", options.guest_visible_workarounds));
    config.id_block = TRY(binary(id, "id-block", options.id_block, sev::kIdBlockSize));
    config.id_auth = TRY(binary(id, "id-auth", options.id_auth, sev::kIdAuthSize));
    config.author_key_enabled = options.author_key_enabled.value_or(false);
    config.vcek_disabled = options.vcek_disabled.value_or(false);
    TRY(fill(config.host_data, id, "host-data", options.host_data));
    config.certs_path = options.certs_path.value_or("");
    config.secure_tsc = options.secure_tsc.value_or(false);
    config.tsc_frequency = options.tsc_frequency.value_or(0);
    return Guest(TRY(sev::SnpGuest::create(std::move(config))));
}

Result<std::unique_ptr<ConfidentialGuest>> make_tdx_guest(const std::string& id,
                                                          const qapi::TdxGuestProperties& from,
                                                          EventLoop& loop) {
    tdx::TdxGuest::Config config;
    config.td = {.id = id,
                 .attributes = from.attributes,
                 .sept_ve_disable = from.sept_ve_disable,
                 .debug = from.debug,
                 .mrconfigid = from.mrconfigid,
                 .mrowner = from.mrowner,
                 .mrownerconfig = from.mrownerconfig};
    if (from.quote_generation_socket)
        config.quotes.address = TRY(net::address_of(*from.quote_generation_socket, nullptr));
    auto guest = tdx::TdxGuest::create(std::move(config), loop);
    if (!guest) return std::move(guest).take_error().while_doing("-object tdx-guest,id=%s", id.c_str());
    return guest;
}

}  // namespace

Result<std::unique_ptr<ConfidentialGuest>> make_confidential_guest(const qapi::ObjectOptions& object,
                                                                   EventLoop& loop) {
    if (const auto* options = std::get_if<qapi::SwProtectedVmProperties>(&object.u)) {
        const bool shared = options->default_memory == qapi::DefaultMemory::Shared;
        return Guest(
            std::make_unique<SwProtectedVm>(object.id, shared ? Visibility::Shared : Visibility::Private));
    }
    if (const auto* options = std::get_if<qapi::SevGuestProperties>(&object.u))
        return make_sev_guest(object.id, *options);
    if (const auto* options = std::get_if<qapi::SevSnpGuestProperties>(&object.u))
        return make_snp_guest(object.id, *options);
    if (const auto* options = std::get_if<qapi::TdxGuestProperties>(&object.u))
        return make_tdx_guest(object.id, *options, loop);
    return Error::make("object '%s' is a %s, which does not protect guests", object.id.c_str(),
                       std::string(to_text(object.qom_type)).c_str());
}

Status take_igvm(ConfidentialGuest& guest, const IgvmFile& file) {
    Result<igvm::Terms> terms = igvm::read_terms(file.headers, guest.igvm_platform());
    if (!terms) return std::move(terms).take_error().while_doing("IGVM file '%s'", file.path.c_str());
    return guest.take_igvm(*terms);
}

void LaunchFinisher::run_changed(bool running, RunState) {
    if (!running || finished_) return;
    finished_ = true;
    Status done = guest_.finish();
    guest_.progress().enter(done ? LaunchState::Running : LaunchState::Failed);
    if (done) return;
    Error error = std::move(done).take_error();
    if (guard_ != nullptr) error = guard_->explain(std::move(error));
    log_error("%s", error.message().c_str());
    requests_.request_exit(1);
}

}  // namespace vmm
