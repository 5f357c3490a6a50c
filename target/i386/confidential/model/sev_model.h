// The kernel's and the secure processor's part in launches of SEV, SEV-ES and SEV-SNP guests, as a model: the
// order of commands, which pages were added, the measurement. Used by the model of KVM (accel/model). What
// the kernel and the firmware answer to wrong requests follows arch/x86/kvm/svm/sev.c and AMD's interface
// documents.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "accel/model/kernel_model.h"
#include "accel/model/launch_record.h"
#include "linux-headers/sev_abi.h"
#include "target/i386/confidential/sev/digests.h"
#include "target/i386/confidential/sev/vmsa.h"

namespace vmm::model {

// Where an argument says that data are.
template <typename T>
T* pointer(uint64_t address) {
    return reinterpret_cast<T*>(static_cast<uintptr_t>(address));
}

// What both need of a vCPU: its save area, from the registers it was given or the kernel's own reset state.
sev::VmsaPage vmsa_of(ModelVcpu& cpu, uint64_t sev_features, bool fpu_synced);

// The firmware's side: tests and plans may change it.
struct SevFirmware {
    uint8_t api_major = 1, api_minor = 55, build = 30;
    std::array<uint8_t, 16> integrity_key{};  // what the session of LAUNCH_START would have brought
    std::array<uint8_t, 16> nonce{};
    uint64_t vmsa_features =
        abi::kSevFeatureDebugSwap | abi::kSevFeatureSecureTsc;  // those that may be asked for
    uint64_t snp_policy_bits = 0x3ffffff;
    bool request_certs = true;
    // What the device exports; absent: it refuses.
    std::vector<uint8_t> pdh, certificates, chip_id;
    // Looks at an SNP CPUID page; false: refused, with what would be accepted written into it.
    std::function<bool(std::span<uint8_t> page)> check_cpuid;
    // How many pages one LAUNCH_UPDATE takes before it returns; 0: all.
    uint64_t pages_at_once = 0;
};

class SnpModel final : public ProtectionModel {
  public:
    // All borrowed; the record may be null.
    SnpModel(KernelModel& kernel, const SevFirmware& firmware, LaunchRecord* record)
        : kernel_(kernel), firmware_(firmware), record_(record) {}

    int vm_command(abi::EncryptCommand& command) override;
    int check_create_vcpu(uint32_t) override { return state_ == State::Finished ? -EINVAL : 0; }
    int check_run() override { return state_ == State::Finished ? 0 : -EINVAL; }
    std::vector<Measurement> measurements() const override;

    const std::vector<sev::VmsaPage>& vmsas() const { return vmsas_; }
    const abi::SnpLaunchStart& start_arguments() const { return start_arguments_; }
    const abi::SnpLaunchFinish& finish_arguments() const { return finish_arguments_; }
    // What the last one's addresses led to; empty without an ID block.
    const std::vector<uint8_t>& id_block() const { return id_block_; }
    const std::vector<uint8_t>& id_auth() const { return id_auth_; }
    std::vector<uint8_t> cpuid_page() const override { return cpuid_page_; }
    bool ends_launch(const abi::EncryptCommand& command) const override {
        return command.id == static_cast<uint32_t>(abi::SevCommand::SnpLaunchFinish);
    }
    std::vector<std::vector<uint8_t>> save_areas() const override;
    std::vector<uint8_t> copy_argument(const abi::EncryptCommand& command) const override;

  private:
    enum class State { Fresh, Initialized, Started, Finished };
    int init(const abi::SevInit& init);
    int start(const abi::SnpLaunchStart& start);
    int update(abi::SnpLaunchUpdate& update, uint32_t& error);
    int refusal_at(uint64_t gpa) const;
    bool accept_cpuid(uint8_t* page, uint32_t& error);
    void add_pages(sev::PageType type, uint64_t gpa, uint64_t length, const uint8_t* data);
    int finish(const abi::SnpLaunchFinish& finish, uint32_t& error);
    void add_vmsas();

    KernelModel& kernel_;
    const SevFirmware& firmware_;
    LaunchRecord* const record_;
    State state_ = State::Fresh;
    uint64_t features_ = 0, policy_ = 0;
    PageSet pages_;  // what the guest owns
    sev::SnpLaunchDigest digest_;
    std::vector<sev::VmsaPage> vmsas_;
    abi::SnpLaunchStart start_arguments_{};
    abi::SnpLaunchFinish finish_arguments_{};
    std::vector<uint8_t> id_block_, id_auth_;
    std::vector<uint8_t> cpuid_page_;
};

class SevModel final : public ProtectionModel {
  public:
    // vm_type: the default one for the legacy form, or SEV's own. All borrowed; the record may be null.
    SevModel(KernelModel& kernel, uint32_t vm_type, const SevFirmware& firmware, LaunchRecord* record)
        : kernel_(kernel),
          vm_type_(vm_type),
          firmware_(firmware),
          record_(record),
          hasher_(HashKind::Sha256) {}

    int vm_command(abi::EncryptCommand& command) override;
    int pin_region(const abi::EncryptRegion& region, bool pin) override;
    int check_run() override { return state_ == State::Off || state_ == State::Running ? 0 : -EINVAL; }
    std::vector<Measurement> measurements() const override;

    const std::vector<sev::VmsaPage>& vmsas() const { return vmsas_; }
    // The plain text of secrets that were injected, as this model "decrypts" them: as they came.
    const std::vector<std::vector<uint8_t>>& secrets() const { return secrets_; }
    uint32_t policy() const { return policy_; }
    const abi::SevLaunchStart& start_arguments() const { return start_arguments_; }
    // What its addresses led to.
    const std::vector<uint8_t>& dh_certificate() const { return dh_certificate_; }
    const std::vector<uint8_t>& session() const { return session_; }
    sev::SevMeasureInputs measure_inputs() const;
    const std::map<uint64_t, uint64_t>& pinned() const { return pinned_; }
    bool ends_launch(const abi::EncryptCommand& command) const override {
        return command.id == static_cast<uint32_t>(abi::SevCommand::LaunchFinish);
    }
    std::vector<std::vector<uint8_t>> save_areas() const override;
    std::vector<std::pair<std::string, qapi::Value>> details() const override;
    std::vector<uint8_t> copy_argument(const abi::EncryptCommand& command) const override;

  private:
    // The states of guests as the firmware counts them, and "no encryption".
    enum class State { Off, Initialized, LaunchUpdate, LaunchSecret, Running };
    int init(bool encrypted_state, const abi::SevInit* init);
    int start(abi::SevLaunchStart& start, uint32_t& error);
    int update_data(const abi::SevBuffer& buffer);
    int update_vmsa();
    int measure(abi::SevBuffer& buffer, uint32_t& error);
    int secret(const abi::SevLaunchSecret& secret, uint32_t& error);
    int finish(uint32_t& error);
    int status(abi::SevGuestStatus& status);
    int report(abi::SevAttestationReport& report, uint32_t& error);
    Sha256Digest launch_digest() const;

    KernelModel& kernel_;
    const uint32_t vm_type_;
    const SevFirmware& firmware_;
    LaunchRecord* const record_;
    State state_ = State::Off;
    bool encrypted_state_ = false, fpu_synced_ = false, vmsas_done_ = false;
    uint64_t features_ = 0;
    uint32_t policy_ = 0;
    abi::SevLaunchStart start_arguments_{};
    std::vector<uint8_t> dh_certificate_, session_;
    Hasher hasher_;
    std::vector<sev::VmsaPage> vmsas_;
    std::vector<std::vector<uint8_t>> secrets_;
    std::map<uint64_t, uint64_t> pinned_;
};

// A copy of the argument of a SEV command; an answer's buffer is left out, so that none is written.
std::vector<uint8_t> copy_sev_argument(const abi::EncryptCommand& command);
// For the VM types of SEV, and for the default one, whose guests may be SEV's in the legacy form. Null for
// others.
std::unique_ptr<ProtectionModel> make_sev_model(uint32_t vm_type, KernelModel& kernel,
                                                const SevFirmware& firmware, LaunchRecord* record);
// /dev/sev with this firmware: KernelModel::other_devices.
int sev_device_call(const SevFirmware& firmware, unsigned long request, void* argument);
// What /dev/kvm says: KernelModel::set_device_attributes.
int sev_device_attribute(const SevFirmware& firmware, uint32_t group, uint64_t attribute, uint64_t* value);

}  // namespace vmm::model
