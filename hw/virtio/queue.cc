// Virtqueues; see queue.h.
#include "hw/virtio/queue.h"

#include <algorithm>
#include <limits>

#include "hw/virtio/packed_ring.h"
#include "hw/virtio/split_ring.h"
#include "util/text.h"

namespace vmm::virtio {

namespace {

// What is wrong with where a driver put its ring; empty when nothing is.
std::string judge(const RingPlace& place, uint16_t max_size, bool packed, bool event) {
    if (place.size == 0 || place.size > max_size)
        return strf("a ring of %u entries, %u at most", place.size, max_size);
    if (!packed && !is_power_of_two(place.size)) return strf("a split ring of %u entries", place.size);
    struct Area {
        uint64_t at, bytes, alignment;
    };
    const uint64_t table = uint64_t{place.size} * sizeof(Descriptor);
    const Area areas[] = {
        {place.descriptors, table, 16},
        {place.driver, packed ? PackedRing::kEventBytes : SplitRing::driver_bytes(place.size, event),
         packed ? 4u : 2u},
        {place.device, packed ? PackedRing::kEventBytes : SplitRing::device_bytes(place.size, event), 4},
    };
    for (const Area& area : areas) {
        if (!is_aligned(area.at, area.alignment) || !GpaRange::make(Gpa(area.at), area.bytes))
            return strf("a ring area at 0x%llx", static_cast<unsigned long long>(area.at));
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<Queue>> Queue::create(QueueOwner& owner, AddressSpace& memory, EventLoop& loop,
                                             unsigned index, uint16_t max_size) {
    CHECK(max_size <= kMaxQueueSize, "a queue of %u entries", max_size);
    EventFd kick = TRY(EventFd::create());
    auto queue = std::make_unique<Queue>(Token(), owner, memory, index, max_size, std::move(kick));
    queue->bind(loop);
    return queue;
}

Queue::Queue(Token, QueueOwner& owner, AddressSpace& space, unsigned index, uint16_t max_size, EventFd kick)
    : owner_(owner),
      space_(space),
      index_(index),
      max_size_(max_size),
      kick_(std::move(kick)),
      memory_(space) {
    place.size = max_size;
}

void Queue::bind(EventLoop& loop) {
    unbind();
    loop_ = &loop;
    watch_ = FdWatch(loop, kick_.fd(), FdWatch::kIn, [this](unsigned) { kicked(); });
}

void Queue::unbind() {
    watch_.end();
    if (loop_ != nullptr) loop_->spinner().forget(*this);
    loop_ = nullptr;
}

void Queue::kicked() {
    if (!kick_.take()) return;
    loop_->spinner().told();
    owner_.queue_kicked(*this);
}

bool Queue::wait_for_more() {
    if (!looked_at()) return set_notify(true);
    loop_->spinner().look_at(*this);
    return false;
}

// What the driver got wrong is told by pop().
bool Queue::look() {
    Locked lock(mutex_);
    return ring_ != nullptr && ring_->available().value_or(true);
}

std::string Queue::start(uint64_t features) {
    const bool packed = (features & kRingPacked) != 0;
    std::string wrong = judge(place, max_size_, packed, (features & kEventIdx) != 0);
    if (!wrong.empty()) return wrong;
    Locked lock(mutex_);
    if (packed)
        ring_ = std::make_unique<PackedRing>(space_, place, features);
    else
        ring_ = std::make_unique<SplitRing>(space_, place, features);
    silent_unless_asked_.store(!packed && (features & kEventIdx) != 0, std::memory_order_relaxed);
    live_.store(true, std::memory_order_release);
    return {};
}

void Queue::stop() {
    Locked lock(mutex_);
    ring_.reset();
    ++life_;
    stale_ += std::exchange(in_hand_, 0);
    live_.store(false, std::memory_order_release);
}

std::string Queue::take_error() {
    std::string error = ring_->error();
    ring_.reset();
    live_.store(false, std::memory_order_release);
    return error;
}

size_t Queue::pop(std::span<Chain* const> chains) {
    size_t count = 0;
    std::string error;
    {
        Locked lock(mutex_);
        if (ring_ == nullptr) return 0;
        Ring::Pop got = Ring::Pop::Got;
        for (; count < chains.size(); ++count) {
            Chain& chain = *chains[count];
            CHECK(!chain.outstanding_, "a buffer is taken into one that is in hand");
            got = ring_->pop(chain);
            if (got != Ring::Pop::Got) break;
            chain.outstanding_ = true;
            chain.life_ = life_;
        }
        in_hand_ += static_cast<unsigned>(count);
        if (got != Ring::Pop::Broken) return count;
        error = take_error();
    }
    owner_.queue_broken(*this, error);
    return count;
}

bool Queue::settle(Chain& chain, bool& drained) {
    CHECK(chain.outstanding_, "a buffer is given back twice");
    chain.outstanding_ = false;
    if (chain.life_ == life_) {
        --in_hand_;
        return true;
    }
    drained = stale_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    return false;
}

void Queue::put_back(Chain& chain, uint64_t written, Outcome& outcome) {
    const auto bytes =
        static_cast<uint32_t>(std::min<uint64_t>(written, std::numeric_limits<uint32_t>::max()));
    if (settle(chain, outcome.drained) && ring_ != nullptr && !ring_->push(chain, bytes))
        outcome.error = take_error();
}

void Queue::show(Outcome& outcome) {
    if (ring_ == nullptr) return;
    const std::optional<bool> interrupt = ring_->publish();
    if (interrupt)
        outcome.interrupt = *interrupt;
    else
        outcome.error = take_error();
}

void Queue::tell(const Outcome& outcome) {
    if (!outcome.error.empty()) owner_.queue_broken(*this, outcome.error);
    if (outcome.interrupt) owner_.queue_interrupt(*this);
    if (outcome.drained) owner_.queue_drained(*this);
}

void Queue::push(Chain& chain, uint64_t written) {
    Outcome outcome;
    {
        Locked lock(mutex_);
        put_back(chain, written, outcome);
    }
    tell(outcome);
}

void Queue::publish() {
    Outcome outcome;
    {
        Locked lock(mutex_);
        show(outcome);
    }
    tell(outcome);
}

void Queue::complete(std::span<const Used> all) {
    Outcome outcome;
    {
        Locked lock(mutex_);
        for (const Used& one : all)
            put_back(*one.chain, one.written, outcome);
        show(outcome);
    }
    tell(outcome);
}

void Queue::unpop(Chain& chain) {
    bool drained = false;
    {
        Locked lock(mutex_);
        if (settle(chain, drained) && ring_ != nullptr) ring_->unpop(chain);
    }
    if (drained) owner_.queue_drained(*this);
}

void Queue::discard(Chain& chain) {
    bool drained = false;
    {
        Locked lock(mutex_);
        (void)settle(chain, drained);
    }
    if (drained) owner_.queue_drained(*this);
}

bool Queue::set_notify(bool on) {
    if (!on && silent_unless_asked_.load(std::memory_order_relaxed)) return false;
    std::string error;
    {
        Locked lock(mutex_);
        if (ring_ == nullptr) return false;
        const std::optional<bool> more =
            ring_->set_notify(on) ? (on ? ring_->available() : std::optional<bool>(false)) : std::nullopt;
        if (more) return *more;
        error = take_error();
    }
    owner_.queue_broken(*this, error);
    return false;
}

}  // namespace vmm::virtio
