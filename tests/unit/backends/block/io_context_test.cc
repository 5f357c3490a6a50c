// A loop's block context: completions come later and on the loop's thread, timers fire in order, jobs run
// elsewhere, another thread's loop can be waited for.
#include "backends/block/io_context.h"

#include <atomic>
#include <thread>

#include "tests/unit/backends/block/block_fixture.h"
#include "util/thread.h"

namespace vmm::block {
namespace {

class IoContextTest : public BlockTest {};

TEST_F(IoContextTest, completionsComeInOrderAndNotFromInside) {
    std::vector<TestRequest> requests(3, TestRequest(Op::Flush, 0, 0));
    static std::vector<Request*>* order;
    std::vector<Request*> seen;
    order = &seen;
    for (TestRequest& request : requests) {
        request.done = [](Request& one) { order->push_back(&one); };
        context_->complete(request, -5);
    }
    EXPECT_TRUE(seen.empty());
    EXPECT_TRUE(run_until([&] { return seen.size() == 3; }));
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(seen[i], &requests[i]);
        EXPECT_EQ(requests[i].result, -5);
    }
}

TEST_F(IoContextTest, theLoopRunsThemToo) {
    TestRequest request(Op::Flush, 0, 0);
    std::thread other([&] { context_->complete(request, 0); });
    while (request.ended == 0)
        (void)loop_.iterate(true);
    other.join();
    EXPECT_TRUE(context_->on_thread());
    EXPECT_FALSE(context_->runs_elsewhere());
}

struct CountingJob : Job {
    pthread_t worker{};
    std::atomic<unsigned> ended{0};
};

TEST_F(IoContextTest, jobsRunOnOtherThreads) {
    constexpr size_t kJobs = 200;
    std::vector<CountingJob> jobs(kJobs);
    for (CountingJob& job : jobs) {
        job.work = [](Job& one) { static_cast<CountingJob&>(one).worker = pthread_self(); };
        job.done = [](Job& one) { ++static_cast<CountingJob&>(one).ended; };
        context_->run(job);
    }
    EXPECT_TRUE(run_until(
        [&] { return std::all_of(jobs.begin(), jobs.end(), [](auto& job) { return job.ended == 1; }); }));
    for (CountingJob& job : jobs)
        EXPECT_FALSE(pthread_equal(job.worker, pthread_self()));
}

struct NamedTimer : IoTimer {
    int64_t fired_at = 0;
};

TEST_F(IoContextTest, timersFireOnceNeverEarlyAndCanMove) {
    NamedTimer timers[3];
    for (NamedTimer& timer : timers)
        timer.fired = [](IoTimer& one) { static_cast<NamedTimer&>(one).fired_at = monotonic_ns(); };
    int64_t now = monotonic_ns();
    context_->arm(timers[0], now + 3'000'000);
    context_->arm(timers[1], now + 1'000'000);
    context_->arm(timers[2], now + 1'000'000);
    context_->cancel(timers[2]);
    context_->arm(timers[1], now + 2'000'000);
    EXPECT_TRUE(run_until([&] { return timers[0].fired_at != 0; }));
    EXPECT_GE(timers[0].fired_at, now + 3'000'000);
    EXPECT_GE(timers[1].fired_at, now + 2'000'000);
    EXPECT_LE(timers[1].fired_at, timers[0].fired_at);
    EXPECT_EQ(timers[2].fired_at, 0);
    EXPECT_FALSE(timers[0].armed);
    // The loop sleeps until a timer, too.
    timers[0].fired_at = 0;
    context_->arm(timers[0], monotonic_ns() + 2'000'000);
    while (timers[0].fired_at == 0)
        (void)loop_.iterate(true);
}

TEST_F(IoContextTest, anotherThreadsLoopIsWaitedFor) {
    std::atomic<bool> ready{false};
    std::thread runner([&] {
        (void)loop_.iterate(false);
        ready = true;
        loop_.run();
    });
    while (!ready)
        std::this_thread::yield();
    EXPECT_TRUE(context_->runs_elsewhere());
    std::atomic<bool> happened{false};
    loop_.post([&] {
        happened = true;
        context_->progressed();
    });
    context_->wait_until([&] { return happened.load(); });
    EXPECT_TRUE(happened);
    loop_.post([&] { loop_.quit(); });
    runner.join();
}

}  // namespace
}  // namespace vmm::block
