// The block device; see blk.h.
#include "hw/virtio/blk.h"

#include <algorithm>
#include <array>
#include <bit>

#include "backends/block/graph.h"
#include "hw/core/device_env.h"
#include "util/run_on.h"

namespace vmm::virtio {

namespace {

// Features. Virtio 1.2, 5.2.3.
constexpr uint64_t kSegMax = bit(2), kGeometry = bit(4), kReadOnly = bit(5), kBlkSize = bit(6),
                   kFlush = bit(9), kTopology = bit(10), kConfigWce = bit(11), kMultiQueue = bit(12),
                   kDiscard = bit(13), kWriteZeroes = bit(14);

struct BlkConfigSpace {
    Le64 capacity;
    Le32 size_max;
    Le32 seg_max;
    Le16 cylinders;
    uint8_t heads;
    uint8_t sectors;
    Le32 blk_size;
    uint8_t physical_block_exp;
    uint8_t alignment_offset;
    Le16 min_io_size;
    Le32 opt_io_size;
    uint8_t writeback;
    uint8_t unused0;
    Le16 num_queues;
    Le32 max_discard_sectors;
    Le32 max_discard_seg;
    Le32 discard_sector_alignment;
    Le32 max_write_zeroes_sectors;
    Le32 max_write_zeroes_seg;
    uint8_t write_zeroes_may_unmap;
    uint8_t unused1[3];
};
static_assert(sizeof(BlkConfigSpace) == 60);
constexpr size_t kWritebackAt = offsetof(BlkConfigSpace, writeback);
constexpr size_t kShortConfig = offsetof(BlkConfigSpace, max_discard_sectors);

constexpr uint32_t kMostSectors = 4194303;  // 2 GiB less one sector
constexpr unsigned kMostQueues = 1024;

size_t config_bytes(const BlkConfig& config) {
    return config.discard || config.write_zeroes ? sizeof(BlkConfigSpace) : kShortConfig;
}

}  // namespace

// ---- making it ----

Status Blk::check(const BlkConfig& config) {
    if (config.scsi) return Error::make("scsi=on is not supported: use virtio-scsi-pci for SCSI commands");
    if (!is_power_of_two(config.queue_size) || config.queue_size < 4 || config.queue_size > kMaxQueueSize)
        return Error::make("invalid queue-size property (%u), must be a power of 2 from 4 to %u",
                           config.queue_size, kMaxQueueSize);
    if (config.num_queues && (*config.num_queues == 0 || *config.num_queues > kMostQueues))
        return Error::make("num-queues property must be between 1 and %u", kMostQueues);
    if (config.discard && (config.max_discard_sectors == 0 || config.max_discard_sectors > kMostSectors))
        return Error::make("invalid max-discard-sectors property (%u), must be between 1 and %u",
                           config.max_discard_sectors, kMostSectors);
    if (config.write_zeroes &&
        (config.max_write_zeroes_sectors == 0 || config.max_write_zeroes_sectors > kMostSectors))
        return Error::make("invalid max-write-zeroes-sectors property (%u), must be between 1 and %u",
                           config.max_write_zeroes_sectors, kMostSectors);
    TRY(check_geometry(config, kWideGeometryLimits));
    (void)TRY(block_sizes(config, kSector));
    return {};
}

Result<std::unique_ptr<Blk>> Blk::create(const BlkConfig& config, DeviceEnv& env, const std::string& id) {
    TRY(check(config));
    const auto queues = static_cast<uint16_t>(config.num_queues.value_or(std::min(env.cpus(), kMostQueues)));
    auto device = std::make_unique<Blk>(config, TRY(block_sizes(config, kSector)), queues, env);
    TRY(device->take_drive(env, id));
    const std::vector<uint16_t> sizes(queues, config.queue_size);
    TRY(device->make_queues(sizes));
    for (unsigned i = 0; i < queues; ++i) {
        device->lanes_[i].queue = &device->queue(i);
        device->lanes_[i].done = tell_driver;
        device->lanes_[i].merger = BlkMerger(config.request_merging);
    }
    return device;
}

Blk::Blk(const BlkConfig& config, const BlockSizes& sizes, uint16_t queues, DeviceEnv& env)
    : Device({.id = DeviceId::Block, .name = "virtio-blk", .config_size = config_bytes(config)}, env.dma(),
             env.loop()),
      config_(config),
      sizes_(sizes),
      queue_count_(queues),
      lanes_(queues) {}

Blk::~Blk() = default;

Status Blk::take_drive(DeviceEnv& env, const std::string& id) {
    DiskKind kind{.type = "virtio-blk-pci", .below_device = true};
    if (!config_.iothread.empty()) kind.context = TRY(env.back_ends().iothread(config_.iothread, kind.type));
    drive_ = TRY(attach_disk(config_, kind, env, id, *this));
    context_ = kind.context != nullptr ? kind.context : &env.back_ends().block_graph().context();
    first_write_cache_ = drive_->write_cache();
    set_offered(offer());
    fill_config();
    return {};
}

uint64_t Blk::offer() const {
    uint64_t features = kSegMax | kGeometry | kBlkSize | kTopology;
    if (drive_->read_only()) features |= kReadOnly;
    if (config_.config_wce) features |= kConfigWce;
    if (drive_->write_cache()) features |= kFlush;
    if (queue_count_ > 1) features |= kMultiQueue;
    if (config_.discard && sizes_.discard != 0) features |= kDiscard;
    if (config_.write_zeroes) features |= kWriteZeroes;
    return features;
}

void Blk::fill_config() {
    BlkConfigSpace c = {};
    const uint64_t sectors = drive_->size() / kSector;
    const Geometry geometry = physical_geometry(config_, sectors);
    const uint32_t block_sectors = sizes_.logical / static_cast<uint32_t>(kSector);
    c.capacity = sectors;
    c.seg_max = config_.seg_max_adjust ? config_.queue_size - 2u : 126u;
    c.cylinders = static_cast<uint16_t>(geometry.cylinders);
    c.heads = static_cast<uint8_t>(geometry.heads);
    // A track holds whole blocks.
    c.sectors = static_cast<uint8_t>(geometry.sectors & ~(block_sectors - 1));
    c.blk_size = sizes_.logical;
    c.physical_block_exp = static_cast<uint8_t>(std::countr_zero(sizes_.physical / sizes_.logical));
    c.min_io_size = static_cast<uint16_t>(sizes_.min_io / sizes_.logical);
    c.opt_io_size = sizes_.opt_io / sizes_.logical;
    c.writeback = drive_->write_cache() ? 1 : 0;
    c.num_queues = queue_count_;
    c.max_discard_sectors = config_.max_discard_sectors;
    c.max_discard_seg = 1;
    c.discard_sector_alignment = (config_.report_discard_granularity ? sizes_.discard : sizes_.logical) /
                                 static_cast<uint32_t>(kSector);
    c.max_write_zeroes_sectors = config_.max_write_zeroes_sectors;
    c.max_write_zeroes_seg = 1;
    c.write_zeroes_may_unmap = 1;
    set_config(0, bytes_of(c).first(config_bytes(config_)));
}

// Runs the work on the thread of the drive's loop and returns when it is done. Main thread, no lock held.
void Blk::on_its_loop(const std::function<void()>& work) {
    if (&context_->loop() == &main_loop()) return work();
    run_on(context_->loop(), work);
}

Status Blk::plugged() {
    on_its_loop([this] {
        for (Lane& lane : lanes_)
            lane.queue->bind(context_->loop());
    });
    return {};
}

void Blk::unplugging() {
    on_its_loop([this] {
        for (Lane& lane : lanes_)
            lane.queue->unbind();
    });
    drive_->cancel_parked();
    drive_->drain();
    // What ended last may still be on its way to the driver.
    on_its_loop([this] {
        for (Lane& lane : lanes_)
            while (lane.telling)
                (void)context_->poll(false);
    });
}

std::vector<vmm::Device::BootPlace> Blk::boot_places() const {
    if (!config_.bootindex) return {};
    return {{*config_.bootindex, "/disk@0,0"}};
}

std::optional<vmm::Device::BiosGeometry> Blk::bios_geometry() const {
    const std::optional<Geometry> g = vmm::bios_geometry(config_);
    if (!g) return std::nullopt;
    return vmm::Device::BiosGeometry{g->cylinders, g->heads, g->sectors, "/disk@0,0"};
}

// ---- the driver's wishes ----

void Blk::started() {
    if (!has(kConfigWce)) drive_->set_write_cache(has(kFlush));
}

void Blk::was_reset() {
    if (!drive_) return;
    if (main_loop().on_loop_thread()) {
        drive_->cancel_parked();
        drive_->drain();
    }
    drive_->set_write_cache(first_write_cache_);
    set_config_field<uint8_t>(kWritebackAt, first_write_cache_ ? 1 : 0);
}

void Blk::config_written(size_t offset, std::span<const uint8_t> bytes) {
    if (offset != kWritebackAt || bytes.size() != 1 || !has(kConfigWce)) {
        Device::config_written(offset, bytes);
        return;
    }
    const bool on = bytes[0] != 0;
    drive_->set_write_cache(on);
    set_config_field<uint8_t>(kWritebackAt, on ? 1 : 0);
}

void Blk::resized() {
    set_config_field<uint64_t>(0, drive_->size() / kSector);
    notify_config();
}

// ---- requests; on the drive's loop ----

BlkLimits Blk::limits() const {
    return {.capacity = drive_->size(),
            .block = sizes_.logical,
            .max_discard_sectors = config_.max_discard_sectors,
            .max_write_zeroes_sectors = config_.max_write_zeroes_sectors,
            .read_only = drive_->read_only(),
            .discard = has(kDiscard),
            .write_zeroes = has(kWriteZeroes)};
}

void Blk::handle(Queue& queue) {
    const BlkLimits now = limits();
    Lane& lane = lanes_[queue.index()];
    lane.serving = true;
    serve(
        queue, [&] { return take_some(lane, now); }, [&] { show_ended(lane); });
    // What was held back, what the ring or the workers have by now, and what the budget put off.
    lane.merger.flush(*drive_);
    (void)context_->poll(false);
    lane.serving = false;
    give_back_ended(lane);
}

void Blk::show_ended(Lane& lane) {
    lane.merger.flush(*drive_);
    (void)context_->reap();
    give_back_ended(lane);
    context_->take_times();
}

// Under one lock, with one look at whether the driver wants to know.
void Blk::give_back_ended(Lane& lane) {
    std::array<Queue::Used, kShowAfter> used;
    for (std::span<BlkRequest* const> left = lane.ended; !left.empty();) {
        const size_t count = std::min(left.size(), used.size());
        for (size_t i = 0; i < count; ++i)
            used[i] = {&left[i]->chain, left[i]->written};
        lane.queue->complete(std::span(used).first(count));
        left = left.subspan(count);
    }
    for (BlkRequest* one : lane.ended)
        lane.idle.push_back(one);
    lane.ended.clear();
}

ServedSome Blk::take_some(Lane& lane, const BlkLimits& limits) {
    while (lane.idle.size() < kShowAfter) {
        lane.all.push_back(std::make_unique<BlkRequest>(*lane.queue, completed));
        lane.idle.push_back(lane.all.back().get());
    }
    std::array<BlkRequest*, kShowAfter> requests;
    std::array<Chain*, kShowAfter> chains;
    const unsigned wanted = lane.at_once;
    for (unsigned i = 0; i < wanted; ++i) {
        requests[i] = lane.idle[lane.idle.size() - 1 - i];
        chains[i] = &requests[i]->chain;
    }
    const auto taken = static_cast<unsigned>(lane.queue->pop(std::span(chains).first(wanted)));
    lane.idle.resize(lane.idle.size() - taken);
    const bool more = taken == wanted;  // perhaps
    if (taken != 0) lane.at_once = std::clamp(more ? 2 * taken : taken + 1, 2u, kShowAfter);
    for (unsigned i = 0; i < taken; ++i)
        run(*requests[i], limits, taken == 1 && !more);
    return {taken, more ? Served::One : Served::None};
}

void Blk::run(BlkRequest& request, const BlkLimits& limits, bool alone) {
    Queue& queue = request.queue;
    request.user = this;
    const char* wrong = request.parse(queue.memory());
    if (wrong != nullptr) {
        queue.discard(request.chain);
        lanes_[queue.index()].idle.push_back(&request);
        broken("%s", wrong);
        return;
    }
    if (request.header.type == static_cast<uint32_t>(BlkType::GetId)) return finish(request, get_id(request));
    const std::optional<BlkStatus> refused = request.prepare(queue.memory(), limits);
    if (refused) return finish(request, *refused);
    BlkMerger& merger = lanes_[queue.index()].merger;
    if (alone && !merger.holds()) return drive_->submit(request);
    merger.add(*drive_, request);
}

BlkStatus Blk::get_id(BlkRequest& request) {
    std::array<uint8_t, kBlkIdBytes> name = {};
    std::copy_n(config_.serial.begin(), std::min(config_.serial.size(), name.size()), name.begin());
    const uint64_t room = std::min<uint64_t>(request.chain.writable_bytes() - 1, name.size());
    const bool good =
        copy_to(request.queue.memory(), request.chain.writable(), 0, std::span(name).first(room)).has_value();
    return good ? BlkStatus::Ok : BlkStatus::IoError;
}

void Blk::completed(block::DiskRequest& one) {
    auto& request = static_cast<BlkRequest&>(one);
    BlkStatus status = BlkStatus::Ok;
    if (request.result == -ENOTSUP)
        status = BlkStatus::Unsupported;
    else if (request.result < 0)
        status = BlkStatus::IoError;
    request.user->finish(request, status);
}

void Blk::finish(BlkRequest& request, BlkStatus status) {
    Queue& queue = request.queue;
    Lane& lane = lanes_[queue.index()];
    if (!request.answer(queue.memory(), status)) {
        queue.discard(request.chain);
        lane.idle.push_back(&request);
        broken("a request's status is not in shared RAM");
        return;
    }
    if (lane.serving) {
        lane.ended.push_back(&request);
        return;
    }
    queue.push(request.chain, request.written);
    lane.idle.push_back(&request);
    if (!std::exchange(lane.telling, true)) context_->tell(lane);
}

void Blk::tell_driver(block::Job& job) {
    auto& lane = static_cast<Lane&>(job);
    lane.telling = false;
    lane.queue->publish();
}

// ---- on PCI ----

Status BlkPci::check(const Config& config) {
    TRY(check_pci_config(config));
    return Blk::check(config);
}

Result<std::unique_ptr<PciTransport>> BlkPci::create(const Config& config, DeviceEnv& env,
                                                     const std::string& id) {
    std::unique_ptr<Blk> device = TRY(Blk::create(config, env, id));
    const PciKind kind = {.type = kInfo.name,
                          .class_code = 0x010000,
                          .legacy_id = 0x1001,
                          .vectors = device->queue_count() + 1};
    return PciTransport::create(kind, config, env, std::move(device), id);
}

}  // namespace vmm::virtio
