// KernelModel: a model of KVM at the ioctl seam. It keeps the state the kernel would keep - memory slots, the
// VM-wide attribute map, guest_memfds (as memfds, so that they can be punched and mapped), vCPU pages,
// routes, and what protects the guest (ProtectionModel) - and answers with the errors the kernel gives for
// wrong requests. Launch plans run on it (target/i386/confidential/plan), tests add scripted guests and
// failures (tests/fakes/fake_kvm.h). Descriptors it hands out are real, so owners may close them. Any
// descriptor it has not made itself is taken for /dev/kvm. No guest code ever runs. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "accel/kvm/ioctls.h"
#include "accel/model/model_vcpu.h"
#include "accel/model/page_set.h"
#include "accel/model/protection_model.h"

namespace vmm::model {

class KernelModel : public IoctlDoor {
  public:
    struct Slot {
        uint32_t flags = 0;
        uint64_t gpa = 0;
        uint64_t size = 0;
        uint64_t host = 0;
        int gmem_fd = -1;
        uint64_t gmem_offset = 0;
        bool operator==(const Slot&) const = default;
    };
    struct MsiRoute {
        uint64_t address = 0;
        uint32_t data = 0;
        bool operator==(const MsiRoute&) const = default;
    };
    using Vcpu = ModelVcpu;

    KernelModel();
    ~KernelModel() override;

    int call(int fd, unsigned long request, void* argument) override;
    Result<Fd> open_device(const std::string& path) override;

    // What the host is like; set before use.
    std::map<int, int> system_caps, vm_caps;
    uint32_t vm_types = 1;
    bool knows_any_msr = false;
    bool opens_any_device = false;  // device paths need not exist
    std::vector<std::string> opened_devices;
    // Answers requests of other devices (/dev/sev); null: there are none.
    std::function<int(unsigned long request, void* argument)> other_devices;
    std::vector<kvm_cpuid_entry2> supported_cpuid;
    std::set<uint32_t> known_msrs;

    // What protects VMs of each type; before the VM is made. Without one the types are names only.
    void set_protection(ProtectionFactory factory) { protection_factory_ = std::move(factory); }
    ProtectionModel* protection() { return protection_.get(); }
    void set_device_attributes(DeviceAttribute answer) { device_attribute_ = std::move(answer); }
    bool is_private(uint64_t gpa) const { return private_pages.contains(gpa); }
    // How much of the range, from its start on, can be given to a private guest's launch: private, and in a
    // slot with a guest_memfd.
    uint64_t launchable(uint64_t gpa, uint64_t bytes) const;
    // The host's memory behind the guest's, by the slots; null where there is none.
    uint8_t* host_memory(uint64_t gpa) const;
    // In the order of making.
    std::vector<Vcpu*> vcpus();
    // The slot that holds the address; null when there is none.
    const Slot* find_slot(uint64_t gpa) const;

    // What was asked and what came of it. Read them when no other thread is inside a call.
    std::vector<unsigned long> calls;
    unsigned count(unsigned long request) const;
    std::map<uint32_t, Slot> slots;
    PageSet private_pages;
    std::map<int, uint64_t> gmems;  // descriptor -> size
    std::vector<MsiRoute> sent_msis;
    std::map<uint32_t, MsiRoute> msi_routes;
    std::map<uint32_t, std::vector<std::pair<uint32_t, uint32_t>>> chip_routes;  // gsi -> (chip, pin)
    std::map<uint32_t, int> lines;
    std::set<std::pair<uint32_t, int>> irq_fds;  // (gsi, descriptor)
    std::vector<kvm_ioeventfd> io_events;
    std::map<int, uint64_t> enabled_caps;  // capability -> first argument
    bool irqchip_created = false;
    bool slots_added_late = false;  // a slot was added after the interrupt chip
    uint32_t vm_type = 0;
    uint64_t tss_address = 0, identity_map = 0;
    uint32_t tsc_khz = 0;  // of the VM; 0: the host's
    std::vector<abi::PreFaultMemory> prefaults;

    Vcpu& vcpu(uint32_t id);

  protected:
    // A vCPU that is in the guest: returns when it is kicked.
    virtual int run(Vcpu& cpu);
    std::recursive_mutex& mutex() { return mutex_; }

  private:
    int dispatch(int fd, unsigned long request, void* argument);
    int system_call(unsigned long request, void* argument);
    int vm_call(unsigned long request, void* argument);
    int irq_call(unsigned long request, void* argument);
    int vcpu_call(Vcpu& cpu, unsigned long request, void* argument);
    int get_or_set_state(Vcpu& cpu, unsigned long request, void* argument);
    int encrypt_call(Vcpu* cpu, void* argument);
    int set_slot(uint32_t id, const Slot& wanted);
    int set_attributes(const abi::MemoryAttributes& argument);
    int create_gmem(const abi::CreateGuestMemfd& argument);
    int create_vcpu(uint32_t id);
    int set_routes(const abi::IrqRouting& table);
    int set_msrs(Vcpu& cpu, const abi::MsrValues& list);
    void forget_vm();
    int make_descriptor(const char* name, uint64_t size);

    std::recursive_mutex mutex_;
    ProtectionFactory protection_factory_;
    DeviceAttribute device_attribute_;
    std::unique_ptr<ProtectionModel> protection_;
    int vm_fd_ = -1;
    std::map<int, Vcpu> vcpus_;  // by descriptor
};

}  // namespace vmm::model
