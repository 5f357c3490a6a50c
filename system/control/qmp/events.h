// EventQueue: events from anywhere to all monitors, on the main loop, in order. Kinds that a guest could
// raise without end are throttled: the first is told at once, of those that follow within a second only the
// last, when the second is over (QMP specification, section 2.6). Bounded.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "qapi/event_sink.h"
#include "util/event_loop.h"
#include "util/mutex.h"

namespace vmm {

class EventQueue final : public qapi::EventSink {
  public:
    // `deliver` gets each event as it goes on the wire; main thread. `period_ns` is the second.
    EventQueue(EventLoop& main, std::function<void(const qapi::Value&)> deliver,
               int64_t period_ns = 1'000'000'000);
    ~EventQueue() override;

    void emit(std::string_view name, qapi::Dict data) override;
    // Main thread: delivers what waits for the loop; what is throttled stays so.
    void flush();

    static constexpr size_t kMost = 4096;  // waiting for the loop

  private:
    // A throttled kind in its second.
    struct Slot {
        int64_t until = 0;
        std::optional<qapi::Value> waiting;
    };
    bool throttle(const std::string& key, qapi::Value& event) REQUIRES(mutex_);
    void period_over();

    EventLoop& main_;
    const std::function<void(const qapi::Value&)> deliver_;
    const int64_t period_ns_;
    LoopTimer timer_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    Mutex mutex_{LockRank::Leaf, "events"};
    std::vector<qapi::Value> queue_ GUARDED_BY(mutex_);
    std::map<std::string, Slot> slots_ GUARDED_BY(mutex_);
    bool posted_ GUARDED_BY(mutex_) = false;
};

}  // namespace vmm
