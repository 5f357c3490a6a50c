// Commands that the kernel or the firmware wants again (EAGAIN): asked until they are served, for about a
// second. Used by every technology. Header only; main thread.
#pragma once

#include <cerrno>
#include <chrono>
#include <thread>

#include "util/result.h"

namespace vmm {

// once() makes the call; its last answer.
template <typename Call>
auto until_served(Call once) -> decltype(once()) {
    constexpr unsigned kMostTries = 10000;
    constexpr auto kPause = std::chrono::microseconds(50);
    for (unsigned i = 1;; ++i) {
        auto done = once();
        if (done || done.error().number() != EAGAIN || i == kMostTries) return done;
        std::this_thread::sleep_for(kPause);
    }
}

}  // namespace vmm
