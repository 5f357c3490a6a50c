// EventLoop: a GLib main context with C++ callbacks. Watches, timers and idle work are members of whoever
// wants them; their destructors end them, so a callback never runs after its owner died. One thread runs a
// loop; watches are made and destroyed on that thread (or before it runs); post() and quit() may be called
// from any thread.
#pragma once

#include <glib.h>

#include <cstdint>
#include <functional>

#include "util/glib_ptr.h"
#include "util/loop_spinner.h"

namespace vmm {

class EventLoop {
  public:
    EventLoop();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    void run();
    void quit();
    // Dispatches what is ready; waits for something when `wait`. True when anything ran.
    bool iterate(bool wait);
    // Runs the work once on the loop's thread, in order of posting.
    void post(std::function<void()> work);
    // Before everything else that the loop has to do. For what must be done before its asker can ask more.
    void post_first(std::function<void()> work);
    bool on_loop_thread() const;

    GMainContext* context() const { return context_.get(); }
    // What it looks at before it sleeps.
    LoopSpinner& spinner() { return spinner_; }

  private:
    void post_at(int priority, std::function<void()> work);

    GPtr<GMainContext, g_main_context_unref> context_;
    GPtr<GMainLoop, g_main_loop_unref> loop_;
    LoopSpinner spinner_;
};

// One GLib source, destroyed with its owner.
class LoopSource {
  public:
    LoopSource() = default;
    explicit LoopSource(GSource* source) : source_(source) {}
    LoopSource(LoopSource&&) = default;
    LoopSource& operator=(LoopSource&& other) noexcept;
    ~LoopSource() { end(); }
    void end();
    GSource* get() const { return source_.get(); }

  private:
    GPtr<GSource, g_source_unref> source_;
};

// Calls back while the descriptor is ready for any of the conditions.
class FdWatch {
  public:
    enum Condition : unsigned { kIn = 1, kOut = 2, kHangup = 4 };
    FdWatch() = default;
    // The descriptor is borrowed and must outlive the watch. The callback gets the conditions that hold.
    FdWatch(EventLoop& loop, int fd, unsigned conditions, std::function<void(unsigned)> ready);
    void end() { source_.end(); }

  private:
    LoopSource source_;
};

// One-shot timer on CLOCK_MONOTONIC; re-armed by arm_at. Nanoseconds.
class LoopTimer {
  public:
    LoopTimer(EventLoop& loop, std::function<void()> fired);
    LoopTimer(const LoopTimer&) = delete;
    LoopTimer& operator=(const LoopTimer&) = delete;
    // Fires at or soon after this monotonic time. May be called from any thread.
    void arm_at(int64_t monotonic_ns);
    void disarm();

  private:
    LoopSource source_;
};

int64_t monotonic_ns();
int64_t realtime_ns();

}  // namespace vmm
