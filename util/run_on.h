// run_on(): has another thread's loop do some work and waits for it. For a main thread that must be sure of
// what an iothread does; the loop must be running, and its thread must never wait for the caller's.
#pragma once

#include <functional>

#include "util/event_loop.h"

namespace vmm {

// At once when the caller is the loop's thread. No lock is held.
void run_on(EventLoop& loop, const std::function<void()>& work);

}  // namespace vmm
