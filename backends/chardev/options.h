// What -chardev and chardev-add say about one character device, under the names of the QAPI schema. Plain
// data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "util/socket.h"

namespace vmm {

// Of every kind: a copy of what the guest writes.
struct ChardevCommon {
    std::optional<std::string> logfile;
    bool logappend = false;
};
struct ChardevNull : ChardevCommon {};
struct ChardevFile : ChardevCommon {
    std::optional<std::string> in;  // where input comes from; none when absent
    std::string out;
    bool append = false;
};
struct ChardevStdio : ChardevCommon {
    bool signal = true;  // the terminal's interrupt keys still raise signals
};
struct ChardevPty : ChardevCommon {
    std::optional<std::string> path;  // a symbolic link to the terminal's name
};
// Two FIFOs, path.in and path.out, or one object open for both.
struct ChardevPipe : ChardevCommon {
    std::string device;
};
struct ChardevSocket : ChardevCommon {
    SocketAddress addr;
    bool server = true;
    bool wait = false;  // server: do not go on before somebody connected
    bool nodelay = false;
    uint32_t reconnect_ms = 0;  // client: try again after this time; 0 never
};
struct ChardevRingbuf : ChardevCommon {
    uint64_t size = 65536;  // a power of two
};

using ChardevBackend = std::variant<ChardevNull, ChardevFile, ChardevStdio, ChardevPty, ChardevPipe,
                                    ChardevSocket, ChardevRingbuf>;

struct ChardevOptions {
    std::string id;
    bool mux = false;  // several devices share it, Ctrl-A switches
    ChardevBackend backend;
};

}  // namespace vmm
