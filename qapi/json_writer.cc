// JSON text from values; see json_writer.h.
#include "qapi/json_writer.h"

#include <cmath>

#include "qapi/utf8.h"
#include "util/text.h"

namespace vmm::qapi {
namespace {

class Writer {
  public:
    explicit Writer(bool pretty) : pretty_(pretty) {}
    void write(const Value& value);
    std::string take() { return std::move(out_); }

  private:
    void write_string(std::string_view text);
    void write_escaped(char32_t character);
    void write_double(double number);
    void write_list(const List& list);
    void write_dict(const Dict& dict);
    void separate(bool first);
    void close(bool was_empty, char bracket);

    std::string out_;
    bool pretty_;
    size_t depth_ = 0;
};

void Writer::write_escaped(char32_t character) {
    switch (character) {
        case '"':
            out_ += "\\\"";
            return;
        case '\\':
            out_ += "\\\\";
            return;
        case '\b':
            out_ += "\\b";
            return;
        case '\f':
            out_ += "\\f";
            return;
        case '\n':
            out_ += "\\n";
            return;
        case '\r':
            out_ += "\\r";
            return;
        case '\t':
            out_ += "\\t";
            return;
        default:
            break;
    }
    if (character >= 0x20 && character < 0x7f) {
        out_ += static_cast<char>(character);
    } else if (character < 0x10000) {
        out_ += strf("\\u%04X", static_cast<unsigned>(character));
    } else {
        unsigned rest = static_cast<unsigned>(character) - 0x10000;
        out_ += strf("\\u%04X\\u%04X", 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
    }
}

void Writer::write_string(std::string_view text) {
    out_ += '"';
    while (!text.empty()) {
        auto character = utf8_take(text);
        if (!character) text.remove_prefix(1);  // a stray byte becomes the replacement character
        write_escaped(character.value_or(0xfffd));
    }
    out_ += '"';
}

void Writer::write_double(double number) {
    if (!std::isfinite(number)) {
        out_ += "null";  // JSON has no spelling for it
        return;
    }
    for (int digits = 15; digits <= 17; ++digits) {
        std::string text = strf("%.*g", digits, number);
        if (digits < 17 && std::strtod(text.c_str(), nullptr) != number) continue;
        // Keep it a double for the reader: 1e+20 and 0.5 are, 3 is not.
        if (text.find_first_of(".e") == std::string::npos) text += ".0";
        out_ += text;
        return;
    }
}

void Writer::separate(bool first) {
    if (!first) out_ += pretty_ ? "," : ", ";
    if (pretty_) out_ += '\n' + std::string(depth_ * 4, ' ');
}

void Writer::close(bool was_empty, char bracket) {
    --depth_;
    if (pretty_ && !was_empty) out_ += '\n' + std::string(depth_ * 4, ' ');
    out_ += bracket;
}

void Writer::write_list(const List& list) {
    out_ += '[';
    ++depth_;
    bool first = true;
    for (const Value& element : list) {
        separate(std::exchange(first, false));
        write(element);
    }
    close(list.empty(), ']');
}

void Writer::write_dict(const Dict& dict) {
    out_ += '{';
    ++depth_;
    bool first = true;
    for (const Dict::Entry& entry : dict) {
        separate(std::exchange(first, false));
        write_string(entry.key);
        out_ += ": ";
        write(entry.value);
    }
    close(dict.empty(), '}');
}

void Writer::write(const Value& value) {
    switch (value.kind()) {
        case Value::Kind::Null:
            out_ += "null";
            break;
        case Value::Kind::Bool:
            out_ += *value.if_bool() ? "true" : "false";
            break;
        case Value::Kind::Int:
            out_ += std::to_string(*value.as_i64());
            break;
        case Value::Kind::Uint:
            out_ += std::to_string(*value.as_u64());
            break;
        case Value::Kind::Double:
            write_double(*value.as_double());
            break;
        case Value::Kind::String:
            write_string(*value.if_string());
            break;
        case Value::Kind::Array:
            write_list(*value.if_list());
            break;
        case Value::Kind::Object:
            write_dict(*value.if_dict());
            break;
    }
}

}  // namespace

std::string to_json(const Value& value) {
    Writer writer(false);
    writer.write(value);
    return writer.take();
}

std::string to_pretty_json(const Value& value) {
    Writer writer(true);
    writer.write(value);
    return writer.take();
}

}  // namespace vmm::qapi
