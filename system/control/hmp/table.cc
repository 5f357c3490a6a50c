// Lines, look-up, help; see table.h.
#include "system/control/hmp/table.h"

#include <algorithm>

#include "util/text.h"

namespace vmm {

namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// "stop|s" matches as whole names.
bool is_named(const HmpCommand& command, std::string_view name) {
    return command.name == name || (!command.alias.empty() && command.alias == name);
}

class Nobody final : public qapi::Caller {};

}  // namespace

Result<HmpLine> parse_hmp_line(std::string_view text) {
    HmpLine line;
    std::vector<std::string> words;
    size_t at = 0;
    size_t rest = text.size();
    while (at < text.size()) {
        if (is_space(text[at])) {
            ++at;
            continue;
        }
        if (words.size() == 1) rest = std::min(rest, at);
        std::string word;
        const bool quoted = text[at] == '"';
        if (quoted) ++at;
        for (; at < text.size() && (quoted ? text[at] != '"' : !is_space(text[at])); ++at) {
            if (quoted && text[at] == '\\' && at + 1 < text.size()) ++at;
            word += text[at];
        }
        if (quoted && at == text.size()) return Error::make("a \" has no second one");
        if (quoted) ++at;
        words.push_back(std::move(word));
    }
    if (words.empty()) return line;
    line.command = words[0];
    line.words.assign(words.begin() + 1, words.end());
    line.rest = std::string(trim(text.substr(rest)));
    // "x/4xb 0": a format may follow its command at once.
    if (const size_t slash = line.command.find('/'); slash != 0 && slash != std::string::npos) {
        const std::string format = line.command.substr(slash);
        line.command.resize(slash);
        line.words.insert(line.words.begin(), format);
        line.rest = std::string(trim(format + " " + line.rest));
    }
    return line;
}

HmpTable::HmpTable(const qapi::CommandTable& qmp) : qmp_(qmp) {
    add({"help", "[command]", "what there is, or what one command takes",
         [this](const HmpLine& line) { return run_help(line); }, "?"});
    add({"info", "[subject]", "tells about a subject; alone: which there are",
         [this](const HmpLine& line) { return run_info(line); }});
}

const HmpCommand* HmpTable::find(const Commands& commands, std::string_view name) {
    for (const HmpCommand& command : commands)
        if (is_named(command, name)) return &command;
    return nullptr;
}

std::string HmpTable::help_of(const Commands& commands, std::string_view prefix, std::string_view name) {
    std::vector<std::string> lines;
    for (const HmpCommand& command : commands) {
        if (!name.empty() && !is_named(command, name)) continue;
        std::string line(prefix);
        line += command.name;
        if (!command.alias.empty()) line += "|" + std::string(command.alias);
        if (!command.takes.empty()) line += " " + std::string(command.takes);
        lines.push_back(line + " -- " + std::string(command.help) + "\n");
    }
    std::sort(lines.begin(), lines.end());
    return join(lines, "");
}

Result<std::string> HmpTable::run_help(const HmpLine& line) const {
    if (line.word(0) == "info") return help_of(infos_, "info ", line.word(1));
    std::string text = help_of(commands_, "", line.word(0));
    if (text.empty()) return Error::make("there is no command '%s'", line.word(0).c_str());
    return text;
}

Result<std::string> HmpTable::run_info(const HmpLine& line) const {
    if (line.words.empty()) return help_of(infos_, "info ", "");
    const HmpCommand* info = find(infos_, line.words[0]);
    if (info == nullptr) return Error::make("there is no 'info %s'", line.words[0].c_str());
    HmpLine inner = TRY(parse_hmp_line(line.rest));
    inner.cpu = line.cpu;
    return info->run(inner);
}

std::string HmpTable::run(std::string_view text, size_t cpu) const {
    Result<HmpLine> line = parse_hmp_line(text);
    if (!line) return "Error: " + line.error().message() + "\n";
    if (line->command.empty()) return {};
    line->cpu = cpu;
    const HmpCommand* command = find(commands_, line->command);
    if (command == nullptr) return "unknown command: '" + line->command + "'\n";
    Result<std::string> out = command->run(*line);
    std::string said = out ? std::move(*out) : "Error: " + out.error().message();
    if (!said.empty() && said.back() != '\n') said += '\n';
    return said;
}

std::vector<std::string> HmpTable::complete(std::string_view text) const {
    constexpr std::string_view kInfo = "info ";
    const bool info = text.starts_with(kInfo);
    std::string_view prefix = info ? text.substr(kInfo.size()) : text;
    std::vector<std::string> out;
    for (const HmpCommand& command : info ? infos_ : commands_)
        if (command.name.starts_with(prefix))
            out.push_back((info ? "info " : "") + std::string(command.name));
    std::sort(out.begin(), out.end());
    return out;
}

Result<qapi::Value> HmpTable::qmp(std::string_view name, const qapi::Dict& arguments) const {
    const qapi::CommandTable::Command* command = qmp_.find(name);
    if (command == nullptr)
        return Error::of_class(ErrorClass::CommandNotFound, "this machine has no command '%s'",
                               std::string(name).c_str());
    Nobody nobody;
    return command->handle(arguments, nobody);
}

void HmpTable::add_plain(std::string_view name, std::string_view qmp_name, std::string_view help,
                         std::string_view alias) {
    add({name, "", help,
         [this, qmp_name](const HmpLine&) -> Result<std::string> {
             TRY(qmp(qmp_name));
             return std::string();
         },
         alias});
}

std::string text_of(const qapi::Value& value, std::string_view member) {
    const qapi::Dict* dict = value.if_dict();
    const qapi::Value* found = dict == nullptr ? nullptr : dict->find(member);
    const std::string* text = found == nullptr ? nullptr : found->if_string();
    return text == nullptr ? std::string() : *text;
}

uint64_t number_of(const qapi::Value& value, std::string_view member) {
    const qapi::Dict* dict = value.if_dict();
    const qapi::Value* found = dict == nullptr ? nullptr : dict->find(member);
    return found == nullptr ? 0 : found->as_u64().value_or(0);
}

bool flag_of(const qapi::Value& value, std::string_view member) {
    const qapi::Dict* dict = value.if_dict();
    const qapi::Value* found = dict == nullptr ? nullptr : dict->find(member);
    const bool* flag = found == nullptr ? nullptr : found->if_bool();
    return flag != nullptr && *flag;
}

const qapi::List& list_of(const qapi::Value& value) {
    static const qapi::List kEmpty;
    const qapi::List* list = value.if_list();
    return list == nullptr ? kEmpty : *list;
}

}  // namespace vmm
