// Request: one operation on a block node, owned by whoever submits it and alive until `done` has been called.
// No allocation and no std::function on its way: users derive from it and find themselves again in `done` by
// static_cast. Plain data; touched by one thread at a time (see node.h).
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>

namespace vmm::block {

enum class Op : uint8_t { Read, Write, Flush, Discard, WriteZeroes };

// Request::flags
inline constexpr uint8_t kFua = 1;         // Write, WriteZeroes: durable before it completes
inline constexpr uint8_t kMayUnmap = 2;    // WriteZeroes: the storage may be given back
inline constexpr uint8_t kNoFallback = 4;  // WriteZeroes: -ENOTSUP rather than writing buffers of zeroes

struct Request {
    using Done = void (*)(Request&);

    Op op = Op::Read;
    uint8_t flags = 0;
    // Bytes. Any alignment: a node whose storage wants more reads, merges and writes by itself.
    uint64_t offset = 0;
    uint64_t bytes = 0;
    // Read, Write: the caller's memory, `bytes` in all; both the vectors and the memory stay until `done`.
    // Another thread (a guest) may change the memory meanwhile.
    std::span<const iovec> iov = {};

    int result = 0;       // 0 or -errno, when done
    Done done = nullptr;  // on the loop's thread, never from inside submit()

    // Of the node that has the request now. A node may change op, flags, offset and iov on the way down, so a
    // caller that submits again fills them in again.
    Request* next = nullptr;
    uint64_t scratch[2] = {};
};

}  // namespace vmm::block
