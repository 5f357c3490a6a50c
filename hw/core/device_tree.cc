// See device_tree.h.
#include "hw/core/device_tree.h"

#include <algorithm>

#include "util/event_loop.h"
#include "util/text.h"

namespace vmm {

std::string DeviceNode::text(std::string_view property) const {
    const Property* row = find_property(request.type->properties, property);
    if (row == nullptr) return {};
    const qapi::Value value = write_property(*row, request.config->data());
    return value.if_string() != nullptr ? *value.if_string() : std::string();
}

namespace {

void collect(DeviceBus& bus, std::vector<DeviceBus*>& all) {
    all.push_back(&bus);
    for (Device* child : bus.children())
        for (DeviceBus* below : child->buses())
            collect(*below, all);
}

std::string names_of(const std::vector<DeviceBus*>& buses, std::string_view type) {
    std::string names;
    for (const DeviceBus* bus : buses) {
        if (!bus->accepts(type)) continue;
        if (!names.empty()) names += ", ";
        names += bus->bus_name();
    }
    return names;
}

}  // namespace

DeviceTree::DeviceTree(DeviceEnv& env, ResetList& resets) : env_(env), resets_(resets) {}

DeviceTree::~DeviceTree() {
    listener_ = nullptr;
    // Those that were made last may be plugged into those that were made first.
    while (!nodes_.empty())
        remove(*nodes_.back());
}

std::vector<DeviceBus*> DeviceTree::buses() const {
    std::vector<DeviceBus*> all;
    for (DeviceBus* root : roots_)
        collect(*root, all);
    return all;
}

DeviceBus* DeviceTree::find_bus(std::string_view name) const {
    for (DeviceBus* bus : buses())
        if (bus->bus_name() == name) return bus;
    return nullptr;
}

Result<DeviceBus*> DeviceTree::place_for(const DeviceRequest& request) const {
    const DeviceInfo& info = request.type->info;
    const std::vector<DeviceBus*> all = buses();
    if (!request.bus.empty()) {
        DeviceBus* bus = find_bus(request.bus);
        if (bus == nullptr)
            return Error::make("Bus '%s' not found", request.bus.c_str())
                .with_hint("buses for %s: %s", info.name.data(), names_of(all, info.bus).c_str());
        if (!bus->accepts(info.bus))
            return Error::make("Device '%s' can't go on %s bus", info.name.data(), bus->bus_type().data())
                .with_hint("buses for it: %s", names_of(all, info.bus).c_str());
        if (bus->full()) return Error::make("Bus '%s' is full", request.bus.c_str());
        return bus;
    }
    for (DeviceBus* bus : all)
        if (bus->accepts(info.bus) && !bus->full()) return bus;
    return Error::make("No '%s' bus found for device '%s'", info.bus.data(), info.name.data());
}

std::string DeviceTree::path_for(const DeviceRequest& request) {
    if (request.board) return strf("/machine/unattached/device[%u]", unattached_++);
    if (request.id.empty()) return strf("/machine/peripheral-anon/device[%u]", anonymous_++);
    return "/machine/peripheral/" + request.id;
}

Result<Device*> DeviceTree::add(const DeviceRequest& request) {
    const DeviceInfo& info = request.type->info;
    if (!request.id.empty() && find(request.id) != nullptr)
        return Error::make("Duplicate device ID '%s'", request.id.c_str());
    DeviceBus* bus = TRY(place_for(request));
    if (running_ && !bus->hotpluggable())
        return Error::make("Bus '%s' does not support hotplugging", bus->bus_name().c_str());
    if (running_ && !info.hotpluggable)
        return Error::make("Device '%s' does not support hotplugging", info.name.data());
    auto node = std::make_unique<DeviceNode>();
    node->request = request;
    node->bus = bus;
    node->hotplugged = running_;
    TRY(bus->takes(info));
    node->device = TRY(request.type->create(request.config->data(), env_, request.id));
    Device& device = *node->device;
    TRY(bus->attach(device));
    Status ready = device.plugged();
    if (!ready) {
        bus->detach(device);
        return std::move(ready).take_error();
    }
    bus->sink_ = this;
    for (DeviceBus* below : device.buses())
        below->sink_ = this;
    resets_.add(device);
    if (running_) {
        device.reset_enter();
        device.reset_hold();
        device.reset_exit();
    }
    node->path = path_for(request);
    nodes_.push_back(std::move(node));
    ++generation_;
    return &device;
}

const DeviceNode* DeviceTree::find(std::string_view id_or_path) const {
    for (const std::unique_ptr<DeviceNode>& node : nodes_)
        if ((!id_or_path.empty() && node->request.id == id_or_path) || node->path == id_or_path)
            return node.get();
    return nullptr;
}

DeviceNode* DeviceTree::node_of(const Device& device) {
    for (const std::unique_ptr<DeviceNode>& node : nodes_)
        if (node->device.get() == &device) return node.get();
    return nullptr;
}

Status DeviceTree::request_removal(std::string_view id) {
    const DeviceNode* found = find(id);
    if (found == nullptr)
        return Error::of_class(ErrorClass::DeviceNotFound, "Device '%s' not found", std::string(id).c_str());
    DeviceNode& node = *node_of(*found->device);
    if (node.unplug_asked && !node.bus->asks_again())
        return Error::make("Device %s is already in the process of unplug", node.request.id.c_str());
    if (!node.request.type->info.hotpluggable)
        return Error::make("Device '%s' does not support hotplugging", node.request.type->info.name.data());
    if (running_ && !node.bus->hotpluggable())
        return Error::make("Bus '%s' does not support hotplugging", node.bus->bus_name().c_str());
    for (DeviceBus* below : node.device->buses())
        if (!below->children().empty() && !below->hotpluggable())
            return Error::make("Device '%s' has devices on its bus '%s'", node.request.id.c_str(),
                               below->bus_name().c_str());
    node.unplug_asked = true;
    Status asked = node.bus->request_unplug(*node.device);
    if (!asked) node.unplug_asked = false;
    return asked;
}

// Whoever lets the device go may stand in one of its functions or hold a vCPU: it ends later, on the loop.
void DeviceTree::device_released(Device& device) {
    if (released_by_reset_ != nullptr) return released_by_reset_->push_back(&device);
    Device* gone = &device;
    env_.loop().post([this, gone] { end(*gone); });
}

void DeviceTree::end(const Device& gone) {
    DeviceNode* node = node_of(gone);
    if (node != nullptr) remove(*node);
}

void DeviceTree::remove(DeviceNode& node) {
    // What is plugged into it goes first.
    for (DeviceBus* below : node.device->buses()) {
        while (!below->children().empty()) {
            DeviceNode* child = node_of(*below->children().back());
            CHECK(child != nullptr, "a device on '%s' is not the tree's", below->bus_name().c_str());
            remove(*child);
        }
    }
    node.device->unplugging();
    node.bus->detach(*node.device);
    resets_.remove(*node.device);
    const auto at = std::find_if(nodes_.begin(), nodes_.end(), [&](const std::unique_ptr<DeviceNode>& other) {
        return other.get() == &node;
    });
    std::unique_ptr<DeviceNode> gone = std::move(*at);
    nodes_.erase(at);
    ++generation_;
    if (listener_ != nullptr) listener_->device_deleted(*gone);
}

void DeviceTree::reset_prepare() {
    std::vector<Device*> released;
    released_by_reset_ = &released;
    for (DeviceBus* bus : buses())
        bus->finish_unplugs();
    released_by_reset_ = nullptr;
    for (Device* gone : released)
        end(*gone);
}

}  // namespace vmm
