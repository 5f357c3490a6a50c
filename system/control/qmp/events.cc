// The queue and the throttle; see events.h.
#include "system/control/qmp/events.h"

#include <utility>

namespace vmm {

namespace {

struct Throttled {
    std::string_view name;
    std::string_view key;  // the member of the data that makes events of one name different; none when empty
};
constexpr Throttled kThrottled[] = {
    {"BALLOON_CHANGE", ""},
    {"MEMORY_DEVICE_SIZE_CHANGE", "qom-path"},
    {"PENUMBRA_CONVERSION_FAILED", "outcome"},
    {"PENUMBRA_CONVERSIONS_DELAYED", ""},
    {"RTC_CHANGE", ""},
    {"VSERPORT_CHANGE", "id"},
    {"WATCHDOG", ""},
};

// The reply to the command that made these comes after them, as QEMU's: libvirt takes a machine's state from
// the event and is asked for it as soon as the reply is there.
bool before_the_reply(std::string_view name) {
    return name == "RESUME" || name == "STOP";
}

// What events that stand for each other have in common; nothing for events that are never held back.
std::optional<std::string> throttle_key(std::string_view name, const qapi::Dict& data) {
    for (const Throttled& throttled : kThrottled) {
        if (throttled.name != name) continue;
        const qapi::Value* value = throttled.key.empty() ? nullptr : data.find(throttled.key);
        const std::string* text = value == nullptr ? nullptr : value->if_string();
        return std::string(name) + (text == nullptr ? "" : "/" + *text);
    }
    return std::nullopt;
}

qapi::Value on_the_wire(std::string_view name, qapi::Dict data) {
    const int64_t now = realtime_ns();
    qapi::Dict event;
    event.append("timestamp",
                 qapi::Dict{{"seconds", now / 1'000'000'000}, {"microseconds", now / 1000 % 1'000'000}});
    event.append("event", name);
    if (!data.empty()) event.append("data", std::move(data));
    return event;
}

}  // namespace

EventQueue::EventQueue(EventLoop& main, std::function<void(const qapi::Value&)> deliver, int64_t period_ns)
    : main_(main),
      deliver_(std::move(deliver)),
      period_ns_(period_ns),
      timer_(main, [this] { period_over(); }) {}

EventQueue::~EventQueue() = default;

void EventQueue::emit(std::string_view name, qapi::Dict data) {
    std::optional<std::string> key = throttle_key(name, data);
    qapi::Value event = on_the_wire(name, std::move(data));
    bool post = false;
    {
        Locked lock(mutex_);
        if (key && throttle(*key, event)) return;
        if (queue_.size() >= kMost) return;
        queue_.push_back(std::move(event));
        post = !std::exchange(posted_, true);
    }
    if (before_the_reply(name) && main_.on_loop_thread()) return flush();
    if (!post) return;
    main_.post([this, alive = std::weak_ptr<int>(alive_)] {
        if (!alive.expired()) flush();
    });
}

// Whether the event has to wait for the end of its second.
bool EventQueue::throttle(const std::string& key, qapi::Value& event) {
    const int64_t now = monotonic_ns();
    Slot& slot = slots_[key];
    if (now >= slot.until && !slot.waiting) {
        slot.until = now + period_ns_;
        return false;
    }
    slot.waiting = std::move(event);
    timer_.arm_at(slot.until);
    return true;
}

void EventQueue::flush() {
    std::vector<qapi::Value> events;
    {
        Locked lock(mutex_);
        posted_ = false;
        events.swap(queue_);
    }
    for (const qapi::Value& event : events)
        deliver_(event);
}

void EventQueue::period_over() {
    std::vector<qapi::Value> events;
    {
        Locked lock(mutex_);
        const int64_t now = monotonic_ns();
        int64_t next = INT64_MAX;
        for (auto at = slots_.begin(); at != slots_.end();) {
            Slot& slot = at->second;
            if (slot.until <= now && slot.waiting) {
                events.push_back(std::move(*slot.waiting));
                slot = {now + period_ns_, std::nullopt};
            }
            if (slot.waiting) next = std::min(next, slot.until);
            at = slot.until <= now ? slots_.erase(at) : std::next(at);
        }
        if (next != INT64_MAX) timer_.arm_at(next);
    }
    for (const qapi::Value& event : events)
        deliver_(event);
}

}  // namespace vmm
