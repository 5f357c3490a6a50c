// What all virtio devices share; see device.h.
#include "hw/virtio/device.h"

#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <thread>

#include "qom/node.h"
#include "util/log.h"
#include "util/text.h"

namespace vmm::virtio {

std::vector<QomProperty> Device::live_properties() {
    return {};
}

Device::Device(Profile profile, DmaSpace& memory, EventLoop& loop)
    : profile_(std::move(profile)), memory_(memory), loop_(loop), config_(profile_.config_size) {}

Device::~Device() = default;

void Device::connect(Transport& transport, uint64_t common) {
    transport_ = &transport;
    common_ = common;
}

Status Device::make_queues(std::span<const uint16_t> sizes) {
    for (uint16_t size : sizes) {
        const auto index = static_cast<unsigned>(queues_.size());
        queues_.push_back(TRY(Queue::create(*this, memory_.space(), loop_, index, size)));
    }
    return {};
}

// ---- features and status ----

uint64_t Device::driver_features() const {
    return features_.load(std::memory_order_acquire);
}

void Device::set_driver_features(uint64_t features, uint64_t mask) {
    Locked lock(mutex_);
    if ((status_ & (kFeaturesOk | kDriverOk)) != 0) {
        log_guest_error("%s: features written after they were agreed upon", name().c_str());
        return;
    }
    features_.store((driver_features() & ~mask) | (features & mask), std::memory_order_release);
}

uint8_t Device::status() const {
    Locked lock(mutex_);
    return status_;
}

// The status that the wanted one leads to: steps that the rules forbid are not taken.
uint8_t Device::checked_status(uint8_t wanted) {
    const uint64_t features = driver_features();
    const bool modern = (features & kVersion1) != 0;
    uint8_t next = status_ | wanted;
    if ((next & ~status_ & kFeaturesOk) != 0) {
        const bool platform = (common_ & ~features & kAccessPlatform) == 0;
        if ((features & ~offered_features()) != 0 || !platform || !accepts(features)) {
            log_guest_error("%s: features 0x%llx refused", name().c_str(),
                            static_cast<unsigned long long>(features));
            next &= static_cast<uint8_t>(~kFeaturesOk);
        }
    }
    if ((next & ~status_ & kDriverOk) != 0) {
        if (modern && (next & kFeaturesOk) == 0) {
            log_guest_error("%s: the driver is ready before features are agreed upon", name().c_str());
            next &= static_cast<uint8_t>(~kDriverOk);
        } else if (!modern) {
            // A legacy driver never says so, and gets what it asked for of what there is.
            features_.store(features & offered_features() & kLegacyFeatures, std::memory_order_release);
        }
    }
    return next;
}

void Device::set_status(uint8_t wanted) {
    if (wanted == 0) {
        reset();
        return;
    }
    bool ready = false;
    std::string wrong;
    {
        Locked lock(mutex_);
        if (resetting_) {
            log_guest_error("%s: status written while a reset is under way", name().c_str());
            return;
        }
        const uint8_t next = checked_status(wanted);
        ready = (next & ~status_ & kDriverOk) != 0;
        status_ = next;
        if (ready) wrong = start_queues();
    }
    if (!wrong.empty()) broken("%s", wrong.c_str());
    if (!ready) return;
    started();
    kick_all();
}

// ---- reset ----

void Device::reset() {
    {
        Locked lock(mutex_);
        for (auto& queue : queues_) {
            queue->stop();
            queue->enabled = false;
            queue->place = {.size = queue->max_size()};
        }
        features_.store(0, std::memory_order_release);
        broken_ = false;
        resetting_ = true;
    }
    for (auto& queue : queues_)
        queue_stopped(*queue);
    was_reset();
    wait_for_drain();
    Locked lock(mutex_);
    finish_reset();
}

bool Device::any_draining() const {
    return std::any_of(queues_.begin(), queues_.end(), [](const auto& queue) { return queue->draining(); });
}

void Device::finish_reset() {
    if (!resetting_ || any_draining()) return;
    resetting_ = false;
    status_ = 0;
}

// A driver that cannot wait for the status to become 0 should find its memory untouched already, so we wait a
// little for it; what takes longer is seen in the status. The loop's own thread must not wait for itself.
void Device::wait_for_drain() const {
    if (loop_.on_loop_thread()) return;
    check_no_locks_held("resetting a virtio device");
    constexpr auto kPause = std::chrono::microseconds(50);
    for (unsigned i = 0; i < 2000 && any_draining(); ++i)
        std::this_thread::sleep_for(kPause);
}

void Device::queue_drained(Queue&) {
    Locked lock(mutex_);
    finish_reset();
}

// ---- queues ----

// A legacy driver may use a queue before it says that it is ready.
bool Device::may_start(const Queue& queue) const {
    if (!queue.enabled || queue.live() || broken_ || resetting_ || queue.draining()) return false;
    return (status_ & kDriverOk) != 0 || (driver_features() & kVersion1) == 0;
}

std::string Device::start(Queue& queue) {
    std::string wrong = queue.start(driver_features());
    if (!wrong.empty()) return strf("queue %u: %s", queue.index(), wrong.c_str());
    return {};
}

std::string Device::start_queues() {
    for (auto& queue : queues_) {
        if (!may_start(*queue)) continue;
        std::string wrong = start(*queue);
        if (!wrong.empty()) return wrong;
    }
    return {};
}

void Device::enable_queue(unsigned index) {
    std::string wrong;
    Queue& queue = *queues_[index];
    {
        Locked lock(mutex_);
        if (queue.max_size() == 0) return;
        queue.enabled = true;
        if ((status_ & kDriverOk) != 0 && may_start(queue)) wrong = start(queue);
    }
    if (!wrong.empty()) broken("%s", wrong.c_str());
    if (queue.live()) queue.kick();
}

void Device::reset_queue(unsigned index) {
    Queue& queue = *queues_[index];
    {
        Locked lock(mutex_);
        queue.stop();
        queue.enabled = false;
        queue.place = {.size = queue.max_size()};
    }
    queue_stopped(queue);
}

void Device::queue_kicked(Queue& queue) {
    if (broken_ || !dma_allowed_) return;
    if (!queue.live()) {
        std::string wrong;
        {
            Locked lock(mutex_);
            if (!may_start(queue)) return;
            wrong = start(queue);
        }
        if (!wrong.empty()) {
            broken("%s", wrong.c_str());
            return;
        }
    }
    handle(queue);
}

void Device::kick_all() {
    for (auto& queue : queues_)
        if (queue->live()) queue->kick();
}

void Device::allow_dma(bool allowed) {
    if (dma_allowed_.exchange(allowed) || !allowed) return;
    kick_all();
}

void Device::queue_interrupt(Queue& queue) {
    if (transport_ != nullptr) transport_->queue_interrupt(queue.index());
}

void Device::queue_broken(Queue& queue, const std::string& why) {
    broken("queue %u: %s", queue.index(), why.c_str());
}

void Device::broken(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const std::string why = vstrf(format, arguments);
    va_end(arguments);
    log_guest_error("%s: %s", name().c_str(), why.c_str());
    {
        Locked lock(mutex_);
        if (resetting_ || broken_.exchange(true)) return;
        if ((driver_features() & kVersion1) == 0) return;
        status_ |= kNeedsReset;
    }
    notify_config();
}

// ---- configuration ----

void Device::read_config(size_t offset, std::span<uint8_t> into) {
    config_reading();
    Locked lock(mutex_);
    generation_read_ = true;
    for (size_t i = 0; i < into.size(); ++i)
        into[i] = offset + i < config_.size() ? config_[offset + i] : uint8_t{0xff};
}

void Device::write_config(size_t offset, std::span<const uint8_t> from) {
    if (offset >= profile_.config_size || from.size() > profile_.config_size - offset) {
        log_guest_error("%s: write beyond the configuration", name().c_str());
        return;
    }
    config_written(offset, from);
}

void Device::config_written(size_t offset, std::span<const uint8_t>) {
    log_guest_error("%s: write to the read-only configuration at %zu", name().c_str(), offset);
}

uint8_t Device::config_generation() const {
    Locked lock(mutex_);
    return generation_;
}

void Device::set_config(size_t offset, std::span<const uint8_t> bytes) {
    Locked lock(mutex_);
    CHECK(offset + bytes.size() <= config_.size(), "%s: configuration at %zu", name().c_str(), offset);
    if (std::equal(bytes.begin(), bytes.end(), config_.begin() + static_cast<std::ptrdiff_t>(offset))) return;
    std::copy(bytes.begin(), bytes.end(), config_.begin() + static_cast<std::ptrdiff_t>(offset));
    if (std::exchange(generation_read_, false)) ++generation_;
}

void Device::on_main_loop(std::function<void()> work) {
    if (loop_.on_loop_thread()) return work();
    loop_.post([alive = std::weak_ptr<int>(alive_), work = std::move(work)] {
        if (alive.lock()) work();
    });
}

void Device::notify_config() {
    if (transport_ != nullptr) transport_->config_interrupt();
}

}  // namespace vmm::virtio
