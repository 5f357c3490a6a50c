// See guarded_copy.h. The handler runs on the thread that copies, in the middle of the copy, and leaves by
// jumping to its beginning: nothing in between owns anything.
#include "util/guarded_copy.h"

#include <setjmp.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace vmm {

namespace {

// Where this thread's copy began; null: it copies nothing.
thread_local jmp_buf* volatile copying = nullptr;

void memory_lost(int number, siginfo_t* info, void*) {
    if (jmp_buf* const beginning = copying; beginning != nullptr) {
        copying = nullptr;
        ::longjmp(*beginning, 1);
    }
    // An access is made again, and then ends the process as if nobody had looked.
    (void)::signal(number, SIG_DFL);
    if (info->si_code <= 0) (void)::raise(number);  // somebody sent it
}

}  // namespace

Status guard_copies() {
    static std::atomic<bool> taken{false};
    if (taken.exchange(true)) return {};
    struct sigaction action = {};
    action.sa_sigaction = memory_lost;
    // Not blocked while it is handled: it is left by a jump that restores no mask.
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (::sigaction(SIGBUS, &action, nullptr) == 0) return {};
    taken.store(false);
    return Error::from_errno(errno, "could not handle SIGBUS: sigaction");
}

bool copy_guarded(void* to, const void* from, size_t bytes) {
    jmp_buf beginning;
    if (::_setjmp(beginning) != 0) return false;
    copying = &beginning;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    std::memcpy(to, from, bytes);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    copying = nullptr;
    return true;
}

}  // namespace vmm
