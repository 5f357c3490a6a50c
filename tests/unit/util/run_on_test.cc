// Work on another thread's loop is over when the call returns, in the order of what was posted before.
#include "util/run_on.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace vmm {
namespace {

TEST(RunOn, IsOverWhenItReturnsAndKeepsTheOrder) {
    EventLoop loop;
    std::thread other([&] { loop.run(); });
    std::vector<int> seen;
    std::atomic<std::thread::id> where{};
    for (int i = 0; i < 200; i += 2) {
        loop.post([&seen, i] { seen.push_back(i); });
        run_on(loop, [&] {
            seen.push_back(i + 1);
            where = std::this_thread::get_id();
            // Inside, the loop's thread is the caller's.
            run_on(loop, [&] { EXPECT_TRUE(loop.on_loop_thread()); });
        });
        EXPECT_EQ(seen.size(), static_cast<size_t>(i) + 2);
    }
    for (int i = 0; i < 200; ++i)
        EXPECT_EQ(seen[static_cast<size_t>(i)], i);
    EXPECT_EQ(where.load(), other.get_id());
    loop.quit();
    other.join();
}

}  // namespace
}  // namespace vmm
