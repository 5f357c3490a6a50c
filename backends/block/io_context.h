// IoContext: what one event loop (the main loop or an iothread's) offers to the block nodes that are bound to
// it: an io_uring when the kernel gives one, worker threads for calls that block, completions that never run
// inside submit(), timers. Everything queued during a turn of the loop reaches the kernel with one system
// call before the loop sleeps; the loop looks for the ring's completions (util/loop_spinner.h). Threads:
// run(), complete() and wake() from any thread; the rest on the loop's thread, or, while the loop does not
// run, on the thread that owns it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "backends/block/request.h"
#include "util/event_loop.h"
#include "util/result.h"

namespace vmm::block {

class Uring;
using RingEnter = long (*)(int fd, unsigned submit, unsigned wait_for, unsigned flags);
class WorkerPool;

// Work for a worker thread; owned by the caller and alive until `done`. Derive from it.
struct Job {
    void (*work)(Job&) = nullptr;  // on a worker thread; may block, holds no lock when it returns
    void (*done)(Job&) = nullptr;  // on the loop's thread; null: nobody is told
    Job* next = nullptr;
};

// Something that ended and is yet to be put down with its time. Owned by the user, alive until `take`.
struct Timing {
    void (*take)(Timing&, uint64_t now_ns) = nullptr;  // on the loop's thread
    Timing* next = nullptr;
    bool waits = false;
};

// One shot. Owned by the user, who cancels it before it dies.
struct IoTimer {
    void (*fired)(IoTimer&) = nullptr;  // on the loop's thread
    int64_t at_ns = 0;                  // CLOCK_MONOTONIC
    bool armed = false;
};

class IoContext {
  public:
    struct Config {
        bool use_uring = true;  // false: as on a kernel that refuses
        unsigned max_workers = 64;
        RingEnter ring_enter = nullptr;  // tests: in place of the system call (uring.h)
    };

    static Result<std::unique_ptr<IoContext>> create(EventLoop& loop, const Config& config);
    static Result<std::unique_ptr<IoContext>> create(EventLoop& loop) { return create(loop, Config()); }
    ~IoContext();
    IoContext(const IoContext&) = delete;
    IoContext& operator=(const IoContext&) = delete;

    EventLoop& loop();
    // Whether the caller is the thread that ran the loop (or poll()) last.
    bool on_thread() const;
    // Another thread ran it last and will run it again.
    bool runs_elsewhere() const;
    // Hands the job to a worker thread.
    void run(Job& job);
    // Sets the result and calls request.done on the loop's thread, soon and never from inside this call.
    void complete(Request& request, int result);
    // Calls job.done on the loop's thread, soon and never from inside this call.
    void tell(Job& job);
    // Makes a sleeping loop look again.
    void wake();
    // CLOCK_MONOTONIC as of this turn of the loop, or of the last look at what has ended: one question to the
    // clock for many requests. The loop's thread.
    uint64_t turn_ns();
    // Calls timing.take with a time taken after now: at the end of this turn, or earlier where somebody asks
    // for the time or calls take_times(). So the question to the clock need not keep a guest waiting. For one
    // that waits already nothing happens. The loop's thread.
    void time_soon(Timing& timing);
    void take_times();
    // Calls `fired` at or after the time; again for an armed timer moves it.
    void arm(IoTimer& timer, int64_t at_ns);
    void cancel(IoTimer& timer);

    // Does what is ready of this context alone (nothing else of the loop), waiting for something when `wait`.
    // True when anything was done. For draining; the caller is on the loop's thread.
    bool poll(bool wait);
    // Calls what has ended, and hands nothing to the kernel; take_times() is left to the caller. True when
    // there was something. The loop's thread.
    bool reap();
    // Waits until the condition holds: by poll() where the loop is the caller's, else until the loop's thread
    // says progressed() and it holds. The condition takes no lock; the caller holds none.
    void wait_until(const std::function<bool()>& condition);
    // Something that wait_until() may wait for has changed. Cheap when nobody waits; any thread.
    void progressed();

    // The ring, made when first asked for; null where the kernel refuses one. The loop's thread, or before it
    // runs.
    Uring* uring();
    void set_max_workers(unsigned max_workers);

  private:
    struct State;
    struct Token {
        explicit Token() = default;
    };
    friend struct IoContextSource;
    // GLib's questions: before the loop sleeps, after, and what to do.
    bool turn_begins();
    bool waits_for_kernel() const;
    bool turn_ready();
    void turn();

  public:
    IoContext(Token, std::unique_ptr<State> state);

  private:
    std::unique_ptr<State> state_;
};

}  // namespace vmm::block
