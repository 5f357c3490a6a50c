// The entropy device; see rng.h.
#include "hw/virtio/rng.h"

#include <algorithm>

#include "hw/core/device_env.h"

namespace vmm::virtio {

namespace {

constexpr uint16_t kQueueSize = 8;
constexpr int64_t kMillisecond = 1'000'000;
// Of one buffer; a driver asks for a few dozen and may be given fewer than it asked for.
constexpr size_t kMostAtOnce = 64 * kKiB;

}  // namespace

Result<std::unique_ptr<Entropy>> Entropy::create(const RngConfig& config, DeviceEnv& env) {
    Rng* source = nullptr;
    if (!config.rng.empty()) source = TRY(env.back_ends().rng(config.rng, "virtio-rng"));
    auto device = std::make_unique<Entropy>(config, source, env);
    const uint16_t sizes[] = {kQueueSize};
    TRY(device->make_queues(sizes));
    return device;
}

Entropy::Entropy(const RngConfig& config, Rng* source, DeviceEnv& env)
    : Device({.id = DeviceId::Entropy, .name = "virtio-rng"}, env.dma(), env.loop()),
      config_(config),
      source_(source != nullptr ? *source : builtin_),
      clock_(env.virtual_clock()),
      timer_(clock_.make_timer([this] { queue(0).kick(); })),
      left_(config.max_bytes) {}

Entropy::~Entropy() {
    source_.forget(*this);
}

void Entropy::start_period() {
    const int64_t now = clock_.now_ns();
    if (now < period_ends_) return;
    period_ends_ = now + config_.period * kMillisecond;
    left_ = config_.max_bytes;
}

void Entropy::handle(Queue& queue) {
    serve(queue, [&] { return fill(queue); });
}

// One buffer.
Served Entropy::fill(Queue& queue) {
    start_period();
    if (left_ == 0) {
        timer_->arm(period_ends_);
        return Served::Paused;
    }
    if (!queue.pop(chain_)) return Served::None;
    const uint64_t wanted = std::min({chain_.writable_bytes(), uint64_t{kMostAtOnce}, left_});
    std::array<uint8_t, 256> bytes;
    uint64_t done = 0;
    while (done < wanted) {
        const auto piece = std::span(bytes).first(std::min<uint64_t>(bytes.size(), wanted - done));
        const size_t got = source_.take(piece, *this);
        if (got == 0) break;
        if (!copy_to(queue.memory(), chain_.writable(), done, piece.first(got))) {
            queue.discard(chain_);
            broken("a buffer is not in shared RAM");
            return Served::None;
        }
        done += got;
    }
    if (done == 0 && wanted != 0) {
        queue.unpop(chain_);
        return Served::Paused;
    }
    left_ -= done;
    queue.complete(chain_, done);
    return Served::One;
}

Status RngPci::check(const Config& config) {
    if (config.max_bytes > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        return Error::make("'max-bytes' parameter must be non-negative, and less than 2^63");
    if (config.period == 0) return Error::make("'period' parameter expects a positive integer");
    return check_pci_config(config);
}

Result<std::unique_ptr<PciTransport>> RngPci::create(const Config& config, DeviceEnv& env,
                                                     const std::string& id) {
    static constexpr PciKind kKind = {
        .type = kInfo.name, .class_code = 0x00ff00, .legacy_id = 0x1005, .vectors = 2};
    return PciTransport::create(kKind, config, env, TRY(Entropy::create(config, env)), id);
}

}  // namespace vmm::virtio
