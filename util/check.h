// CHECK: the channel for our own bugs. A failed check prints where and why, and aborts; it is never used for
// what a guest, a user or the host did (see util/result.h and util/log.h for those). Thread-safe.
#pragma once

namespace vmm {

[[noreturn, gnu::format(printf, 3, 4), gnu::cold]] void check_failed(const char* file, int line,
                                                                     const char* format, ...);
[[noreturn, gnu::cold]] void unreachable_reached(const char* file, int line);

}  // namespace vmm

// CHECK(condition, "printf format", ...): aborts when the condition is false.
#define CHECK(condition, ...)                                     \
    do {                                                          \
        if (!(condition)) [[unlikely]]                            \
            ::vmm::check_failed(__FILE__, __LINE__, __VA_ARGS__); \
    } while (false)

#define UNREACHABLE() ::vmm::unreachable_reached(__FILE__, __LINE__)
