// FakeKvm: the model of KVM (accel/model/kernel_model.h) for tests: plays scripted exits for KVM_RUN, and can
// be told to fail any call with any errno. Thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "accel/model/kernel_model.h"

namespace vmm {

class FakeKvm final : public model::KernelModel {
  public:
    // One step of a vCPU's life: fills in the exit and returns what KVM_RUN does (0 or -errno).
    using Step = std::function<int(kvm_run&)>;

    int call(int fd, unsigned long request, void* argument) override;

    // Fails the n-th call from now (1: the next) of this request, or of any when request is 0.
    void fail(unsigned long request, int number, unsigned nth = 1);
    bool failure_pending();

    void then(uint32_t id, Step step) { scripts_[id].push_back(std::move(step)); }

    // What the files of statistics hold, of the VM and its vCPUs alike.
    std::vector<uint8_t> statistics;

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
    int run(Vcpu& cpu) override;
    int make_statistics();

    struct Failure {
        unsigned long request;
        int number;
        unsigned left;
    };
    std::optional<Failure> failure_;
    std::map<uint32_t, std::deque<Step>> scripts_;
};

}  // namespace vmm
