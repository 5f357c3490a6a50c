// Stream sockets; see socket.h.
#include "util/socket.h"

#include <linux/vm_sockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include "util/text.h"

namespace vmm {

namespace {

enum class Purpose { Listen, Connect };

Result<SocketName> unix_name(const UnixAddress& address) {
    sockaddr_un un = {};
    un.sun_family = AF_UNIX;
    size_t room = sizeof un.sun_path - (address.abstract ? 1 : 0);
    // A path needs its terminator only in spirit; Linux takes a full buffer, other programs may not.
    if (address.path.empty()) return Error::make("a unix socket needs a path");
    if (address.path.size() > room - 1)
        return Error::make("unix socket path '%s' is too long: at most %zu bytes", address.path.c_str(),
                           room - 1);
    std::memcpy(un.sun_path + (address.abstract ? 1 : 0), address.path.data(), address.path.size());
    SocketName out;
    std::memcpy(&out.storage, &un, sizeof un);
    out.length = sizeof un;
    if (address.abstract && address.tight)
        out.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + address.path.size());
    return out;
}

SocketName vsock_name(const VsockAddress& address) {
    sockaddr_vm vm = {};
    vm.svm_family = AF_VSOCK;
    vm.svm_cid = address.cid;
    vm.svm_port = address.port;
    SocketName out;
    std::memcpy(&out.storage, &vm, sizeof vm);
    out.length = sizeof vm;
    return out;
}

Result<Fd> new_socket(int family) {
    Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return Error::from_errno(errno, "socket");
    return fd;
}

// made: the file that bind makes, which goes when nobody will listen at it.
Result<Fd> open_at(const SocketName& at, Purpose purpose, int backlog, const char* made = nullptr) {
    Fd fd = TRY(new_socket(at.storage.ss_family));
    if (purpose == Purpose::Connect) {
        int r = 0;
        do {
            r = ::connect(fd.get(), at.get(), at.length);
        } while (r < 0 && errno == EINTR);
        if (r < 0) return Error::from_errno(errno, "connect");
        TRY(set_non_blocking(fd.get()));
    } else {
        TRY(set_non_blocking(fd.get()));
        int on = 1;
        if (at.storage.ss_family != AF_UNIX) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (::bind(fd.get(), at.get(), at.length) < 0) return Error::from_errno(errno, "bind");
        if (::listen(fd.get(), backlog) < 0) {
            const int number = errno;
            if (made != nullptr) ::unlink(made);
            return Error::from_errno(number, "listen");
        }
    }
    return fd;
}

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, FreeAddresses>;

Result<AddressList> look_up(const InetAddress& address, const std::string& port, Purpose purpose,
                            int type = SOCK_STREAM) {
    addrinfo hints = {};
    hints.ai_socktype = type;
    hints.ai_flags = purpose == Purpose::Listen ? AI_PASSIVE : 0;
    hints.ai_family = AF_UNSPEC;
    bool want4 = address.ipv4.value_or(!address.ipv6.value_or(false));
    bool want6 = address.ipv6.value_or(!address.ipv4.value_or(false));
    if (want4 && !want6) hints.ai_family = AF_INET;
    if (want6 && !want4) hints.ai_family = AF_INET6;
    addrinfo* list = nullptr;
    const char* host = address.host.empty() ? nullptr : address.host.c_str();
    int error = ::getaddrinfo(host, port.c_str(), &hints, &list);
    if (error != 0)
        return Error::make("address '%s:%s': %s", address.host.c_str(), port.c_str(), ::gai_strerror(error));
    return AddressList(list);
}

Result<Fd> open_inet(const InetAddress& address, const std::string& port, Purpose purpose, int backlog) {
    AddressList list = TRY(look_up(address, port, purpose));
    Result<Fd> last = Error::make("no address for '%s'", address.host.c_str());
    for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
        SocketName at;
        std::memcpy(&at.storage, one->ai_addr, one->ai_addrlen);
        at.length = one->ai_addrlen;
        last = open_at(at, purpose, backlog);
        if (last) return last;
    }
    return last;
}

Result<Fd> take_inherited(const FdAddress& address) {
    Fd fd(address.number);
    TRY(set_close_on_exec(fd.get()));
    TRY(set_non_blocking(fd.get()));
    return fd;
}

Result<Fd> open_any(const SocketAddress& address, Purpose purpose, int backlog) {
    if (const auto* un = std::get_if<UnixAddress>(&address)) {
        SocketName at = TRY(unix_name(*un));
        const char* made = purpose == Purpose::Listen && !un->abstract ? un->path.c_str() : nullptr;
        if (made != nullptr) ::unlink(made);
        return open_at(at, purpose, backlog, made);
    }
    if (const auto* inet = std::get_if<InetAddress>(&address)) {
        Result<Fd> fd = open_inet(*inet, inet->port, purpose, backlog);
        std::optional<uint64_t> first = parse_u64(inet->port, 10);
        if (purpose == Purpose::Connect || !inet->to || !first) return fd;
        for (uint64_t port = *first + 1; !fd && port <= *inet->to; ++port)
            fd = open_inet(*inet, std::to_string(port), purpose, backlog);
        return fd;
    }
    if (const auto* vsock = std::get_if<VsockAddress>(&address))
        return open_at(vsock_name(*vsock), purpose, backlog);
    return take_inherited(std::get<FdAddress>(address));
}

}  // namespace

std::string to_text(const SocketAddress& address) {
    if (const auto* un = std::get_if<UnixAddress>(&address))
        return (un->abstract ? "unix:@" : "unix:") + un->path;
    if (const auto* inet = std::get_if<InetAddress>(&address)) return "tcp:" + inet->host + ":" + inet->port;
    if (const auto* vsock = std::get_if<VsockAddress>(&address))
        return "vsock:" + std::to_string(vsock->cid) + ":" + std::to_string(vsock->port);
    return "fd:" + std::to_string(std::get<FdAddress>(address).number);
}

Result<Fd> listen_on(const SocketAddress& address, int backlog) {
    Result<Fd> fd = open_any(address, Purpose::Listen, backlog);
    if (!fd) return std::move(fd).take_error().while_doing("listening on %s", to_text(address).c_str());
    return fd;
}

Result<Fd> connect_to(const SocketAddress& address) {
    Result<Fd> fd = open_any(address, Purpose::Connect, 0);
    if (!fd) return std::move(fd).take_error().while_doing("connecting to %s", to_text(address).c_str());
    return fd;
}

Status look_up_host(SocketAddress& address) {
    auto* inet = std::get_if<InetAddress>(&address);
    if (inet == nullptr) return {};
    AddressList list = TRY(look_up(*inet, inet->port, Purpose::Connect));
    char host[NI_MAXHOST] = {};
    const int error =
        ::getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
    if (error != 0) return Error::make("address '%s': %s", inet->host.c_str(), ::gai_strerror(error));
    inet->host = host;
    return {};
}

Result<PendingConnection> begin_connect(const SocketAddress& address, unsigned attempt) {
    SocketName at;
    if (const auto* inet = std::get_if<InetAddress>(&address)) {
        AddressList list = TRY(look_up(*inet, inet->port, Purpose::Connect));
        unsigned count = 0;
        for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next)
            ++count;
        const addrinfo* one = list.get();
        for (unsigned skip = attempt % std::max(count, 1u); skip != 0; --skip)
            one = one->ai_next;
        std::memcpy(&at.storage, one->ai_addr, one->ai_addrlen);
        at.length = one->ai_addrlen;
    } else if (const auto* un = std::get_if<UnixAddress>(&address)) {
        at = TRY(unix_name(*un));
    } else if (const auto* vsock = std::get_if<VsockAddress>(&address)) {
        at = vsock_name(*vsock);
    } else {
        return Error::make("an inherited socket cannot be connected again");
    }
    PendingConnection begun{TRY(new_socket(at.storage.ss_family))};
    TRY(set_non_blocking(begun.fd.get()));
    begun.established = ::connect(begun.fd.get(), at.get(), at.length) == 0;
    if (!begun.established && errno != EINPROGRESS && errno != EINTR)
        return Error::from_errno(errno, "connect");
    return begun;
}

int connection_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

Result<std::optional<Fd>> accept_one(int listener) {
    int number = 0;
    do {
        number = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (number < 0 && errno == EINTR);
    if (number >= 0) return std::optional<Fd>(Fd(number));
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNABORTED) return std::optional<Fd>();
    return Error::from_errno(errno, "accept");
}

Result<uint16_t> local_port(int fd) {
    sockaddr_storage at = {};
    socklen_t length = sizeof at;
    if (::getsockname(fd, static_cast<sockaddr*>(static_cast<void*>(&at)), &length) < 0)
        return Error::from_errno(errno, "getsockname");
    if (at.ss_family == AF_INET) {
        sockaddr_in in = {};
        std::memcpy(&in, &at, sizeof in);
        return static_cast<uint16_t>(ntohs(in.sin_port));
    }
    if (at.ss_family != AF_INET6) return Error::make("not a TCP socket");
    sockaddr_in6 in6 = {};
    std::memcpy(&in6, &at, sizeof in6);
    return static_cast<uint16_t>(ntohs(in6.sin6_port));
}

Result<SocketName> resolve_datagram(const SocketAddress& address) {
    if (const auto* un = std::get_if<UnixAddress>(&address)) return unix_name(*un);
    const auto* inet = std::get_if<InetAddress>(&address);
    if (inet == nullptr) return Error::make("%s is not a datagram address", to_text(address).c_str());
    AddressList list = TRY(look_up(*inet, inet->port, Purpose::Listen, SOCK_DGRAM));
    SocketName name;
    std::memcpy(&name.storage, list->ai_addr, list->ai_addrlen);
    name.length = list->ai_addrlen;
    return name;
}

void remove_socket_file(const SocketAddress& address) {
    if (const auto* un = std::get_if<UnixAddress>(&address); un != nullptr && !un->abstract)
        ::unlink(un->path.c_str());
}

Result<Fd> bind_datagram(const SocketAddress& address) {
    if (const auto* inherited = std::get_if<FdAddress>(&address)) return take_inherited(*inherited);
    const SocketName name = TRY(resolve_datagram(address));
    remove_socket_file(address);
    Fd fd(::socket(name.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return Error::from_errno(errno, "socket");
    const int on = 1;
    if (name.storage.ss_family != AF_UNIX) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), name.get(), name.length) < 0)
        return Error::from_errno(errno, "binding to %s", to_text(address).c_str());
    return fd;
}

void set_no_delay(int fd) {
    int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // a unix socket refuses; no matter
}

}  // namespace vmm
