// The walk over argv; see command_line.h.
#include "system/control/cli/command_line.h"

#include "system/control/cli/builder_priv.h"
#include "system/control/cli/option_table_priv.h"

namespace vmm {
namespace {

// Text from the user as a part of a message: one line, of bounded length.
std::string shown(std::string_view text, size_t longest = 120) {
    std::string out;
    for (char c : text.substr(0, longest))
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    return text.size() > longest ? out + "..." : out;
}

// Whatever the handlers quoted, the message stays one line.
Error one_line(const Error& error) {
    constexpr size_t kLongest = 1000;
    Error shortened = Error::make("%s", shown(error.text(), kLongest).c_str());
    if (error.hint().empty()) return shortened;
    return std::move(shortened).with_hint("%s", shown(error.hint(), kLongest).c_str());
}

Error not_an_option(const std::string& argument) {
    return Error::make("unexpected argument '%s'", shown(argument).c_str())
        .with_hint("options begin with '-'; a disk image is given with -drive file=IMAGE");
}

Error unknown_option(const std::string& argument, std::string_view name) {
    if (const cli::AbsentOption* absent = cli::find_absent_option(name))
        return Error::make("-%s: %s", std::string(absent->name).c_str(), std::string(absent->reason).c_str());
    std::string_view near = cli::nearest_option(name);
    Error error = Error::make("%s: unknown option", shown(argument).c_str());
    if (near.empty()) return std::move(error).with_hint("-help lists the options");
    return std::move(error).with_hint("did you mean '-%s'?", std::string(near).c_str());
}

Status take(cli::Builder& builder, const cli::Option& option, const std::string& value) {
    Status done = option.take(builder, value);
    if (done) return done;
    std::string context =
        "-" + std::string(option.name) + (option.argument.empty() ? "" : " " + shown(value));
    return std::move(done).take_error().while_doing("%s", context.c_str());
}

// "-set GROUP.ID.KEY=VALUE" adds to the text of an option further left.
Status apply_set(std::vector<std::string>& arguments, size_t end, const std::string& text) {
    const size_t equals = text.find('='), first = text.find('.');
    const size_t second = first == std::string::npos ? first : text.find('.', first + 1);
    if (second == std::string::npos || equals == std::string::npos || second > equals)
        return Error::make("expected GROUP.ID.KEY=VALUE");
    const std::string group = text.substr(0, first), id = text.substr(first + 1, second - first - 1);
    for (size_t i = 1; i < end; ++i) {
        if (arguments[i] != "-" + group && arguments[i] != "--" + group) continue;
        std::string& option = arguments[i + 1];
        if (!option.starts_with("{") && ("," + option + ",").find(",id=" + id + ",") != std::string::npos) {
            option += "," + text.substr(second + 1);
            return {};
        }
    }
    return Error::make("there is no -%s with id=%s before it", group.c_str(), id.c_str())
        .with_hint("options in JSON cannot be changed");
}

// The arguments without -set, which has been done.
Result<std::vector<std::string>> with_sets(std::span<const char* const> argv) {
    std::vector<std::string> arguments(argv.begin(), argv.end());
    for (size_t i = 1; i < arguments.size();) {
        const std::string& argument = arguments[i];
        if (argument.size() < 2 || argument[0] != '-') break;
        const cli::Option* option = cli::find_option(argument.substr(argument[1] == '-' ? 2 : 1));
        if (option == nullptr) break;
        const size_t length = option->argument.empty() ? 1 : 2;
        if (option->name != "set" || i + 1 >= arguments.size()) {
            i += length;
            continue;
        }
        const std::string text = arguments[i + 1];
        if (Status done = apply_set(arguments, i, text); !done)
            return std::move(done).take_error().while_doing("-set %s", shown(text).c_str());
        arguments.erase(arguments.begin() + static_cast<ptrdiff_t>(i),
                        arguments.begin() + static_cast<ptrdiff_t>(i) + 2);
    }
    return arguments;
}

Result<CommandLine> walk(std::span<const char* const> given, const DeviceTypes& types) {
    cli::Builder builder(types);
    const std::vector<std::string> argv = TRY(with_sets(given));
    for (size_t i = 1; i < argv.size(); ++i) {
        const std::string& argument = argv[i];
        if (argument.size() < 2 || argument[0] != '-') return not_an_option(argument);
        std::string_view name = std::string_view(argument).substr(argument[1] == '-' ? 2 : 1);
        const cli::Option* option = cli::find_option(name);
        if (option == nullptr) return unknown_option(argument, name);
        std::string value;
        if (!option->argument.empty() && i + 1 < argv.size()) {
            if (!cli::argument_is_optional(*option) || argv[i + 1][0] != '-') value = argv[++i];
        } else if (!option->argument.empty() && !cli::argument_is_optional(*option)) {
            return Error::make("-%s: the argument is missing", std::string(name).c_str())
                .with_hint("-%s %s", std::string(name).c_str(), std::string(option->argument).c_str());
        }
        TRY(take(builder, *option, value));
        if (builder.line.action != CommandLine::Action::Run) return std::move(builder.line);
    }
    TRY(cli::finish(builder));
    return std::move(builder.line);
}

}  // namespace

Result<CommandLine> parse_command_line(std::span<const char* const> argv, const DeviceTypes& types) {
    auto parsed = walk(argv, types);
    if (!parsed) return one_line(parsed.error());
    return parsed;
}

}  // namespace vmm
