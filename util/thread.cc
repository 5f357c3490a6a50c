// Threads; see thread.h.
#include "util/thread.h"

#include <signal.h>

#include <memory>
#include <utility>

namespace vmm {

namespace {
struct Start {
    std::string name;
    std::function<void()> body;
};

void* run(void* argument) {
    std::unique_ptr<Start> start(static_cast<Start*>(argument));
    pthread_setname_np(pthread_self(), start->name.substr(0, 15).c_str());
    start->body();
    return nullptr;
}
}  // namespace

Result<Thread> Thread::start(std::string name, std::function<void()> body) {
    auto start = std::make_unique<Start>(Start{std::move(name), std::move(body)});
    sigset_t all, before;
    sigfillset(&all);
    for (int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP})
        sigdelset(&all, fault);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    Thread thread;
    int number = pthread_create(&thread.handle_, nullptr, run, start.get());
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (number != 0)
        return Error::from_errno(number, "could not start thread '%s': pthread_create", start->name.c_str());
    (void)start.release();
    thread.running_ = true;
    return thread;
}

Thread::Thread(Thread&& other) noexcept
    : handle_(other.handle_), running_(std::exchange(other.running_, false)) {}

Thread& Thread::operator=(Thread&& other) noexcept {
    if (this != &other) {
        join();
        handle_ = other.handle_;
        running_ = std::exchange(other.running_, false);
    }
    return *this;
}

void Thread::join() {
    if (!running_) return;
    pthread_join(handle_, nullptr);
    running_ = false;
}

}  // namespace vmm
