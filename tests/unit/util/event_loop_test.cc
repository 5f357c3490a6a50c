// The loop: posted work in order, timers that never fire early, watches that stop with their owner.
#include "util/event_loop.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "util/eventfd.h"

namespace vmm {
namespace {

TEST(EventLoop, PostedWorkRunsInOrder) {
    EventLoop loop;
    std::vector<int> seen;
    for (int i = 0; i < 3; ++i)
        loop.post([&seen, i] { seen.push_back(i); });
    loop.post([&loop] { loop.quit(); });
    loop.run();
    EXPECT_EQ(seen, (std::vector<int>{0, 1, 2}));
}

// Says on which thread it ended.
class EndsOn {
  public:
    explicit EndsOn(std::thread::id* where) : where_(where) {}
    EndsOn(const EndsOn&) = delete;
    EndsOn& operator=(const EndsOn&) = delete;
    ~EndsOn() { *where_ = std::this_thread::get_id(); }

  private:
    std::thread::id* const where_;
};

TEST(EventLoop, WorkOfOtherThreadsRunsAndEndsOnTheLoops) {
    constexpr int kThreads = 3, kEach = 2000;
    EventLoop loop;
    std::vector<std::thread::id> ended(kThreads * kEach);
    int done = 0;
    std::vector<std::thread> posters;
    for (int thread = 0; thread < kThreads; ++thread)
        posters.emplace_back([&, thread] {
            for (int i = 0; i < kEach; ++i)
                loop.post([&, held = std::make_shared<EndsOn>(&ended[thread * kEach + i])] {
                    if (++done == kThreads * kEach) loop.quit();
                });
        });
    loop.run();
    for (std::thread& poster : posters)
        poster.join();
    EXPECT_EQ(ended, std::vector(ended.size(), std::this_thread::get_id()));
}

TEST(EventLoop, WorkThatNeverRanEndsWithTheLoop) {
    std::thread::id ended;
    {
        EventLoop loop;
        loop.post([held = std::make_shared<EndsOn>(&ended)] { FAIL() << "nobody ran the loop"; });
        EXPECT_EQ(ended, std::thread::id());
    }
    EXPECT_EQ(ended, std::this_thread::get_id());
}

TEST(EventLoop, TimerFiresOnceAndNeverEarly) {
    EventLoop loop;
    int fired = 0;
    int64_t due = monotonic_ns() + 3'000'000;
    LoopTimer timer(loop, [&] {
        ++fired;
        EXPECT_GE(monotonic_ns(), due);
        loop.quit();
    });
    timer.arm_at(due);
    loop.run();
    while (loop.iterate(false)) {
    }
    EXPECT_EQ(fired, 1);
}

TEST(EventLoop, WatchMayEndItselfAndStaysEnded) {
    EventLoop loop;
    auto event = EventFd::create();
    ASSERT_TRUE(event);
    int calls = 0;
    std::optional<FdWatch> watch;
    watch.emplace(loop, event->fd(), FdWatch::kIn, [&](unsigned conditions) {
        EXPECT_EQ(conditions, FdWatch::kIn);
        ++calls;
        watch.reset();
    });
    event->signal();
    EXPECT_TRUE(loop.iterate(true));
    while (loop.iterate(false)) {
    }
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(event->take());
    EXPECT_FALSE(event->take());
}

}  // namespace
}  // namespace vmm
