// Mutex with a rank, and Locked, its guard. Locks are taken in falling order of rank: taking one whose rank
// is not below every rank the thread already holds aborts with both names (in builds with lock checks, which
// all test builds are). docs/locking.md lists every mutex. Clang's thread-safety annotations are checked by
// the lint step.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

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

// Aborts unless the calling thread holds no ranked mutex: called before waiting for another thread.
void check_no_locks_held(const char* why);

class VMM_THREAD_ANNOTATION(capability("mutex")) Mutex {
  public:
    // The name is shown when the order is broken; it must outlive the mutex (a literal).
    Mutex(LockRank rank, const char* name) : rank_(rank), name_(name) {}
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    void lock() VMM_THREAD_ANNOTATION(acquire_capability());
    void unlock() VMM_THREAD_ANNOTATION(release_capability());

  private:
    friend class Condition;
    std::mutex mutex_;
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

// A condition variable for a Mutex that the caller holds; spurious wake-ups happen, so wait in a loop.
class Condition {
  public:
    void wait(Mutex& mutex) REQUIRES(mutex);
    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }

  private:
    std::condition_variable condition_;
};

}  // namespace vmm
