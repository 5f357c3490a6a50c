// Device: what every virtio device is, whatever carries it: feature negotiation, the status register, the
// configuration space, its queues and their start, stop and reset. Virtio 1.2, chapters 2 and 3. A transport
// drives it on behalf of the guest; a kind of device (rng, blk, ...) derives from it, gives its Profile and
// queues, and takes buffers in handle().
//
// Threads: the driver's side is called by any vCPU thread; one mutex (rank Device) guards status, features,
// configuration and the queues' settings, and is not held while a hook runs. handle() runs on the queue's
// loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hw/core/device.h"
#include "hw/virtio/features.h"
#include "hw/virtio/queue.h"
#include "hw/virtio/transport.h"
#include "system/memory/dma_space.h"
#include "util/event_loop.h"
#include "util/mutex.h"
#include "util/result.h"

namespace vmm::virtio {

// What makes a kind of device.
struct Profile {
    DeviceId id;
    std::string name;        // for messages
    uint64_t features = 0;   // its own, without those every device has
    size_t config_size = 0;  // bytes
};

class Device : private QueueOwner {
  public:
    // Memory and loop (the main thread's) outlive the device.
    Device(Profile profile, DmaSpace& memory, EventLoop& loop);
    ~Device() override;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    // Once, before the guest runs. `common`: the features of every device that this one is to offer. The
    // transport outlives the device's last interrupt.
    void connect(Transport& transport, uint64_t common);

    DeviceId device_id() const { return profile_.id; }
    const std::string& name() const { return profile_.name; }
    size_t config_size() const { return profile_.config_size; }
    unsigned queue_count() const { return static_cast<unsigned>(queues_.size()); }
    Queue& queue(unsigned index) { return *queues_[index]; }

    // ---- the driver's side, for the transport ----

    uint64_t offered_features() const { return profile_.features | common_; }
    uint64_t driver_features() const;
    // Bits that `mask` selects; has no effect any more once the features are agreed upon.
    void set_driver_features(uint64_t features, uint64_t mask);
    uint8_t status() const;
    // 0 resets.
    void set_status(uint8_t status);
    void reset();
    // All ones and nothing beyond its end.
    void read_config(size_t offset, std::span<uint8_t> into);
    void write_config(size_t offset, std::span<const uint8_t> from);
    // Changes when several fields may have changed since it was read before.
    uint8_t config_generation() const;

    // The settings of a queue, with the device's lock held.
    template <typename Change>
    auto with_queue(unsigned index, Change change) {
        Locked lock(mutex_);
        return change(static_cast<const Queue&>(*queues_[index]));
    }
    template <typename Change>
    void set_queue_place(unsigned index, Change change) {
        Locked lock(mutex_);
        Queue& q = *queues_[index];
        if (!q.enabled) change(q.place);
    }
    void enable_queue(unsigned index);
    void reset_queue(unsigned index);

    // What the transport forbids (no bus mastering): buffers wait until it is allowed again. Any thread.
    void allow_dma(bool allowed);

    // ---- for whoever owns it; main thread ----

    // It was plugged in, and is about to be taken out.
    virtual Status plugged() { return {}; }
    virtual void unplugging() {}
    // The buses it gives; they live as long as it does.
    virtual std::span<DeviceBus* const> buses() { return {}; }
    virtual BalloonControl* as_balloon() { return nullptr; }
    virtual std::vector<QomProperty> live_properties();
    // What firmware learns of it.
    virtual std::vector<vmm::Device::BootPlace> boot_places() const { return {}; }
    virtual std::optional<vmm::Device::BiosGeometry> bios_geometry() const { return std::nullopt; }

  protected:
    // The queues, by index; once, when the device is made. Size 0: the index stays empty.
    Status make_queues(std::span<const uint16_t> sizes);

    // ---- hooks; no lock held ----

    // Buffers may be there. On the queue's loop.
    virtual void handle(Queue& queue) = 0;
    // The driver is ready. Any thread.
    virtual void started() {}
    // The queue was stopped: buffers that the device only keeps for later are given back (Queue::discard),
    // and what is under way is ended soon. Any thread; may be called for a queue that never ran.
    virtual void queue_stopped(Queue& queue) { (void)queue; }
    // The device was reset (after queue_stopped() for each queue): state of its own.
    virtual void was_reset() {}
    // The driver wrote writable fields; the default is a guest error.
    virtual void config_written(size_t offset, std::span<const uint8_t> bytes);
    // The driver is about to read; for fields that are computed.
    virtual void config_reading() {}
    virtual bool accepts(uint64_t features) const {
        (void)features;
        return true;
    }

    // ---- for the kind of device ----

    // Agreed upon, or (legacy) as the driver wrote them.
    bool has(uint64_t feature) const { return (features_.load(std::memory_order_acquire) & feature) != 0; }
    bool running() const { return (status() & kDriverOk) != 0; }
    // The transport lets the device touch guest memory.
    bool dma_allowed() const { return dma_allowed_; }
    // The device's own writes to the configuration. notify_config() tells the driver.
    void set_config(size_t offset, std::span<const uint8_t> bytes);
    template <typename T>
    void set_config_field(size_t offset, T value) {
        const LeNumber<T> field(value);
        set_config(offset, bytes_of(field));
    }
    void notify_config();
    // The driver did what the device cannot go on after: it must reset the device.
    [[gnu::format(printf, 2, 3)]] void broken(const char* format, ...);
    void set_offered(uint64_t features) { profile_.features = features; }

    EventLoop& main_loop() { return loop_; }
    // Now when the caller is on the main loop's thread, else there soon, unless the device is gone by then.
    void on_main_loop(std::function<void()> work);
    DmaSpace& dma() { return memory_; }

  private:
    void queue_kicked(Queue& queue) final;
    void queue_interrupt(Queue& queue) final;
    void queue_broken(Queue& queue, const std::string& why) final;
    void queue_drained(Queue& queue) final;

    bool may_start(const Queue& queue) const REQUIRES(mutex_);
    // What is wrong with the queue, if anything.
    std::string start(Queue& queue) REQUIRES(mutex_);
    std::string start_queues() REQUIRES(mutex_);
    bool any_draining() const;
    void finish_reset() REQUIRES(mutex_);
    void wait_for_drain() const;
    uint8_t checked_status(uint8_t wanted) REQUIRES(mutex_);
    void kick_all();

    Profile profile_;
    DmaSpace& memory_;
    EventLoop& loop_;
    Transport* transport_ = nullptr;
    uint64_t common_ = 0;
    std::vector<std::unique_ptr<Queue>> queues_;

    mutable Mutex mutex_{LockRank::Device, "virtio device"};
    std::vector<uint8_t> config_ GUARDED_BY(mutex_);
    uint8_t generation_ GUARDED_BY(mutex_) = 0;
    bool generation_read_ GUARDED_BY(mutex_) = false;
    uint8_t status_ GUARDED_BY(mutex_) = 0;
    bool resetting_ GUARDED_BY(mutex_) = false;  // waits for buffers in hand; the status reads as before
    std::atomic<uint64_t> features_{0};          // written under mutex_
    std::atomic<bool> broken_{false};
    std::atomic<bool> dma_allowed_{true};
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace vmm::virtio
