// The vCPU loop; see vcpu_thread.h.
#include "accel/kvm/vcpu_thread.h"

#include "util/text.h"

namespace vmm::kvm {

Status install_kick_signal() {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // its arrival is all that counts
    if (::sigaction(kKickSignal, &action, nullptr) != 0) return Error::from_errno(errno, "sigaction");
    return {};
}

Result<std::unique_ptr<VcpuThread>> VcpuThread::start(std::unique_ptr<Vcpu>& vcpu, const GuestWorld& world,
                                                      VcpuSync& sync) {
    unsigned index = vcpu->index().raw();
    auto made = std::make_unique<VcpuThread>(std::move(vcpu), world, sync);
    VcpuThread* self = made.get();
    Result<Thread> thread = Thread::start(strf("CPU %u/KVM", index), [self] { self->body(); });
    if (!thread) {
        vcpu = made->end();
        return std::move(thread).take_error();
    }
    made->thread_ = std::move(*thread);
    return made;
}

VcpuThread::VcpuThread(std::unique_ptr<Vcpu> vcpu, const GuestWorld& world, VcpuSync& sync)
    : vcpu_(std::move(vcpu)), sync_(sync), exits_(*vcpu_, world) {}

VcpuThread::~VcpuThread() {
    stop();
}

std::unique_ptr<Vcpu> VcpuThread::end() {
    stop();
    return std::move(vcpu_);
}

void VcpuThread::stop() {
    if (!thread_.running()) return;
    {
        Locked lock(sync_.mutex);
        stop_ = true;
        attention_.store(true, std::memory_order_seq_cst);
        sync_.changed.notify_all();
    }
    leave_guest();
    thread_.join();
}

void VcpuThread::leave_guest() {
    vcpu_->set_immediate_exit(true);
    if (in_guest() && thread_.running()) ::pthread_kill(thread_.handle(), kKickSignal);
}

void VcpuThread::kick() {
    leave_guest();
    if (!halted_.load(std::memory_order_seq_cst)) return;
    kicked_ = true;
    sync_.changed.notify_all();
}

void VcpuThread::ask_pause() {
    pause_asked_ = true;
    attention_.store(true, std::memory_order_seq_cst);
    sync_.changed.notify_all();
    leave_guest();
}

void VcpuThread::resume() {
    pause_asked_ = false;
    parked_ = false;
    kicked_ = true;  // a halted vCPU looks again at what is pending
    sync_.changed.notify_all();
}

void VcpuThread::post(std::function<void()> work) {
    work_.push_back(std::move(work));
    attention_.store(true, std::memory_order_seq_cst);
    sync_.changed.notify_all();
    leave_guest();
}

// Serves the requests; waits while paused, parked or halted. False when the thread is to end.
bool VcpuThread::attend() {
    sync_.mutex.lock();
    for (;;) {
        if (stop_) break;
        if (!work_.empty()) {
            std::function<void()> work = std::move(work_.front());
            work_.pop_front();
            sync_.mutex.unlock();
            work();
            sync_.mutex.lock();
            continue;
        }
        if (pause_asked_) {
            if (!paused_) {
                paused_ = true;
                sync_.noted.notify_all();
            }
            sync_.changed.wait(sync_.mutex);
            continue;
        }
        paused_ = false;
        if (kicked_) halted_.store(false, std::memory_order_seq_cst);
        kicked_ = false;
        if (!parked_ && !halted_.load(std::memory_order_relaxed)) break;
        sync_.changed.wait(sync_.mutex);
    }
    attention_.store(stop_, std::memory_order_seq_cst);
    bool go_on = !stop_;
    sync_.mutex.unlock();
    return go_on;
}

void VcpuThread::wait_for_gate() {
    Locked lock(sync_.mutex);
    sync_.noted.notify_all();
    while (sync_.gate_closed.load(std::memory_order_seq_cst))
        sync_.changed.wait(sync_.mutex);
}

// Into the guest and out again, past the gate.
[[gnu::always_inline]] inline int VcpuThread::run_once() {
    in_guest_.store(true, std::memory_order_seq_cst);
    while (sync_.gate_closed.load(std::memory_order_seq_cst))
        [[unlikely]] {
            in_guest_.store(false, std::memory_order_seq_cst);
            wait_for_gate();
            in_guest_.store(true, std::memory_order_seq_cst);
        }
    int returned = vcpu_->run();
    in_guest_.store(false, std::memory_order_seq_cst);
    if (sync_.gate_closed.load(std::memory_order_seq_cst)) [[unlikely]] {
        Locked lock(sync_.mutex);
        sync_.noted.notify_all();
    }
    return returned;
}

[[gnu::hot]] void VcpuThread::body() {
    sigset_t kick;
    sigemptyset(&kick);
    sigaddset(&kick, kKickSignal);
    ::pthread_sigmask(SIG_UNBLOCK, &kick, nullptr);

    // The kernel finishes a port or memory access only at the next KVM_RUN; before that the vCPU's state is
    // not whole and it must not be seen as paused.
    bool access_open = false;
    for (;;) {
        // Cleared before the requests are looked at: who sets both after this gets the next KVM_RUN back at
        // once.
        if (vcpu_->immediate_exit()) vcpu_->set_immediate_exit(false);
        if (attention_.load(std::memory_order_acquire)) [[unlikely]] {
            if (access_open) {
                vcpu_->set_immediate_exit(true);
            } else if (!attend()) {
                return;
            }
        }
        vcpu_->arch().before_run(*vcpu_);
        int returned = run_once();
        access_open = returned == 0;
        ExitAction action = exits_.handle(returned);
        if (action != ExitAction::Resume) [[unlikely]] {
            Locked lock(sync_.mutex);
            if (action == ExitAction::Park) parked_ = true;
            if (action == ExitAction::Halt) {
                halted_.store(true, std::memory_order_seq_cst);
                if (vcpu_->immediate_exit()) kicked_ = true;  // by one who did not see us halted yet
            }
            attention_.store(true, std::memory_order_seq_cst);
        }
    }
}

}  // namespace vmm::kvm
