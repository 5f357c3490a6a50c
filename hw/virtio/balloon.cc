// The balloon; see balloon.h.
#include "hw/virtio/balloon.h"

#include <algorithm>

#include "hw/core/device_env.h"
#include "qom/node.h"
#include "util/log.h"

namespace vmm::virtio {

namespace {

// Features and configuration. Virtio 1.2, 5.5.3 and 5.5.4.
constexpr uint64_t kStats = bit(1), kDeflateOnOom = bit(2), kPagePoison = bit(4), kReporting = bit(5);
constexpr size_t kTargetAt = 0, kActualAt = 4, kPoisonAt = 12, kConfigSize = 16;

constexpr unsigned kInflateQueue = 0, kDeflateQueue = 1, kStatsQueue = 2, kReportQueue = 3;
constexpr uint16_t kQueueSize = 128, kReportQueueSize = 32;
// Pages of one buffer; drivers give 256.
constexpr uint64_t kMostPages = 64 * kKiB;
constexpr size_t kStatBytes = 10, kMostStats = 64;
constexpr int64_t kSecond = 1'000'000'000;

constexpr std::array<std::string_view, BalloonStats::kTags> kStatNames = {
    "stat-swap-in",      "stat-swap-out",     "stat-major-faults",     "stat-minor-faults",
    "stat-free-memory",  "stat-total-memory", "stat-available-memory", "stat-disk-caches",
    "stat-htlb-pgalloc", "stat-htlb-pgfail"};

uint64_t features_of(const BalloonConfig& config) {
    return kStats | (config.deflate_on_oom ? kDeflateOnOom : 0) | (config.page_poison ? kPagePoison : 0) |
           (config.free_page_reporting ? kReporting : 0);
}

}  // namespace

std::string_view balloon_stat_name(size_t tag) {
    return kStatNames[tag];
}

Result<std::unique_ptr<Balloon>> Balloon::create(const BalloonConfig& config, DeviceEnv& env) {
    auto device = std::make_unique<Balloon>(config, env);
    std::vector<uint16_t> sizes = {kQueueSize, kQueueSize, kQueueSize};
    if (config.free_page_reporting) sizes.push_back(kReportQueueSize);
    TRY(device->make_queues(sizes));
    return device;
}

Balloon::Balloon(const BalloonConfig& config, DeviceEnv& env)
    : Device({.id = DeviceId::Balloon,
              .name = "virtio-balloon",
              .features = features_of(config),
              .config_size = kConfigSize},
             env.dma(), env.loop()),
      config_(config),
      pages_(env.dma().space(), env.conversions(), env.guest_needs().pinned_memory),
      clock_(env.virtual_clock()),
      host_clock_(env.host_clock()),
      reports_(env.back_ends().reports()),
      timer_(clock_.make_timer([this] { ask_for_stats(); })) {}

Balloon::~Balloon() = default;

// ---- management ----

void Balloon::set_target(uint64_t bytes) {
    set_config_field<uint32_t>(kTargetAt, static_cast<uint32_t>(bytes / BalloonPages::kPage));
    notify_config();
}

uint64_t Balloon::given_back() const {
    return actual_ * BalloonPages::kPage;
}

void Balloon::set_polling(uint32_t seconds) {
    polling_s_ = seconds;
    if (seconds == 0)
        timer_->disarm();
    else
        timer_->arm(clock_.now_ns() + seconds * kSecond);
}

BalloonStats Balloon::stats() const {
    Locked lock(stats_mutex_);
    return stats_;
}

std::vector<QomProperty> Balloon::live_properties() {
    const auto stats_now = [this]() -> Result<qapi::Value> {
        const BalloonStats now = stats();
        qapi::Dict by_name;
        for (size_t tag = 0; tag < BalloonStats::kTags; ++tag)
            by_name.set(std::string(balloon_stat_name(tag)), now.value[tag]);
        return qapi::Value(qapi::Dict{{"stats", std::move(by_name)}, {"last-update", now.last_update_s}});
    };
    const auto set_interval = [this](const qapi::Value& value) -> Status {
        const std::optional<int64_t> seconds = value.as_i64();
        if (!seconds || *seconds < 0 || *seconds > UINT32_MAX)
            return Error::make("Property 'guest-stats-polling-interval' expects seconds, 0 to 4294967295");
        set_polling(static_cast<uint32_t>(*seconds));
        return {};
    };
    return {{"guest-stats", "guest statistics", stats_now},
            {"guest-stats-polling-interval", "int",
             [this]() -> Result<qapi::Value> { return qapi::Value(int64_t{polling()}); }, set_interval}};
}

// ---- queues ----

void Balloon::handle(Queue& queue) {
    switch (queue.index()) {
        case kInflateQueue:
        case kDeflateQueue:
            serve(queue, [&] { return take_pages(queue, queue.index() == kInflateQueue); });
            break;
        case kStatsQueue:
            take_stats(queue);
            break;
        case kReportQueue:
            serve(queue, [&] { return take_report(queue); });
            break;
        default:
            break;
    }
}

// What is deflated needs nothing: a page comes back when it is touched.
Served Balloon::take_pages(Queue& queue, bool inflate) {
    if (!queue.pop(chain_)) return Served::None;
    const uint64_t pages = std::min(chain_.readable_bytes() / sizeof(Le32), kMostPages);
    if (chain_.readable_bytes() / sizeof(Le32) > kMostPages)
        log_guest_error("virtio-balloon: more than %llu pages at once",
                        static_cast<unsigned long long>(kMostPages));
    std::array<Le32, 256> numbers;
    for (uint64_t at = 0; inflate && at < pages; at += numbers.size()) {
        const auto count = static_cast<size_t>(std::min<uint64_t>(numbers.size(), pages - at));
        const auto bytes = writable_bytes_of(numbers).first(count * sizeof(Le32));
        if (!copy_from(queue.memory(), chain_.readable(), at * sizeof(Le32), bytes)) break;
        for (size_t i = 0; i < count; ++i)
            if (!pages_.give(Gpa(uint64_t{numbers[i]} * BalloonPages::kPage)))
                log_guest_error("virtio-balloon: page 0x%x is no RAM", uint32_t{numbers[i]});
    }
    pages_.flush();
    queue.complete(chain_, 0);
    return Served::One;
}

Served Balloon::take_report(Queue& queue) {
    if (!queue.pop(chain_)) return Served::None;
    // A guest that fills its free pages with something else than zero would not find that any more.
    const bool wanted = !has(kPagePoison) || poison_ == 0;
    for (const Segment& segment : chain_.writable())
        if (wanted && !pages_.give_free(segment.address, segment.size))
            log_guest_error("virtio-balloon: free memory that is no RAM");
    pages_.flush();
    queue.complete(chain_, 0);
    return Served::One;
}

// The buffer stays here until the next question: giving it back is the question.
void Balloon::take_stats(Queue& queue) {
    while (true) {
        if (stats_buffer_.outstanding()) {
            // A driver gives one buffer at a time; should there be another, the first goes back.
            if (queue.set_notify(true)) queue.complete(stats_buffer_, 0);
            if (stats_buffer_.outstanding()) return;
        }
        if (!queue.pop(stats_buffer_)) return;
        raw_.resize(std::min<uint64_t>(stats_buffer_.readable_bytes(), kMostStats * kStatBytes));
        const auto got = copy_from(queue.memory(), stats_buffer_.readable(), 0, raw_);
        note_stats(std::span(raw_).first(got.value_or(0)));
        if (polling_s_ != 0) timer_->arm(clock_.now_ns() + polling_s_ * kSecond);
    }
}

void Balloon::note_stats(std::span<const uint8_t> raw) {
    Locked lock(stats_mutex_);
    stats_ = BalloonStats();
    for (; raw.size() >= kStatBytes; raw = raw.subspan(kStatBytes)) {
        const auto tag = load_le<uint16_t>(raw.data());
        if (tag < stats_.value.size()) stats_.value[tag] = load_le<uint64_t>(raw.data() + 2);
    }
    stats_.last_update_s = host_clock_.now_ns() / kSecond;
}

void Balloon::ask_for_stats() {
    Queue& queue = this->queue(kStatsQueue);
    if (!stats_buffer_.outstanding() || queue.stale(stats_buffer_) || !has(kStats)) {
        // The driver is not there; perhaps it comes.
        if (polling_s_ != 0) timer_->arm(clock_.now_ns() + polling_s_ * kSecond);
        return;
    }
    queue.complete(stats_buffer_, 0);
}

// ---- start and stop ----

void Balloon::started() {
    if (!has(kPagePoison)) poison_ = 0;
}

void Balloon::queue_stopped(Queue& queue) {
    if (queue.index() != kStatsQueue) return;
    on_main_loop([this, &queue] {
        if (stats_buffer_.outstanding() && queue.stale(stats_buffer_)) queue.discard(stats_buffer_);
    });
}

void Balloon::was_reset() {
    poison_ = 0;
    actual_ = 0;
    set_config_field<uint32_t>(kActualAt, 0);
    set_config_field<uint32_t>(kPoisonAt, 0);
    on_main_loop([this] { pages_.forget(); });
}

void Balloon::config_written(size_t offset, std::span<const uint8_t> bytes) {
    if (bytes.size() == 4 && offset == kActualAt) {
        actual_ = load_le<uint32_t>(bytes.data());
        set_config(offset, bytes);
        if (reports_ != nullptr) reports_->balloon_changed(given_back());
    } else if (bytes.size() == 4 && offset == kPoisonAt && has(kPagePoison)) {
        poison_ = load_le<uint32_t>(bytes.data());
        set_config(offset, bytes);
    } else {
        Device::config_written(offset, bytes);
    }
}

// ---- on PCI ----

Status BalloonPci::check(const Config& config) {
    if (config.free_page_hint)
        return Error::make("free-page-hint=on is not supported: there is no migration");
    return check_pci_config(config);
}

Result<std::unique_ptr<PciTransport>> BalloonPci::create(const Config& config, DeviceEnv& env,
                                                         const std::string& id) {
    static constexpr PciKind kKind = {
        .type = kInfo.name, .class_code = 0x00ff00, .legacy_id = 0x1002, .vectors = 0};
    return PciTransport::create(kKind, config, env, TRY(Balloon::create(config, env)), id);
}

}  // namespace vmm::virtio
