// -chardev: the schema's options to the back end's.
#include "qapi/convert.h"
#include "system/control/cli/builder_priv.h"
#include "system/control/cli/chardev_options.h"
#include "system/control/cli/help_priv.h"
#include "system/control/cli/typed_option.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

void copy_common(ChardevCommon& to, const qapi::ChardevCommonOptions& from) {
    to.logfile = from.logfile;
    to.logappend = from.logappend.value_or(false);
}

Result<SocketAddress> socket_address(const qapi::ChardevSocketOptions& options) {
    int kinds = (options.path ? 1 : 0) + (options.fd ? 1 : 0) + (options.host || options.port ? 1 : 0);
    if (kinds != 1)
        return Error::make("a socket has one of: path, fd, or host and port")
            .with_hint("%d of them are given", kinds);
    if (options.path) {
        if (options.path->empty()) return Error::make("Parameter 'path' is empty");
        return SocketAddress(
            UnixAddress{*options.path, options.abstract.value_or(false), options.tight.value_or(true)});
    }
    if (options.abstract || options.tight)
        return Error::make("Parameters 'abstract' and 'tight' are for sockets with a path");
    if (options.fd) {
        auto number = parse_i64(*options.fd, 10);
        if (!number || *number < 0 || *number > INT32_MAX)
            return Error::make("Parameter 'fd' expects the number of an open descriptor, not '%s'",
                               options.fd->c_str());
        return SocketAddress(FdAddress{static_cast<int>(*number)});
    }
    if (!options.port) return Error::make("Parameter 'port' is missing");
    if (!options.host) return Error::make("Parameter 'host' is missing");
    return SocketAddress(InetAddress{*options.host, *options.port, options.to, options.ipv4, options.ipv6});
}

Result<ChardevSocket> make_socket(const qapi::ChardevSocketOptions& options) {
    ChardevSocket socket;
    copy_common(socket, options);
    socket.addr = TRY(socket_address(options));
    socket.server = options.server.value_or(false);
    if (!socket.server && options.wait)
        return Error::make("Parameter 'wait' is for servers").with_hint("add server=on, or leave wait out");
    if (socket.server && (options.reconnect || options.reconnect_ms))
        return Error::make("Parameter 'reconnect' is for clients")
            .with_hint("leave server=on or reconnect out");
    if (options.reconnect && options.reconnect_ms)
        return Error::make("Parameters 'reconnect' and 'reconnect-ms' exclude each other");
    if (options.to && !socket.server) return Error::make("Parameter 'to' is for servers");
    if (options.delay && options.nodelay)
        return Error::make("Parameters 'delay' and 'nodelay' exclude each other");
    constexpr uint32_t kMostSeconds = 86400;
    if (options.reconnect.value_or(0) > kMostSeconds)
        return Error::make("Parameter 'reconnect' expects at most %u seconds, not %u", kMostSeconds,
                           *options.reconnect);
    socket.wait = socket.server && options.wait.value_or(true);
    socket.nodelay = options.nodelay.value_or(!options.delay.value_or(true));
    socket.reconnect_ms = options.reconnect_ms.value_or(options.reconnect.value_or(0) * 1000);
    return socket;
}

Result<ChardevBackend> make_ringbuf(const qapi::ChardevRingbufOptions& options) {
    ChardevRingbuf ringbuf;
    copy_common(ringbuf, options);
    ringbuf.size = options.size.value_or(ringbuf.size);
    constexpr uint64_t kLargest = 1u << 30;
    if (ringbuf.size == 0 || (ringbuf.size & (ringbuf.size - 1)) != 0 || ringbuf.size > kLargest)
        return Error::make("Parameter 'size' expects a power of two up to 1G, not %llu",
                           static_cast<unsigned long long>(ringbuf.size));
    return ChardevBackend(ringbuf);
}

Result<ChardevBackend> make_file(const qapi::ChardevFileOptions& options) {
    if (options.path.empty()) return Error::make("Parameter 'path' is empty");
    ChardevFile file;
    copy_common(file, options);
    file.in = options.input_path;
    file.out = options.path;
    file.append = options.append.value_or(false);
    return ChardevBackend(file);
}

Result<ChardevBackend> make_backend(const qapi::ChardevOptions& options) {
    if (auto* o = std::get_if<qapi::ChardevFileOptions>(&options.u)) return make_file(*o);
    if (auto* o = std::get_if<qapi::ChardevSocketOptions>(&options.u))
        return ChardevBackend(TRY(make_socket(*o)));
    if (auto* o = std::get_if<qapi::ChardevRingbufOptions>(&options.u)) return make_ringbuf(*o);
    if (auto* o = std::get_if<qapi::ChardevPipeOptions>(&options.u)) {
        if (o->path.empty()) return Error::make("Parameter 'path' is empty");
        ChardevPipe pipe;
        copy_common(pipe, *o);
        pipe.device = o->path;
        return ChardevBackend(pipe);
    }
    if (auto* o = std::get_if<qapi::ChardevPtyOptions>(&options.u)) {
        ChardevPty pty;
        copy_common(pty, *o);
        pty.path = o->path;
        return ChardevBackend(pty);
    }
    if (auto* o = std::get_if<qapi::ChardevStdioOptions>(&options.u)) {
        ChardevStdio stdio;
        copy_common(stdio, *o);
        stdio.signal = o->signal.value_or(true);
        return ChardevBackend(stdio);
    }
    ChardevNull null;
    copy_common(null, *std::get_if<qapi::ChardevCommonOptions>(&options.u));
    return ChardevBackend(null);
}

const qapi::ChardevCommonOptions& common_of(const qapi::ChardevOptions& options) {
    return std::visit(
        [](const auto& branch) -> const qapi::ChardevCommonOptions& {
            if constexpr (std::is_same_v<std::decay_t<decltype(branch)>, std::monostate>)
                UNREACHABLE();
            else
                return branch;
        },
        options.u);
}

}  // namespace

Result<ChardevOptions> chardev_from_schema(const qapi::ChardevOptions& options) {
    TRY(check_id(options.id));
    return ChardevOptions{options.id, common_of(options).mux.value_or(false), TRY(make_backend(options))};
}

Status take_chardev(Builder& builder, const std::string& value) {
    const qapi::KeyvalStyle style{.implied_key = "backend", .bare_flags = true};
    qapi::Keyval parsed = TRY(parse_option<qapi::ChardevOptions>(value, style));
    if (parsed.help) {
        const qapi::Value* backend = parsed.dict.find("backend");
        builder.print(backend == nullptr
                          ? branches_help("Character devices", qapi::kChardevOptionsInfo)
                          : branch_members_help(*backend->if_string(), qapi::kChardevOptionsInfo));
        return {};
    }
    auto options = TRY(qapi::from_keyval<qapi::ChardevOptions>(parsed.dict));
    builder.chardevs.push_back(TRY(chardev_from_schema(options)));
    return {};
}

}  // namespace vmm::cli
