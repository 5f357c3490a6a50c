// IoThread: an event loop on a thread of its own, for the block I/O and the queues of devices that ask for it
// (-object iothread,id=; a device's iothread=). Made and ended on the main thread; it ends when nothing is
// bound to its loop any more.
#pragma once

#include <memory>
#include <string>

#include "backends/block/io_context.h"
#include "util/event_loop.h"
#include "util/thread.h"

namespace vmm {

struct IoThreadConfig {
    std::string id;
    SpinWindow::Config poll = {.max_ns = 32768};  // how long it looks for work before it sleeps
    unsigned thread_pool_max = 64;                // worker threads for what blocks
    unsigned thread_pool_min = 0;                 // those that stay; at most max
};

class IoThread {
    struct Token {
        explicit Token() = default;
    };

  public:
    // The loop runs when this returns.
    static Result<std::unique_ptr<IoThread>> create(const IoThreadConfig& config);
    explicit IoThread(Token, const IoThreadConfig& config) : config_(config) {}
    ~IoThread();
    IoThread(const IoThread&) = delete;
    IoThread& operator=(const IoThread&) = delete;

    const IoThreadConfig& config() const { return config_; }
    EventLoop& loop() { return loop_; }
    block::IoContext& context() { return *context_; }
    int thread_id() const { return thread_id_; }  // the kernel's

  private:
    const IoThreadConfig config_;
    EventLoop loop_;
    std::unique_ptr<block::IoContext> context_;
    int thread_id_ = 0;
    Thread thread_;
};

}  // namespace vmm
