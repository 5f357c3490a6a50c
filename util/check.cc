// Reports a broken invariant of ours on stderr and ends the process.
#include "util/check.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace vmm {

void check_failed(const char* file, int line, const char* format, ...) {
    std::fprintf(stderr, "penumbra: internal error at %s:%d: ", file, line);
    va_list arguments;
    va_start(arguments, format);
    std::vfprintf(stderr, format, arguments);
    va_end(arguments);
    std::fputc('\n', stderr);
    std::abort();
}

void unreachable_reached(const char* file, int line) {
    check_failed(file, line, "a place that cannot be reached was reached");
}

}  // namespace vmm
