// Commands that keep descriptors which came over the connection; see commands.h.
#include "qapi/commands_misc.h"
#include "system/control/qmp/commands.h"

namespace vmm {

namespace {

Result<Fd> fd_of(qapi::Caller& caller) {
    std::optional<Fd> fd = caller.take_fd();
    if (!fd)
        return Error::make("no descriptor came with the command")
            .with_hint("send one over a Unix socket with SCM_RIGHTS");
    return std::move(*fd);
}

Result<uint32_t> set_id(int64_t id) {
    if (id < 0 || id > INT32_MAX)
        return Error::make("Parameter 'fdset-id' expects 0 to %d, not %lld", INT32_MAX,
                           static_cast<long long>(id));
    return static_cast<uint32_t>(id);
}

Result<qapi::AddfdInfo> add_fd(FdStore& store, const qapi::AddFdArguments& arguments, qapi::Caller& caller) {
    Fd fd = TRY(fd_of(caller));
    const int number = fd.get();
    std::optional<uint32_t> id;
    if (arguments.fdset_id) id = TRY(set_id(*arguments.fdset_id));
    const uint32_t made = TRY(store.add_to_set(id, std::move(fd), arguments.opaque));
    return qapi::AddfdInfo{.fdset_id = made, .fd = number};
}

Status remove_fd(FdStore& store, const qapi::RemoveFdArguments& arguments) {
    const uint32_t id = TRY(set_id(arguments.fdset_id));
    std::optional<int> number;
    if (arguments.fd) {
        if (*arguments.fd < 0 || *arguments.fd > INT32_MAX)
            return Error::make("Parameter 'fd' expects a descriptor's number");
        number = static_cast<int>(*arguments.fd);
    }
    return store.remove_from_set(id, number);
}

std::vector<qapi::FdsetInfo> list_sets(const FdStore& store) {
    std::vector<qapi::FdsetInfo> out;
    for (const FdStore::Set& set : store.sets()) {
        qapi::FdsetInfo info{.fdset_id = set.id, .fds = {}};
        for (const FdStore::Entry& entry : set.fds)
            info.fds.push_back({.fd = entry.fd, .opaque = entry.opaque});
        out.push_back(std::move(info));
    }
    return out;
}

}  // namespace

void register_fd_commands(qapi::CommandTable& table, FdStore& store) {
    table.add<qapi::GetfdCommand>([&](const qapi::GetfdArguments& arguments, qapi::Caller& caller) -> Status {
        return store.keep(arguments.fdname, TRY(fd_of(caller)));
    });
    table.add<qapi::ClosefdCommand>(
        [&](const qapi::ClosefdArguments& arguments) { return store.close(arguments.fdname); });
    table.add<qapi::AddFdCommand>([&](const qapi::AddFdArguments& arguments, qapi::Caller& caller) {
        return add_fd(store, arguments, caller);
    });
    table.add<qapi::RemoveFdCommand>(
        [&](const qapi::RemoveFdArguments& arguments) { return remove_fd(store, arguments); });
    table.add<qapi::QueryFdsetsCommand>(
        [&] { return Result<std::vector<qapi::FdsetInfo>>(list_sets(store)); });
}

}  // namespace vmm
