// The log: for a person, once, with the object's id. Lines go to stderr or to the file of -D. Guest mistakes
// have a channel of their own (-d guest_errors). Thread-safe; may be called with any lock held.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace vmm {

// The items of -d.
enum class LogItem : uint32_t { GuestErrors = 1u << 0, Unimplemented = 1u << 1, Trace = 1u << 2 };

struct LogItemName {
    LogItem item;
    std::string_view name;
    std::string_view help;
};
const std::vector<LogItemName>& log_item_names();

void log_set_items(uint32_t mask);
bool log_item_enabled(LogItem item);
void log_set_timestamps(bool on);           // -msg timestamp=on
void log_set_guest_name(std::string name);  // -msg guest-name=on
// -D: opens (truncates) the file for what -d and -trace produce; messages for the user stay on stderr.
Status log_open_file(const std::string& path);

// "penumbra: <text>" on stderr.
[[gnu::format(printf, 1, 2)]] void log_error(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void log_warning(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void log_info(const char* format, ...);
// What a guest did wrong; written when -d guest_errors is on, at most a bounded number of times a second.
[[gnu::format(printf, 1, 2)]] void log_guest_error(const char* format, ...);
// A register or command the device model does not have; written when -d unimp is on.
[[gnu::format(printf, 1, 2)]] void log_unimplemented(const char* format, ...);
// One line to the -D file or stderr as it is; the trace back end uses it.
void log_line(std::string_view line);

}  // namespace vmm
