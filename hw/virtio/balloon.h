// Balloon: the guest gives pages back (inflate, free-page reporting) and tells what it knows about its memory
// (statistics). Virtio 1.2, 5.5.
//
// Missing: free-page hints (they serve migration). Main loop; the statistics have a lock of their own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "hw/core/device_reports.h"
#include "hw/core/device_type.h"
#include "hw/virtio/balloon_pages.h"
#include "hw/virtio/device.h"
#include "hw/virtio/pci_transport.h"
#include "system/clock/clock.h"

namespace vmm::virtio {

struct BalloonConfig {
    bool deflate_on_oom = false;
    bool free_page_reporting = false;
    bool free_page_hint = false;
    bool page_poison = true;
};

// What a guest said of its memory, by the tags of the specification.
struct BalloonStats {
    static constexpr size_t kTags = 10;
    std::array<uint64_t, kTags> value;  // all ones: never said
    int64_t last_update_s = 0;          // since 1970; 0: never
    BalloonStats() { value.fill(~uint64_t{0}); }
};
// "stat-swap-in" and so on, by tag.
std::string_view balloon_stat_name(size_t tag);

class Balloon final : public Device, private BalloonControl {
  public:
    static Result<std::unique_ptr<Balloon>> create(const BalloonConfig& config, DeviceEnv& env);
    Balloon(const BalloonConfig& config, DeviceEnv& env);
    ~Balloon() override;

    // ---- for management; main thread ----

    // How much the guest shall give back, and has given back.
    void set_target(uint64_t bytes) override;
    uint64_t given_back() const override;
    BalloonControl* as_balloon() override { return this; }
    std::vector<QomProperty> live_properties() override;
    // Statistics are asked for this often; 0: not at all.
    void set_polling(uint32_t seconds);
    uint32_t polling() const { return polling_s_; }
    BalloonStats stats() const;

  private:
    void handle(Queue& queue) override;
    void started() override;
    void queue_stopped(Queue& queue) override;
    void was_reset() override;
    void config_written(size_t offset, std::span<const uint8_t> bytes) override;

    Served take_pages(Queue& queue, bool inflate);
    void take_stats(Queue& queue);
    Served take_report(Queue& queue);
    void ask_for_stats();
    void note_stats(std::span<const uint8_t> raw);

    const BalloonConfig config_;
    BalloonPages pages_;
    Clock& clock_;
    Clock& host_clock_;
    DeviceReports* const reports_;  // may be null; outlives the device
    std::unique_ptr<Timer> timer_;
    uint32_t polling_s_ = 0;
    Chain chain_;
    Chain stats_buffer_;  // kept until the next question
    std::vector<uint8_t> raw_;
    std::atomic<uint32_t> actual_{0};
    std::atomic<uint32_t> poison_{0};
    mutable Mutex stats_mutex_{LockRank::Leaf, "balloon statistics"};
    BalloonStats stats_ GUARDED_BY(stats_mutex_);
};

// virtio-balloon-pci
class BalloonPci {
  public:
    struct Config : PciConfig, BalloonConfig {};
    static constexpr auto kProps =
        join_props(pci_props<Config>(),
                   std::array{prop<Config, &BalloonConfig::deflate_on_oom>(
                                  "deflate-on-oom", "the guest may take pages back in need"),
                              prop<Config, &BalloonConfig::free_page_reporting>("free-page-reporting",
                                                                                "the guest tells free pages"),
                              prop<Config, &BalloonConfig::free_page_hint>("free-page-hint", "for migration"),
                              prop<Config, &BalloonConfig::page_poison>(
                                  "page-poison", "the guest says how it fills free pages")});
    static constexpr DeviceInfo kInfo = {.name = "virtio-balloon-pci",
                                         .parent = "virtio-pci",
                                         .bus = "PCI",
                                         .description = "virtio memory balloon",
                                         .category = DeviceCategory::Misc,
                                         .alias = "virtio-balloon"};
    static Status check(const Config& config);
    static Result<std::unique_ptr<PciTransport>> create(const Config& config, DeviceEnv& env,
                                                        const std::string& id);
};

}  // namespace vmm::virtio
