// ProtectionModel: what the model of the kernel does for one technology that protects guests: the state
// machine of KVM_MEMORY_ENCRYPT_OP, which pages were added, and the measurement that comes of them. One file
// a technology (target/i386/confidential/model); the factory says which VM types have one. Every call is made
// with the model's lock held; answers are 0 or -errno, as the kernel's.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "linux-headers/encrypt_abi.h"
#include "qapi/value.h"

namespace vmm::model {

class KernelModel;
struct ModelVcpu;

// What the launch came to so far; names as in launch plans ("launch-digest", "mrtd").
struct Measurement {
    std::string name;
    std::vector<uint8_t> value;
};

class ProtectionModel {
  public:
    virtual ~ProtectionModel() = default;
    virtual int vm_command(abi::EncryptCommand& command) = 0;
    virtual int vcpu_command(ModelVcpu&, abi::EncryptCommand&) { return -EINVAL; }
    virtual int pin_region(const abi::EncryptRegion&, bool /*pin*/) { return -EINVAL; }
    // Whether these may be done now.
    virtual int check_enable_cap(const kvm_enable_cap&) { return 0; }
    virtual int check_create_vcpu(uint32_t /*id*/) { return 0; }
    virtual int check_run() { return 0; }
    // The measurements of what was submitted; empty until the launch was finished.
    virtual std::vector<Measurement> measurements() const { return {}; }
    // Whether the command is the last of a launch: what was not measured by then never is.
    virtual bool ends_launch(const abi::EncryptCommand&) const { return false; }
    // For launch plans: pages as they were submitted, and what else is worth telling.
    virtual std::vector<uint8_t> cpuid_page() const { return {}; }
    virtual std::vector<std::vector<uint8_t>> save_areas() const { return {}; }
    virtual std::vector<std::pair<std::string, qapi::Value>> details() const { return {}; }
    // The argument that a command's data point to, as a copy; empty: the command has none, or reads it only.
    virtual std::vector<uint8_t> copy_argument(const abi::EncryptCommand&) const { return {}; }
};

// Null for types without one.
using ProtectionFactory =
    std::function<std::unique_ptr<ProtectionModel>(uint32_t vm_type, KernelModel& model)>;

// A device attribute of /dev/kvm, by group and number; -ENXIO: there is none.
using DeviceAttribute = std::function<int(uint32_t group, uint64_t attribute, uint64_t* value)>;

}  // namespace vmm::model
