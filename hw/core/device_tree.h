// DeviceTree: the devices that users asked for and the buses they may be on. It makes a device whole or not
// at all, owns it, has it reset with the machine, and ends it when the guest or the user lets it go. Main
// thread, except device_released().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hw/core/bus.h"
#include "hw/core/device_request.h"
#include "system/run/reset.h"

namespace vmm {

// A device of the tree with where it came from.
struct DeviceNode {
    DeviceRequest request;
    std::unique_ptr<Device> device;
    DeviceBus* bus = nullptr;
    std::string path;  // "/machine/peripheral/disk0"
    bool hotplugged = false;
    bool unplug_asked = false;
    // The text of a property that it was made with; empty when it has none of this name.
    std::string text(std::string_view property) const;
};

// What the guest said about a slot for processors or memory (ACPI's _OST).
struct SlotReport {
    enum class Kind { Cpu, Memory };
    Kind kind;
    unsigned slot;
    std::string device;  // the id of what is in the slot; empty: none, or nothing is
    uint32_t source = 0, status = 0;
};

// Told on the main thread when a device has gone (DEVICE_DELETED) and before it is destroyed.
class DeviceListener {
  public:
    virtual ~DeviceListener() = default;
    virtual void device_deleted(const DeviceNode& node) = 0;
    // The guest refused to let it go.
    virtual void unplug_failed(const DeviceNode& node) { (void)node; }
    virtual void slot_reported(const SlotReport& report) { (void)report; }
};

class DeviceTree final : private DeviceSink, public Resettable {
  public:
    // All outlive the tree.
    DeviceTree(DeviceEnv& env, ResetList& resets);
    ~DeviceTree() override;

    // The board's buses; in the order in which a default bus is looked for. Outlive the tree.
    void add_root_bus(DeviceBus& bus) { roots_.push_back(&bus); }
    // From here on devices are hot-plugged: their bus must allow it.
    void set_running() { running_ = true; }
    void set_listener(DeviceListener* listener) { listener_ = listener; }

    // Makes the device and plugs it in, or changes nothing.
    Result<Device*> add(const DeviceRequest& request);
    // Asks for the device to go; by id or path.
    Status request_removal(std::string_view id);
    const DeviceNode* find(std::string_view id_or_path) const;
    const std::vector<std::unique_ptr<DeviceNode>>& nodes() const { return nodes_; }
    // By name ("pcie.0", "rp0", "scsi0.0"), or null.
    DeviceBus* find_bus(std::string_view name) const;
    // Every bus, parents first.
    std::vector<DeviceBus*> buses() const;

    // Changes whenever a device comes or goes.
    uint64_t generation() const { return generation_; }
    // For buses: hands a report to the listener. Main thread.
    void report(const SlotReport& slot_report) {
        if (listener_ != nullptr) listener_->slot_reported(slot_report);
    }

    // A machine reset ends pending removals.
    void reset_prepare() override;

  private:
    void device_released(Device& device) override;
    Result<DeviceBus*> place_for(const DeviceRequest& request) const;
    std::string path_for(const DeviceRequest& request);
    void remove(DeviceNode& node);
    // Only its address is looked at: it may be gone already.
    void end(const Device& gone);
    DeviceNode* node_of(const Device& device);

    DeviceEnv& env_;
    ResetList& resets_;
    DeviceListener* listener_ = nullptr;
    std::vector<DeviceBus*> roots_;
    std::vector<std::unique_ptr<DeviceNode>> nodes_;
    unsigned anonymous_ = 0;   // devices without an id so far
    unsigned unattached_ = 0;  // the machine's own
    bool running_ = false;
    uint64_t generation_ = 0;
    std::vector<Device*>* released_by_reset_ = nullptr;  // while a reset lets devices go
};

}  // namespace vmm
