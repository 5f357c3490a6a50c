// Block device: a drive behind one or more queues. Virtio 1.2, 5.2: read, write, flush, get-id, discard,
// write zeroes, write-cache mode, topology, geometry, resize.
//
// Missing: secure erase, lifetime, zoned devices, SCSI pass-through (legacy).
// Threads: buffers are taken and given back on the loop of the drive (the main loop or an iothread); each
// queue's pool belongs to that thread. Configuration is the base class's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/block/handle.h"
#include "backends/block/io_context.h"
#include "hw/block/disk_config.h"
#include "hw/block/geometry.h"
#include "hw/core/device_type.h"
#include "hw/virtio/blk_merge.h"
#include "hw/virtio/blk_request.h"
#include "hw/virtio/device.h"
#include "hw/virtio/pci_transport.h"

namespace vmm::virtio {

struct BlkConfig : DiskConfig, GeometryConfig {
    std::string serial;
    std::string iothread;
    std::optional<uint16_t> num_queues;  // absent: one for each CPU
    uint16_t queue_size = 256;
    bool seg_max_adjust = true;
    bool config_wce = true;
    bool discard = true, write_zeroes = true;
    bool report_discard_granularity = true;
    bool request_merging = true;
    bool scsi = false;
    uint32_t max_discard_sectors = 4194303, max_write_zeroes_sectors = 4194303;
};

class Blk final : public Device, private block::DiskClient {
  public:
    static Status check(const BlkConfig& config);
    static Result<std::unique_ptr<Blk>> create(const BlkConfig& config, DeviceEnv& env,
                                               const std::string& id);
    Blk(const BlkConfig& config, const BlockSizes& sizes, uint16_t queues, DeviceEnv& env);
    ~Blk() override;
    Status plugged() override;
    void unplugging() override;
    std::vector<vmm::Device::BootPlace> boot_places() const override;
    std::optional<vmm::Device::BiosGeometry> bios_geometry() const override;
    block::BlockHandle& drive() { return *drive_; }

  private:
    // A queue's requests, and its wish to show those that ended in this turn of the loop all at once.
    struct Lane : block::Job {
        Queue* queue = nullptr;
        std::vector<std::unique_ptr<BlkRequest>> all;
        std::vector<BlkRequest*> idle;
        BlkMerger merger;
        unsigned at_once = kShowAfter;   // so many are asked of the queue, as it had some lately
        bool serving = false;            // inside handle(), which gives back what ended by itself
        std::vector<BlkRequest*> ended;  // while serving
        bool telling = false;            // else they are in the ring, but the driver does not see them yet
    };

    // Device
    void handle(Queue& queue) override;
    void started() override;
    void was_reset() override;
    void config_written(size_t offset, std::span<const uint8_t> bytes) override;
    // DiskClient
    void resized() override;

    void on_its_loop(const std::function<void()>& work);
    Status take_drive(DeviceEnv& env, const std::string& id);
    void fill_config();
    uint64_t offer() const;
    ServedSome take_some(Lane& lane, const BlkLimits& limits);
    void show_ended(Lane& lane);
    static void give_back_ended(Lane& lane);
    BlkLimits limits() const;
    void run(BlkRequest& request, const BlkLimits& limits, bool alone);  // alone: no other comes with it
    BlkStatus get_id(BlkRequest& request);
    void finish(BlkRequest& request, BlkStatus status);
    static void completed(block::DiskRequest& request);
    static void tell_driver(block::Job& job);

    const BlkConfig config_;
    const BlockSizes sizes_;
    const uint16_t queue_count_;
    block::IoContext* context_ = nullptr;  // outlives the device
    std::vector<Lane> lanes_;              // by queue
    bool first_write_cache_ = true;        // as the user wants it after a reset
    block::DiskRef drive_;                 // goes first: drains
};

// virtio-blk-pci
class BlkPci {
  public:
    struct Config : PciConfig, BlkConfig {};
    static constexpr auto kProps = join_props(
        pci_props<Config>(), disk_props<Config>(), geometry_props<Config>(),
        std::array{
            prop<Config, &BlkConfig::serial>("serial",
                                             "what the driver gets as the disk's name, 20 characters"),
            prop<Config, &BlkConfig::iothread>("iothread", "id of the iothread that does its I/O"),
            prop<Config, &BlkConfig::num_queues>("num-queues", "default: one for each CPU"),
            prop<Config, &BlkConfig::queue_size>("queue-size", "entries, a power of two"),
            prop<Config, &BlkConfig::seg_max_adjust>("seg-max-adjust",
                                                     "segments of a request follow the queue size"),
            prop<Config, &BlkConfig::config_wce>("config-wce", "the driver may change the write-cache mode"),
            prop<Config, &BlkConfig::discard>("discard", "offer discards"),
            prop<Config, &BlkConfig::write_zeroes>("write-zeroes", "offer to write zeroes"),
            prop<Config, &BlkConfig::report_discard_granularity>("report-discard-granularity"),
            prop<Config, &BlkConfig::request_merging>("request-merging"),
            prop<Config, &BlkConfig::scsi>("scsi", "SCSI pass-through"),
            prop<Config, &BlkConfig::max_discard_sectors>("max-discard-sectors", "of one request"),
            prop<Config, &BlkConfig::max_write_zeroes_sectors>("max-write-zeroes-sectors",
                                                               "of one request")});
    static constexpr DeviceInfo kInfo = {.name = "virtio-blk-pci",
                                         .parent = "virtio-pci",
                                         .bus = "PCI",
                                         .description = "virtio block device",
                                         .category = DeviceCategory::Storage,
                                         .alias = "virtio-blk"};
    static Status check(const Config& config);
    static Result<std::unique_ptr<PciTransport>> create(const Config& config, DeviceEnv& env,
                                                        const std::string& id);
};

}  // namespace vmm::virtio
