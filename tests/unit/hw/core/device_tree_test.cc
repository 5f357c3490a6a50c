// The device tree: requests are refused before anything is made, devices are made whole or not at all, and
// leave in the right order.
#include "hw/core/device_tree.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "hw/core/boot_order.h"
#include "tests/fakes/fake_device_env.h"

namespace vmm {
namespace {

struct Journal {
    std::vector<std::string> lines;
};
Journal* journal = nullptr;  // the test that runs

class FakeBus final : public DeviceBus {
  public:
    using DeviceBus::DeviceBus;
    bool hotpluggable() const override { return hot; }
    bool full() const override { return children().size() >= room; }
    Status request_unplug(Device& device) override {
        asked = &device;
        return {};
    }
    void finish_unplugs() override {
        if (asked != nullptr) released(*asked);
        asked = nullptr;
    }
    bool hot = false;
    size_t room = 4;
    bool refuse = false;
    Device* asked = nullptr;

  private:
    Status plug_in(Device& device) override {
        if (refuse) return Error::make("slot taken");
        journal->lines.push_back("plug " + device.id());
        return {};
    }
    void take_out(Device& device) override { journal->lines.push_back("unplug " + device.id()); }
};

class Leaf final : public Device {
  public:
    struct Config {
        uint8_t slot = 0;
    };
    static constexpr std::array kProps = {prop<Config, &Config::slot>("slot", "where it sits")};
    static constexpr DeviceInfo kInfo = {.name = "leaf", .parent = "plant", .bus = "TREE", .alias = "blade"};
    static Status check(const Config& config) {
        if (config.slot > 8) return Error::make("Parameter 'slot' expects 0 to 8, not %u", config.slot);
        return {};
    }
    static Result<std::unique_ptr<Leaf>> create(const Config& config, DeviceEnv&, const std::string& id) {
        if (config.slot == 8) return Error::make("slot 8 is broken");
        return std::make_unique<Leaf>(id);
    }
    explicit Leaf(std::string id) : Device(std::move(id)) {}
    ~Leaf() override { journal->lines.push_back("end " + id()); }
    std::string_view type() const override { return "leaf"; }
    void reset_enter() override { ++resets; }
    int resets = 0;
};

class Branch final : public Device {
  public:
    struct Config {};
    static constexpr std::array<Property, 0> kProps = {};
    static constexpr DeviceInfo kInfo = {.name = "branch", .bus = "TREE"};
    static Result<std::unique_ptr<Branch>> create(const Config&, DeviceEnv&, const std::string& id) {
        return std::make_unique<Branch>(id);
    }
    explicit Branch(std::string id) : Device(std::move(id)), below(this->id(), "TREE", this) {
        below.hot = true;
    }
    std::string_view type() const override { return "branch"; }
    std::span<DeviceBus* const> buses() override { return list; }
    FakeBus below;
    DeviceBus* list[1] = {&below};
};

class DeviceTreeTest : public testing::Test, public DeviceListener {
  protected:
    DeviceTreeTest() {
        journal = &journal_;
        types.add(device_type<Leaf>());
        types.add(device_type<Branch>());
        tree.add_root_bus(root);
        tree.set_listener(this);
        resets.add(tree);
    }
    void device_deleted(const DeviceNode& node) override { deleted.push_back(node.path); }

    Status add(qapi::Dict options) {
        Result<DeviceRequest> request = parse_device(types, options, Spelling::Text, defaults);
        if (!request) return std::move(request).take_error();
        Result<Device*> made = tree.add(*request);
        if (!made) return std::move(made).take_error();
        return {};
    }
    std::string refusal(qapi::Dict options) {
        Status added = add(std::move(options));
        return added ? "added" : added.error().text();
    }
    void settle() {
        while (env.loop().iterate(false)) {
        }
    }

    Journal journal_;
    FakeDeviceEnv env;
    DeviceTypes types;
    std::vector<PropertyDefault> defaults;
    ResetList resets;
    FakeBus root{"tree.0", "TREE"};
    DeviceTree tree{env, resets};
    std::vector<std::string> deleted;
};

TEST_F(DeviceTreeTest, BadRequestsChangeNothing) {
    EXPECT_EQ(refusal({}), "Parameter 'driver' is missing");
    EXPECT_EQ(refusal({{"driver", "nosuch"}}), "'nosuch' is not a valid device model name");
    EXPECT_EQ(refusal({{"driver", "leaf"}, {"id", "9x"}}),
              "Parameter 'id' expects letters, digits, '-', '.' and '_', a letter first, not '9x'");
    EXPECT_EQ(refusal({{"driver", "leaf"}, {"slott", "1"}}), "Property 'leaf.slott' not found");
    EXPECT_EQ(refusal({{"driver", "leaf"}, {"slot", "9"}}), "Parameter 'slot' expects 0 to 8, not 9");
    EXPECT_EQ(refusal({{"driver", "leaf"}, {"slot", "8"}}), "slot 8 is broken");
    EXPECT_EQ(refusal({{"driver", "leaf"}, {"bus", "isa.0"}}), "Bus 'isa.0' not found");
    root.refuse = true;
    EXPECT_EQ(refusal({{"driver", "leaf"}, {"id", "a"}}), "slot taken");
    EXPECT_TRUE(tree.nodes().empty());
    EXPECT_EQ(journal_.lines, std::vector<std::string>{"end a"});
}

TEST_F(DeviceTreeTest, DefaultsLieUnderTheUsersValues) {
    defaults = {{"leaf", "slot", "9"}};
    EXPECT_EQ(refusal({{"driver", "leaf"}}), "Parameter 'slot' expects 0 to 8, not 9");
    EXPECT_EQ(refusal({{"driver", "blade"}, {"slot", "2"}}), "added");
    defaults = {{"plant", "slot", "3"}, {"other", "nosuch", "1"}};
    EXPECT_EQ(refusal({{"driver", "leaf"}}), "added");
    EXPECT_EQ(*static_cast<const uint8_t*>(tree.nodes()[1]->request.config->data()), 3);
    defaults = {{"leaf", "slat", "3"}};
    EXPECT_EQ(refusal({{"driver", "leaf"}}), "-global leaf.slat=3: Property 'leaf.slat' not found");
}

TEST_F(DeviceTreeTest, DevicesGoToTheFirstBusWithRoom) {
    root.room = 2;
    ASSERT_TRUE(add({{"driver", "branch"}, {"id", "b"}}));
    ASSERT_TRUE(add({{"driver", "leaf"}, {"id", "x"}}));
    ASSERT_TRUE(add({{"driver", "leaf"}, {"id", "y"}}));
    EXPECT_EQ(tree.find("x")->bus->bus_name(), "tree.0");
    EXPECT_EQ(tree.find("y")->bus->bus_name(), "b");
    EXPECT_EQ(refusal({{"driver", "leaf"}, {"bus", "tree.0"}}), "Bus 'tree.0' is full");
    EXPECT_EQ(refusal({{"driver", "leaf"}, {"id", "y"}}), "Duplicate device ID 'y'");
    EXPECT_EQ(tree.find("/machine/peripheral/y"), tree.find("y"));
    resets.reset();
    EXPECT_EQ(static_cast<Leaf&>(*tree.find("x")->device).resets, 1);
}

TEST_F(DeviceTreeTest, HotplugNeedsABusThatAllowsIt) {
    ASSERT_TRUE(add({{"driver", "branch"}, {"id", "b"}}));
    tree.set_running();
    EXPECT_EQ(refusal({{"driver", "leaf"}}), "Bus 'tree.0' does not support hotplugging");
    ASSERT_TRUE(add({{"driver", "leaf"}, {"id", "x"}, {"bus", "b"}}));
    EXPECT_TRUE(tree.find("x")->hotplugged);
    EXPECT_EQ(static_cast<Leaf&>(*tree.find("x")->device).resets, 1);
    ASSERT_TRUE(tree.request_removal("x"));
    EXPECT_FALSE(tree.request_removal("x"));
    EXPECT_TRUE(deleted.empty());
    resets.reset();
    settle();
    EXPECT_EQ(deleted, std::vector<std::string>{"/machine/peripheral/x"});
    EXPECT_EQ(tree.find("x"), nullptr);
    Status none = tree.request_removal("x");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().error_class(), ErrorClass::DeviceNotFound);
}

TEST_F(DeviceTreeTest, WhatIsPluggedIntoADeviceGoesFirst) {
    root.hot = true;
    ASSERT_TRUE(add({{"driver", "branch"}, {"id", "b"}}));
    ASSERT_TRUE(add({{"driver", "leaf"}, {"id", "x"}, {"bus", "b"}}));
    ASSERT_TRUE(tree.request_removal("b"));
    root.finish_unplugs();
    settle();
    EXPECT_EQ(deleted, (std::vector<std::string>{"/machine/peripheral/x", "/machine/peripheral/b"}));
    EXPECT_EQ(journal_.lines,
              (std::vector<std::string>{"plug b", "plug x", "unplug x", "end x", "unplug b"}));
}

// A device that can be booted from.
class Bootable final : public Device {
  public:
    Bootable(std::string node, std::vector<BootPlace> places)
        : node_(std::move(node)), places_(std::move(places)) {}
    std::string_view type() const override { return "bootable"; }
    std::string firmware_node() const override { return node_; }
    std::vector<BootPlace> boot_places() const override { return places_; }
    std::optional<BiosGeometry> bios_geometry() const override { return geometry; }
    std::optional<BiosGeometry> geometry;

  private:
    std::string node_;
    std::vector<BootPlace> places_;
};
class FirmwareBus final : public DeviceBus {
  public:
    using DeviceBus::DeviceBus;
    std::string firmware_path() const override {
        return owner() != nullptr ? DeviceBus::firmware_path() : "/root";
    }
    Status plug_in(Device&) override { return {}; }
    void take_out(Device&) override {}
};

TEST(BootOrder, PathsAreSortedByIndexAndRunFromTheRoot) {
    FirmwareBus root("root.0", "TREE");
    Bootable controller("/scsi@3", {});
    FirmwareBus below("scsi.0", "TREE", &controller);
    Bootable disk("/channel@0", {{2, "/disk@1,0"}});
    Bootable card("/ethernet@2", {{0, "/ethernet-phy@0"}, {-1, "/never"}});
    ASSERT_TRUE(root.attach(controller) && root.attach(card) && below.attach(disk));
    EXPECT_EQ(
        boot_paths({&controller, &card, &disk}).take_value(),
        (std::vector<std::string>{"/root/ethernet@2/ethernet-phy@0", "/root/scsi@3/channel@0/disk@1,0"}));
    EXPECT_TRUE(boot_paths({&controller}).take_value().empty());
    EXPECT_FALSE(boot_paths({&card, &card})) << "one index twice";
    below.detach(disk);
    root.detach(card);
    root.detach(controller);
}

}  // namespace
}  // namespace vmm
