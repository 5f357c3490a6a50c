// LaunchProgress: how far the launch of a protected guest has come, for who asks meanwhile. Written on the
// main thread, which is busy with the launch; read on any. Header only.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace vmm {

// In their order; a VM that is made anew for a reset begins again.
enum class LaunchState : uint8_t {
    Waiting,     // there is no VM yet
    Started,     // the VM exists; memory and interrupt controllers are being made
    Processors,  // processors are being added
    Measuring,   // pages are being given to the guest
    Measured,    // the measurement is complete; the guest waits for its first run
    Running,     // the guest ran: nothing can be added any more
    Failed,
};

class LaunchProgress {
  public:
    // Told of each change, on the main thread. Outlived by what it calls.
    void set_watcher(std::function<void(LaunchState)> watcher) { watcher_ = std::move(watcher); }

    // Main thread.
    void enter(LaunchState state) {
        if (state == LaunchState::Started) done_ = total_ = processors_ = 0;
        state_ = state;
        if (watcher_) watcher_(state);
    }
    void processor_added() { ++processors_; }
    void expect(uint64_t bytes) { total_ += bytes; }
    void given(uint64_t bytes) { done_ += bytes; }

    // Any thread.
    LaunchState state() const { return state_; }
    unsigned processors() const { return processors_; }
    // Of the guest's first memory: given, and what there is in all, known once measuring began.
    uint64_t bytes() const { return done_; }
    uint64_t total_bytes() const { return total_; }

  private:
    std::function<void(LaunchState)> watcher_;
    std::atomic<LaunchState> state_{LaunchState::Waiting};
    std::atomic<unsigned> processors_{0};
    std::atomic<uint64_t> done_{0}, total_{0};
};

}  // namespace vmm
