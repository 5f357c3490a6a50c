// Reading strings of the command line; see keyval_visitor.h.
#include "qapi/keyval_visitor.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "util/size_text.h"
#include "util/text.h"

namespace vmm::qapi {
namespace {

struct NumberRange {
    uint64_t first;
    uint64_t last;
};

// "3-5", both decimal; nothing for other text.
std::optional<NumberRange> parse_range(std::string_view text) {
    size_t dash = text.find('-');
    if (dash == std::string_view::npos) return {};
    auto first = parse_u64(text.substr(0, dash), 10);
    auto last = parse_u64(text.substr(dash + 1), 10);
    if (!first || !last) return {};
    return NumberRange{*first, *last};
}

}  // namespace

std::optional<bool> parse_bool(std::string_view text) {
    for (std::string_view yes : {"on", "yes", "true", "y"})
        if (text == yes) return true;
    for (std::string_view no : {"off", "no", "false", "n"})
        if (text == no) return false;
    return {};
}

Result<const std::string*> KeyvalVisitor::take_text(std::string_view name, const std::string& what) {
    const Value* given = TRY(take(name));
    if (given->if_string() == nullptr) return wrong(name, *given, what);
    return given->if_string();
}

Status KeyvalVisitor::boolean(std::string_view name, bool& value) {
    const std::string* given = TRY(take_text(name, "'on' or 'off'"));
    auto parsed = parse_bool(*given);
    if (!parsed) return wrong(name, *given, "'on' or 'off'");
    value = *parsed;
    return {};
}

Status KeyvalVisitor::integer(std::string_view name, int64_t& value, int64_t min, int64_t max) {
    std::string what =
        strf("an integer from %lld to %lld", static_cast<long long>(min), static_cast<long long>(max));
    const std::string* given = TRY(take_text(name, what));
    auto parsed = parse_i64(*given);
    if (!parsed || *parsed < min || *parsed > max) return wrong(name, *given, what);
    value = *parsed;
    return {};
}

Status KeyvalVisitor::unsigned_integer(std::string_view name, uint64_t& value, uint64_t max) {
    std::string what = strf("an integer from 0 to %llu", static_cast<unsigned long long>(max));
    const std::string* given = TRY(take_text(name, what));
    auto parsed = parse_u64(*given);
    if (!parsed || *parsed > max) return wrong(name, *given, what);
    value = *parsed;
    return {};
}

Status KeyvalVisitor::size(std::string_view name, uint64_t& value) {
    const std::string what = "a size such as 4096, 512M or 2G";
    const std::string* given = TRY(take_text(name, what));
    auto parsed = parse_size(*given);
    if (!parsed) return wrong(name, *given, what);
    value = *parsed;
    return {};
}

Status KeyvalVisitor::number(std::string_view name, double& value) {
    const std::string* given = TRY(take_text(name, "a number"));
    char* end = nullptr;
    double parsed = std::strtod(given->c_str(), &end);
    if (given->empty() || end != given->c_str() + given->size() || !std::isfinite(parsed))
        return wrong(name, *given, "a number");
    value = parsed;
    return {};
}

Status KeyvalVisitor::text(std::string_view name, std::string& value) {
    value = *TRY(take_text(name, "a string"));
    return {};
}

Status KeyvalVisitor::null(std::string_view name) {
    const std::string* given = TRY(take_text(name, "nothing"));
    if (!given->empty()) return wrong(name, *given, "nothing");
    return {};
}

Status KeyvalVisitor::enumeration(std::string_view name, size_t& index, const EnumInfo& info) {
    const Value* given = TRY(take(name));
    return enum_from_text(name, *given, index, info);
}

Result<Value::Kind> KeyvalVisitor::alternate(std::string_view name, std::span<const Value::Kind> offered) {
    const Value* given = TRY(peek(name));
    auto offers = [&](Value::Kind kind) {
        return std::find(offered.begin(), offered.end(), kind) != offered.end();
    };
    if (offers(given->kind())) return given->kind();
    if (const std::string* text = given->if_string()) {
        if (offers(Value::Kind::Bool) && parse_bool(*text)) return Value::Kind::Bool;
        for (Value::Kind kind :
             {Value::Kind::Int, Value::Kind::Double, Value::Kind::Array, Value::Kind::Bool})
            if (offers(kind)) return kind;
    }
    return wrong(name, *given, kinds_text(offered));
}

Result<const List*> KeyvalVisitor::as_list(std::string_view name, const Value& value) {
    constexpr uint64_t kLongestRange = 65536;
    if (value.if_dict() != nullptr) return wrong(name, value, "a list");
    List given = value.if_list() != nullptr ? *value.if_list() : List{value};
    List& list = made_.emplace_back();
    for (Value& element : given) {
        std::optional<NumberRange> range;
        if (const std::string* text = element.if_string()) range = parse_range(*text);
        if (!range) {
            list.push_back(std::move(element));
            continue;
        }
        if (range->first > range->last || range->last - range->first >= kLongestRange)
            return wrong(name, element, "a range FIRST-LAST that goes upwards, of at most 65536 numbers");
        for (uint64_t number = range->first;; ++number) {
            list.emplace_back(std::to_string(number));
            if (number == range->last) break;
        }
    }
    return &list;
}

}  // namespace vmm::qapi
