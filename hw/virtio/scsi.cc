// The SCSI host; see scsi.h.
#include "hw/virtio/scsi.h"

#include <algorithm>

#include "backends/block/io_context.h"
#include "hw/core/device_env.h"
#include "hw/scsi/unit.h"
#include "util/log.h"

namespace vmm::virtio {

namespace {

// Features and configuration. Virtio 1.2, 5.6.3 and 5.6.4.
constexpr uint64_t kHotplug = bit(1), kChange = bit(2);
struct ScsiConfigSpace {
    Le32 num_queues;
    Le32 seg_max;
    Le32 max_sectors;
    Le32 cmd_per_lun;
    Le32 event_info_size;
    Le32 sense_size;
    Le32 cdb_size;
    Le16 max_channel;
    Le16 max_target;
    Le32 max_lun;
};
static_assert(sizeof(ScsiConfigSpace) == 36);
constexpr size_t kSenseSizeAt = offsetof(ScsiConfigSpace, sense_size),
                 kCdbSizeAt = offsetof(ScsiConfigSpace, cdb_size);
constexpr uint32_t kDefaultSense = 96, kDefaultCdb = 32, kMostSense = 65535, kMostCdb = 255;

constexpr unsigned kControlQueue = 0, kEventQueue = 1, kFirstRequestQueue = 2;
constexpr uint32_t kMostQueues = kMaxQueueSize - kFirstRequestQueue;
constexpr scsi::BusLimits kLimits = {.channels = 1, .targets = 256, .luns = 16384};

// Events.
struct ScsiEvent {
    Le32 event;
    ScsiLun lun;
    Le32 reason;
};
constexpr uint32_t kNoEvent = 0, kTransportReset = 1, kParamChange = 3, kEventsMissed = 0x80000000;
constexpr uint32_t kRescan = 1, kRemoved = 2;

// Control requests.
constexpr uint32_t kTaskManagement = 0, kNotifyQuery = 1, kNotifySubscribe = 2;
struct NotifyAnswer {
    Le32 events;
    uint8_t response;
};

}  // namespace

// ---- making it ----

Result<std::unique_ptr<Scsi>> Scsi::create(const ScsiConfig& config, DeviceEnv& env, const std::string& id) {
    const uint32_t queues = config.num_queues.value_or(std::min(env.cpus(), kMostQueues));
    block::IoContext* context = nullptr;
    if (!config.iothread.empty()) context = TRY(env.back_ends().iothread(config.iothread, "virtio-scsi-pci"));
    auto device = std::make_unique<Scsi>(config, queues, env, id.empty() ? "scsi.0" : id + ".0", context);
    const std::vector<uint16_t> sizes(kFirstRequestQueue + queues,
                                      static_cast<uint16_t>(config.virtqueue_size));
    TRY(device->make_queues(sizes));
    return device;
}

Scsi::Scsi(const ScsiConfig& config, uint32_t queues, DeviceEnv& env, std::string bus_name,
           block::IoContext* context)
    : Device({.id = DeviceId::Scsi,
              .name = "virtio-scsi",
              .features = (config.hotplug ? kHotplug : 0) | (config.param_change ? kChange : 0),
              .config_size = sizeof(ScsiConfigSpace)},
             env.dma(), env.loop()),
      config_(config),
      context_(context),
      bus_(std::move(bus_name), nullptr, kLimits, this, context),
      sense_size_(kDefaultSense),
      cdb_size_(kDefaultCdb) {
    ScsiConfigSpace c = {};
    c.num_queues = queues;
    c.seg_max = config.seg_max_adjust ? config.virtqueue_size - 2 : 126;
    c.max_sectors = config.max_sectors;
    c.cmd_per_lun = config.cmd_per_lun;
    c.event_info_size = sizeof(ScsiEvent);
    c.sense_size = kDefaultSense;
    c.cdb_size = kDefaultCdb;
    c.max_channel = 0;
    c.max_target = static_cast<uint16_t>(kLimits.targets - 1);
    c.max_lun = kLimits.luns - 1;
    set_config(0, bytes_of(c));
}

Scsi::~Scsi() = default;

// ---- where it works ----

EventLoop& Scsi::its_loop() {
    return context_ != nullptr && !left_ ? context_->loop() : main_loop();
}

void Scsi::on_its_loop(std::function<void()> work) {
    EventLoop& loop = its_loop();
    if (&loop == &main_loop()) return on_main_loop(std::move(work));
    if (loop.on_loop_thread()) return work();
    loop.post([there = std::weak_ptr<int>(there_), work = std::move(work)] {
        if (there.lock()) work();
    });
}

Status Scsi::plugged() {
    if (context_ == nullptr) return {};
    bus_.on_its_loop([this] {
        for (unsigned i = 0; i < queue_count(); ++i)
            queue(i).bind(context_->loop());
    });
    return {};
}

// The units have gone before.
void Scsi::unplugging() {
    if (context_ == nullptr) return;
    bus_.on_its_loop([this] {
        for (unsigned i = 0; i < queue_count(); ++i)
            queue(i).unbind();
        left_ = true;
    });
}

// ---- commands ----

void Scsi::handle(Queue& queue) {
    if (queue.index() >= kFirstRequestQueue) {
        serve(queue, [&] { return take_command(queue); });
    } else if (queue.index() == kControlQueue) {
        serve(queue, [&] { return take_control(queue); });
    } else if (events_missed_) {
        tell_event(kNoEvent, nullptr, 0);
    }
}

ScsiRequest& Scsi::take_request(Queue& queue) {
    ScsiRequest* request;
    if (free_ != nullptr) {
        request = std::exchange(free_, free_->next_free);
    } else {
        requests_.push_back(std::make_unique<ScsiRequest>(static_cast<scsi::Initiator&>(*this)));
        request = requests_.back().get();
    }
    request->queue = &queue;
    request->busy = true;
    return *request;
}

void Scsi::give_back(ScsiRequest& request) {
    request.busy = false;
    request.next_free = std::exchange(free_, &request);
}

Served Scsi::take_command(Queue& queue) {
    ScsiRequest& request = take_request(queue);
    if (!queue.pop(request.chain)) {
        give_back(request);
        return Served::None;
    }
    if (!request.parse(queue.memory(), cdb_size_, sense_size_)) {
        queue.discard(request.chain);
        give_back(request);
        broken("wrong size for virtio-scsi headers");
        return Served::None;
    }
    run(request);
    return Served::One;
}

void Scsi::run(ScsiRequest& request) {
    if (!request.address) return answer(request, ScsiResponse::BadTarget);
    // Both directions at once would need a feature of their own.
    if (request.data_in != 0 && request.data_out != 0) return answer(request, ScsiResponse::Failure);
    bus_.execute(request, *request.address);
}

bool Scsi::put(scsi::Request& one, uint64_t at, std::span<const uint8_t> from) {
    auto& request = static_cast<ScsiRequest&>(one);
    return copy_to(request.queue->memory(), request.chain.writable(), request.data_in_at() + at, from) ==
           from.size();
}

bool Scsi::get(scsi::Request& one, uint64_t at, std::span<uint8_t> into) {
    auto& request = static_cast<ScsiRequest&>(one);
    return copy_from(request.queue->memory(), request.chain.readable(), request.data_out_at() + at, into) ==
           into.size();
}

void Scsi::completed(scsi::Request& one) {
    auto& request = static_cast<ScsiRequest&>(one);
    ScsiResponse response = ScsiResponse::Ok;
    switch (request.outcome) {
        case scsi::Outcome::Done:
            if (request.wanted > std::max(request.data_in, request.data_out))
                response = ScsiResponse::Overrun;
            break;
        case scsi::Outcome::NoTarget:
            response = ScsiResponse::BadTarget;
            break;
        case scsi::Outcome::Aborted:
            response = ScsiResponse::Aborted;
            break;
        case scsi::Outcome::MemoryFailed:
            response = ScsiResponse::TransportFailure;
            break;
    }
    answer(request, response);
}

// Answers the driver, whatever the answer.
void Scsi::answer(ScsiRequest& request, ScsiResponse response) {
    Queue& queue = *request.queue;
    const std::optional<uint64_t> written = request.answer(queue.memory(), response);
    if (written)
        queue.complete(request.chain, *written);
    else
        queue.discard(request.chain);
    ScsiTask* waiter = std::exchange(request.waiter, nullptr);
    give_back(request);
    if (!written) broken("a command's answer is not in shared RAM");
    if (waiter != nullptr && --waiter->waits_for == 0) end_task(*waiter);
}

// ---- tasks ----

Served Scsi::take_control(Queue& queue) {
    auto task = std::make_unique<ScsiTask>();
    if (!queue.pop(task->chain)) return Served::None;
    task->queue = &queue;
    // What is shorter than a task may be one of the others, of which the type is all that matters.
    const auto got = copy_from(queue.memory(), task->chain.readable(), 0, writable_bytes_of(task->header));
    const uint32_t type = task->header.type;
    const bool typed = got.value_or(0) >= sizeof task->header.type;
    if (typed && type == kTaskManagement) {
        if (got == sizeof task->header && task->chain.writable_bytes() >= 1) {
            tasks_.push_back(std::move(task));
            manage(*tasks_.back());
            return Served::One;
        }
    } else if (typed && (type == kNotifyQuery || type == kNotifySubscribe)) {
        // There are none that a driver could ask for.
        const NotifyAnswer none = {0, static_cast<uint8_t>(ScsiResponse::Ok)};
        const auto bytes = bytes_of(none).first(5);
        if (copy_to(queue.memory(), task->chain.writable(), 0, bytes) == bytes.size()) {
            queue.complete(task->chain, bytes.size());
            return Served::One;
        }
    }
    queue.discard(task->chain);
    broken("wrong size for virtio-scsi headers");
    return Served::None;
}

std::vector<ScsiRequest*> Scsi::subjects(const ScsiTask& task, scsi::Unit& unit) {
    std::vector<ScsiRequest*> found;
    const auto kind = static_cast<ScsiTaskKind>(uint32_t{task.header.subtype});
    const bool one = kind == ScsiTaskKind::AbortTask || kind == ScsiTaskKind::QueryTask;
    for (const auto& request : requests_) {
        if (!request->busy || request->unit() != &unit) continue;
        if (!one || request->tag == task.header.tag) found.push_back(request.get());
    }
    return found;
}

void Scsi::manage(ScsiTask& task) {
    using enum ScsiTaskKind;
    const std::optional<scsi::Address> address = address_of(task.header.lun);
    const auto kind = static_cast<ScsiTaskKind>(uint32_t{task.header.subtype});
    scsi::Unit* unit = address ? bus_.find(*address) : nullptr;
    const bool target = address && bus_.find_target(address->channel, address->target) != nullptr;
    if (kind == NexusReset && target) {
        for (scsi::Unit* each : bus_.units())
            if (each->address().target == address->target) each->reset(scsi::kDeviceReset);
        return end_task(task);
    }
    if (kind > QueryTaskSet || kind == ClearAca) {
        task.response = ScsiResponse::Rejected;
        return end_task(task);
    }
    if (unit == nullptr) {
        task.response = target ? ScsiResponse::IncorrectLun : ScsiResponse::BadTarget;
        return end_task(task);
    }
    const std::vector<ScsiRequest*> all = subjects(task, *unit);
    if (kind == QueryTask || kind == QueryTaskSet) {
        if (!all.empty()) task.response = ScsiResponse::Succeeded;
        return end_task(task);
    }
    // Held up by itself, so that requests that end at once do not end it.
    ++task.waits_for;
    for (ScsiRequest* request : all) {
        if (request->waiter != nullptr) continue;
        request->waiter = &task;
        ++task.waits_for;
        if (kind != UnitReset) unit->abort(*request);
    }
    if (kind == UnitReset) unit->reset(scsi::kDeviceReset);
    if (--task.waits_for == 0) end_task(task);
}

void Scsi::end_task(ScsiTask& task) {
    const auto code = static_cast<uint8_t>(task.response);
    Queue& queue = *task.queue;
    if (copy_to(queue.memory(), task.chain.writable(), 0, bytes_of(code)) == sizeof code)
        queue.complete(task.chain, sizeof code);
    else
        queue.discard(task.chain);
    std::erase_if(tasks_, [&](const auto& other) { return other.get() == &task; });
}

// ---- events ----

void Scsi::unit_plugged(scsi::Unit& unit) {
    const scsi::Address address = unit.address();
    bus_.on_its_loop([&] {
        if (has(kHotplug)) tell_event(kTransportReset, &address, kRescan);
    });
}

void Scsi::unit_unplugging(scsi::Unit& unit) {
    const scsi::Address address = unit.address();
    bus_.on_its_loop([&] {
        unit.abort_all();
        if (has(kHotplug)) tell_event(kTransportReset, &address, kRemoved);
    });
}

void Scsi::unit_changed(scsi::Unit& unit, scsi::Sense sense) {
    const scsi::Address address = unit.address();
    on_its_loop([this, address, sense] {
        if (has(kChange)) tell_event(kParamChange, &address, sense.code | uint32_t{sense.qualifier} << 8);
    });
}

void Scsi::tell_event(uint32_t event, const scsi::Address* address, uint32_t reason) {
    if (!running()) return;
    Queue& queue = this->queue(kEventQueue);
    if (!queue.pop(event_)) {
        events_missed_ = true;
        (void)queue.set_notify(true);
        return;
    }
    if (std::exchange(events_missed_, false)) event |= kEventsMissed;
    const ScsiEvent message{event, address != nullptr ? lun_of(*address) : ScsiLun{}, reason};
    const auto written = copy_to(queue.memory(), event_.writable(), 0, bytes_of(message));
    queue.complete(event_, written.value_or(0));
}

// ---- start and stop ----

// What is under way ends as aborted, and goes back to nowhere.
void Scsi::queue_stopped(Queue& queue) {
    if (queue.index() < kFirstRequestQueue) return;
    on_its_loop([this, &queue] {
        for (const auto& request : requests_) {
            if (!request->busy || request->queue != &queue || !queue.stale(request->chain)) continue;
            if (request->unit() != nullptr) request->unit()->abort(*request);
        }
    });
}

void Scsi::was_reset() {
    sense_size_ = kDefaultSense;
    cdb_size_ = kDefaultCdb;
    set_config_field<uint32_t>(kSenseSizeAt, kDefaultSense);
    set_config_field<uint32_t>(kCdbSizeAt, kDefaultCdb);
    on_its_loop([this] {
        // A driver that is back already has commands of its own.
        const bool back = running();
        if (!back) events_missed_ = false;
        for (scsi::Unit* unit : bus_.units()) {
            if (back)
                unit->attention(scsi::kPowerOnReset);
            else
                unit->reset(scsi::kPowerOnReset);
        }
    });
}

void Scsi::config_written(size_t offset, std::span<const uint8_t> bytes) {
    const bool sense = offset == kSenseSizeAt, cdb = offset == kCdbSizeAt;
    if (bytes.size() != 4 || (!sense && !cdb)) return Device::config_written(offset, bytes);
    const auto value = load_le<uint32_t>(bytes.data());
    if (value > (sense ? kMostSense : kMostCdb)) {
        broken("bad data written to virtio-scsi configuration space");
        return;
    }
    (sense ? sense_size_ : cdb_size_) = value;
    set_config(offset, bytes);
}

// ---- on PCI ----

Status ScsiPci::check(const Config& config) {
    if (config.num_queues && (*config.num_queues == 0 || *config.num_queues > kMostQueues))
        return Error::make("Invalid number of queues (= %u), must be a positive integer less than %u.",
                           *config.num_queues, kMostQueues + 1);
    if (config.virtqueue_size < 4 || config.virtqueue_size > kMaxQueueSize ||
        !is_power_of_two(config.virtqueue_size))
        return Error::make("invalid virtqueue_size property (= %u), must be a power of 2 from 4 to %u.",
                           config.virtqueue_size, kMaxQueueSize);
    return check_pci_config(config);
}

Result<std::unique_ptr<PciTransport>> ScsiPci::create(const Config& config, DeviceEnv& env,
                                                      const std::string& id) {
    std::unique_ptr<Scsi> device = TRY(Scsi::create(config, env, id));
    const PciKind kind = {.type = kInfo.name,
                          .class_code = 0x010000,
                          .legacy_id = 0x1004,
                          .vectors = device->queue_count() + 1};
    return PciTransport::create(kind, config, env, std::move(device), id);
}

}  // namespace vmm::virtio
