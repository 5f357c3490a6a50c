// SCSI host: request queues in front of a SCSI bus, a control queue for task management, an event queue that
// tells of units that come, go and change. Virtio 1.2, 5.6.
//
// Missing: transport protection information, asynchronous notifications of the units' own.
// Everything but the base class's side runs on one loop, as its units do: the main one or an iothread's,
// which the queues are bound to while the device is plugged in.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/core/device_type.h"
#include "hw/scsi/bus.h"
#include "hw/virtio/device.h"
#include "hw/virtio/pci_transport.h"
#include "hw/virtio/scsi_request.h"

namespace vmm::virtio {

struct ScsiConfig {
    std::optional<uint32_t> num_queues;  // absent: one for each CPU
    uint32_t virtqueue_size = 256;
    bool seg_max_adjust = true;
    uint32_t max_sectors = 0xffff;
    uint32_t cmd_per_lun = 128;
    bool hotplug = true;
    bool param_change = true;
    std::string iothread;
};

class Scsi final : public Device, private scsi::Initiator, private scsi::BusListener {
  public:
    static Result<std::unique_ptr<Scsi>> create(const ScsiConfig& config, DeviceEnv& env,
                                                const std::string& id);
    // context: an iothread's; null: the main loop.
    Scsi(const ScsiConfig& config, uint32_t queues, DeviceEnv& env, std::string bus_name,
         block::IoContext* context);
    ~Scsi() override;
    Status plugged() override;
    void unplugging() override;
    std::span<DeviceBus* const> buses() override { return buses_; }

  private:
    EventLoop& its_loop();
    // Now on its loop's thread, else there soon.
    void on_its_loop(std::function<void()> work);
    // Device
    void handle(Queue& queue) override;
    void queue_stopped(Queue& queue) override;
    void was_reset() override;
    void config_written(size_t offset, std::span<const uint8_t> bytes) override;
    // Initiator
    bool put(scsi::Request& request, uint64_t at, std::span<const uint8_t> from) override;
    bool get(scsi::Request& request, uint64_t at, std::span<uint8_t> into) override;
    void completed(scsi::Request& request) override;
    // BusListener
    void unit_plugged(scsi::Unit& unit) override;
    void unit_unplugging(scsi::Unit& unit) override;
    void unit_changed(scsi::Unit& unit, scsi::Sense sense) override;

    Served take_command(Queue& queue);
    void run(ScsiRequest& request);
    void answer(ScsiRequest& request, ScsiResponse response);
    ScsiRequest& take_request(Queue& queue);
    void give_back(ScsiRequest& request);
    Served take_control(Queue& queue);
    void manage(ScsiTask& task);
    // The requests under way that the task is about.
    std::vector<ScsiRequest*> subjects(const ScsiTask& task, scsi::Unit& unit);
    void end_task(ScsiTask& task);
    void tell_event(uint32_t event, const scsi::Address* address, uint32_t reason);

    const ScsiConfig config_;
    block::IoContext* const context_;
    scsi::Bus bus_;
    std::array<DeviceBus*, 1> buses_{&bus_};
    std::vector<std::unique_ptr<ScsiRequest>> requests_;  // all that ever were
    ScsiRequest* free_ = nullptr;
    std::vector<std::unique_ptr<ScsiTask>> tasks_;  // that wait for requests to end
    Chain event_;
    bool events_missed_ = false;
    std::atomic<uint32_t> sense_size_, cdb_size_;
    std::atomic<bool> left_{false};  // the iothread: nothing happens there any more
    std::shared_ptr<int> there_ = std::make_shared<int>(0);
};

// virtio-scsi-pci
class ScsiPci {
  public:
    struct Config : PciConfig, ScsiConfig {};
    static constexpr auto kProps = join_props(
        pci_props<Config>(),
        std::array{
            prop<Config, &ScsiConfig::num_queues>("num_queues", "request queues; default: one for each CPU"),
            prop<Config, &ScsiConfig::virtqueue_size>("virtqueue_size", "entries, a power of two"),
            prop<Config, &ScsiConfig::seg_max_adjust>("seg_max_adjust", "segments follow the queue size"),
            prop<Config, &ScsiConfig::max_sectors>("max_sectors", "of one command"),
            prop<Config, &ScsiConfig::cmd_per_lun>("cmd_per_lun", "commands at once"),
            prop<Config, &ScsiConfig::hotplug>("hotplug", "events for units that come and go"),
            prop<Config, &ScsiConfig::param_change>("param_change", "events for units that change"),
            prop<Config, &ScsiConfig::iothread>("iothread", "id of an iothread")});
    static constexpr DeviceInfo kInfo = {.name = "virtio-scsi-pci",
                                         .parent = "virtio-pci",
                                         .bus = "PCI",
                                         .description = "virtio SCSI host",
                                         .category = DeviceCategory::Storage,
                                         .alias = "virtio-scsi"};
    static Status check(const Config& config);
    static Result<std::unique_ptr<PciTransport>> create(const Config& config, DeviceEnv& env,
                                                        const std::string& id);
};

}  // namespace vmm::virtio
