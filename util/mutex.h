// Mutex with a rank, and Locked, its guard. Locks are taken in falling order of rank: taking one whose rank
// is not below every rank the thread already holds aborts with both names (in builds with lock checks, which
// all test builds are). docs/locking.md lists every mutex. Clang's thread-safety annotations are checked by
// the lint step. Built on futexes, so that a lock that nobody else wants is one atomic instruction in line:
// the library's mutex is two pages of code on hot paths. ThreadSanitizer sees the atomics and their order.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#if defined(__clang__)
#define VMM_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define VMM_THREAD_ANNOTATION(x)
#endif
#define GUARDED_BY(mutex) VMM_THREAD_ANNOTATION(guarded_by(mutex))
#define REQUIRES(mutex) VMM_THREAD_ANNOTATION(requires_capability(mutex))

namespace vmm {

// What may be taken while holding what: a lower number may be taken under a higher one, never the reverse.
enum class LockRank : uint8_t {
    Leaf = 0,         // log, trace, counters: calls nothing
    Clock = 5,        // one timer: asks its clock
    Kvm = 10,         // slot table, routing table, run-list of vCPUs
    Irq = 20,         // interrupt controllers and routes
    IrqWiring = 25,   // lines that several devices share, on their way to a controller
    IrqRouter = 27,   // the chipset's PCI interrupt router, in front of those lines
    IntxTree = 28,    // pins that PCI functions share on their way through bridges to the router
    Conversion = 30,  // the conversion range lock and attribute maps
    Queue = 45,       // one virtqueue's ring
    MemoryMap = 40,   // topology, flat views, RAM registry
    Device = 50,      // one device's state
    Bus = 60,         // a bus's list of devices
    Control = 70,     // object tree, run state, requests
};

// The ranks a thread holds: in falling order, so that the last is the only one to compare with.
class HeldLocks {
  public:
    static HeldLocks& mine() { return of_this_thread_; }
    bool none() const { return count_ == 0; }
    void take(LockRank rank, const char* name) {
        if (count_ != 0 && (rank >= entries_[count_ - 1].rank || count_ == kMost)) [[unlikely]]
            refuse(rank, name);
        entries_[count_++] = {rank, name};
        ++taken_;
    }
    // As take(), for a lock that is given back before any other is taken.
    void take_briefly(LockRank rank, const char* name) {
        if (count_ != 0 && rank >= entries_[count_ - 1].rank) [[unlikely]]
            refuse(rank, name);
        ++taken_;
    }
    void give_back(LockRank rank, const char* name) {
        if (count_ != 0 && entries_[count_ - 1].rank == rank && entries_[count_ - 1].name == name) [[likely]]
            --count_;
        else
            give_back_below(rank, name);
    }
    const char* first_name() const { return entries_[0].name; }
    // How often the thread took a lock; for tests.
    uint64_t taken() const { return taken_; }

  private:
    struct Held {
        LockRank rank;
        const char* name;
    };
    static constexpr size_t kMost = 16;
    static constinit thread_local HeldLocks of_this_thread_;

    [[noreturn, gnu::cold]] void refuse(LockRank rank, const char* name) const;
    void give_back_below(LockRank rank, const char* name);

    std::array<Held, kMost> entries_{};
    size_t count_ = 0;
    uint64_t taken_ = 0;
};

// Aborts unless the calling thread holds no ranked mutex: called before waiting for another thread.
[[noreturn, gnu::cold]] void refuse_held_locks(const char* why);
inline void check_no_locks_held(const char* why) {
    if (!HeldLocks::mine().none()) [[unlikely]]
        refuse_held_locks(why);
}

class VMM_THREAD_ANNOTATION(capability("mutex")) Mutex {
  public:
    // The name is shown when the order is broken; it must outlive the mutex (a literal).
    Mutex(LockRank rank, const char* name) : rank_(rank), name_(name) {}
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    void lock() VMM_THREAD_ANNOTATION(acquire_capability()) {
        HeldLocks::mine().take(rank_, name_);
        acquire();
    }
    void unlock() VMM_THREAD_ANNOTATION(release_capability()) {
        release();
        HeldLocks::mine().give_back(rank_, name_);
    }

  private:
    friend class Condition;
    friend class LockedBriefly;
    static constexpr uint32_t kFree = 0;
    static constexpr uint32_t kTaken = 1;
    static constexpr uint32_t kWanted = 2;  // taken, and somebody may sleep for it

    [[gnu::always_inline]] void acquire() {
        uint32_t expected = kFree;
        if (!word_.compare_exchange_strong(expected, kTaken, std::memory_order_acquire,
                                           std::memory_order_relaxed)) [[unlikely]]
            acquire_wanted();
    }
    // The mutex may be gone as soon as it is free: nothing but its address is used after that.
    [[gnu::always_inline]] void release() {
        if (word_.exchange(kFree, std::memory_order_release) != kTaken) [[unlikely]]
            wake_one();
    }
    [[gnu::cold]] void acquire_wanted();
    [[gnu::cold]] void wake_one();

    std::atomic<uint32_t> word_{kFree};
    const LockRank rank_;
    const char* const name_;
};

class VMM_THREAD_ANNOTATION(scoped_lockable) Locked {
  public:
    explicit Locked(Mutex& mutex) VMM_THREAD_ANNOTATION(acquire_capability(mutex)) : mutex_(mutex) {
        mutex_.lock();
    }
    ~Locked() VMM_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

  private:
    Mutex& mutex_;
};

// A guard for a few lines that take no other lock, wait for nothing and call nobody: the order is checked
// when the mutex is taken, but not written down for others to be checked against.
class VMM_THREAD_ANNOTATION(scoped_lockable) LockedBriefly {
  public:
    explicit LockedBriefly(Mutex& mutex) VMM_THREAD_ANNOTATION(acquire_capability(mutex)) : mutex_(mutex) {
        HeldLocks::mine().take_briefly(mutex.rank_, mutex.name_);
        mutex_.acquire();
    }
    ~LockedBriefly() VMM_THREAD_ANNOTATION(release_capability()) { mutex_.release(); }
    LockedBriefly(const LockedBriefly&) = delete;
    LockedBriefly& operator=(const LockedBriefly&) = delete;

  private:
    Mutex& mutex_;
};

// A condition variable for a Mutex that the caller holds; spurious wake-ups happen, so wait in a loop. Who
// changed what is waited for did so with the mutex held; to notify takes no mutex, and no system call where
// nobody waits.
class Condition {
  public:
    Condition() = default;
    Condition(const Condition&) = delete;
    Condition& operator=(const Condition&) = delete;

    void wait(Mutex& mutex) REQUIRES(mutex);
    void notify_one() { notify(1); }
    void notify_all();

  private:
    void notify(int most);

    std::atomic<uint32_t> turn_{0};     // moves with every notification that somebody waits for
    std::atomic<uint32_t> waiting_{0};  // changed with the mutex held
};

}  // namespace vmm
