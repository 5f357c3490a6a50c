// A system call by its instruction: without the C library's wrapper, its errno and the cancellation that no
// thread here uses. For the calls of hot paths; everything else uses the library. x86-64 only, as the
// program.
#pragma once

#include <cstdint>

namespace vmm {

// What the kernel answers: a number, or -errno.
[[gnu::always_inline]] inline long raw_syscall(long number, uint64_t a, uint64_t b, uint64_t c,
                                               uint64_t d = 0) {
    long answer;
    register uint64_t fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(answer)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return answer;
}

}  // namespace vmm
