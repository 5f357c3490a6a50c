// The chardevs of a process; see chardev_set.h.
#include "backends/chardev/chardev_set.h"

#include <unistd.h>

#include "backends/chardev/mux.h"
#include "backends/chardev/pty.h"
#include "backends/chardev/ringbuf.h"
#include "backends/chardev/socket.h"
#include "backends/chardev/stdio.h"

namespace vmm {

namespace {

struct Maker {
    EventLoop& loop;
    const FdStore& fds;
    const std::string& id;
    Result<std::unique_ptr<Chardev>> operator()(const ChardevNull&) const {
        return std::unique_ptr<Chardev>(std::make_unique<NullChardev>(loop, id));
    }
    Result<std::unique_ptr<Chardev>> operator()(const ChardevFile& c) const {
        return FileChardev::create(loop, id, c, fds);
    }
    Result<std::unique_ptr<Chardev>> operator()(const ChardevStdio& c) const {
        return StdioChardev::create(loop, id, c);
    }
    Result<std::unique_ptr<Chardev>> operator()(const ChardevPty& c) const {
        return PtyChardev::create(loop, id, c);
    }
    Result<std::unique_ptr<Chardev>> operator()(const ChardevPipe& c) const {
        return PipeChardev::create(loop, id, c);
    }
    Result<std::unique_ptr<Chardev>> operator()(const ChardevSocket& c) const {
        return SocketChardev::create(loop, id, c);
    }
    Result<std::unique_ptr<Chardev>> operator()(const ChardevRingbuf& c) const {
        return RingbufChardev::create(loop, id, c);
    }
};

// The file that making this chardev would make; empty when it is there already.
std::string new_file_of(const ChardevOptions& options) {
    const auto* file = std::get_if<ChardevFile>(&options.backend);
    return file != nullptr && ::access(file->out.c_str(), F_OK) != 0 ? file->out : std::string();
}

}  // namespace

Result<Chardev*> ChardevSet::add(const ChardevOptions& options) {
    const std::string& id = options.id;
    if (chardevs_.contains(id)) return Error::make("chardev '%s' already exists", id.c_str());
    bool is_stdio = std::holds_alternative<ChardevStdio>(options.backend);
    if (is_stdio && !stdio_user_.empty())
        return Error::make("chardev '%s': standard input is already used by chardev '%s'", id.c_str(),
                           stdio_user_.c_str());
    const std::string new_file = new_file_of(options);
    std::unique_ptr<Chardev> made = TRY(std::visit(Maker{loop_, fds_, id}, options.backend));
    auto common = [](const auto& backend) -> const ChardevCommon& { return backend; };
    Status logged = made->open_log(std::visit(common, options.backend), fds_);
    if (!logged) {
        if (!new_file.empty()) ::unlink(new_file.c_str());
        return std::move(logged).take_error().while_doing("chardev '%s'", id.c_str());
    }
    if (options.mux) made = std::make_unique<MuxChardev>(loop_, std::move(made), quit_, escape_);
    if (is_stdio) stdio_user_ = id;
    return (chardevs_[id] = std::move(made)).get();
}

Result<Chardev*> ChardevSet::change(const ChardevOptions& options) {
    auto found = chardevs_.find(options.id);
    if (found == chardevs_.end()) return Error::make("Chardev '%s' not found", options.id.c_str());
    if (found->second->in_use())
        return Error::make("Chardev '%s' is busy: what is attached to it cannot change over",
                           options.id.c_str());
    // The old one would take the new one's path with it.
    const auto* socket = std::get_if<ChardevSocket>(&options.backend);
    const auto* place = socket == nullptr ? nullptr : std::get_if<UnixAddress>(&socket->addr);
    if (place != nullptr && found->second->filename().find("unix:" + place->path) != std::string::npos)
        return Error::make("Chardev '%s' is at the path %s already", options.id.c_str(), place->path.c_str());
    const bool was_stdio = stdio_user_ == options.id;
    auto old = chardevs_.extract(found);
    if (was_stdio) stdio_user_.clear();
    Result<Chardev*> made = add(options);
    if (!made) {
        chardevs_.insert(std::move(old));
        if (was_stdio) stdio_user_ = options.id;
    }
    return made;
}

Status ChardevSet::remove(const std::string& id) {
    auto found = chardevs_.find(id);
    if (found == chardevs_.end()) return Error::make("Chardev '%s' not found", id.c_str());
    if (found->second->in_use()) return Error::make("Chardev '%s' is busy", id.c_str());
    if (stdio_user_ == id) stdio_user_.clear();
    chardevs_.erase(found);
    return {};
}

Chardev* ChardevSet::find(const std::string& id) const {
    auto found = chardevs_.find(id);
    return found == chardevs_.end() ? nullptr : found->second.get();
}

}  // namespace vmm
