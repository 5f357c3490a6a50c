// /dev/kvm and its failures; see kvm.h.
#include "accel/kvm/kvm.h"

#include <fcntl.h>

#include "accel/kvm/ioctls.h"

namespace vmm::kvm {

namespace {
constexpr int kApiVersion = 12;  // frozen since Linux 2.6.22

Error too_old(const char* what) {
    return Error::make("KVM: this kernel's KVM is too old: it has no %s", what)
        .with_hint("Linux 4.12 or later is needed, 6.8 or later for guest_memfd");
}
}  // namespace

Error device_error(const std::string& device, int number) {
    const char* path = device.c_str();
    switch (number) {
        case ENOENT:
            return Error::from_errno(number, "could not open '%s'", path)
                .with_hint(
                    "load the module (modprobe kvm_intel or kvm_amd), turn on VT-x or AMD-V in the "
                    "BIOS, or, inside a virtual machine, turn on nested virtualization");
        case ENODEV:
        case ENXIO:
            return Error::from_errno(number, "could not open '%s'", path)
                .with_hint("the device file is there but no KVM module answers: load kvm_intel or kvm_amd");
        case EACCES:
        case EPERM:
            return Error::from_errno(number, "could not open '%s'", path)
                .with_hint(
                    "add the user to the group that owns the device: usermod -aG kvm USER, then log in "
                    "again");
        case EBUSY:
            return Error::from_errno(number, "could not open '%s'", path)
                .with_hint("another hypervisor uses the processor's virtualization extensions");
        default:
            return Error::from_errno(number, "could not open '%s'", path);
    }
}

Error vm_type_error(uint32_t type, std::string_view type_name, uint32_t offered) {
    int length = static_cast<int>(type_name.size());
    const char* name = type_name.data();
    Error error = Error::of_class(ErrorClass::KvmMissingCap,
                                  "KVM: this host does not offer VM type '%.*s' (it offers types 0x%x)",
                                  length, name, offered);
    switch (type) {
        case abi::kVmSwProtected:
            return std::move(error).with_hint(
                "it takes Linux 6.8 or later built with CONFIG_KVM_SW_PROTECTED_VM (under CONFIG_EXPERT) and "
                "the two-dimensional-paging MMU");
        case abi::kVmSev:
        case abi::kVmSevEs:
        case abi::kVmSnp:
            return std::move(error).with_hint(
                "it takes an AMD EPYC processor with the feature on in the BIOS, and kvm_amd loaded with "
                "sev=1 "
                "sev_es=1 sev_snp=1");
        case abi::kVmTdx:
            return std::move(error).with_hint(
                "it takes an Intel processor with TDX on in the BIOS, Linux 6.16 or later, and kvm_intel "
                "loaded "
                "with tdx=1");
        default:
            return error;
    }
}

Result<std::unique_ptr<Kvm>> Kvm::open(IoctlDoor& door, const std::string& device) {
    Result<Fd> fd = door.open_device(device);
    if (!fd) return device_error(device, fd.error().number());
    auto kvm = std::make_unique<Kvm>(door, std::move(fd).take_value());
    Result<int> version = ioctl_call<KVM_GET_API_VERSION>(door, kvm->fd());
    if (!version) {
        return std::move(version).take_error().while_doing("'%s' is not a KVM device", device.c_str());
    }
    if (*version != kApiVersion) {
        return Error::make("KVM: '%s' speaks interface version %d, not %d", device.c_str(), *version,
                           kApiVersion);
    }
    // The newest thing that is always used.
    const int newest = TRY(ioctl_call<KVM_CHECK_EXTENSION>(door, kvm->fd(), Long{KVM_CAP_IMMEDIATE_EXIT}));
    if (newest == 0) return too_old("KVM_CAP_IMMEDIATE_EXIT");
    return kvm;
}

Result<Fd> Kvm::create_vm(uint32_t type, std::string_view type_name) {
    if (type != abi::kVmDefault) {
        auto offered = static_cast<uint32_t>(capabilities_.value(abi::kCapVmTypes));
        if (type >= 32 || (offered & (1u << type)) == 0) {
            return vm_type_error(type, type_name, offered == 0 ? 1u << abi::kVmDefault : offered);
        }
    }
    Result<int> number = ioctl_call<KVM_CREATE_VM>(door_, fd_.get(), static_cast<Long>(type));
    if (!number) {
        return std::move(number).take_error().while_doing("could not make a virtual machine of type '%.*s'",
                                                          static_cast<int>(type_name.size()),
                                                          type_name.data());
    }
    Fd fd(*number);
    TRY(set_close_on_exec(fd.get()));
    return fd;
}

Result<size_t> Kvm::vcpu_mmap_size() {
    if (vcpu_mmap_size_ == 0) {
        int size = TRY(ioctl_call<KVM_GET_VCPU_MMAP_SIZE>(door_, fd_.get()));
        if (static_cast<size_t>(size) < sizeof(kvm_run)) {
            return Error::make("KVM_GET_VCPU_MMAP_SIZE: %d bytes are less than a vCPU's page needs", size);
        }
        vcpu_mmap_size_ = static_cast<size_t>(size);
    }
    return vcpu_mmap_size_;
}

}  // namespace vmm::kvm
