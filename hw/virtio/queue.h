// Queue: one virtqueue of a device: the driver's settings, the ring once it runs, the descriptor that the
// driver's notification signals, and the count of buffers the device has in hand. The transport sets it up,
// the device takes buffers and gives them back.
//
// Threads: the ring has a lock of its own (rank Queue), so buffers may be taken and given back by any thread;
// a device takes them on the queue's loop, where QueueOwner::queue_kicked() is called. stop() may come from a
// vCPU at any time: buffers in hand then are given back to nowhere, and draining() tells until the last has
// been. While the queue's loop looks at it (util/loop_spinner.h), the driver is told not to notify.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "hw/virtio/chain.h"
#include "hw/virtio/ring.h"
#include "system/memory/dma_space.h"
#include "util/event_loop.h"
#include "util/eventfd.h"
#include "util/mutex.h"

namespace vmm::virtio {

class Queue;

// The device of a queue, as the queue sees it. Called with no lock held.
class QueueOwner {
  public:
    virtual ~QueueOwner() = default;
    // The driver made buffers available (or may have). On the queue's loop.
    virtual void queue_kicked(Queue& queue) = 0;
    // Used buffers are there and the driver wants to know.
    virtual void queue_interrupt(Queue& queue) = 0;
    // The driver broke the ring's rules; the queue is dead until it is reset.
    virtual void queue_broken(Queue& queue, const std::string& why) = 0;
    // The last buffer of a stopped queue is back.
    virtual void queue_drained(Queue& queue) = 0;
};

class Queue final : private Polled {
    struct Token {
        explicit Token() = default;
    };

  public:
    // All outlive the queue. max_size: at most kMaxQueueSize; 0 for a queue that does not exist.
    static Result<std::unique_ptr<Queue>> create(QueueOwner& owner, AddressSpace& memory, EventLoop& loop,
                                                 unsigned index, uint16_t max_size);
    Queue(Token, QueueOwner& owner, AddressSpace& space, unsigned index, uint16_t max_size, EventFd kick);
    ~Queue() override { unbind(); }
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    unsigned index() const { return index_; }
    uint16_t max_size() const { return max_size_; }

    // The driver's settings; the device's lock guards them.
    RingPlace place;
    bool enabled = false;

    // Makes the ring. What the driver got wrong; empty when all is well. The device's lock is held.
    std::string start(uint64_t features);
    void stop();
    bool live() const { return live_.load(std::memory_order_acquire); }
    // Buffers of an earlier life are still in hand.
    bool draining() const { return stale_.load(std::memory_order_acquire) != 0; }

    // The driver's notification: any thread, or the kernel through kick_fd().
    void kick() { kick_.signal(); }
    int kick_fd() const { return kick_.fd(); }
    // Where queue_kicked() is called; on that loop's thread or before it runs. Main loop until then.
    void bind(EventLoop& loop);
    void unbind();

    // The next buffer. False: there is none (or the queue is dead).
    [[nodiscard]] bool pop(Chain& chain) {
        Chain* const one = &chain;
        return pop({&one, 1}) == 1;
    }
    // The next ones, at most so many: how many. Fewer: there are no more.
    [[nodiscard]] size_t pop(std::span<Chain* const> chains);
    // Gives it back with the count of bytes written into it; the driver sees it after publish().
    void push(Chain& chain, uint64_t written);
    void publish();
    // Both at once, of one or of several.
    struct Used {
        Chain* chain;
        uint64_t written;
    };
    void complete(Chain& chain, uint64_t written) {
        const Used one = {&chain, written};
        complete({&one, 1});
    }
    void complete(std::span<const Used> all);
    // The buffer that was taken last is available again.
    void unpop(Chain& chain);
    // Forgets a buffer of a queue that was stopped.
    void discard(Chain& chain);
    // Whether a buffer in hand is of a life that has ended.
    bool stale(const Chain& chain) {
        Locked lock(mutex_);
        return chain.life_ != life_;
    }
    // Whether the driver shall notify. on: true when buffers are there already, which it will not tell again.
    bool set_notify(bool on);
    // The loop looks for more buffers by itself as soon as the device has no more to do.
    bool looked_at() const { return loop_ != nullptr && loop_->spinner().spins(); }
    // There are no more buffers now: sees to it that queue_kicked() is called for the next ones, told by the
    // driver or by looking. True: it came meanwhile.
    bool wait_for_more();

    // Guest memory for the queue's buffers; only for the thread of the queue's loop.
    DmaLookup& memory() { return memory_; }

  private:
    // Polled
    bool look() override;
    void act() override { owner_.queue_kicked(*this); }
    bool rest() override { return set_notify(true); }

    void kicked();
    struct Outcome {
        std::string error;
        bool drained = false;
        bool interrupt = false;
    };
    // Back in hand; true when it is of this life.
    bool settle(Chain& chain, bool& drained) REQUIRES(mutex_);
    void put_back(Chain& chain, uint64_t written, Outcome& outcome) REQUIRES(mutex_);
    void show(Outcome& outcome) REQUIRES(mutex_);
    void tell(const Outcome& outcome);
    std::string take_error() REQUIRES(mutex_);

    QueueOwner& owner_;
    AddressSpace& space_;
    const unsigned index_;
    const uint16_t max_size_;
    EventFd kick_;
    FdWatch watch_;
    EventLoop* loop_ = nullptr;  // null: unbound
    DmaLookup memory_;

    Mutex mutex_{LockRank::Queue, "virtqueue"};
    std::unique_ptr<Ring> ring_ GUARDED_BY(mutex_);
    uint32_t life_ GUARDED_BY(mutex_) = 0;
    unsigned in_hand_ GUARDED_BY(mutex_) = 0;
    std::atomic<bool> live_{false};
    // The driver notifies only where the ring asks for it, so that nothing need be said to have it silent.
    std::atomic<bool> silent_unless_asked_{false};
    std::atomic<unsigned> stale_{0};
};

// What became of an attempt to serve one buffer.
enum class Served : uint8_t {
    One,
    None,    // there was none
    Paused,  // not now: the device comes back by itself (Queue::kick), and needs no notification for that
};

// The same of one call that may serve several: how many, and whether there may be more.
struct ServedSome {
    ServedSome(Served one) : buffers(one == Served::One ? 1 : 0), last(one) {}
    ServedSome(unsigned count, Served what_ended_it) : buffers(count), last(what_ended_it) {}
    unsigned buffers;
    Served last;  // One: there may be more
};
// How many buffers are served before the driver sees what became of them.
inline constexpr unsigned kShowAfter = 8;

// Calls some() until there are no more buffers, with notifications off meanwhile. A guest that never stops is
// left for the others' sake and comes back with the next turn of the loop. show() publishes what has ended;
// it is called every few buffers, so that driver and device work at the same time.
template <typename Some, typename Show>
void serve(Queue& queue, Some some, Show show) {
    const unsigned budget = 2u * queue.max_size();
    unsigned done = 0, unshown = 0;
    do {
        (void)queue.set_notify(false);
        for (;;) {
            ServedSome served = some();
            done += served.buffers;
            unshown += served.buffers;
            if (served.last == Served::None) {
                show();
                unshown = 0;
                if (queue.looked_at()) break;
                served = some();
                if (served.last == Served::None && served.buffers == 0) break;
                done += served.buffers;
                unshown += served.buffers;
            }
            if (served.last == Served::Paused) return;
            if (unshown >= kShowAfter) {
                show();
                unshown = 0;
            }
            if (done < budget) continue;
            queue.kick();
            return;
        }
    } while (queue.wait_for_more());
}
template <typename One>
void serve(Queue& queue, One one) {
    serve(queue, one, [] {});
}

}  // namespace vmm::virtio
