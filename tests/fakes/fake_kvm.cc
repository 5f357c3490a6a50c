// The model of KVM with scripted guests and failures; see fake_kvm.h.
#include "tests/fakes/fake_kvm.h"

#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "util/align.h"

namespace vmm {

void FakeKvm::fail(unsigned long request, int number, unsigned nth) {
    std::lock_guard lock(mutex());
    failure_ = Failure{request, number, nth};
}

bool FakeKvm::failure_pending() {
    std::lock_guard lock(mutex());
    return failure_.has_value();
}

int FakeKvm::call(int fd, unsigned long request, void* argument) {
    {
        std::lock_guard lock(mutex());
        if (failure_ && (failure_->request == 0 || failure_->request == request) && --failure_->left == 0) {
            int number = failure_->number;
            failure_.reset();
            calls.push_back(request);
            return -number;
        }
    }
    if (request == KVM_GET_STATS_FD) return make_statistics();
    return KernelModel::call(fd, request, argument);
}

int FakeKvm::make_statistics() {
    std::lock_guard lock(mutex());
    calls.push_back(KVM_GET_STATS_FD);
    Fd file(::memfd_create("statistics", MFD_CLOEXEC));
    if (!file || !write_full(file.get(), statistics)) return -EIO;
    return file.release();
}

// A vCPU whose script is at its end spins in the guest until it is kicked.
int FakeKvm::run(Vcpu& cpu) {
    Step step;
    {
        std::lock_guard lock(mutex());
        std::deque<Step>& script = scripts_[cpu.id];
        if (!script.empty() && cpu.run->immediate_exit == 0) {
            step = std::move(script.front());
            script.pop_front();
        }
    }
    if (!step) return KernelModel::run(cpu);
    std::atomic_ref(cpu.runs).fetch_add(1);
    return step(*cpu.run);
}

FakeKvm::Step FakeKvm::port_out(uint16_t port, uint32_t value, uint8_t size) {
    return [=](kvm_run& run) {
        run.exit_reason = KVM_EXIT_IO;
        run.io.direction = KVM_EXIT_IO_OUT;
        run.io.size = size;
        run.io.port = port;
        run.io.count = 1;
        run.io.data_offset = kPageSize;
        std::memcpy(static_cast<uint8_t*>(static_cast<void*>(&run)) + kPageSize, &value, size);
        return 0;
    };
}

FakeKvm::Step FakeKvm::port_in(uint16_t port, uint8_t size) {
    return [=](kvm_run& run) {
        run.exit_reason = KVM_EXIT_IO;
        run.io.direction = KVM_EXIT_IO_IN;
        run.io.size = size;
        run.io.port = port;
        run.io.count = 1;
        run.io.data_offset = kPageSize;
        return 0;
    };
}

FakeKvm::Step FakeKvm::mmio_write(uint64_t gpa, uint64_t value, uint8_t size) {
    return [=](kvm_run& run) {
        run.exit_reason = KVM_EXIT_MMIO;
        run.mmio.phys_addr = gpa;
        run.mmio.len = size;
        run.mmio.is_write = 1;
        std::memcpy(run.mmio.data, &value, sizeof(value));
        return 0;
    };
}

FakeKvm::Step FakeKvm::mmio_read(uint64_t gpa, uint8_t size) {
    return [=](kvm_run& run) {
        run.exit_reason = KVM_EXIT_MMIO;
        run.mmio.phys_addr = gpa;
        run.mmio.len = size;
        run.mmio.is_write = 0;
        return 0;
    };
}

FakeKvm::Step FakeKvm::memory_fault(uint64_t gpa, uint64_t size, bool to_private, int number) {
    return [=](kvm_run& run) {
        run.exit_reason = abi::kExitMemoryFault;
        auto& fault = abi::exit_payload<abi::MemoryFaultExit>(run);
        fault.flags = to_private ? abi::kMemoryExitPrivate : 0;
        fault.gpa = gpa;
        fault.size = size;
        return -number;
    };
}

FakeKvm::Step FakeKvm::hypercall(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2) {
    return [=](kvm_run& run) {
        run.exit_reason = KVM_EXIT_HYPERCALL;
        auto& call = abi::exit_payload<abi::HypercallExit>(run);
        call = abi::HypercallExit{};
        call.number = number;
        call.args[0] = a0;
        call.args[1] = a1;
        call.args[2] = a2;
        call.flags = 1;
        return 0;
    };
}

FakeKvm::Step FakeKvm::plain_exit(uint32_t reason) {
    return [=](kvm_run& run) {
        run.exit_reason = reason;
        return 0;
    };
}

FakeKvm::Step FakeKvm::error(int number) {
    return [=](kvm_run&) { return -number; };
}

}  // namespace vmm
