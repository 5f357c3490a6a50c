// The keyval grammar; see keyval.h.
#include "qapi/keyval.h"

#include <algorithm>

#include "qapi/json_parser.h"
#include "qapi/utf8.h"
#include "util/text.h"

namespace vmm::qapi {
namespace {

constexpr size_t kLongestKeyPart = 127;
constexpr size_t kDeepest = 32;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool all_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool valid_key_part(std::string_view part) {
    if (part.empty() || part.size() > kLongestKeyPart) return false;
    if (all_digits(part)) return true;
    auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (!letter(part[0]) && part[0] != '_') return false;
    return std::all_of(part.begin(), part.end(),
                       [&](char c) { return letter(c) || is_digit(c) || c == '-' || c == '_'; });
}

bool is_help(std::string_view piece) {
    return piece == "help" || piece == "?";
}

bool is_text(std::string_view text) {
    return utf8_valid(text) && text.find('\0') == std::string_view::npos;
}

std::string quoted(std::string_view text) {
    return brief(Value(text));
}

class Parser {
  public:
    Parser(std::string_view text, const KeyvalStyle& style) : rest_(text), style_(style) {}
    Result<Keyval> parse();

  private:
    Status take_piece();
    std::string take_value();
    Status take_bare(std::string_view piece);
    Status store(std::string_view key, std::string value);
    Status put(Dict& dict, std::string_view key, std::string value);

    std::string_view rest_;
    const KeyvalStyle& style_;
    bool first_ = true;
    Keyval out_;
};

// Up to the next single comma, which is taken too.
std::string Parser::take_value() {
    std::string value;
    while (!rest_.empty()) {
        if (rest_[0] == ',') {
            rest_.remove_prefix(1);
            if (rest_.empty() || rest_[0] != ',') break;
        }
        value += rest_[0];
        rest_.remove_prefix(1);
    }
    return value;
}

Status Parser::take_piece() {
    bool first = std::exchange(first_, false);
    size_t end = rest_.find_first_of("=,");
    std::string_view key = rest_.substr(0, end);
    if (end != std::string_view::npos && rest_[end] == '=') {
        if (key.empty()) return Error::make("a key is missing before %s", quoted(rest_).c_str());
        rest_.remove_prefix(end + 1);
        return store(key, take_value());
    }
    if (first && !style_.implied_key.empty() && !is_help(key)) {
        std::string value = take_value();
        if (value.empty())
            return Error::make("Parameter '%s' has no value", std::string(style_.implied_key).c_str());
        return store(style_.implied_key, std::move(value));
    }
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (is_help(key)) {
        out_.help = true;
        return {};
    }
    return take_bare(key);
}

Status Parser::take_bare(std::string_view piece) {
    if (style_.bare_flags && valid_key_part(piece)) {
        // "nodelay" is the name of a parameter, not the denial of one.
        if (piece.starts_with("no") && piece.size() > 2 && piece != "nodelay")
            return store(piece.substr(2), "off");
        return store(piece, "on");
    }
    if (piece.empty()) return Error::make("a parameter is missing between two commas, expected KEY=VALUE");
    return Error::make("Expected '=' and a value after parameter %s", quoted(piece).c_str());
}

// Walks or makes the objects that the dots name, then puts the value.
Status Parser::store(std::string_view key, std::string value) {
    if (!is_text(value)) return Error::make("Parameter %s is not valid UTF-8 text", quoted(key).c_str());
    if (style_.flat) return put(out_.dict, key, std::move(value));
    Dict* dict = &out_.dict;
    std::vector<std::string_view> parts = split(key, '.');
    if (parts.size() > kDeepest) return Error::make("Invalid parameter %s", quoted(key).c_str());
    for (size_t i = 0; i < parts.size(); ++i) {
        if (!valid_key_part(parts[i]) || (i == 0 && is_digit(parts[i][0])))
            return Error::make("Invalid parameter %s", quoted(key).c_str())
                .with_hint("names are letters, digits, '-' and '_', joined by dots");
        if (i + 1 == parts.size()) break;
        Value* next = dict->find(parts[i]);
        if (next == nullptr) next = &dict->append(std::string(parts[i]), Dict());
        dict = next->if_dict();
        if (dict == nullptr) {
            std::string path(key.substr(0, static_cast<size_t>(parts[i].end() - key.begin())));
            return Error::make("Parameters '%s' and '%s.*' exclude each other", path.c_str(), path.c_str());
        }
    }
    Value* present = dict->find(parts.back());
    if (present != nullptr && present->if_dict() != nullptr)
        return Error::make("Parameters '%s' and '%s.*' exclude each other", std::string(key).c_str(),
                           std::string(key).c_str());
    return put(*dict, parts.back(), std::move(value));
}

Status Parser::put(Dict& dict, std::string_view key, std::string value) {
    if (style_.flat && (key.size() > kLongestKeyPart || !is_text(key)))
        return Error::make("Invalid parameter %s", quoted(key).c_str());
    Value* present = dict.find(key);
    bool repeatable =
        std::find(style_.repeatable.begin(), style_.repeatable.end(), key) != style_.repeatable.end();
    if (present == nullptr || !repeatable) {
        dict.set(key, std::move(value));
        return {};
    }
    if (present->if_list() == nullptr) *present = List{std::move(*present)};
    present->if_list()->push_back(std::move(value));
    return {};
}

// Objects whose keys are all numbers become lists. The path is for messages.
Status make_lists(Value& value, const std::string& path) {
    Dict* dict = value.if_dict();
    if (dict == nullptr) return {};
    size_t numbered = 0;
    for (Dict::Entry& entry : *dict) {
        TRY(make_lists(entry.value, path.empty() ? entry.key : path + "." + entry.key));
        if (all_digits(entry.key)) ++numbered;
    }
    if (numbered == 0) return {};
    if (numbered != dict->size())
        return Error::make("Parameters '%s.*' are partly numbered, partly named", path.c_str());
    List list;
    for (size_t i = 0; i < numbered; ++i) {
        Value* element = dict->find(std::to_string(i));
        if (element == nullptr) return Error::make("Parameter '%s.%zu' is missing", path.c_str(), i);
        list.push_back(std::move(*element));
    }
    value = Value(std::move(list));
    return {};
}

Result<Keyval> Parser::parse() {
    while (!rest_.empty())
        TRY(take_piece());
    if (style_.flat) return std::move(out_);
    Value root(std::move(out_.dict));
    TRY(make_lists(root, ""));
    return Keyval{std::move(*root.if_dict()), out_.help};
}

}  // namespace

Result<Keyval> parse_keyval(std::string_view text, const KeyvalStyle& style) {
    return Parser(text, style).parse();
}

Result<Keyval> parse_keyval_or_json(std::string_view text, const KeyvalStyle& style, bool* json) {
    std::string_view trimmed = trim(text);
    *json = trimmed.starts_with("{");
    if (!*json) return parse_keyval(text, style);
    Value value = TRY(parse_json(trimmed));
    return Keyval{std::move(*value.if_dict()), false};
}

}  // namespace vmm::qapi
