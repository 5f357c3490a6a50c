// The short spelling of character devices that -serial and -debugcon take: rewritten to the long one of
// -chardev.
#include "qapi/convert.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/chardev_options.h"

namespace vmm::cli {
namespace {

Error unknown(const std::string& text) {
    return Error::make("'%s' is not a character device", text.c_str())
        .with_hint(
            "none, null, stdio, mon:stdio, pty, file:PATH, pipe:PATH, unix:PATH[,server=on], "
            "tcp:HOST:PORT[,server=on] or chardev:ID");
}

// "[::1]:4444", "localhost:4444", ":4444".
Status split_host(qapi::Dict& dict, const std::string& address) {
    size_t colon = address.rfind(':');
    if (colon == std::string::npos || colon + 1 == address.size())
        return Error::make("'tcp:%s' lacks its port", address.c_str()).with_hint("tcp:HOST:PORT");
    std::string host = address.substr(0, colon);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    dict.set("host", host);
    dict.set("port", address.substr(colon + 1));
    return {};
}

Result<qapi::Dict> socket_dict(std::string_view text, bool tcp) {
    if (text.empty()) return Error::make(tcp ? "'tcp:' lacks HOST:PORT" : "'unix:' lacks its path");
    qapi::Keyval parsed = TRY(qapi::parse_keyval(text, {.implied_key = "address", .bare_flags = true}));
    qapi::Dict dict = std::move(parsed.dict);
    const qapi::Value* address = dict.find("address");
    if (address == nullptr) return Error::make("the socket's address must come first");
    std::string spelled = *address->if_string();
    dict.erase("address");
    if (tcp)
        TRY(split_host(dict, spelled));
    else
        dict.set("path", spelled);
    return dict;
}

// "file:x" to {backend: file, path: x}; nothing when the spelling is unknown.
Result<std::optional<qapi::Dict>> long_form(const std::string& text) {
    auto after = [&](std::string_view prefix) -> std::optional<std::string> {
        if (!text.starts_with(prefix)) return {};
        return text.substr(prefix.size());
    };
    auto with_path = [](const char* backend, const std::string& path) {
        return std::optional(qapi::Dict{{"backend", backend}, {"path", path}});
    };
    if (text == "null" || text == "stdio" || text == "pty")
        return std::optional(qapi::Dict{{"backend", text}});
    if (auto path = after("file:")) return with_path("file", *path);
    if (auto path = after("pipe:")) return with_path("pipe", *path);
    if (auto path = after("pty:")) return with_path("pty", *path);
    bool tcp = text.starts_with("tcp:");
    if (tcp || text.starts_with("unix:")) {
        qapi::Dict dict = TRY(socket_dict(std::string_view(text).substr(tcp ? 4 : 5), tcp));
        dict.set("backend", "socket");
        return std::optional(std::move(dict));
    }
    return std::optional<qapi::Dict>();
}

}  // namespace

Result<LegacyChardev> parse_legacy_chardev(const std::string& text, const std::string& id) {
    if (text == "none") return LegacyChardev{};
    if (text.starts_with("chardev:")) {
        std::string named = text.substr(8);
        TRY(check_id(named));
        return LegacyChardev{named, {}, false};
    }
    bool with_monitor = text.starts_with("mon:");
    std::string device = with_monitor ? text.substr(4) : text;
    auto dict = TRY(long_form(device));
    if (!dict) return unknown(text);
    dict->set("id", id);
    if (with_monitor) {
        dict->set("mux", "on");
        // Ctrl-C belongs to the guest; Ctrl-A x ends the program.
        if (device == "stdio") dict->set("signal", "off");
    }
    auto options = TRY(qapi::from_keyval<qapi::ChardevOptions>(*dict));
    return LegacyChardev{id, TRY(chardev_from_schema(options)), with_monitor};
}

}  // namespace vmm::cli
