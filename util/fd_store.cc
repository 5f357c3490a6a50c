// Names and sets of descriptors; see fd_store.h.
#include "util/fd_store.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "util/text.h"

namespace vmm {

namespace {

Error too_many() {
    return Error::make("more than %zu descriptors are kept already", FdStore::kMost);
}

}  // namespace

size_t FdStore::count() const {
    size_t sum = named_.size();
    for (const auto& [id, members] : sets_)
        sum += members.size();
    return sum;
}

Status FdStore::keep(const std::string& name, Fd fd) {
    if (name.empty() || (name[0] >= '0' && name[0] <= '9'))
        return Error::make("Parameter 'fdname' expects a name that does not begin with a digit, not '%s'",
                           name.c_str());
    Locked lock(mutex_);
    if (!named_.contains(name) && count() >= kMost) return too_many();
    named_[name] = std::move(fd);
    return {};
}

Result<Fd> FdStore::take(const std::string& name) {
    Locked lock(mutex_);
    auto found = named_.find(name);
    if (found == named_.end()) return Error::make("no descriptor is named '%s'", name.c_str());
    Fd fd = std::move(found->second);
    named_.erase(found);
    return fd;
}

Status FdStore::close(const std::string& name) {
    TRY(take(name));
    return {};
}

Result<uint32_t> FdStore::add_to_set(std::optional<uint32_t> id, Fd fd, std::optional<std::string> opaque) {
    Locked lock(mutex_);
    if (count() >= kMost) return too_many();
    if (!id) {
        id = 0;
        for (const auto& [taken, members] : sets_)
            if (taken == *id) ++*id;
    }
    sets_[*id].push_back({std::move(fd), std::move(opaque)});
    return *id;
}

Status FdStore::remove_from_set(uint32_t id, std::optional<int> number) {
    Locked lock(mutex_);
    auto set = sets_.find(id);
    if (set == sets_.end()) return Error::make("there is no descriptor set %u", id);
    if (number) {
        auto is_it = [&](const Member& member) { return member.fd.get() == *number; };
        if (std::erase_if(set->second, is_it) == 0)
            return Error::make("descriptor set %u has no descriptor %d", id, *number);
    }
    if (!number || set->second.empty()) sets_.erase(set);
    return {};
}

std::vector<FdStore::Set> FdStore::sets() const {
    Locked lock(mutex_);
    std::vector<Set> out;
    for (const auto& [id, members] : sets_) {
        Set& set = out.emplace_back(Set{id, {}});
        for (const Member& member : members)
            set.fds.push_back({member.fd.get(), member.opaque});
    }
    return out;
}

Result<std::optional<Fd>> FdStore::open_path(std::string_view path, int flags) const {
    if (!is_set(path)) return std::optional<Fd>();
    std::optional<uint64_t> id = parse_u64(path.substr(kSetPrefix.size()), 10);
    Locked lock(mutex_);
    auto set = id && *id <= UINT32_MAX ? sets_.find(static_cast<uint32_t>(*id)) : sets_.end();
    if (set == sets_.end())
        return Error::make("'%s': there is no such descriptor set", std::string(path).c_str());
    for (const Member& member : set->second) {
        const int mode = ::fcntl(member.fd.get(), F_GETFL);
        if (mode < 0 || (mode & O_ACCMODE) != (flags & O_ACCMODE)) continue;
        Fd copy = TRY(member.fd.duplicate());
        return std::optional<Fd>(std::move(copy));
    }
    return Error::make("'%s': no descriptor of the set is open for %s", std::string(path).c_str(),
                       (flags & O_ACCMODE) == O_RDONLY   ? "reading only"
                       : (flags & O_ACCMODE) == O_WRONLY ? "writing only"
                                                         : "reading and writing");
}

Result<Fd> FdStore::open(const std::string& path, int flags, unsigned mode) const {
    std::optional<Fd> kept = TRY(open_path(path, flags));
    if (kept) return std::move(*kept);
    return open_file(path, flags, mode);
}

}  // namespace vmm
