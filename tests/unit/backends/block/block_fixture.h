// What tests of block nodes share: a loop with its IoContext, requests that remember how they ended, a record
// of events.
#pragma once

#include <gtest/gtest.h>

#include <mutex>
#include <thread>
#include <vector>

#include "backends/block/graph.h"
#include "backends/block/io_context.h"
#include "tests/fakes/fake_node.h"

namespace vmm::block {

struct TestEvents final : BlockEvents {
    void io_error(const IoErrorReport& report) override { errors.push_back(report); }
    void tray_moved(const std::string&, const std::string&, bool open) override { trays.push_back(open); }
    void write_threshold(const ThresholdReport& report) override {
        const std::lock_guard lock(mutex);
        thresholds.push_back(report);
    }
    std::vector<IoErrorReport> errors;
    std::vector<bool> trays;
    std::mutex mutex;
    std::vector<ThresholdReport> thresholds;
};

struct TestRequest : DiskRequest {
    TestRequest(Op what, uint64_t at, std::span<uint8_t> memory) : part{memory.data(), memory.size()} {
        op = what;
        offset = at;
        bytes = memory.size();
        iov = {&part, 1};
        done = [](Request& one) { ++static_cast<TestRequest&>(one).ended; };
        complete = [](DiskRequest& one) { ++static_cast<TestRequest&>(one).ended; };
    }
    TestRequest(Op what, uint64_t at, uint64_t length) : TestRequest(what, at, std::span<uint8_t>()) {
        bytes = length;
    }
    iovec part;
    unsigned ended = 0;
};

class BlockTest : public testing::Test {
  protected:
    explicit BlockTest(const IoContext::Config& config = {}) {
        auto made = IoContext::create(loop_, config);
        EXPECT_TRUE(made);
        context_ = std::move(made).take_value();
    }
    template <typename F>
    bool run_until(F condition) {
        // Long enough for a disk that others keep busy.
        int64_t end = monotonic_ns() + 120'000'000'000;
        while (!condition() && monotonic_ns() < end)
            if (!context_->poll(false)) std::this_thread::yield();
        return condition();
    }
    int run(Node& node, TestRequest& request) {
        node.submit(request);
        EXPECT_EQ(request.ended, 0u) << "done was called from inside submit()";
        EXPECT_TRUE(run_until([&] { return request.ended > 0; }));
        EXPECT_EQ(request.ended, 1u);
        return request.result;
    }
    int run(BlockHandle& handle, TestRequest& request) {
        handle.submit(request);
        EXPECT_TRUE(run_until([&] { return request.ended > 0; }));
        EXPECT_EQ(request.ended, 1u);
        return request.result;
    }

    EventLoop loop_;
    std::unique_ptr<IoContext> context_;
};

}  // namespace vmm::block
