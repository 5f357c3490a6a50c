// Looking before sleeping: how long, for what, and that nothing is lost when the loop stops to look.
#include "util/loop_spinner.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <thread>

#include "util/event_loop.h"
#include "util/eventfd.h"

namespace vmm {
namespace {

constexpr SpinWindow::Config kConfig = {.max_ns = 32000};

TEST(SpinWindow, GrowsWhileWorkComesSoonAndEndsWhenItDoesNot) {
    SpinWindow window(kConfig);
    EXPECT_EQ(window.ns(), 0u);
    for (const uint64_t expected : {4000u, 8000u, 16000u, 32000u, 32000u}) {
        window.missed(5000);
        EXPECT_EQ(window.ns(), expected);
        window.hit();
    }
    window.missed(133000);
    EXPECT_EQ(window.ns(), 0u);
}

TEST(SpinWindow, WorkThatComesRarelyIsNotLookedFor) {
    SpinWindow window(kConfig);
    for (int i = 0; i < 100; ++i) {
        window.missed(1'000'000);
        EXPECT_EQ(window.ns(), 0u);
    }
}

TEST(SpinWindow, FactorAndDivisorAreTheUsers) {
    SpinWindow window({.max_ns = 1'000'000, .grow = 10, .shrink = 4});
    window.missed(1000);
    window.missed(1000);
    EXPECT_EQ(window.ns(), 40000u);
    window.vain();
    EXPECT_EQ(window.ns(), 10000u);
    window.vain();
    EXPECT_EQ(window.ns(), 2500u);
    window.vain();
    EXPECT_EQ(window.ns(), 0u);
}

TEST(SpinWindow, NeverLooksWithoutAMaximum) {
    SpinWindow window({});
    for (int i = 0; i < 100; ++i)
        window.missed(0);
    EXPECT_EQ(window.ns(), 0u);
}

// Looking that never finds anything, as where whoever makes the work has no processor meanwhile, ends for a
// while.
TEST(SpinWindow, GivesUpWhereLookingNeverFindsAnything) {
    SpinWindow window(kConfig);
    uint64_t spent = 0;
    constexpr int kSleeps = 10000;
    for (int i = 0; i < kSleeps; ++i) {
        spent += window.ns();
        window.missed(static_cast<int64_t>(window.ns()) + 3000);
    }
    EXPECT_LT(spent / kSleeps, 500u);
    EXPECT_GT(spent, 0u);
}

// A word that another thread sets, with a descriptor for the times when nobody looks.
class Mailbox final : public Polled {
  public:
    explicit Mailbox(EventLoop& loop)
        : loop_(loop),
          event_(EventFd::create().take_value()),
          watch_(loop, event_.fd(), FdWatch::kIn, [this](unsigned) {
              if (!event_.take()) return;
              ++told;
              loop_.spinner().told();
              act();
          }) {}
    ~Mailbox() override { loop_.spinner().forget(*this); }

    // Any thread.
    void put() {
        items_.fetch_add(1);
        if (notify_.load()) event_.signal();
    }
    bool look() override { return items_.load() != 0; }
    void act() override {
        notify_.store(false);
        taken += items_.exchange(0);
        if (loop_.spinner().spins())
            loop_.spinner().look_at(*this);
        else if (rest())
            event_.signal();
    }
    bool rest() override {
        notify_.store(true);
        return look();
    }

    int taken = 0, told = 0;

  private:
    EventLoop& loop_;
    EventFd event_;
    std::atomic<int> items_{0};
    std::atomic<bool> notify_{true};
    FdWatch watch_;
};

TEST(LoopSpinner, NothingIsLostBetweenLookingAndSleeping) {
    EventLoop loop;
    loop.spinner().configure({.max_ns = 20000});
    Mailbox box(loop);
    constexpr int kItems = 20000;
    std::thread maker([&box] {
        for (int i = 0; i < kItems; ++i) {
            box.put();
            for (int wait = i % 512; wait > 0; --wait)
                __builtin_ia32_pause();
        }
    });
    while (box.taken < kItems)
        (void)loop.iterate(true);
    maker.join();
    EXPECT_EQ(box.taken, kItems);
}

// Work that is there from its third look on.
struct Third final : Polled {
    bool look() override { return ++looks >= 3; }
    void act() override { ++acts; }
    bool rest() override {
        ++rests;
        return false;
    }
    int looks = 0, acts = 0, rests = 0;
};

TEST(LoopSpinner, LooksWhereWorkComesSoon) {
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof mine, &mine) != 0 || CPU_COUNT(&mine) < 2)
        GTEST_SKIP() << "one processor";
    EventLoop loop;
    loop.spinner().configure({.max_ns = 1'000'000'000});
    Mailbox box(loop);
    EXPECT_FALSE(loop.spinner().spins());
    // Told as soon as it sleeps.
    for (int i = 0; i < 4; ++i) {
        loop.spinner().forget(box);
        (void)box.rest();
        box.put();
        (void)loop.iterate(true);
    }
    ASSERT_TRUE(loop.spinner().spins());
    EXPECT_EQ(box.taken, 4);
    Third third;
    loop.spinner().look_at(third);
    (void)loop.iterate(true);
    EXPECT_EQ(third.acts, 1);
    EXPECT_EQ(third.rests, 0);
    EXPECT_EQ(box.told, 4);
}

TEST(LoopSpinner, SleepsWhatIsNotLookedAtAnyMore) {
    EventLoop loop;
    Third third;
    loop.spinner().look_at(third);
    loop.post([] {});
    (void)loop.iterate(true);  // posted work: nothing was to be slept for
    EXPECT_EQ(third.rests, 0);
    LoopTimer timer(loop, [] {});
    timer.arm_at(monotonic_ns() + 1'000'000);
    (void)loop.iterate(true);
    EXPECT_EQ(third.rests, 1);
    EXPECT_EQ(third.acts, 0);
}

// Both ends of a conversation by descriptor, on one loop.
class Conversation {
  public:
    explicit Conversation(EventLoop& loop) : loop_(loop) {}

    LoopSpinner& spinner() { return loop_.spinner(); }
    void request() { event_.signal(); }
    // Runs the loop until the request that was or will be made is answered.
    void serve_one() {
        const int before = served_;
        while (served_ == before)
            (void)loop_.iterate(true);
    }
    // The client thinks for so long.
    void request_after(int64_t ns) {
        client_.arm_at(monotonic_ns() + ns);
        serve_one();
    }

  private:
    EventLoop& loop_;
    EventFd event_ = EventFd::create().take_value();
    int served_ = 0;
    FdWatch watch_{loop_, event_.fd(), FdWatch::kIn, [this](unsigned) {
                       if (!event_.take()) return;
                       spinner().asked();
                       ++served_;
                       spinner().answered();
                   }};
    LoopTimer client_{loop_, [this] { request(); }};
};

TEST(LoopSpinner, LooksForTheNextRequestWhileTheyComeSoon) {
    EventLoop loop;
    Conversation talk(loop);
    EXPECT_FALSE(talk.spinner().in_conversation());
    talk.request();
    talk.serve_one();
    EXPECT_FALSE(talk.spinner().in_conversation()) << "the first request follows no answer";
    talk.request();
    talk.serve_one();
    EXPECT_TRUE(talk.spinner().in_conversation());
    talk.request();
    talk.serve_one();
    EXPECT_TRUE(talk.spinner().in_conversation());
}

TEST(LoopSpinner, LooksForNoRequestOfAClientThatThinks) {
    EventLoop loop;
    Conversation talk(loop);
    for (int i = 0; i < 2; ++i) {
        talk.request();
        talk.serve_one();
    }
    ASSERT_TRUE(talk.spinner().in_conversation());
    constexpr int64_t kThinks = 2'000'000;
    for (int i = 0; i < 8; ++i)
        talk.request_after(kThinks);
    EXPECT_FALSE(talk.spinner().in_conversation());
}

// What is always there leaves the others their turn.
TEST(LoopSpinner, DescriptorsHaveTheirTurn) {
    EventLoop loop;
    loop.spinner().configure({.max_ns = 1000});
    struct Endless final : Polled {
        explicit Endless(LoopSpinner& s) : spinner(s) { spinner.look_at(*this); }
        ~Endless() override { spinner.forget(*this); }
        bool look() override { return true; }
        void act() override { spinner.look_at(*this); }
        bool rest() override { return true; }
        LoopSpinner& spinner;
    } endless(loop.spinner());
    bool called = false;
    const EventFd event = EventFd::create().take_value();
    FdWatch watch(loop, event.fd(), FdWatch::kIn, [&](unsigned) { called = event.take(); });
    event.signal();
    for (int i = 0; i < 3 && !called; ++i)
        (void)loop.iterate(true);
    EXPECT_TRUE(called);
}

}  // namespace
}  // namespace vmm
