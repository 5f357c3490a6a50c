// The set of vCPUs; see vcpu_set.h.
#include "accel/kvm/vcpu_set.h"

#include <pthread.h>

#include <algorithm>

namespace vmm::kvm {

VcpuSet::~VcpuSet() {
    if (sync_.gate_closed.load()) open();
    threads_.clear();
}

Status VcpuSet::add(std::unique_ptr<Vcpu>& vcpu, const GuestWorld& world) {
    const VcpuId index = vcpu->index();
    CHECK(!threads_.contains(index), "vCPU %u is there already", index.raw());
    if (threads_.empty()) TRY(install_kick_signal());
    std::unique_ptr<VcpuThread> thread = TRY(VcpuThread::start(vcpu, world, sync_));
    Locked lock(sync_.mutex);
    if (running_) thread->resume();
    threads_.emplace(index, std::move(thread));
    return {};
}

Status VcpuSet::let_go() {
    for (auto& [id, thread] : threads_)
        TRY(thread->vcpu().let_go());
    return {};
}

std::unique_ptr<Vcpu> VcpuSet::remove(VcpuId id) {
    check_no_locks_held("waiting for a vCPU to end");
    std::unique_ptr<VcpuThread> thread;
    {
        Locked lock(sync_.mutex);
        thread = std::move(threads_.at(id));
        threads_.erase(id);
    }
    return thread->end();
}

std::vector<VcpuId> VcpuSet::present() const {
    std::vector<VcpuId> ids;
    for (const auto& [id, thread] : threads_)
        ids.push_back(id);
    return ids;
}

int VcpuSet::current_fd() {
    pthread_t self = ::pthread_self();
    Locked lock(sync_.mutex);
    for (const auto& [id, thread] : threads_)
        if (::pthread_equal(thread->handle(), self) != 0) return thread->vcpu().fd();
    return -1;
}

void VcpuSet::kick(VcpuId vcpu) {
    Locked lock(sync_.mutex);
    const auto at = threads_.find(vcpu);
    if (at != threads_.end()) at->second->kick();
}

void VcpuSet::pause_all() {
    check_no_locks_held("waiting for the vCPUs to pause");
    running_ = false;
    Locked lock(sync_.mutex);
    for (auto& [id, thread] : threads_)
        thread->ask_pause();
    while (!std::all_of(threads_.begin(), threads_.end(), [](auto& at) { return at.second->paused(); }))
        sync_.noted.wait(sync_.mutex);
}

void VcpuSet::resume_all() {
    running_ = true;
    Locked lock(sync_.mutex);
    for (auto& [id, thread] : threads_)
        thread->resume();
}

void VcpuSet::run_on(VcpuId vcpu, const std::function<void()>& work) {
    check_no_locks_held("waiting for work on a vCPU");
    bool done = false;
    Locked lock(sync_.mutex);
    threads_.at(vcpu)->post([&] {
        work();
        Locked inner(sync_.mutex);
        done = true;
        sync_.noted.notify_all();
    });
    while (!done)
        sync_.noted.wait(sync_.mutex);
}

Result<std::string> VcpuSet::registers(VcpuId id) {
    std::string text;
    run_on(id, [&] { text = vcpu(id).arch().registers(vcpu(id), RegisterDetail::All); });
    return text;
}

Result<uint64_t> VcpuSet::translate(VcpuId id, uint64_t linear) {
    kvm_translation place{};
    place.linear_address = linear;
    Status done;
    run_on(id, [&] {
        Result<int> called = vcpu(id).ioctl<KVM_TRANSLATE>(place);
        if (!called) done = std::move(called).take_error();
    });
    TRY(std::move(done));
    if (place.valid == 0)
        return Error::make("nothing is mapped at address 0x%llx of processor %u",
                           static_cast<unsigned long long>(linear), id.raw());
    return uint64_t{place.physical_address};
}

Status VcpuSet::inject_nmi(VcpuId id) {
    Status done;
    run_on(id, [this, id, &done] {
        Result<int> called = vcpu(id).ioctl<KVM_NMI>();
        if (!called) done = std::move(called).take_error();
    });
    return done;
}

Result<std::vector<Statistic>> VcpuSet::statistics(VcpuId id) {
    Vcpu& wanted = vcpu(id);
    if (!wanted.vm().capabilities().has(KVM_CAP_BINARY_STATS_FD)) return std::vector<Statistic>();
    Status opened;
    if (!wanted.stats().is_open())
        run_on(id, [&] { opened = wanted.stats().open(wanted.vm().door(), wanted.fd()); });
    TRY(std::move(opened));
    return wanted.stats().read();
}

Result<std::vector<Statistic>> VcpuSet::machine_statistics() {
    if (threads_.empty()) return std::vector<Statistic>();
    Vm& vm = threads_.begin()->second->vcpu().vm();
    if (!vm.capabilities().has(KVM_CAP_BINARY_STATS_FD)) return std::vector<Statistic>();
    if (!vm.stats().is_open()) TRY(vm.stats().open(vm.door(), vm.fd()));
    return vm.stats().read();
}

void VcpuSet::close() {
    Locked lock(sync_.mutex);
    CHECK(!sync_.gate_closed.load(), "the gate is closed already");
    sync_.gate_closed.store(true, std::memory_order_seq_cst);
    for (auto& [id, thread] : threads_)
        if (thread->in_guest()) thread->leave_guest();
    while (std::any_of(threads_.begin(), threads_.end(), [](auto& at) { return at.second->in_guest(); }))
        sync_.noted.wait(sync_.mutex);
}

void VcpuSet::open() {
    Locked lock(sync_.mutex);
    sync_.gate_closed.store(false, std::memory_order_seq_cst);
    sync_.changed.notify_all();
}

}  // namespace vmm::kvm
