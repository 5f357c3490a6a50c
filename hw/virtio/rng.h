// Entropy device: fills the driver's buffers with random bytes, at most max-bytes a period. Virtio 1.2, 5.4.
// Missing: nothing. Main thread.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "backends/rng/rng.h"
#include "hw/core/device_type.h"
#include "hw/virtio/device.h"
#include "hw/virtio/pci_transport.h"
#include "system/clock/clock.h"

namespace vmm::virtio {

struct RngConfig {
    std::string rng;  // empty: the host kernel's generator
    uint64_t max_bytes = std::numeric_limits<int64_t>::max();
    uint32_t period = 1u << 16;  // milliseconds
};

class Entropy final : public Device, private RngClient {
  public:
    static Result<std::unique_ptr<Entropy>> create(const RngConfig& config, DeviceEnv& env);
    Entropy(const RngConfig& config, Rng* source, DeviceEnv& env);
    ~Entropy() override;
    void unplugging() override { source_.forget(*this); }

  private:
    void handle(Queue& queue) override;
    void entropy_ready() override { queue(0).kick(); }
    Served fill(Queue& queue);
    void start_period();

    const RngConfig config_;
    RngBuiltin builtin_{""};
    Rng& source_;
    Clock& clock_;
    std::unique_ptr<Timer> timer_;  // runs while the quota is used up
    uint64_t left_;                 // of this period
    int64_t period_ends_ = 0;
    Chain chain_;
};

// virtio-rng-pci
class RngPci {
  public:
    struct Config : PciConfig, RngConfig {};
    static constexpr auto kProps =
        join_props(pci_props<Config>(),
                   std::array{prop<Config, &RngConfig::rng>("rng", "id of the source of random bytes"),
                              prop<Config, &RngConfig::max_bytes>("max-bytes", "the most bytes in a period"),
                              prop<Config, &RngConfig::period>("period", "milliseconds")});
    static constexpr DeviceInfo kInfo = {.name = "virtio-rng-pci",
                                         .parent = "virtio-pci",
                                         .bus = "PCI",
                                         .description = "virtio entropy device",
                                         .category = DeviceCategory::Misc,
                                         .alias = "virtio-rng"};
    static Status check(const Config& config);
    static Result<std::unique_ptr<PciTransport>> create(const Config& config, DeviceEnv& env,
                                                        const std::string& id);
};

}  // namespace vmm::virtio
