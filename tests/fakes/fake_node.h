// FakeNode: a block node whose bytes are in memory. It keeps a list of what it was asked, fails on order, and
// can hold requests back until the test lets them go. submit() and the test share one thread; perform() may
// come from workers.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "backends/block/node.h"
#include "util/mutex.h"

namespace vmm::block {

class FakeNode final : public Node {
  public:
    struct Seen {
        Op op;
        uint64_t offset, bytes;
        uint8_t flags;
        bool blocking;  // came by perform()
    };

    FakeNode(IoContext& context, uint64_t size, NodeOptions options)
        : Node(std::move(options), context), data(size) {
        set_size(size);
        NodeCapabilities all;
        all.discard = all.write_zeroes = all.fua = true;
        set_capabilities(all);
    }
    FakeNode(IoContext& context, uint64_t size) : FakeNode(context, size, fake_options()) {}
    static NodeOptions fake_options(std::string name = "fake") {
        NodeOptions options;
        options.name = std::move(name);
        options.driver = "fake";
        options.discard_unmap = true;
        return options;
    }
    using Node::enforce_alignment;
    using Node::set_capabilities;
    using Node::set_limits;
    using Node::set_read_only;

    Status truncate(uint64_t size) override {
        Locked lock(mutex_);
        data.resize(size);
        set_size(size);
        return {};
    }
    // Lets go what `hold` kept.
    void release() {
        hold = false;
        std::deque<Request*> all;
        all.swap(held);
        for (Request* request : all)
            do_submit(*request);
    }
    size_t count(Op op) {
        Locked lock(mutex_);
        return std::count_if(seen.begin(), seen.end(), [op](const Seen& one) { return one.op == op; });
    }

    std::vector<uint8_t> data;
    bool hold = false;
    std::deque<Request*> held;
    // Not 0: the request fails with it (a positive errno), before it does anything.
    std::function<int(const Request&)> fails;
    std::vector<Seen> seen;
    unsigned context_changes = 0;

  private:
    void do_submit(Request& request) override {
        if (hold) return held.push_back(&request);
        finish(request, act(request, false));
    }
    int do_perform(Request& request) override { return act(request, true); }
    void context_changed() override { ++context_changes; }

    int act(Request& request, bool blocking) {
        Locked lock(mutex_);
        seen.push_back({request.op, request.offset, request.bytes, request.flags, blocking});
        if (fails) {
            if (int number = fails(request); number != 0) return -number;
        }
        if (request.op == Op::Flush) return 0;
        uint64_t end = request.offset + request.bytes;
        if (request.op == Op::Read) return read(request);
        if (end > data.size()) {
            data.resize(end);
            grow_size(end);
        }
        if (request.op == Op::Write) return write(request);
        std::fill(data.begin() + static_cast<std::ptrdiff_t>(request.offset),
                  data.begin() + static_cast<std::ptrdiff_t>(end), uint8_t{0});
        return 0;
    }
    int read(Request& request) {
        uint64_t at = request.offset;
        for (const iovec& part : request.iov) {
            size_t there = at < data.size() ? std::min<uint64_t>(part.iov_len, data.size() - at) : 0;
            if (there > 0) std::memcpy(part.iov_base, &data[at], there);
            std::memset(static_cast<uint8_t*>(part.iov_base) + there, 0, part.iov_len - there);
            at += part.iov_len;
        }
        return 0;
    }
    int write(Request& request) {
        uint64_t at = request.offset;
        for (const iovec& part : request.iov) {
            if (part.iov_len > 0) std::memcpy(&data[at], part.iov_base, part.iov_len);
            at += part.iov_len;
        }
        return 0;
    }

    Mutex mutex_{LockRank::Leaf, "fake node"};
};

}  // namespace vmm::block
