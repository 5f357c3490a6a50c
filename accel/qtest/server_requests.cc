// What each request of the test client does; see server.h.
#include <glib.h>

#include <algorithm>
#include <array>

#include "accel/qtest/server.h"
#include "system/clock/manual_clock.h"
#include "system/irq/soft_routes.h"
#include "util/glib_ptr.h"
#include "util/text.h"

namespace vmm::qtest {

namespace {

constexpr uint64_t kMostBytes = uint64_t{256} << 20;  // of one request
constexpr const char* kOk = "OK";

unsigned size_of_suffix(char suffix) {
    switch (suffix) {
        case 'b':
            return 1;
        case 'w':
            return 2;
        case 'l':
            return 4;
        default:
            return 8;
    }
}

std::string bad_number(std::string_view word) {
    return strf("FAIL '%s' is not a number", std::string(word.substr(0, 40)).c_str());
}

// A range of memory that a request names. An error text, or none.
struct Range {
    uint64_t address = 0, size = 0;
};
std::string parse_range(std::string_view address, std::string_view size, Range& out) {
    const std::optional<uint64_t> first = parse_u64(address), bytes = parse_u64(size);
    if (!first) return bad_number(address);
    if (!bytes) return bad_number(size);
    if (*bytes > kMostBytes)
        return strf("FAIL more than %llu bytes", static_cast<unsigned long long>(kMostBytes));
    if (*bytes != 0 && *first + (*bytes - 1) < *first) return "FAIL the range ends beyond the address space";
    out = {*first, *bytes};
    return {};
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string to_hex(std::span<const uint8_t> bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 0xf];
    }
    return text;
}

}  // namespace

const Server::Request* Server::find_request(std::string_view name) {
    static constexpr Request kRequests[] = {
        {"endianness", 0, 0, &Server::endianness},
        {"inb", 1, 1, &Server::port_in},
        {"inw", 1, 1, &Server::port_in},
        {"inl", 1, 1, &Server::port_in},
        {"outb", 2, 2, &Server::port_out},
        {"outw", 2, 2, &Server::port_out},
        {"outl", 2, 2, &Server::port_out},
        {"readb", 1, 1, &Server::memory_read},
        {"readw", 1, 1, &Server::memory_read},
        {"readl", 1, 1, &Server::memory_read},
        {"readq", 1, 1, &Server::memory_read},
        {"writeb", 2, 2, &Server::memory_write},
        {"writew", 2, 2, &Server::memory_write},
        {"writel", 2, 2, &Server::memory_write},
        {"writeq", 2, 2, &Server::memory_write},
        {"read", 2, 2, &Server::bulk_read},
        {"write", 3, 3, &Server::bulk_write},
        {"b64read", 2, 2, &Server::base64_read},
        {"b64write", 3, 3, &Server::base64_write},
        {"memset", 3, 3, &Server::fill},
        {"clock_step", 0, 1, &Server::clock_step},
        {"clock_set", 1, 1, &Server::clock_set},
        {"irq_intercept_in", 1, 1, &Server::intercept},
        {"irq_intercept_out", 1, 1, &Server::intercept},
        {"set_irq_in", 4, 4, &Server::set_irq},
        {"module_load", 2, 2, &Server::module_load},
    };
    for (const Request& request : kRequests)
        if (request.name == name) return &request;
    return nullptr;
}

std::string Server::endianness(const Words&) {
    return "OK little";
}

std::string Server::port_in(const Words& words) {
    const std::optional<uint64_t> port = parse_u64(words[1]);
    if (!port || *port > 0xffff) return bad_number(words[1]);
    const uint64_t value = ports_.load(Gpa(*port), size_of_suffix(words[0].back()));
    return strf("OK 0x%04llx", static_cast<unsigned long long>(value));
}

std::string Server::port_out(const Words& words) {
    const std::optional<uint64_t> port = parse_u64(words[1]), value = parse_u64(words[2]);
    if (!port || *port > 0xffff) return bad_number(words[1]);
    if (!value) return bad_number(words[2]);
    const unsigned size = size_of_suffix(words[0].back());
    if (world_.io_events == nullptr || !world_.io_events->signal(true, *port, *value, size))
        ports_.store(Gpa(*port), *value, size);
    return kOk;
}

std::string Server::memory_read(const Words& words) {
    const std::optional<uint64_t> address = parse_u64(words[1]);
    if (!address) return bad_number(words[1]);
    const uint64_t value = memory_.load(Gpa(*address), size_of_suffix(words[0].back()));
    return strf("OK 0x%016llx", static_cast<unsigned long long>(value));
}

std::string Server::memory_write(const Words& words) {
    const std::optional<uint64_t> address = parse_u64(words[1]), value = parse_u64(words[2]);
    if (!address) return bad_number(words[1]);
    if (!value) return bad_number(words[2]);
    const unsigned size = size_of_suffix(words[0].back());
    if (world_.io_events == nullptr || !world_.io_events->signal(false, *address, *value, size))
        memory_.store(Gpa(*address), *value, size);
    return kOk;
}

std::string Server::bulk_read(const Words& words) {
    Range range;
    if (std::string why = parse_range(words[1], words[2], range); !why.empty()) return why;
    if (range.size == 0) return "FAIL a read of no bytes";
    std::vector<uint8_t> bytes(range.size);
    (void)memory_.read(Gpa(range.address), bytes);
    return "OK 0x" + to_hex(bytes);
}

std::string Server::store_bytes(uint64_t address, std::span<const uint8_t> bytes) {
    if (!bytes.empty()) (void)memory_.write(Gpa(address), bytes);
    return kOk;
}

// Data that is too short leaves zeroes, data that is too long is cut.
std::string Server::bulk_write(const Words& words) {
    Range range;
    if (std::string why = parse_range(words[1], words[2], range); !why.empty()) return why;
    std::string_view digits = words[3];
    if (!digits.starts_with("0x") || digits.size() % 2 != 0) return "FAIL the data are not 0xHEX";
    digits.remove_prefix(2);
    std::vector<uint8_t> bytes(range.size);
    for (size_t i = 0; i < std::min<size_t>(bytes.size(), digits.size() / 2); ++i) {
        const int high = hex_digit(digits[2 * i]), low = hex_digit(digits[2 * i + 1]);
        if (high < 0 || low < 0) return "FAIL the data are not 0xHEX";
        bytes[i] = static_cast<uint8_t>(high << 4 | low);
    }
    return store_bytes(range.address, bytes);
}

std::string Server::base64_read(const Words& words) {
    Range range;
    if (std::string why = parse_range(words[1], words[2], range); !why.empty()) return why;
    if (range.size == 0) return "FAIL a read of no bytes";
    std::vector<uint8_t> bytes(range.size);
    (void)memory_.read(Gpa(range.address), bytes);
    const GPtr<gchar, g_free> text(g_base64_encode(bytes.data(), bytes.size()));
    return std::string("OK ") + text.get();
}

std::string Server::base64_write(const Words& words) {
    Range range;
    if (std::string why = parse_range(words[1], words[2], range); !why.empty()) return why;
    gsize length = 0;
    const GPtr<guchar, g_free> data(g_base64_decode(std::string(words[3]).c_str(), &length));
    if (data == nullptr || length != range.size) return "FAIL the data have another size";
    return store_bytes(range.address, {data.get(), length});
}

std::string Server::fill(const Words& words) {
    Range range;
    if (std::string why = parse_range(words[1], words[2], range); !why.empty()) return why;
    const std::optional<uint64_t> value = parse_u64(words[3]);
    if (!value) return bad_number(words[3]);
    return store_bytes(range.address, std::vector<uint8_t>(range.size, static_cast<uint8_t>(*value)));
}

std::string Server::move_clock(uint64_t to_ns) {
    if (to_ns > static_cast<uint64_t>(INT64_MAX)) return "FAIL the clock does not go so far";
    world_.clock->advance_to(static_cast<int64_t>(to_ns));
    return strf("OK %lld", static_cast<long long>(world_.clock->now_ns()));
}

// To the next deadline, or by as much as was said.
std::string Server::clock_step(const Words& words) {
    if (world_.clock == nullptr) return "FAIL the clock moves by itself";
    const int64_t now = world_.clock->now_ns();
    if (words.size() == 1)
        return move_clock(static_cast<uint64_t>(world_.clock->next_deadline().value_or(now)));
    const std::optional<uint64_t> by = parse_u64(words[1]);
    if (!by) return bad_number(words[1]);
    return move_clock(static_cast<uint64_t>(now) + std::min<uint64_t>(*by, INT64_MAX));
}

std::string Server::clock_set(const Words& words) {
    if (world_.clock == nullptr) return "FAIL the clock moves by itself";
    const std::optional<uint64_t> to = parse_u64(words[1]);
    if (!to) return bad_number(words[1]);
    return move_clock(*to);
}

std::string Server::intercept(const Words& words) {
    const PinSide side = words[0].ends_with("out") ? PinSide::Out : PinSide::In;
    IrqTap* pins = world_.pins ? world_.pins(words[1], side) : nullptr;
    if (pins == nullptr) return "FAIL Unknown device";
    if (watched_ == pins && watched_side_ == side) return kOk;
    if (watched_ != nullptr) return "FAIL IRQ intercept already enabled";
    watched_ = pins;
    watched_side_ = side;
    pins->watch([this](unsigned pin, bool level) { note_pin(pin, level); });
    return kOk;
}

std::string Server::set_irq(const Words& words) {
    IrqTap* pins = world_.pins ? world_.pins(words[1], PinSide::In) : nullptr;
    if (pins == nullptr) return "FAIL Unknown device";
    const std::optional<uint64_t> number = parse_u64(words[3]), level = parse_u64(words[4]);
    if (words[2] != "unnamed-gpio-in" || !number || *number >= pins->pins()) return "FAIL Unknown pin";
    if (!level) return bad_number(words[4]);
    pins->set_pin(static_cast<unsigned>(*number), *level != 0);
    return kOk;
}

std::string Server::module_load(const Words& words) {
    return strf("FAIL there is no module '%s%s', nor any other", std::string(words[1]).c_str(),
                std::string(words[2]).c_str());
}

}  // namespace vmm::qtest
