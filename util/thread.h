// Thread: a named thread with every signal blocked but those a fault raises; joined by its destructor.
#pragma once

#include <pthread.h>

#include <functional>
#include <string>

#include "util/result.h"

namespace vmm {

class Thread {
  public:
    Thread() = default;
    // The name is cut to 15 characters, as the kernel does.
    static Result<Thread> start(std::string name, std::function<void()> body);
    Thread(Thread&& other) noexcept;
    Thread& operator=(Thread&& other) noexcept;
    ~Thread() { join(); }

    bool running() const { return running_; }
    pthread_t handle() const { return handle_; }
    void join();

  private:
    pthread_t handle_ = {};
    bool running_ = false;
};

}  // namespace vmm
