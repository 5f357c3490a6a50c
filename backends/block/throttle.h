// I/O limits. ThrottleGroup: leaky buckets that its members share (a throttle-group object, or the
// throttling.* keys of drives). ThrottleMember: one drive or node in a group, which keeps what has to wait.
// A bucket leaks `average` units a second; without a burst limit it holds a tenth of a second's worth, with
// one it holds burst * burst_length. A request that finds its buckets too full waits until enough has leaked.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "backends/block/io_context.h"
#include "backends/block/queue.h"
#include "util/mutex.h"
#include "util/result.h"

namespace vmm::block {

// What one limit counts; the order is that of ThrottleConfig::limits.
enum class ThrottleKind : uint8_t { BytesTotal, BytesRead, BytesWrite, OpsTotal, OpsRead, OpsWrite };
inline constexpr size_t kThrottleKinds = 6;

struct ThrottleLimit {
    uint64_t average = 0;       // units a second; 0: no limit
    uint64_t burst = 0;         // units a second while a burst lasts; 0: no burst
    uint64_t burst_length = 1;  // seconds
};

struct ThrottleConfig {
    std::array<ThrottleLimit, kThrottleKinds> limits{};
    uint64_t op_size = 0;  // a bigger request counts as several operations; 0: never

    bool enabled() const;
    // Total and read/write limits exclude each other, bursts need an average below them...
    Status check() const;
};

// Thread-safe.
class ThrottleGroup {
  public:
    ThrottleGroup(std::string name, const ThrottleConfig& config) : name_(std::move(name)), config_(config) {}
    const std::string& name() const { return name_; }
    ThrottleConfig config() const;
    void configure(const ThrottleConfig& config);
    // 0: the request may go now and was counted; else how many nanoseconds until it is worth asking again.
    int64_t admit(bool write, uint64_t bytes, int64_t now_ns);
    // How many members; an unnamed group goes with its last.
    unsigned members() const { return members_; }

  private:
    friend class ThrottleMember;
    struct Bucket {
        double level = 0;        // units over what has leaked
        double burst_level = 0;  // the same against the burst rate
    };
    void leak(int64_t now_ns) REQUIRES(mutex_);

    const std::string name_;
    mutable Mutex mutex_{LockRank::Leaf, "throttle group"};
    ThrottleConfig config_ GUARDED_BY(mutex_);
    std::array<Bucket, kThrottleKinds> buckets_ GUARDED_BY(mutex_);
    int64_t leaked_at_ GUARDED_BY(mutex_) = 0;
    unsigned members_ = 0;  // main thread
};

// Whose requests a member keeps.
class ThrottleUser {
  public:
    virtual ~ThrottleUser() = default;
    virtual void let_go(Request& request) = 0;  // loop thread
};

// On the loop's thread, but for the constructor, the destructor (nothing is kept then) and rebind().
class ThrottleMember {
  public:
    ThrottleMember(ThrottleGroup& group, IoContext& context, ThrottleUser& user);
    ~ThrottleMember();
    ThrottleMember(const ThrottleMember&) = delete;
    ThrottleMember& operator=(const ThrottleMember&) = delete;

    ThrottleGroup& group() const { return *group_; }
    // Nothing is kept. Main thread.
    void change_group(ThrottleGroup& group);
    // True: go on. False: kept; user.let_go(request) follows. Only reads and writes are kept.
    bool admit(Request& request);
    // A drain: everything goes now, uncounted.
    void release_all();
    void rebind(IoContext& context);  // nothing is kept

  private:
    struct Timer : IoTimer {
        ThrottleMember* member = nullptr;
    };
    void serve(bool write);

    ThrottleGroup* group_;
    IoContext* context_;
    ThrottleUser& user_;
    Queue<Request> kept_[2];  // read, write
    Timer timers_[2];
};

}  // namespace vmm::block
