// The configuration file of blkdebug: [inject-error] and [set-state] sections of key = "value" lines.
#include <functional>

#include "backends/block/blkdebug.h"
#include "util/text.h"

namespace vmm::block {

namespace {

enum class Section { None, InjectError, SetState };

// The rest of the last rule's checks, once its section is over.
Status check_rule(const BlkdebugConfig& config, Section section) {
    if (section == Section::SetState && config.states.back().event.empty())
        return Error::make("Missing event name for rule");
    return {};
}

Result<int64_t> number(const std::string& key, std::string_view value) {
    std::optional<int64_t> got = parse_i64(value);
    if (!got) return Error::make("Parameter '%s' expects a number", key.c_str());
    return *got;
}

Result<bool> on_off(const std::string& key, std::string_view value) {
    if (value == "on" || value == "yes" || value == "true" || value == "y") return true;
    if (value == "off" || value == "no" || value == "false" || value == "n") return false;
    return Error::make("Parameter '%s' expects 'on' or 'off'", key.c_str());
}

Result<std::string> event(std::string_view value) {
    if (!BlkdebugConfig::known_event(value))
        return Error::make("Invalid event name \"%s\"", std::string(value).c_str());
    return std::string(value);
}

Result<uint8_t> io_kind(std::string_view value) {
    constexpr std::pair<std::string_view, uint8_t> kKinds[] = {{"read", kIoRead},
                                                               {"write", kIoWrite},
                                                               {"write-zeroes", kIoWriteZeroes},
                                                               {"discard", kIoDiscard},
                                                               {"flush", kIoFlush}};
    for (const auto& [name, kind] : kKinds) {
        if (value == name) return kind;
    }
    return Error::make("Invalid iotype \"%s\"", std::string(value).c_str());
}

Status set_error(InjectError& rule, const std::string& key, std::string_view value) {
    if (key == "event") {
        rule.event = TRY(event(value));
    } else if (key == "state") {
        rule.state = TRY(number(key, value));
    } else if (key == "errno") {
        int64_t got = TRY(number(key, value));
        if (got <= 0 || got > 4095) return Error::make("Parameter 'errno' expects an error number");
        rule.errno_number = static_cast<int>(got);
    } else if (key == "sector") {
        rule.sector = TRY(number(key, value));
        if (rule.sector < -1 || rule.sector > INT64_MAX / 512)
            return Error::make("Parameter 'sector' is out of range");
    } else if (key == "once") {
        rule.once = TRY(on_off(key, value));
    } else if (key == "immediately") {
        rule.immediately = TRY(on_off(key, value));
    } else if (key == "iotype") {
        rule.kinds = TRY(io_kind(value));
    } else {
        return Error::make("Invalid parameter '%s'", key.c_str());
    }
    return {};
}

Status set_state(SetState& rule, const std::string& key, std::string_view value) {
    if (key == "event") {
        rule.event = TRY(event(value));
    } else if (key == "state") {
        rule.state = TRY(number(key, value));
    } else if (key == "new_state") {
        rule.new_state = TRY(number(key, value));
    } else {
        return Error::make("Invalid parameter '%s'", key.c_str());
    }
    return {};
}

Result<Section> begin_section(BlkdebugConfig& config, std::string_view header) {
    if (header == "[inject-error]") {
        config.errors.emplace_back();
        return Section::InjectError;
    }
    if (header == "[set-state]") {
        config.states.emplace_back();
        return Section::SetState;
    }
    return Error::make("there is no group %s", std::string(header).c_str());
}

Status take_line(BlkdebugConfig& config, Section& section, std::string_view line) {
    if (line.empty() || line.front() == '#') return {};
    if (line.front() == '[') {
        TRY(check_rule(config, section));
        section = TRY(begin_section(config, line));
        return {};
    }
    size_t equals = line.find('=');
    if (section == Section::None) return Error::make("no group defined");
    if (equals == std::string_view::npos) return Error::make("parse error");
    std::string key(trim(line.substr(0, equals)));
    std::string_view value = trim(line.substr(equals + 1));
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') return Error::make("parse error");
    value = value.substr(1, value.size() - 2);
    return section == Section::InjectError ? set_error(config.errors.back(), key, value)
                                           : set_state(config.states.back(), key, value);
}

}  // namespace

Result<BlkdebugConfig> parse_blkdebug_config(std::string_view text, const std::string& name) {
    BlkdebugConfig config;
    Section section = Section::None;
    unsigned number = 0;
    for (std::string_view line : split(text, '\n')) {
        ++number;
        Status taken = take_line(config, section, trim(line));
        if (!taken) return std::move(taken).take_error().while_doing("%s:%u", name.c_str(), number);
    }
    Status last = check_rule(config, section);
    if (!last) return std::move(last).take_error().while_doing("%s:%u", name.c_str(), number);
    return config;
}

}  // namespace vmm::block
