// VcpuThread: the thread of one vCPU and its loop: look at requests, inject, run, serve the exit. Between the
// main thread and the loop stands one word, `attention`; while it is zero the loop takes no lock. Kicking
// sets immediate_exit in the vCPU's page and signals the thread only when it is inside KVM_RUN, so a vCPU
// that has just decided to enter comes straight back, and device code is not interrupted.
#pragma once

#include <signal.h>

#include <atomic>
#include <deque>
#include <functional>

#include "accel/kvm/exits.h"
#include "util/mutex.h"
#include "util/thread.h"

namespace vmm::kvm {

// What all vCPU threads share.
struct VcpuSync {
    Mutex mutex{LockRank::Kvm, "vcpu requests"};
    Condition changed;  // for the vCPU threads
    Condition noted;    // for those who wait for them
    // The gate: set while nobody may enter the guest.
    std::atomic<bool> gate_closed{false};
};

class VcpuThread {
  public:
    // Takes the vCPU, or leaves it on failure. Sync and what the world names outlive the thread. Starts
    // paused.
    static Result<std::unique_ptr<VcpuThread>> start(std::unique_ptr<Vcpu>& vcpu, const GuestWorld& world,
                                                     VcpuSync& sync);
    // Use start().
    VcpuThread(std::unique_ptr<Vcpu> vcpu, const GuestWorld& world, VcpuSync& sync);
    ~VcpuThread();
    VcpuThread(const VcpuThread&) = delete;
    VcpuThread& operator=(const VcpuThread&) = delete;

    // Ends the thread and gives the vCPU back; nothing else is called afterwards. No lock held.
    std::unique_ptr<Vcpu> end();

    Vcpu& vcpu() { return *vcpu_; }
    pthread_t handle() const { return thread_.handle(); }

    // With sync.mutex held.
    void kick();
    // Out of KVM_RUN if inside, nothing else. Any thread, any lock.
    void leave_guest();
    bool in_guest() const { return in_guest_.load(std::memory_order_seq_cst); }

    // With sync.mutex held, by the thread that waits afterwards.
    void ask_pause();
    void resume();
    bool paused() const { return paused_; }
    void post(std::function<void()> work);

  private:
    void stop();
    void body();
    int run_once();
    bool attend();
    void wait_for_gate();

    std::unique_ptr<Vcpu> vcpu_;
    VcpuSync& sync_;
    ExitDispatcher exits_;

    std::atomic<bool> attention_{true};  // something below, or halted_, wants the loop's eye
    std::atomic<bool> in_guest_{false};
    std::atomic<bool> halted_{false};
    // Guarded by sync_.mutex.
    bool pause_asked_ = true;
    bool paused_ = false;
    bool parked_ = false;
    bool stop_ = false;
    bool kicked_ = false;
    std::deque<std::function<void()>> work_;

    Thread thread_;  // last: joined before the rest goes
};

// The signal that takes a vCPU out of KVM_RUN. Installs its (empty) handler; once a process is enough.
inline constexpr int kKickSignal = SIGUSR1;
Status install_kick_signal();

}  // namespace vmm::kvm
