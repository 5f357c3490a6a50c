// Sockets of the host: where to listen or connect (unix path or abstract name, TCP host and port, an
// inherited descriptor) and the calls that do it. Descriptors come back close-on-exec and non-blocking.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "util/fd.h"

namespace vmm {

struct UnixAddress {
    std::string path;
    bool abstract = false;  // in the kernel's name space, no file
    bool tight = true;      // abstract: the name ends with the path, not with the buffer
};
struct InetAddress {
    std::string host;  // empty: any address
    std::string port;  // number or service name
    std::optional<uint16_t> to;
    std::optional<bool> ipv4;
    std::optional<bool> ipv6;
};
// A machine and a port of the hypervisor's own network; cid 2 is the host.
struct VsockAddress {
    uint32_t cid = 2;
    uint32_t port = 0;
};
// A number, or the name of a descriptor that the monitor was handed.
struct FdAddress {
    int number = -1;
};
using SocketAddress = std::variant<UnixAddress, InetAddress, FdAddress, VsockAddress>;

// For people: "unix:/run/x.sock", "tcp:127.0.0.1:4444".
std::string to_text(const SocketAddress& address);

// The path of a unix socket is unlinked first; the caller calls remove_socket_file() when it closes.
// InetAddress::to: the last port to try.
Result<Fd> listen_on(const SocketAddress& address, int backlog = 1);
// The file that listening or receiving at this address made, if it makes one.
void remove_socket_file(const SocketAddress& address);
// Waits for the connection (bounded by the kernel's own limit).
Result<Fd> connect_to(const SocketAddress& address);
// Puts the host's number in place of its name: looked up now, which may take its time.
Status look_up_host(SocketAddress& address);
// The same without waiting (a host's name is looked up first). When it is not established, the descriptor
// becomes writable, and connection_error() tells how it ended. `attempt` chooses among the addresses of a
// host that has several.
struct PendingConnection {
    Fd fd;
    bool established = false;
};
Result<PendingConnection> begin_connect(const SocketAddress& address, unsigned attempt);
// An errno, or 0.
int connection_error(int fd);
// Empty when nobody is waiting.
Result<std::optional<Fd>> accept_one(int listener);
// Where a listener really listens (port 0 was chosen by the kernel).
Result<uint16_t> local_port(int fd);

// An address as the kernel takes it.
struct SocketName {
    sockaddr_storage storage = {};
    socklen_t length = 0;
    const sockaddr* get() const { return static_cast<const sockaddr*>(static_cast<const void*>(&storage)); }
};
// Of datagram sockets; not of a descriptor.
Result<SocketName> resolve_datagram(const SocketAddress& address);
// A datagram socket that receives there. The path of a unix socket is unlinked first; a descriptor is taken
// over.
Result<Fd> bind_datagram(const SocketAddress& address);
void set_no_delay(int fd);

}  // namespace vmm
