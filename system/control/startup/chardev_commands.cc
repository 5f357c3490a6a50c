// Commands about character devices; see query_commands.h. What chardev-add is told is brought into the form
// of -chardev, so that both are checked and made by the same code.
#include "backends/chardev/chardev_set.h"
#include "backends/chardev/ringbuf.h"
#include "qapi/commands_chardev.h"
#include "qapi/convert.h"
#include "qapi/keyval.h"
#include "qapi/utf8.h"
#include "system/control/cli/chardev_options.h"
#include "system/control/hmp/table.h"
#include "system/control/startup/query_commands.h"
#include "util/base64.h"
#include "util/fd_store.h"

namespace vmm {

namespace {

template <typename Options>
Options with_common(const qapi::ChardevCommon& from) {
    Options options;
    options.logfile = from.logfile;
    options.logappend = from.logappend;
    return options;
}

// A descriptor of the monitor's ends with `taken` unless a chardev got it.
Result<qapi::ChardevSocketOptions> socket_options(const qapi::ChardevSocket& from, FdStore& fds, Fd& taken) {
    auto to = with_common<qapi::ChardevSocketOptions>(from);
    to.server = from.server.value_or(true);
    if (from.wait.value_or(false))
        return Error::make(
            "Parameter 'wait' must be off: the monitor would stand still until somebody connects");
    if (*to.server) to.wait = false;
    if (from.telnet.value_or(false)) return Error::make("Parameter 'telnet' must be off");
    to.nodelay = from.nodelay;
    if (from.reconnect) {
        if (*from.reconnect < 0 || *from.reconnect > UINT32_MAX)
            return Error::make("Parameter 'reconnect' expects a number of seconds");
        to.reconnect = static_cast<uint32_t>(*from.reconnect);
    }
    if (const auto* un = std::get_if<qapi::UnixSocketAddressWrapper>(&from.addr.u)) {
        to.path = un->data.path;
        to.abstract = un->data.abstract;
        to.tight = un->data.tight;
    } else if (const auto* inet = std::get_if<qapi::InetSocketAddressWrapper>(&from.addr.u)) {
        to.host = inet->data.host;
        to.port = inet->data.port;
        to.to = inet->data.to;
        to.ipv4 = inet->data.ipv4;
        to.ipv6 = inet->data.ipv6;
    } else if (const auto* fd = std::get_if<qapi::FdSocketAddressWrapper>(&from.addr.u)) {
        taken = TRY(fds.take(fd->data.str));
        to.fd = std::to_string(taken.get());
    }
    return to;
}

Result<ChardevOptions> options_of(const std::string& id, const qapi::ChardevBackend& from, FdStore& fds,
                                  Fd& taken) {
    qapi::ChardevOptions to{.backend = from.type, .id = id};
    if (const auto* file = std::get_if<qapi::ChardevFileWrapper>(&from.u)) {
        auto options = with_common<qapi::ChardevFileOptions>(file->data);
        options.path = file->data.out;
        options.input_path = file->data.in;
        options.append = file->data.append;
        to.u = options;
    } else if (const auto* pipe = std::get_if<qapi::ChardevHostdevWrapper>(&from.u)) {
        auto options = with_common<qapi::ChardevPipeOptions>(pipe->data);
        options.path = pipe->data.device;
        to.u = options;
    } else if (const auto* stdio = std::get_if<qapi::ChardevStdioWrapper>(&from.u)) {
        auto options = with_common<qapi::ChardevStdioOptions>(stdio->data);
        options.signal = stdio->data.signal;
        to.u = options;
    } else if (const auto* ringbuf = std::get_if<qapi::ChardevRingbufWrapper>(&from.u)) {
        auto options = with_common<qapi::ChardevRingbufOptions>(ringbuf->data);
        if (ringbuf->data.size)
            options.size = static_cast<uint64_t>(std::max<int64_t>(*ringbuf->data.size, 0));
        to.u = options;
    } else if (const auto* socket = std::get_if<qapi::ChardevSocketWrapper>(&from.u)) {
        to.u = TRY(socket_options(socket->data, fds, taken));
    } else if (from.type == qapi::ChardevType::Pty) {
        to.u = with_common<qapi::ChardevPtyOptions>(std::get_if<qapi::ChardevCommonWrapper>(&from.u)->data);
    } else {
        to.u =
            with_common<qapi::ChardevCommonOptions>(std::get_if<qapi::ChardevCommonWrapper>(&from.u)->data);
    }
    return cli::chardev_from_schema(to);
}

enum class Place { New, Existing };

Result<qapi::ChardevReturn> make(ChardevSet& set, FdStore& fds, const std::string& id,
                                 const qapi::ChardevBackend& backend, Place place) {
    Fd taken;
    const ChardevOptions options = TRY(options_of(id, backend, fds, taken));
    Chardev* made = TRY(place == Place::New ? set.add(options) : set.change(options));
    (void)taken.release();
    constexpr std::string_view kPty = "pty:";
    qapi::ChardevReturn out;
    const std::string name = made->filename();
    if (backend.type == qapi::ChardevType::Pty && name.starts_with(kPty)) out.pty = name.substr(kPty.size());
    return out;
}

Result<Chardev*> find(ChardevSet& set, const std::string& id) {
    Chardev* chardev = set.find(id);
    if (chardev == nullptr) return Error::make("Chardev '%s' not found", id.c_str());
    return chardev;
}

Result<RingbufChardev*> find_ringbuf(ChardevSet& set, const std::string& id) {
    RingbufChardev* ringbuf = TRY(find(set, id))->as_ringbuf();
    if (ringbuf == nullptr) return Error::make("%s is not a ringbuf device", id.c_str());
    return ringbuf;
}

Status write_ringbuf(ChardevSet& set, const qapi::RingbufWriteArguments& asked) {
    RingbufChardev* ringbuf = TRY(find_ringbuf(set, asked.device));
    std::vector<uint8_t> bytes(asked.data.begin(), asked.data.end());
    if (asked.format == qapi::DataFormat::Base64) bytes = TRY(from_base64(asked.data));
    (void)ringbuf->write(bytes);
    return {};
}

Result<std::string> read_ringbuf(ChardevSet& set, const qapi::RingbufReadArguments& asked) {
    RingbufChardev* ringbuf = TRY(find_ringbuf(set, asked.device));
    if (asked.size <= 0) return Error::make("Parameter 'size' expects a size greater than 0");
    const std::vector<uint8_t> bytes = ringbuf->read(static_cast<size_t>(asked.size));
    if (asked.format == qapi::DataFormat::Base64) return to_base64(bytes);
    const std::string raw(bytes.begin(), bytes.end());
    std::string out;
    for (std::string_view left = raw; !left.empty();) {
        const std::optional<char32_t> character = qapi::utf8_take(left);
        if (!character) left.remove_prefix(1);
        constexpr char32_t kReplacement = 0xfffd;
        qapi::utf8_append(out, character.value_or(kReplacement));
    }
    return out;
}

void register_queries(qapi::CommandTable& table, ChardevSet& set) {
    table.add<qapi::QueryChardevCommand>([&set] {
        std::vector<qapi::ChardevInfo> out;
        for (const auto& [id, chardev] : set.all())
            out.push_back(
                {.label = id, .filename = chardev->filename(), .frontend_open = chardev->frontend_open()});
        return Result<std::vector<qapi::ChardevInfo>>(std::move(out));
    });
    table.add<qapi::QueryChardevBackendsCommand>([] {
        std::vector<qapi::ChardevBackendInfo> out;
        for (std::string_view name : qapi::kChardevTypeInfo.values)
            out.push_back({std::string(name)});
        return Result<std::vector<qapi::ChardevBackendInfo>>(std::move(out));
    });
}

}  // namespace

void register_chardev_commands(qapi::CommandTable& table, ChardevSet& set, FdStore& fds) {
    register_queries(table, set);
    table.add<qapi::ChardevAddCommand>([&](const qapi::ChardevAddArguments& asked) {
        return make(set, fds, asked.id, asked.backend, Place::New);
    });
    table.add<qapi::ChardevChangeCommand>([&](const qapi::ChardevChangeArguments& asked) {
        return make(set, fds, asked.id, asked.backend, Place::Existing);
    });
    table.add<qapi::ChardevRemoveCommand>(
        [&](const qapi::ChardevRemoveArguments& asked) { return set.remove(asked.id); });
    table.add<qapi::ChardevSendBreakCommand>([&](const qapi::ChardevSendBreakArguments& asked) -> Status {
        TRY(find(set, asked.id))->send_break();
        return {};
    });
    table.add<qapi::RingbufWriteCommand>(
        [&](const qapi::RingbufWriteArguments& asked) { return write_ringbuf(set, asked); });
    table.add<qapi::RingbufReadCommand>(
        [&](const qapi::RingbufReadArguments& asked) { return read_ringbuf(set, asked); });
}

// The option of -chardev, as one word.
Result<std::string> add_by_option(ChardevSet& set, const HmpLine& line) {
    const qapi::Keyval parsed =
        TRY(qapi::parse_keyval(line.rest, {.implied_key = "backend", .bare_flags = true}));
    auto options = TRY(qapi::from_keyval<qapi::ChardevOptions>(parsed.dict));
    const ChardevOptions checked = TRY(cli::chardev_from_schema(options));
    const auto* socket = std::get_if<ChardevSocket>(&checked.backend);
    if (socket != nullptr && socket->wait) return Error::make("add wait=off: the monitor would stand still");
    TRY(set.add(checked));
    return std::string();
}

void register_hmp_chardev_commands(HmpTable& table, ChardevSet& set) {
    table.add({"chardev-add", "kind,id=ID[,...]", "makes a character device, as -chardev does",
               [&set](const HmpLine& line) { return add_by_option(set, line); }});
}

}  // namespace vmm
