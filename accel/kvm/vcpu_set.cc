// The set of vCPUs; see vcpu_set.h.
#include "accel/kvm/vcpu_set.h"

#include <pthread.h>

#include <algorithm>

namespace vmm::kvm {

VcpuSet::~VcpuSet() {
    if (sync_.gate_closed.load()) open();
    threads_.clear();
}

Status VcpuSet::add(std::unique_ptr<Vcpu> vcpu, const GuestWorld& world) {
    CHECK(vcpu->index().raw() == threads_.size(), "vCPU %u added as number %zu", vcpu->index().raw(),
          threads_.size());
    if (threads_.empty()) TRY(install_kick_signal());
    threads_.push_back(TRY(VcpuThread::start(std::move(vcpu), world, sync_)));
    return {};
}

int VcpuSet::current_fd() const {
    pthread_t self = ::pthread_self();
    for (const auto& thread : threads_)
        if (::pthread_equal(thread->handle(), self) != 0) return thread->vcpu().fd();
    return -1;
}

void VcpuSet::pause_all() {
    check_no_locks_held("waiting for the vCPUs to pause");
    Locked lock(sync_.mutex);
    for (auto& thread : threads_)
        thread->ask_pause();
    while (!std::all_of(threads_.begin(), threads_.end(), [](auto& thread) { return thread->paused(); }))
        sync_.noted.wait(sync_.mutex);
}

void VcpuSet::resume_all() {
    Locked lock(sync_.mutex);
    for (auto& thread : threads_)
        thread->resume();
}

void VcpuSet::run_on(VcpuId vcpu, const std::function<void()>& work) {
    check_no_locks_held("waiting for work on a vCPU");
    bool done = false;
    Locked lock(sync_.mutex);
    threads_.at(vcpu.raw())->post([&] {
        work();
        Locked inner(sync_.mutex);
        done = true;
        sync_.noted.notify_all();
    });
    while (!done)
        sync_.noted.wait(sync_.mutex);
}

Status VcpuSet::inject_nmi(VcpuId id) {
    Status done;
    run_on(id, [this, id, &done] {
        Result<int> called = vcpu(id).ioctl<KVM_NMI>();
        if (!called) done = std::move(called).take_error();
    });
    return done;
}

void VcpuSet::close() {
    Locked lock(sync_.mutex);
    CHECK(!sync_.gate_closed.load(), "the gate is closed already");
    sync_.gate_closed.store(true, std::memory_order_seq_cst);
    for (auto& thread : threads_)
        if (thread->in_guest()) thread->leave_guest();
    while (std::any_of(threads_.begin(), threads_.end(), [](auto& thread) { return thread->in_guest(); }))
        sync_.noted.wait(sync_.mutex);
}

void VcpuSet::open() {
    Locked lock(sync_.mutex);
    sync_.gate_closed.store(false, std::memory_order_seq_cst);
    sync_.changed.notify_all();
}

}  // namespace vmm::kvm
