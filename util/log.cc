// The log; see log.h.
#include "util/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <ctime>

#include "util/fd.h"
#include "util/mutex.h"
#include "util/text.h"

namespace vmm {

namespace {

constexpr unsigned kGuestLinesPerSecond = 1000;

// The log is one of the two pieces of state the whole process shares (the other is the trace mask).
struct LogState {
    std::atomic<uint32_t> items{0};
    std::atomic<bool> timestamps{false};
    Mutex mutex{LockRank::Leaf, "log"};
    Fd file GUARDED_BY(mutex);
    std::string guest_name GUARDED_BY(mutex);
    time_t second GUARDED_BY(mutex) = 0;
    unsigned lines_in_second GUARDED_BY(mutex) = 0;
};
LogState& state() {
    static LogState the_log;
    return the_log;
}

std::string timestamp() {
    timespec now = {};
    clock_gettime(CLOCK_REALTIME, &now);
    tm parts = {};
    gmtime_r(&now.tv_sec, &parts);
    return strf("%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec / 1000);
}

void write_whole(int fd, std::string_view line) {
    while (!line.empty()) {
        ssize_t n = ::write(fd, line.data(), line.size());
        if (n <= 0) return;
        line.remove_prefix(static_cast<size_t>(n));
    }
}

void say(const char* kind, const char* format, va_list arguments) {
    LogState& log = state();
    std::string line;
    if (log.timestamps) line += timestamp();
    std::string text = vstrf(format, arguments);
    Locked lock(log.mutex);
    if (!log.guest_name.empty()) line += log.guest_name + " ";
    line += strf("penumbra: %s%s\n", kind, text.c_str());
    write_whole(STDERR_FILENO, line);
}

void note(const char* kind, const char* format, va_list arguments) {
    LogState& log = state();
    std::string line = kind + vstrf(format, arguments) + "\n";
    Locked lock(log.mutex);
    time_t now = ::time(nullptr);
    if (now != log.second) {
        log.second = now;
        log.lines_in_second = 0;
    }
    if (++log.lines_in_second > kGuestLinesPerSecond) return;
    write_whole(log.file ? log.file.get() : STDERR_FILENO, line);
}

}  // namespace

const std::vector<LogItemName>& log_item_names() {
    static const std::vector<LogItemName> names = {
        {LogItem::GuestErrors, "guest_errors", "what the guest did that its devices do not allow"},
        {LogItem::Unimplemented, "unimp", "registers and commands that a device model does not have"},
        {LogItem::Trace, "trace:PATTERN", "trace events whose name matches"},
    };
    return names;
}

void log_set_items(uint32_t mask) {
    state().items = mask;
}
bool log_item_enabled(LogItem item) {
    return (state().items & static_cast<uint32_t>(item)) != 0;
}
void log_set_timestamps(bool on) {
    state().timestamps = on;
}

void log_set_guest_name(std::string name) {
    LogState& log = state();
    Locked lock(log.mutex);
    log.guest_name = std::move(name);
}

Status log_open_file(const std::string& path) {
    Fd fd = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666));
    LogState& log = state();
    Locked lock(log.mutex);
    log.file = std::move(fd);
    return {};
}

void log_error(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("", format, arguments);
    va_end(arguments);
}

void log_warning(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("warning: ", format, arguments);
    va_end(arguments);
}

void log_info(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("info: ", format, arguments);
    va_end(arguments);
}

void log_guest_error(const char* format, ...) {
    if (!log_item_enabled(LogItem::GuestErrors)) return;
    va_list arguments;
    va_start(arguments, format);
    note("guest error: ", format, arguments);
    va_end(arguments);
}

void log_unimplemented(const char* format, ...) {
    if (!log_item_enabled(LogItem::Unimplemented)) return;
    va_list arguments;
    va_start(arguments, format);
    note("unimplemented: ", format, arguments);
    va_end(arguments);
}

void log_line(std::string_view line) {
    LogState& log = state();
    std::string text(line);
    text += '\n';
    Locked lock(log.mutex);
    write_whole(log.file ? log.file.get() : STDERR_FILENO, text);
}

}  // namespace vmm
