// -readconfig FILE: options from a file of sections, [GROUP "ID"] followed by lines KEY = "VALUE". A section
// is taken as the option of its group with these keys, at the place of -readconfig on the command line.
#include <fstream>
#include <iterator>

#include "system/control/cli/builder_priv.h"
#include "system/control/cli/option_table_priv.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

constexpr size_t kMostBytes = 1 << 20;

// Groups whose option has another name, and those that are called as their option.
struct Group {
    std::string_view name, option;
};
constexpr Group kGroups[] = {
    {"memory", "m"},      {"smp-opts", "smp"},      {"boot-opts", "boot"},  {"accel", "accel"},
    {"action", "action"}, {"blockdev", "blockdev"}, {"chardev", "chardev"}, {"device", "device"},
    {"drive", "drive"},   {"global", "global"},     {"machine", "machine"}, {"mon", "mon"},
    {"msg", "msg"},       {"name", "name"},         {"netdev", "netdev"},   {"numa", "numa"},
    {"object", "object"}, {"rtc", "rtc"},           {"trace", "trace"},
};

struct Section {
    const Option* option = nullptr;
    std::string text;  // KEY=VALUE,...
    size_t line = 0;
};

void add(Section& section, std::string_view key, std::string_view value) {
    if (!section.text.empty()) section.text += ',';
    section.text += std::string(key) + '=';
    for (const char c : value) {
        section.text += c;
        if (c == ',') section.text += ',';
    }
}

// What stands between two quotes, nothing else around them.
std::optional<std::string_view> quoted(std::string_view text) {
    text = trim(text);
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
    text = text.substr(1, text.size() - 2);
    if (text.find('"') != std::string_view::npos) return std::nullopt;
    return text;
}

Result<Section> begin_section(std::string_view line) {
    if (line.back() != ']') return Error::make("a section begins with [GROUP] or [GROUP \"ID\"]");
    line = trim(line.substr(1, line.size() - 2));
    const size_t blank = line.find(' ');
    const std::string name(line.substr(0, blank));
    Section section;
    for (const Group& group : kGroups)
        if (group.name == name) section.option = find_option(group.option);
    if (section.option == nullptr) return Error::make("there is no option group '%s'", name.c_str());
    if (blank == std::string_view::npos) return section;
    const std::optional<std::string_view> id = quoted(line.substr(blank));
    if (!id) return Error::make("the id of a section is written in quotes");
    add(section, "id", *id);
    return section;
}

Status take_section(Builder& builder, const Section& section) {
    if (section.option == nullptr) return {};
    Status done = section.option->take(builder, section.text);
    if (done) return done;
    return std::move(done).take_error().while_doing("line %zu", section.line);
}

Status take_line(Builder& builder, Section& section, std::string_view line, size_t number) {
    if (line.empty() || line[0] == '#') return {};
    if (line[0] == '[') {
        TRY(take_section(builder, section));
        section = TRY(begin_section(line));
        section.line = number;
        return {};
    }
    const size_t equals = line.find('=');
    const std::string_view key = trim(line.substr(0, equals));
    const std::optional<std::string_view> value =
        equals == std::string_view::npos ? std::nullopt : quoted(line.substr(equals + 1));
    if (key.empty() || !value) return Error::make("line %zu: expected KEY = \"VALUE\"", number);
    if (section.option == nullptr) return Error::make("line %zu: no section has begun", number);
    add(section, key, *value);
    return {};
}

}  // namespace

Status take_readconfig(Builder& builder, const std::string& value) {
    std::ifstream file(value, std::ios::binary);
    if (!file) return Error::from_errno(errno, "cannot open '%s'", value.c_str());
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (text.size() > kMostBytes)
        return Error::make("'%s' has more than %zu bytes", value.c_str(), kMostBytes);
    Section section;
    size_t number = 0;
    for (const std::string_view line : split(text, '\n'))
        TRY(take_line(builder, section, trim(line), ++number));
    return take_section(builder, section);
}

}  // namespace vmm::cli
