// FakeKvm: a model of KVM at the ioctl seam. It keeps the state the kernel would keep - memory slots, the
// VM-wide attribute map, guest_memfds (as memfds, so that they can be punched and mapped), vCPU pages, routes
// - answers with the errors the kernel gives for wrong requests, plays scripted exits for KVM_RUN, and can be
// told to fail any call with any errno. Descriptors it hands out are real, so owners may close them. Any
// descriptor it has not made itself is taken for /dev/kvm. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "accel/kvm/ioctls.h"

namespace vmm {

class FakeKvm final : public IoctlDoor {
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
    // One step of a vCPU's life: fills in the exit and returns what KVM_RUN does (0 or -errno).
    using Step = std::function<int(kvm_run&)>;
    struct Vcpu {
        uint32_t id = 0;
        kvm_run* run = nullptr;  // our own mapping of its page
        std::deque<Step> script;
        std::map<unsigned long, std::vector<uint8_t>> state;  // SET request -> the bytes last set
        std::vector<kvm_cpuid_entry2> cpuid;
        std::map<uint32_t, uint64_t> msrs;
        std::vector<uint32_t> interrupts;
        unsigned runs = 0;
        unsigned nmis = 0;
    };

    FakeKvm();
    ~FakeKvm() override;

    int call(int fd, unsigned long request, void* argument) override;

    // What the host is like; set before use.
    std::map<int, int> system_caps, vm_caps;
    uint32_t vm_types = 1;
    std::vector<kvm_cpuid_entry2> supported_cpuid;
    std::set<uint32_t> known_msrs;

    // Fails the n-th call from now (1: the next) of this request, or of any when request is 0.
    void fail(unsigned long request, int number, unsigned nth = 1);
    bool failure_pending();

    // What was asked and what came of it. Read them when no other thread is inside a call.
    std::vector<unsigned long> calls;
    unsigned count(unsigned long request) const;
    std::map<uint32_t, Slot> slots;
    std::map<uint64_t, bool> private_pages;  // by gpa; shared pages are absent
    std::map<int, uint64_t> gmems;           // descriptor -> size
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
    std::vector<abi::PreFaultMemory> prefaults;

    Vcpu& vcpu(uint32_t id);
    void then(uint32_t id, Step step) { vcpu(id).script.push_back(std::move(step)); }

    // Steps that scripts are made of.
    static Step port_out(uint16_t port, uint32_t value, uint8_t size = 1);
    static Step port_in(uint16_t port, uint8_t size = 1);
    static Step mmio_write(uint64_t gpa, uint64_t value, uint8_t size);
    static Step mmio_read(uint64_t gpa, uint8_t size);
    static Step memory_fault(uint64_t gpa, uint64_t size, bool to_private, int number = EFAULT);
    static Step hypercall(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2);
    static Step plain_exit(uint32_t reason);
    static Step error(int number);

  private:
    int dispatch(int fd, unsigned long request, void* argument);
    int system_call(unsigned long request, void* argument);
    int vm_call(unsigned long request, void* argument);
    int irq_call(unsigned long request, void* argument);
    int vcpu_call(Vcpu& cpu, unsigned long request, void* argument);
    int get_or_set_state(Vcpu& cpu, unsigned long request, void* argument);
    int run(Vcpu& cpu);
    int set_slot(uint32_t id, const Slot& wanted);
    int set_attributes(const abi::MemoryAttributes& argument);
    int create_gmem(const abi::CreateGuestMemfd& argument);
    int create_vcpu(uint32_t id);
    int set_routes(const abi::IrqRouting& table);
    int set_msrs(Vcpu& cpu, const abi::MsrValues& list);
    int make_descriptor(const char* name, uint64_t size);

    struct Failure {
        unsigned long request;
        int number;
        unsigned left;
    };
    std::recursive_mutex mutex_;
    std::optional<Failure> failure_;
    int vm_fd_ = -1;
    std::map<int, Vcpu> vcpus_;  // by descriptor
};

}  // namespace vmm
