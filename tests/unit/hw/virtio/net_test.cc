// The network card through its queues: packets both ways, merged buffers, back-pressure, headers with and
// without a back end that has them, the control queue, link and announcements; and the filter by itself.
#include "hw/virtio/net.h"

#include <gtest/gtest.h>

#include "hw/virtio/net_features.h"
#include "tests/fakes/fake_net.h"
#include "tests/unit/hw/virtio/pci_driver.h"

namespace vmm::virtio {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr uint16_t kRx = 0, kTx = 1, kCtrl = 2;

struct NetWorld {
    VirtioMachine machine;
    net::FakeNet net;
    explicit NetWorld(bool header = false, unsigned queues = 1) : net(machine.env.loop(), header, queues) {
        machine.env.hosts.netdevs["net0"] = &net;
    }
    std::string add(std::initializer_list<std::pair<const char*, const char*>> more = {}) {
        qapi::Dict all{{"driver", "virtio-net-pci"}, {"id", "card"}, {"netdev", "net0"}};
        for (const auto& [name, value] : more)
            all.set(name, qapi::Value(std::string(value)));
        return machine.add(all);
    }
    ~NetWorld() {
        (void)static_cast<bool>(machine.tree.request_removal("card"));
        machine.settle();
    }
};

Bytes frame(size_t size, uint8_t seed,
            std::initializer_list<uint8_t> to = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) {
    Bytes bytes(to);
    for (size_t i = bytes.size(); i < size; ++i)
        bytes.push_back(static_cast<uint8_t>(i + seed));
    return bytes;
}

struct NetDriver : PciDriver {
    explicit NetDriver(NetWorld& world) : PciDriver(world.machine, "card") {}
    uint16_t control = kCtrl;
    uint8_t command(uint8_t kind, uint8_t number, Bytes data) {
        data.insert(data.begin(), {kind, number});
        const std::vector<DriverBuffer> buffers = {with(data), room(1)};
        bytes(buffers[1])[0] = 0xee;
        if (!run(control, buffers)) return 0xdd;
        return bytes(buffers[1])[0];
    }
    DriverBuffer offer(uint32_t size, uint16_t queue = kRx) {
        const DriverBuffer buffer = room(size);
        CHECK(ring(queue).add(std::vector{buffer}, false).has_value(), "the ring is full");
        return buffer;
    }
    Bytes content(const DriverBuffer& buffer, size_t from, size_t size) {
        const auto all = bytes(buffer).subspan(from, size);
        return {all.begin(), all.end()};
    }
};

TEST(VirtioNet, ConfigurationAndIdentity) {
    NetWorld world;
    ASSERT_EQ(
        world.add(
            {{"mac", "52:54:00:01:02:03"}, {"host_mtu", "1400"}, {"speed", "1000"}, {"duplex", "full"}}),
        "");
    NetDriver driver(world);
    EXPECT_EQ(driver.function().config_read(0, 4), 0x10001af4u);
    EXPECT_EQ(driver.function().config_read(8, 4) >> 8, 0x020000u);
    EXPECT_EQ(driver.config(0, 4), 0x01005452u);
    EXPECT_EQ(driver.config(4, 2), 0x0302u);
    EXPECT_EQ(driver.config(6, 2), 1u) << "link";
    EXPECT_EQ(driver.config(8, 2), 1u) << "pairs";
    EXPECT_EQ(driver.config(10, 2), 1400u);
    EXPECT_EQ(driver.config(12, 4), 1000u);
    EXPECT_EQ(driver.config(16, 1), 1u);
    EXPECT_EQ(driver.features() & (kCsum | kGuestCsum | kHostTso4 | kGuestTso4), 0u)
        << "the back end has none";
}

TEST(VirtioNet, AddressesThatNobodyGaveDiffer) {
    NetWorld world;
    net::FakeNet other(world.machine.env.loop());
    world.machine.env.hosts.netdevs["net1"] = &other;
    ASSERT_EQ(world.add(), "");
    ASSERT_EQ(world.add({{"id", "second"}, {"netdev", "net1"}}), "");
    NetDriver driver(world);
    EXPECT_EQ(driver.config(4, 2), 0x5634u);
    EXPECT_EQ(PciDriver(world.machine, "second").config(4, 2), 0x5734u);
    EXPECT_NE(world.add({{"id", "third"}}), "") << "a netdev has one card";
    (void)static_cast<bool>(world.machine.tree.request_removal("second"));
    world.machine.settle();
}

TEST(VirtioNet, RefusesWhatItCannotDo) {
    NetWorld world;
    for (const auto& [name, value] : {std::pair("rx_queue_size", "100"), std::pair("duplex", "both"),
                                      std::pair("host_mtu", "20"), std::pair("mac", "52:54:00:01:02"),
                                      std::pair("mac", "01:00:00:00:00:00"), std::pair("netdev", "nowhere")})
        EXPECT_NE(world.add({{name, value}}), "") << name;
}

class VirtioNetRings : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Formats, VirtioNetRings,
                         testing::Values(uint64_t{0}, kEventIdx, kRingPacked, kRingPacked | kEventIdx));

TEST_P(VirtioNetRings, SendsAndReceives) {
    NetWorld world;
    ASSERT_EQ(world.add({{"packed", "on"}}), "");
    NetDriver driver(world);
    driver.start(GetParam(), 3);
    const Bytes out = frame(600, 1);
    Bytes packet(12, 0xaa);  // a header that means nothing here
    packet.insert(packet.end(), out.begin(), out.end());
    ASSERT_TRUE(driver.run(kTx, {driver.with(packet)}).has_value());
    ASSERT_EQ(world.net.sent.size(), 1u);
    EXPECT_EQ(world.net.sent[0], out);

    const DriverBuffer buffer = driver.offer(1600);
    driver.notify(kRx);
    EXPECT_TRUE(world.net.arrive(out));
    const auto used = driver.ring(kRx).take_used();
    ASSERT_TRUE(used.has_value());
    EXPECT_EQ(used->written, 612u);
    EXPECT_EQ(driver.content(buffer, 0, 12), (Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0}));
    EXPECT_EQ(driver.content(buffer, 12, 600), out);
}

TEST_P(VirtioNetRings, WaitsForBuffersAndMissesNone) {
    NetWorld world;
    ASSERT_EQ(world.add({{"packed", "on"}}), "");
    NetDriver driver(world);
    driver.start(kMrgRxBuf | GetParam(), 2);
    // 1000 bytes and a header need four of these; three are there.
    std::vector<DriverBuffer> buffers;
    for (int i = 0; i < 3; ++i)
        buffers.push_back(driver.offer(256));
    driver.notify(kRx);
    const Bytes in = frame(1000, 3);
    EXPECT_FALSE(world.net.arrive(in));
    driver.settle();
    EXPECT_FALSE(driver.ring(kRx).take_used().has_value());
    buffers.push_back(driver.offer(256));
    EXPECT_TRUE(driver.ring(kRx).kick_wanted()) << "the device waits for it";
    driver.notify(kRx);
    EXPECT_GE(world.net.resumes, 1u);
    Bytes got;
    for (const DriverBuffer& buffer : buffers) {
        const auto used = driver.ring(kRx).take_used();
        ASSERT_TRUE(used.has_value());
        const Bytes part = driver.content(buffer, 0, used->written);
        got.insert(got.end(), part.begin(), part.end());
    }
    EXPECT_EQ(Bytes(got.begin() + 10, got.begin() + 12), (Bytes{4, 0}));
    EXPECT_EQ(Bytes(got.begin() + 12, got.end()), in);
}

TEST(VirtioNet, FrameTooLargeForABufferIsLost) {
    NetWorld world;
    ASSERT_EQ(world.add(), "");
    NetDriver driver(world);
    driver.start(0, 2);
    driver.offer(100);
    driver.notify(kRx);
    EXPECT_TRUE(world.net.arrive(frame(1000, 1)));
    EXPECT_FALSE(driver.ring(kRx).take_used().has_value());
    EXPECT_TRUE(world.net.arrive(frame(60, 1))) << "the buffer is still there";
    EXPECT_TRUE(driver.ring(kRx).take_used().has_value());
}

TEST(VirtioNet, WaitsForTheNetwork) {
    NetWorld world;
    ASSERT_EQ(world.add(), "");
    NetDriver driver(world);
    driver.start(0, 2);
    world.net.full = true;
    Bytes packet(12, 0);
    packet.resize(100, 7);
    EXPECT_FALSE(driver.run(kTx, {driver.with(packet)}).has_value());
    world.net.take_again();
    driver.settle();
    EXPECT_TRUE(driver.ring(kTx).take_used().has_value());
    EXPECT_EQ(world.net.sent.size(), 1u);
}

TEST(VirtioNet, AnswersFromInsideASendComeAfterIt) {
    NetWorld world;
    ASSERT_EQ(world.add(), "");
    NetDriver driver(world);
    driver.start(0, 2);
    driver.offer(1600);
    driver.notify(kRx);
    world.net.answers.push_back(frame(64, 9));
    Bytes packet(80, 0);
    ASSERT_TRUE(driver.run(kTx, {driver.with(packet)}).has_value());
    EXPECT_TRUE(driver.ring(kRx).take_used().has_value());
}

TEST(VirtioNet, HeadersOfABackEndThatHasThem) {
    NetWorld world(true);
    ASSERT_EQ(world.add(), "");
    NetDriver driver(world);
    const uint64_t wanted = kCsum | kGuestCsum | kHostTso4 | kGuestTso4 | kCtrlVq | kCtrlGuestOffloads;
    EXPECT_EQ(driver.features() & wanted, wanted);
    driver.start(wanted, 3);
    EXPECT_EQ(world.net.offloads, (net::Offloads{.checksum = true, .tso4 = true}));
    Bytes packet = {1, 1, 66, 0, 0xa0, 5, 34, 0, 16, 0, 0x77, 0x77};
    packet.resize(3000, 5);
    ASSERT_TRUE(driver.run(kTx, {driver.with(packet)}).has_value());
    packet[10] = packet[11] = 0;
    EXPECT_EQ(world.net.sent.at(0), packet);
    EXPECT_EQ(driver.command(5, 0, {2, 0, 0, 0, 0, 0, 0, 0}), 0);
    EXPECT_EQ(world.net.offloads, (net::Offloads{.checksum = true}));
    EXPECT_EQ(driver.command(5, 0, {2, 1, 0, 0, 0, 0, 0, 0}), 1) << "not agreed upon";
    driver.agree(0);
    driver.settle();
    EXPECT_EQ(world.net.offloads, net::Offloads());
}

TEST(VirtioNet, LargestFrameAndBeyond) {
    NetWorld world;
    ASSERT_EQ(world.add(), "");
    NetDriver driver(world);
    driver.start(0, 2);
    for (size_t size : {net::kMaxFrame, net::kMaxFrame + 1, size_t{0}})
        EXPECT_TRUE(driver.run(kTx, {driver.with(Bytes(12 + size))}).has_value()) << size;
    EXPECT_EQ(world.net.sent.size(), 1u);
    EXPECT_FALSE(driver.run(kTx, {driver.with(Bytes(5))}).has_value()) << "no whole header";
    EXPECT_NE(driver.get(common::kStatus, 1) & kNeedsReset, 0u);
}

TEST(VirtioNet, ControlQueue) {
    NetWorld world;
    ASSERT_EQ(world.add(), "");
    NetDriver driver(world);
    driver.start(kCtrlVq | kCtrlRx | kCtrlRxExtra | kCtrlVlan | kCtrlMacAddr, 3);
    EXPECT_EQ(driver.command(0, 0, {0}), 0) << "not promiscuous";
    EXPECT_EQ(driver.command(0, 9, {0}), 1);
    EXPECT_EQ(driver.command(1, 1, {2, 0, 0, 0, 0, 1}), 0);
    EXPECT_EQ(driver.config(0, 4), 2u);
    EXPECT_EQ(driver.config(4, 2), 0x100u);
    EXPECT_EQ(driver.command(4, 0, {2, 0}), 1) << "one pair";
    EXPECT_EQ(driver.command(3, 0, {}), 1) << "nobody asked for it";
    for (int i = 0; i < 4; ++i)
        driver.offer(1600);
    driver.notify(kRx);
    EXPECT_TRUE(world.net.arrive(frame(60, 1, {2, 0, 0, 0, 0, 9})));
    EXPECT_FALSE(driver.ring(kRx).take_used().has_value()) << "another's";
    EXPECT_TRUE(world.net.arrive(frame(60, 1, {2, 0, 0, 0, 0, 1})));
    EXPECT_TRUE(driver.ring(kRx).take_used().has_value());
}

TEST(VirtioNet, LinkAndAnnouncements) {
    NetWorld world;
    ASSERT_EQ(world.add({{"mac", "52:54:00:00:00:07"}}), "");
    NetDriver driver(world);
    driver.start(kStatus | kCtrlVq | kGuestAnnounce, 3);
    world.net.set_link(false);
    EXPECT_EQ(driver.config(6, 2), 0u);
    EXPECT_TRUE(driver.run(kTx, {driver.with(Bytes(80))}).has_value());
    EXPECT_TRUE(world.net.sent.empty()) << "no cable";
    world.net.set_link(true);
    EXPECT_EQ(driver.config(6, 2), 1u);
    world.net.peer()->announce();
    EXPECT_EQ(driver.config(6, 2), 3u);
    ASSERT_EQ(world.net.sent.size(), 1u);
    const Bytes& arp = world.net.sent[0];
    EXPECT_EQ(arp.size(), 60u);
    EXPECT_EQ(Bytes(arp.begin() + 6, arp.begin() + 22),
              (Bytes{0x52, 0x54, 0, 0, 0, 7, 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3}));
    EXPECT_EQ(driver.command(3, 0, {}), 0);
    EXPECT_EQ(driver.config(6, 2), 1u);
}

// ---- queue pairs ----

TEST(VirtioNet, QueuePairs) {
    NetWorld world(false, 3);
    ASSERT_EQ(world.add({{"mq", "on"}}), "");
    EXPECT_FALSE(world.net.fake_queue(1).used) << "until the driver asks for it";
    NetDriver driver(world);
    EXPECT_NE(driver.features() & kMultiQueue, 0u);
    EXPECT_EQ(driver.config(8, 2), 3u);
    EXPECT_EQ(driver.get(common::kNumQueues, 2), 7u);
    EXPECT_EQ((driver.function().config_read(driver.function().config_read(0x34, 1) + 2, 2) & 0x7ff), 7u)
        << "vectors, less one";
    driver.start(kCtrlVq | kMultiQueue, 7);
    driver.control = 6;
    for (const Bytes& wrong : {Bytes{0, 0}, Bytes{4, 0}, Bytes{0xff, 0xff}, Bytes{1}, Bytes{1, 0, 0}})
        EXPECT_EQ(driver.command(4, 0, wrong), 1);
    EXPECT_EQ(driver.command(4, 1, {2, 0}), 1) << "RSS, which there is not";

    driver.offer(1600, 2);
    driver.notify(2);
    Bytes packet(80, 1);
    EXPECT_FALSE(driver.run(3, {driver.with(packet)}).has_value()) << "the second pair is not in use";
    EXPECT_EQ(driver.command(4, 0, {2, 0}), 0);
    EXPECT_TRUE(world.net.fake_queue(1).used);
    EXPECT_FALSE(world.net.fake_queue(2).used);
    driver.settle();
    EXPECT_TRUE(driver.ring(3).take_used().has_value()) << "what waited goes now";
    EXPECT_EQ(world.net.fake_queue(1).sent.size(), 1u);
    EXPECT_TRUE(world.net.sent.empty());

    EXPECT_TRUE(world.net.fake_queue(1).arrive(frame(60, 1)));
    EXPECT_TRUE(driver.ring(2).take_used().has_value());
    EXPECT_FALSE(world.net.arrive(frame(60, 1))) << "each pair has its own buffers";

    EXPECT_EQ(driver.command(4, 0, {1, 0}), 0);
    EXPECT_FALSE(world.net.fake_queue(1).used);
    driver.offer(1600, 2);
    driver.notify(2);
    EXPECT_TRUE(world.net.fake_queue(1).arrive(frame(60, 1))) << "lost: nobody listens there";
    EXPECT_FALSE(driver.ring(2).take_used().has_value());
}

TEST(VirtioNet, QueuePairsEndWithAReset) {
    NetWorld world(false, 2);
    ASSERT_EQ(world.add({{"mq", "on"}}), "");
    NetDriver driver(world);
    driver.start(kCtrlVq | kMultiQueue, 5);
    driver.control = 4;
    EXPECT_EQ(driver.command(4, 0, {2, 0}), 0);
    ASSERT_TRUE(world.net.fake_queue(1).used);
    // A driver that knows of one pair finds the control queue behind it.
    driver.start(kCtrlVq | kCtrlRx, 3);
    driver.control = 2;
    EXPECT_FALSE(world.net.fake_queue(1).used);
    EXPECT_EQ(driver.command(0, 0, {0}), 0);
    EXPECT_EQ(driver.command(4, 0, {1, 0}), 1) << "not agreed upon";
}

TEST(VirtioNet, WithoutMqOneQueueOfManyIsUsed) {
    NetWorld world(false, 2);
    ASSERT_EQ(world.add(), "");
    NetDriver driver(world);
    EXPECT_EQ(driver.features() & kMultiQueue, 0u);
    EXPECT_EQ(driver.config(8, 2), 1u);
    EXPECT_EQ(driver.get(common::kNumQueues, 2), 3u);
    EXPECT_FALSE(world.net.fake_queue(1).used);
    EXPECT_EQ(world.net.fake_queue(1).peer(), nullptr);
}

TEST(VirtioNet, CardOutlivesAllQueuesOfItsBackEnd) {
    VirtioMachine machine;
    auto net = std::make_unique<net::FakeNet>(machine.env.loop(), false, 2);
    machine.env.hosts.netdevs["net0"] = net.get();
    qapi::Dict all{{"driver", "virtio-net-pci"}, {"id", "card"}, {"netdev", "net0"}, {"mq", "on"}};
    ASSERT_EQ(machine.add(all), "");
    PciDriver driver(machine, "card");
    driver.start(kCtrlVq | kMultiQueue, 5);
    net.reset();
    for (uint16_t queue : {uint16_t{1}, uint16_t{3}})
        EXPECT_EQ(driver.run(queue, {driver.with(Bytes(80))}).has_value(), queue == 1);
    EXPECT_EQ(driver.run(4, {driver.with(Bytes{4, 0, 2, 0}), driver.room(1)}).has_value(), true);
    driver.settle();
    EXPECT_TRUE(driver.ring(3).take_used().has_value()) << "into a cable that is not plugged in";
    (void)static_cast<bool>(machine.tree.request_removal("card"));
    machine.settle();
}

TEST(VirtioNet, ShowsItsFilter) {
    NetWorld world;
    ASSERT_EQ(world.add({{"mac", "52:54:00:00:00:07"}}), "");
    NetDriver driver(world);
    unsigned told = 0;
    world.net.watch_filter([&] { ++told; });
    driver.start(kCtrlVq | kCtrlRx | kCtrlRxExtra | kCtrlVlan, 3);
    auto filter = world.net.peer()->rx_filter();
    ASSERT_TRUE(filter.has_value());
    EXPECT_TRUE(filter->promiscuous);
    EXPECT_EQ(filter->card, "card");
    EXPECT_EQ(filter->main_mac, "52:54:00:00:00:07");
    EXPECT_EQ(filter->vlan, net::RxFilter::Mode::None);
    EXPECT_EQ(driver.command(0, 0, {0}), 0);
    EXPECT_EQ(driver.command(0, 1, {1}), 0);
    EXPECT_EQ(told, 1u) << "once, until somebody asks";
    EXPECT_EQ(driver.command(0, 4, {1}), 0);
    EXPECT_EQ(driver.command(2, 0, {5, 0}), 0);
    EXPECT_EQ(driver.command(1, 0, {1, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0}), 0);
    filter = world.net.peer()->rx_filter();
    EXPECT_FALSE(filter->promiscuous);
    EXPECT_EQ(filter->unicast, net::RxFilter::Mode::None);
    EXPECT_EQ(filter->multicast, net::RxFilter::Mode::All);
    EXPECT_EQ(filter->vlan, net::RxFilter::Mode::Listed);
    EXPECT_EQ(filter->vlans, std::vector<uint16_t>{5});
    EXPECT_EQ(filter->unicast_table, std::vector<std::string>{"02:00:00:00:00:02"});
    world.net.watch_filter_again();
    EXPECT_EQ(driver.command(0, 9, {1}), 1);
    EXPECT_EQ(told, 1u) << "nothing changed";
    EXPECT_EQ(driver.command(0, 0, {1}), 0);
    EXPECT_EQ(told, 2u);
}

// ---- the filter ----

TEST(NetFilter, Table) {
    const MacAddress mine{{2, 0, 0, 0, 0, 1}};
    const Bytes own = frame(60, 0, {2, 0, 0, 0, 0, 1}), other = frame(60, 0, {2, 0, 0, 0, 0, 2}),
                group = frame(60, 0, {1, 0, 0x5e, 0, 0, 1}), all = frame(60, 0);
    NetFilter f;
    f.reset(mine, false);
    for (const Bytes& one : {own, other, group, all})
        EXPECT_TRUE(f.wants(one)) << "promiscuous after a reset";
    ASSERT_TRUE(f.receive_command(0, Bytes{0}));
    const auto wanted = [&] {
        return std::array{f.wants(own), f.wants(other), f.wants(group), f.wants(all)};
    };
    EXPECT_EQ(wanted(), (std::array{true, false, false, true}));
    ASSERT_TRUE(f.receive_command(1, Bytes{1}));
    EXPECT_EQ(wanted(), (std::array{true, false, true, true}));
    ASSERT_TRUE(f.receive_command(3, Bytes{1}));
    EXPECT_EQ(wanted(), (std::array{true, false, false, true})) << "no multicast is the stronger";
    ASSERT_TRUE(f.receive_command(2, Bytes{1}));
    EXPECT_EQ(wanted(), (std::array{true, true, false, true}));
    ASSERT_TRUE(f.receive_command(4, Bytes{1}) && f.receive_command(5, Bytes{1}));
    EXPECT_EQ(wanted(), (std::array{false, false, false, false}));
    EXPECT_FALSE(f.receive_command(6, Bytes{1}));
    EXPECT_FALSE(f.receive_command(0, Bytes{1, 0}));
}

TEST(NetFilter, AddressTablesAndVlans) {
    NetFilter f;
    f.reset({{2, 0, 0, 0, 0, 1}}, true);
    ASSERT_TRUE(f.receive_command(0, Bytes{0}));
    const Bytes tables = {1, 0, 0, 0, 2, 0, 0, 0, 0, 2, 1, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1};
    ASSERT_TRUE(f.set_tables(tables));
    EXPECT_TRUE(f.wants(frame(60, 0, {2, 0, 0, 0, 0, 2})));
    EXPECT_TRUE(f.wants(frame(60, 0, {1, 0, 0x5e, 0, 0, 1})));
    EXPECT_FALSE(f.wants(frame(60, 0, {1, 0, 0x5e, 0, 0, 2})));
    for (size_t cut = 0; cut < tables.size(); ++cut)
        EXPECT_FALSE(f.set_tables(std::span(tables).first(cut))) << cut;
    EXPECT_FALSE(f.set_tables(Bytes{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}));
    EXPECT_TRUE(f.wants(frame(60, 0, {2, 0, 0, 0, 0, 2}))) << "nothing changed";
    Bytes many = {65, 0, 0, 0};
    many.resize(4 + 65 * 6, 4);
    many.insert(many.end(), 4, 0);
    ASSERT_TRUE(f.set_tables(many));
    EXPECT_TRUE(f.wants(frame(60, 0, {6, 7, 8, 9, 0, 2}))) << "too many: all of the kind";

    Bytes tagged = frame(60, 0, {2, 0, 0, 0, 0, 1});
    tagged[12] = 0x81;
    tagged[13] = 0;
    tagged[14] = 0x20;
    tagged[15] = 5;
    EXPECT_FALSE(f.wants(tagged));
    ASSERT_TRUE(f.vlan_command(0, Bytes{5, 0}));
    EXPECT_TRUE(f.wants(tagged));
    ASSERT_TRUE(f.vlan_command(1, Bytes{5, 0}));
    EXPECT_FALSE(f.wants(tagged));
    EXPECT_FALSE(f.vlan_command(0, Bytes{0, 0x10}));
}

}  // namespace
}  // namespace vmm::virtio
