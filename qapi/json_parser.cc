// The JSON grammar and the stream cutter; see json_parser.h.
#include "qapi/json_parser.h"

#include <unordered_set>

#include "qapi/json_lexer.h"

namespace vmm::qapi {
namespace {

// Remembers the keys of one object; small objects are looked through, large ones get a set, so that a text
// made of one huge object costs no more than its length.
class KeySet {
  public:
    // False when the key was there.
    bool add(const Dict& dict, const std::string& key) {
        constexpr size_t kSmall = 16;
        if (dict.size() < kSmall) return !dict.contains(key);
        if (seen_.empty())
            for (const Dict::Entry& entry : dict)
                seen_.insert(entry.key);
        return seen_.insert(key).second;
    }

  private:
    std::unordered_set<std::string> seen_;
};

class Parser {
  public:
    Parser(std::string_view text, const JsonLimits& limits) : lexer_(text), limits_(limits) {}
    Result<Value> parse();

  private:
    using Kind = JsonToken::Kind;
    Result<Value> parse_value(JsonToken token, size_t depth);
    Result<Value> parse_list(size_t depth);
    Result<Value> parse_dict(size_t depth);
    Status parse_member(JsonToken key, Dict& dict, KeySet& keys, size_t depth);
    static Error unexpected(const JsonToken& token, const char* wanted);

    JsonLexer lexer_;
    JsonLimits limits_;
    size_t values_ = 0;
};

Error Parser::unexpected(const JsonToken& token, const char* wanted) {
    if (token.kind == Kind::End) return Error::make("JSON: the text ends early, expected %s", wanted);
    return Error::make("JSON: expected %s at byte %zu", wanted, token.offset);
}

Result<Value> Parser::parse() {
    Value value = TRY(parse_value(TRY(lexer_.next()), 0));
    JsonToken rest = TRY(lexer_.next());
    if (rest.kind != Kind::End) return unexpected(rest, "the end");
    return value;
}

Result<Value> Parser::parse_value(JsonToken token, size_t depth) {
    if (++values_ > limits_.values) return Error::make("JSON: more than %zu values", limits_.values);
    if (token.kind == Kind::Scalar) return std::move(token.value);
    if (token.kind != Kind::OpenBrace && token.kind != Kind::OpenBracket) return unexpected(token, "a value");
    if (depth >= limits_.depth) return Error::make("JSON: nested deeper than %zu", limits_.depth);
    return token.kind == Kind::OpenBrace ? parse_dict(depth + 1) : parse_list(depth + 1);
}

Result<Value> Parser::parse_list(size_t depth) {
    List list;
    JsonToken token = TRY(lexer_.next());
    if (token.kind == Kind::CloseBracket) return Value(std::move(list));
    while (true) {
        list.push_back(TRY(parse_value(std::move(token), depth)));
        token = TRY(lexer_.next());
        if (token.kind == Kind::CloseBracket) return Value(std::move(list));
        if (token.kind != Kind::Comma) return unexpected(token, "',' or ']'");
        token = TRY(lexer_.next());
    }
}

Status Parser::parse_member(JsonToken key, Dict& dict, KeySet& keys, size_t depth) {
    const std::string* name = key.kind == Kind::Scalar ? key.value.if_string() : nullptr;
    if (name == nullptr) return unexpected(key, "a key (a string)");
    if (!keys.add(dict, *name)) return Error::make("JSON: key %s occurs twice", brief(key.value).c_str());
    JsonToken colon = TRY(lexer_.next());
    if (colon.kind != Kind::Colon) return unexpected(colon, "':'");
    Value value = TRY(parse_value(TRY(lexer_.next()), depth));
    dict.append(*name, std::move(value));
    return {};
}

Result<Value> Parser::parse_dict(size_t depth) {
    Dict dict;
    KeySet keys;
    JsonToken token = TRY(lexer_.next());
    if (token.kind == Kind::CloseBrace) return Value(std::move(dict));
    while (true) {
        TRY(parse_member(std::move(token), dict, keys, depth));
        token = TRY(lexer_.next());
        if (token.kind == Kind::CloseBrace) return Value(std::move(dict));
        if (token.kind != Kind::Comma) return unexpected(token, "',' or '}'");
        token = TRY(lexer_.next());
    }
}

// Whether a character begins or goes on with a token that is not a string.
bool may_stand_outside(char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') ||
           std::string_view("{}[]:,\"'+-.").find(c) != std::string_view::npos;
}

}  // namespace

Result<Value> parse_json(std::string_view text, const JsonLimits& limits) {
    if (text.size() > limits.bytes) return Error::make("JSON: longer than %zu bytes", limits.bytes);
    return Parser(text, limits).parse();
}

std::vector<Result<Value>> JsonStream::feed(std::string_view bytes) {
    for (char c : bytes)
        take(c);
    return std::exchange(ready_, {});
}

void JsonStream::end_of_burst() {
    if (skip_ == Skip::Line) skip_ = Skip::No;
}

std::vector<Result<Value>> JsonStream::finish() {
    if (!open_.empty() || quote_ != 0)
        fail("the stream ended inside a value", '\n', Skip::No);
    else if (!text_.empty())
        complete();
    skip_ = Skip::No;
    return std::exchange(ready_, {});
}

// Only strings and brackets matter for finding the end of a value; the parser judges the rest.
void JsonStream::take(char c) {
    if (skip_ != Skip::No) {
        if (c == '\n') skip_ = Skip::No;
        return;
    }
    if (text_.size() >= limits_.bytes) return fail("the text is too long", c, Skip::LongLine);
    if (quote_ != 0) return take_in_string(c);
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        if (!open_.empty())
            text_ += ' ';
        else if (!text_.empty())
            complete();  // a scalar at the top level ends here
        return;
    }
    if (!may_stand_outside(c)) return fail("unexpected character", c, Skip::Line);
    if (c == '{' || c == '[') return open(c);
    if (c == '}' || c == ']') return close(c);
    text_ += c;
    if (c == '"' || c == '\'') quote_ = c;
}

void JsonStream::open(char bracket) {
    if (open_.empty() && !text_.empty()) complete();
    if (open_.size() >= limits_.depth) return fail("nested too deep", bracket, Skip::LongLine);
    text_ += bracket;
    open_ += bracket;
}

void JsonStream::close(char bracket) {
    text_ += bracket;
    if (open_.size() > 1 && (open_.back() == '{') != (bracket == '}'))
        return fail("a bracket closes another one", bracket, Skip::Line);
    if (!open_.empty()) open_.pop_back();
    if (open_.empty()) complete();
}

void JsonStream::take_in_string(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) return fail("control character in a string", c, Skip::Line);
    if (byte == 0xc0 || byte == 0xc1 || byte > 0xf4) return fail("a string is not UTF-8", c, Skip::Line);
    text_ += c;
    if (escaped_)
        escaped_ = false;
    else if (c == '\\')
        escaped_ = true;
    else if (c == quote_)
        quote_ = 0;
    if (quote_ == 0 && open_.empty()) complete();
}

void JsonStream::complete() {
    constexpr size_t kKeep = 1u << 20;
    ready_.push_back(parse_json(text_, limits_));
    text_.clear();
    if (text_.capacity() > kKeep) text_.shrink_to_fit();
}

// Starts afresh, so that one bad text does not spoil the next.
void JsonStream::fail(const char* why, char at, Skip skip) {
    ready_.push_back(Error::make("JSON: %s", why));
    text_.clear();
    text_.shrink_to_fit();
    open_.clear();
    quote_ = 0;
    escaped_ = false;
    skip_ = at == '\n' ? Skip::No : skip;
}

}  // namespace vmm::qapi
