// Input devices: what they say of themselves, events in groups, lights.
#include "hw/virtio/input.h"

#include <gtest/gtest.h>

#include "tests/unit/hw/virtio/pci_driver.h"

namespace vmm::virtio {
namespace {

struct InputWorld : VirtioMachine {
    explicit InputWorld(const char* driver) {
        qapi::Dict all;
        all.set("driver", qapi::Value(std::string(driver)));
        all.set("id", qapi::Value(std::string("i")));
        all.set("serial", qapi::Value(std::string("s1")));
        EXPECT_EQ(add(all), "");
    }
};

std::string item(PciDriver& d, uint8_t select, uint8_t subselect) {
    d.put(kDeviceAt, select, 1);
    d.put(kDeviceAt + 1, subselect, 1);
    std::string text;
    for (uint64_t i = 0; i < d.config(2, 1); ++i)
        text += static_cast<char>(d.config(8 + i, 1));
    return text;
}

TEST(VirtioInput, aKeyboardSaysWhatItIs) {
    InputWorld w("virtio-keyboard-pci");
    PciDriver d(w, "i");
    EXPECT_EQ(d.function().config_read(0, 4), 0x10521af4u);
    EXPECT_EQ(d.function().config_read(pci::kRevision, 4), 0x09000001u);
    EXPECT_EQ(item(d, 1, 0), "QEMU Virtio Keyboard");
    EXPECT_EQ(item(d, 2, 0), "s1");
    EXPECT_EQ(item(d, 3, 0), std::string("\x06\0\x27\x06\x01\0\x01\0", 8));
    EXPECT_EQ(item(d, 0x11, 1).size(), 16u);
    EXPECT_EQ(item(d, 0x11, 2), "");
    EXPECT_EQ(item(d, 0x11, 0x11), "\x07");
    EXPECT_EQ(item(d, 0x77, 0), "");
}

TEST(VirtioInput, aTabletHasAxes) {
    InputWorld w("virtio-tablet-pci");
    PciDriver d(w, "i");
    EXPECT_EQ(item(d, 0x11, 3), "\x03");
    EXPECT_EQ(item(d, 0x12, 1).substr(4, 4), std::string("\xff\x7f\0\0", 4));
    EXPECT_EQ(item(d, 0x12, 2), "");
}

TEST(VirtioInput, eventsComeInWholeGroups) {
    InputWorld w("virtio-mouse-pci");
    PciDriver d(w, "i");
    d.start(0, 2);
    Input& mouse = static_cast<Input&>(d.device());
    const InputEvent group[] = {{2, 0, 5}, {2, 1, static_cast<uint32_t>(-3)}, {0, 0, 0}};
    std::vector<DriverBuffer> rooms;
    for (unsigned i = 0; i < 5; ++i) {
        rooms.push_back(d.room(8));
        ASSERT_TRUE(d.ring(0).add({&rooms.back(), 1}, false));
    }
    d.notify(0);
    mouse.send(group);
    for (unsigned i = 0; i < 3; ++i)
        ASSERT_TRUE(d.ring(0).take_used());
    EXPECT_EQ(load_le<uint32_t>(d.bytes(rooms[1]).data() + 4), static_cast<uint32_t>(-3));
    mouse.send(group);
    EXPECT_FALSE(d.ring(0).take_used()) << "two buffers are not enough for three events";
    rooms.push_back(d.room(8));
    ASSERT_TRUE(d.ring(0).add({&rooms.back(), 1}, false));
    mouse.send(group);
    EXPECT_TRUE(d.ring(0).take_used());
}

TEST(VirtioInput, lightsFollowTheDriver) {
    InputWorld w("virtio-keyboard-pci");
    PciDriver d(w, "i");
    d.start(0, 2);
    const InputEvent on{0x11, 1, 1};
    ASSERT_TRUE(d.run(1, {d.with(bytes_of(on))}));
    EXPECT_EQ(static_cast<Input&>(d.device()).lights(), 2u);
}

}  // namespace
}  // namespace vmm::virtio
