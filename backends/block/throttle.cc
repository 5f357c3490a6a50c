// Leaky buckets; see throttle.h.
#include "backends/block/throttle.h"

#include <algorithm>

namespace vmm::block {

namespace {

constexpr double kNsPerSecond = 1e9;
// Nothing is limited above this; a wait stays within what a timer can hold.
constexpr uint64_t kLimitMax = 1'000'000'000'000'000;

struct KindNames {
    const char* total;
    const char* read;
    const char* write;
};
constexpr KindNames kNames[2] = {{"bps-total", "bps-read", "bps-write"},
                                 {"iops-total", "iops-read", "iops-write"}};

const ThrottleLimit& limit_of(const ThrottleConfig& config, ThrottleKind kind) {
    return config.limits[static_cast<size_t>(kind)];
}

bool applies(ThrottleKind kind, bool write) {
    switch (kind) {
        case ThrottleKind::BytesTotal:
        case ThrottleKind::OpsTotal:
            return true;
        case ThrottleKind::BytesRead:
        case ThrottleKind::OpsRead:
            return !write;
        case ThrottleKind::BytesWrite:
        case ThrottleKind::OpsWrite:
            return write;
    }
    UNREACHABLE();
}

bool counts_bytes(ThrottleKind kind) {
    return kind <= ThrottleKind::BytesWrite;
}

// Nanoseconds until `extra` units have leaked at this rate.
double wait_ns(double extra, uint64_t rate) {
    return extra <= 0 ? 0 : extra * kNsPerSecond / static_cast<double>(rate);
}

Status check_limit(const ThrottleLimit& limit) {
    if (limit.average > kLimitMax || limit.burst > kLimitMax)
        return Error::make("bps/iops/max values must be within [0, %llu]",
                           static_cast<unsigned long long>(kLimitMax));
    if (limit.burst_length == 0) return Error::make("the burst length cannot be 0");
    if (limit.burst_length > 1 && limit.burst == 0) return Error::make("burst length set without burst rate");
    if (limit.burst > 0 && limit.burst_length > kLimitMax / limit.burst)
        return Error::make("burst length too high for this burst rate");
    if (limit.burst > 0 && limit.average == 0)
        return Error::make("bps_max/iops_max require corresponding bps/iops values");
    if (limit.burst > 0 && limit.burst < limit.average)
        return Error::make("bps_max/iops_max cannot be lower than bps/iops");
    return {};
}

}  // namespace

bool ThrottleConfig::enabled() const {
    return std::any_of(limits.begin(), limits.end(), [](const auto& limit) { return limit.average > 0; });
}

Status ThrottleConfig::check() const {
    for (size_t group = 0; group < 2; ++group) {
        const ThrottleLimit* three = &limits[group * 3];
        for (auto part : {&ThrottleLimit::average, &ThrottleLimit::burst}) {
            if (three[0].*part > 0 && (three[1].*part > 0 || three[2].*part > 0))
                return Error::make("%s and %s/%s cannot be used at the same time", kNames[group].total,
                                   kNames[group].read, kNames[group].write);
        }
    }
    bool any_ops = std::any_of(limits.begin() + 3, limits.end(), [](const auto& l) { return l.average > 0; });
    if (op_size > 0 && !any_ops) return Error::make("iops size requires an iops value to be set");
    for (const ThrottleLimit& limit : limits)
        TRY(check_limit(limit));
    return {};
}

ThrottleConfig ThrottleGroup::config() const {
    Locked lock(mutex_);
    return config_;
}

void ThrottleGroup::configure(const ThrottleConfig& config) {
    Locked lock(mutex_);
    config_ = config;
    buckets_ = {};
}

void ThrottleGroup::leak(int64_t now_ns) {
    double seconds = leaked_at_ == 0 ? 0 : static_cast<double>(now_ns - leaked_at_) / kNsPerSecond;
    leaked_at_ = now_ns;
    if (seconds <= 0) return;
    for (size_t i = 0; i < kThrottleKinds; ++i) {
        const ThrottleLimit& limit = config_.limits[i];
        Bucket& bucket = buckets_[i];
        bucket.level = std::max(0.0, bucket.level - static_cast<double>(limit.average) * seconds);
        bucket.burst_level = std::max(0.0, bucket.burst_level - static_cast<double>(limit.burst) * seconds);
    }
}

int64_t ThrottleGroup::admit(bool write, uint64_t bytes, int64_t now_ns) {
    Locked lock(mutex_);
    leak(now_ns);
    double wait = 0;
    for (size_t i = 0; i < kThrottleKinds; ++i) {
        const ThrottleLimit& limit = config_.limits[i];
        if (limit.average == 0 || !applies(static_cast<ThrottleKind>(i), write)) continue;
        double rate = static_cast<double>(limit.burst == 0 ? limit.average : limit.burst);
        double room = limit.burst == 0 ? rate / 10 : rate * static_cast<double>(limit.burst_length);
        wait = std::max(wait, wait_ns(buckets_[i].level - room, limit.average));
        if (limit.burst > 0 && limit.burst_length > 1)
            wait = std::max(wait, wait_ns(buckets_[i].burst_level - rate / 10, limit.burst));
    }
    if (wait > 0) return std::max<int64_t>(1, static_cast<int64_t>(wait));
    double operations = config_.op_size == 0 || bytes <= config_.op_size
                            ? 1.0
                            : static_cast<double>(bytes) / static_cast<double>(config_.op_size);
    for (size_t i = 0; i < kThrottleKinds; ++i) {
        auto kind = static_cast<ThrottleKind>(i);
        if (limit_of(config_, kind).average == 0 || !applies(kind, write)) continue;
        double units = counts_bytes(kind) ? static_cast<double>(bytes) : operations;
        buckets_[i].level += units;
        if (config_.limits[i].burst_length > 1) buckets_[i].burst_level += units;
    }
    return 0;
}

ThrottleMember::ThrottleMember(ThrottleGroup& group, IoContext& context, ThrottleUser& user)
    : group_(&group), context_(&context), user_(user) {
    ++group_->members_;
    for (Timer& timer : timers_)
        timer.member = this;
    timers_[0].fired = [](IoTimer& timer) { static_cast<Timer&>(timer).member->serve(false); };
    timers_[1].fired = [](IoTimer& timer) { static_cast<Timer&>(timer).member->serve(true); };
}

ThrottleMember::~ThrottleMember() {
    CHECK(kept_[0].empty() && kept_[1].empty(), "throttled requests are left");
    --group_->members_;
}

void ThrottleMember::change_group(ThrottleGroup& group) {
    CHECK(kept_[0].empty() && kept_[1].empty(), "throttled requests are left");
    ++group.members_;
    --group_->members_;
    group_ = &group;
}

bool ThrottleMember::admit(Request& request) {
    if (request.op != Op::Read && request.op != Op::Write && request.op != Op::WriteZeroes) return true;
    bool write = request.op != Op::Read;
    if (kept_[write].empty()) {
        int64_t now = monotonic_ns();
        int64_t wait = group_->admit(write, request.bytes, now);
        if (wait == 0) return true;
        context_->arm(timers_[write], now + wait);
    }
    kept_[write].push(request);
    return false;
}

void ThrottleMember::serve(bool write) {
    Queue<Request>& kept = kept_[write];
    while (!kept.empty()) {
        int64_t now = monotonic_ns();
        int64_t wait = group_->admit(write, kept.front().bytes, now);
        if (wait > 0) return context_->arm(timers_[write], now + wait);
        user_.let_go(kept.pop());
    }
}

void ThrottleMember::release_all() {
    for (size_t i = 0; i < 2; ++i) {
        context_->cancel(timers_[i]);
        while (!kept_[i].empty())
            user_.let_go(kept_[i].pop());
    }
}

void ThrottleMember::rebind(IoContext& context) {
    CHECK(kept_[0].empty() && kept_[1].empty(), "throttled requests are left");
    context_ = &context;
}

}  // namespace vmm::block
