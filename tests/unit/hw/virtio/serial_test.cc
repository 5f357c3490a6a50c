// Console device: the conversation on its control queues, ports that come and go, both directions of data
// with flow control, and a driver that knows one port only.
#include "hw/virtio/serial.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_chardev.h"
#include "tests/unit/hw/virtio/pci_driver.h"

namespace vmm::virtio {
namespace {

constexpr uint64_t kMultiport = bit(1), kEmergencyWrite = bit(2);

qapi::Dict dict(std::initializer_list<std::pair<const char*, const char*>> list) {
    qapi::Dict all;
    for (const auto& [name, value] : list)
        all.set(name, qapi::Value(std::string(value)));
    return all;
}

struct Chardevs {
    EventLoop char_loop;
    FakeChardev a{char_loop, "a"}, b{char_loop, "b"};
};

struct SerialWorld : Chardevs, VirtioMachine {
    SerialWorld() {
        env.hosts.chardevs = {{"a", &a}, {"b", &b}};
        EXPECT_EQ(add(dict({{"driver", "virtio-serial-pci"}, {"id", "vs"}, {"max_ports", "4"}})), "");
    }
};

struct SerialDriver : PciDriver {
    explicit SerialDriver(SerialWorld& world) : PciDriver(world, "vs") {
        start(kMultiport, 8);
        for (unsigned i = 0; i < 16; ++i)
            give(2, 64);
    }
    void give(uint16_t queue, uint32_t size) {
        const DriverBuffer buffer = room(size);
        const auto token = ring(queue).add({&buffer, 1}, false);
        ASSERT_TRUE(token);
        given_[{queue, *token}] = buffer;
        notify(queue);
    }
    // What came on a queue, one entry a buffer.
    std::vector<std::string> take(uint16_t queue) {
        std::vector<std::string> all;
        while (const auto used = ring(queue).take_used()) {
            const auto data = bytes(given_[{queue, used->token}]).first(used->written);
            all.emplace_back(data.begin(), data.end());
        }
        return all;
    }
    std::string controls() {
        std::string text;
        for (const std::string& raw : take(2)) {
            text += strf("%u:%u=%u", load_le<uint32_t>(raw.data()), load_le<uint16_t>(raw.data() + 4),
                         load_le<uint16_t>(raw.data() + 6));
            if (raw.size() > 8) text += "'" + std::string(raw.c_str() + 8) + "'";
            text += ' ';
        }
        return text;
    }
    void control(uint32_t port, uint16_t event, uint16_t value) {
        const struct {
            Le32 port;
            Le16 event, value;
        } message{port, event, value};
        ASSERT_TRUE(run(3, {with(bytes_of(message))}));
    }
    std::optional<UsedBuffer> send(uint16_t queue, std::string_view text) {
        const std::vector<uint8_t> raw(text.begin(), text.end());
        return run(queue, {with(raw)});
    }

  private:
    std::map<std::pair<uint16_t, uint64_t>, DriverBuffer> given_;
};

TEST(VirtioSerial, showsItself) {
    SerialWorld w;
    PciDriver d(w, "vs");
    EXPECT_EQ(d.function().config_read(0, 4), 0x10031af4u);
    EXPECT_EQ(d.config(4, 4), 4u);
    EXPECT_EQ(d.get(common::kNumQueues, 2), 10u);
    EXPECT_EQ(d.features() & 0xff, kMultiport | kEmergencyWrite);
}

TEST(VirtioSerial, portsAreIntroduced) {
    SerialWorld w;
    ASSERT_EQ(w.add(dict({{"driver", "virtconsole"}, {"id", "c"}, {"chardev", "a"}})), "");
    ASSERT_EQ(
        w.add(dict({{"driver", "virtserialport"}, {"id", "p"}, {"chardev", "b"}, {"name", "org.port"}})), "");
    SerialDriver d(w);
    EXPECT_EQ(d.controls(), "");
    d.control(0xffffffff, 0, 1);
    EXPECT_EQ(d.controls(), "0:1=1 1:1=1 ");
    d.control(0, 3, 1);
    EXPECT_EQ(d.controls(), "0:4=1 0:6=1 ");
    d.control(1, 3, 1);
    EXPECT_EQ(d.controls(), "1:7=1'org.port' 1:6=1 ");
    w.b.event(CharEvent::Closed);
    EXPECT_EQ(d.controls(), "1:6=0 ");
    w.b.event(CharEvent::Opened);
    EXPECT_EQ(d.controls(), "1:6=1 ");
}

TEST(VirtioSerial, portsComeAndGoWhileTheDriverRuns) {
    SerialWorld w;
    w.tree.set_running();
    SerialDriver d(w);
    d.control(0, 0, 1);
    ASSERT_EQ(w.add(dict({{"driver", "virtserialport"}, {"id", "p"}, {"bus", "vs.0"}, {"nr", "3"}})), "");
    EXPECT_EQ(d.controls(), "3:1=1 ");
    ASSERT_TRUE(w.tree.request_removal("p"));
    w.settle();
    EXPECT_EQ(d.controls(), "3:2=1 ");
}

TEST(VirtioSerial, refusesPortsThatCannotBe) {
    SerialWorld w;
    EXPECT_NE(w.add(dict({{"driver", "virtserialport"}, {"nr", "0"}})).find("reserved for virtconsole"),
              std::string::npos);
    EXPECT_NE(w.add(dict({{"driver", "virtserialport"}, {"nr", "4"}})).find("max. allowed: 3"),
              std::string::npos);
    EXPECT_EQ(w.add(dict({{"driver", "virtserialport"}, {"nr", "2"}, {"name", "n"}})), "");
    EXPECT_NE(w.add(dict({{"driver", "virtserialport"}, {"nr", "2"}})).find("already exists at id 2"),
              std::string::npos);
    EXPECT_NE(w.add(dict({{"driver", "virtserialport"}, {"name", "n"}})).find("already exists by name n"),
              std::string::npos);
    EXPECT_NE(w.add(dict({{"driver", "virtserialport"}, {"chardev", "nope"}})).find("nope"),
              std::string::npos);
    EXPECT_EQ(w.add(dict({{"driver", "virtserialport"}})), "");
    EXPECT_EQ(w.add(dict({{"driver", "virtserialport"}})), "");
    EXPECT_NE(w.add(dict({{"driver", "virtserialport"}})).find("Maximum port limit"), std::string::npos);
}

TEST(VirtioSerial, bytesGoBothWays) {
    SerialWorld w;
    ASSERT_EQ(w.add(dict({{"driver", "virtserialport"}, {"id", "p"}, {"chardev", "b"}})), "");
    SerialDriver d(w);
    d.give(4, 4);
    d.give(4, 100);
    EXPECT_EQ(w.b.type("early"), "early") << "the guest did not open the port";
    d.control(1, 6, 1);
    EXPECT_EQ(w.b.type("abcdefgh"), "efgh");
    EXPECT_EQ(w.b.type("efgh"), "");
    EXPECT_EQ(d.take(4), (std::vector<std::string>{"abcd", "efgh"}));
    EXPECT_EQ(w.b.type("more"), "more") << "no buffers";
    const unsigned asked = w.b.accepts;
    d.give(4, 10);
    EXPECT_GT(w.b.accepts, asked);
    EXPECT_EQ(w.b.type("more"), "");
    EXPECT_EQ(d.take(4), (std::vector<std::string>{"more"}));
    EXPECT_TRUE(d.send(5, "from the guest"));
    EXPECT_EQ(w.b.written, "from the guest");
}

TEST(VirtioSerial, theGuestWaitsForASlowReader) {
    SerialWorld w;
    ASSERT_EQ(w.add(dict({{"driver", "virtserialport"}, {"id", "p"}, {"chardev", "b"}})), "");
    SerialDriver d(w);
    w.b.capacity = 3;
    EXPECT_FALSE(d.send(5, "abcdef"));
    EXPECT_EQ(w.b.written, "abc");
    w.b.let(2);
    EXPECT_FALSE(d.ring(5).take_used());
    w.b.let(1 << 20);
    EXPECT_TRUE(d.ring(5).take_used());
    EXPECT_EQ(w.b.written, "abcdef");
    EXPECT_TRUE(d.send(5, std::string(200000, 'x')));
    EXPECT_EQ(w.b.written.size(), 200006u);
}

TEST(VirtioSerial, aLongBufferIsSentInTurns) {
    SerialWorld w;
    ASSERT_EQ(w.add(dict({{"driver", "virtserialport"}, {"id", "p"}, {"chardev", "b"}})), "");
    SerialDriver d(w);
    EXPECT_TRUE(d.send(5, std::string(300000, 'x')));
    EXPECT_EQ(w.b.written.size(), 300000u);
}

TEST(VirtioSerial, aResetTakesBackWhatAPortHolds) {
    SerialWorld w;
    ASSERT_EQ(w.add(dict({{"driver", "virtserialport"}, {"id", "p"}, {"chardev", "b"}})), "");
    SerialDriver d(w);
    d.control(1, 6, 1);
    d.give(4, 100);
    EXPECT_EQ(w.b.type(""), "");
    w.b.capacity = 1;
    EXPECT_FALSE(d.send(5, "abc"));
    d.put(common::kStatus, 0, 1);
    d.settle();
    EXPECT_EQ(d.get(common::kStatus, 1), 0u);
    EXPECT_EQ(w.b.type("lost"), "lost");
    d.start(kMultiport, 8);
    w.b.capacity = SIZE_MAX;
    EXPECT_TRUE(d.send(5, "new"));
    EXPECT_EQ(w.b.written, "anew");
}

TEST(VirtioSerial, aDriverWithoutMultiportHasTheConsole) {
    SerialWorld w;
    ASSERT_EQ(w.add(dict({{"driver", "virtconsole"}, {"id", "c"}, {"chardev", "a"}})), "");
    PciDriver d(w, "vs");
    d.start(0, 2);
    const DriverBuffer buffer = d.room(16);
    ASSERT_TRUE(d.ring(0).add({&buffer, 1}, false));
    d.notify(0);
    EXPECT_EQ(w.a.type("hi"), "");
    EXPECT_EQ(d.ring(0).take_used()->written, 2u);
    const uint8_t text[] = {'o', 'k'};
    ASSERT_TRUE(d.run(1, {d.with(text)}));
    EXPECT_EQ(w.a.written, "ok");
    d.put(kDeviceAt + 8, '!', 4);
    d.settle();
    EXPECT_EQ(w.a.written, "ok!");
}

TEST(VirtioSerial, strangeControlMessagesAreIgnored) {
    SerialWorld w;
    SerialDriver d(w);
    d.control(99, 3, 1);
    d.control(1, 6, 1);
    d.control(0, 77, 1);
    const uint8_t cut[] = {1, 2, 3};
    ASSERT_TRUE(d.run(3, {d.with(cut)}));
    EXPECT_EQ(d.controls(), "");
    EXPECT_EQ(d.get(common::kStatus, 1) & kNeedsReset, 0u);
}

}  // namespace
}  // namespace vmm::virtio
