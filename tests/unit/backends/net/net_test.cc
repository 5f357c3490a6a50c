// Network back ends: the cable itself (back-pressure, order, a link that is down, a client that dies first),
// frames over streams and datagrams, and how forwarding rules are written.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>

#include "backends/net/dgram.h"
#include "backends/net/options.h"
#include "backends/net/stream.h"
#include "tests/fakes/fake_net.h"
#include "tests/fakes/temporary_folder.h"

namespace vmm::net {
namespace {

using Bytes = std::vector<uint8_t>;

struct Card final : Peer {
    bool receive(Packet packet) override {
        if (room == 0) return false;
        --room;
        got.emplace_back(packet.begin(), packet.end());
        return true;
    }
    void sendable() override { ++told; }
    void link_changed(bool now) override { up = now; }
    void client_gone() override { gone = true; }
    unsigned room = 1000, told = 0;
    bool up = true, gone = false;
    std::vector<Bytes> got;
};

void settle(EventLoop& loop) {
    while (loop.iterate(false)) {
    }
}

TEST(NetClient, KeepsWhatHasNoRoomInOrder) {
    EventLoop loop;
    FakeNet net(loop);
    Card card;
    ASSERT_TRUE(net.attach(card));
    card.room = 1;
    EXPECT_TRUE(net.arrive({1}));
    EXPECT_FALSE(net.arrive({2}));
    EXPECT_FALSE(net.arrive({3}));
    card.room = 1;
    net.accept_input();
    settle(loop);
    EXPECT_EQ(net.resumes, 0u);
    card.room = 9;
    net.accept_input();
    settle(loop);
    EXPECT_EQ(net.resumes, 1u);
    EXPECT_EQ(card.got, (std::vector<Bytes>{{1}, {2}, {3}}));
    net.detach(card);
}

TEST(NetClient, AnswersFromInsideSendComeLater) {
    EventLoop loop;
    FakeNet net(loop);
    Card card;
    ASSERT_TRUE(net.attach(card));
    net.answers = {{7}};
    EXPECT_TRUE(net.send(Bytes{1}));
    EXPECT_TRUE(card.got.empty());
    settle(loop);
    EXPECT_EQ(card.got, (std::vector<Bytes>{{7}}));
    net.detach(card);
}

TEST(NetClient, LinkOneCardAndDeath) {
    EventLoop loop;
    Card card, second;
    {
        FakeNet net(loop);
        ASSERT_TRUE(net.attach(card));
        EXPECT_FALSE(net.attach(second));
        net.set_link(false);
        EXPECT_FALSE(card.up);
        EXPECT_TRUE(net.arrive({1}));
        EXPECT_TRUE(net.send(Bytes{1}));
        EXPECT_TRUE(net.sent.empty() && card.got.empty());
        net.set_link(true);
        EXPECT_TRUE(net.send(Bytes(kMaxPacket + 1)));
        EXPECT_TRUE(net.sent.empty());
    }
    EXPECT_TRUE(card.gone);
}

struct Pair {
    explicit Pair(int kind) { CHECK(::socketpair(AF_UNIX, kind, 0, fds) == 0, "socketpair"); }
    ~Pair() { ::close(fds[0]); }
    int fds[2];  // ours, theirs
};

TEST(StreamClient, FramesInPiecesAndSeveralAtOnce) {
    EventLoop loop;
    Pair pair(SOCK_STREAM);
    StreamConfig config;
    config.address = FdAddress{pair.fds[1]};
    auto client = StreamClient::create(loop, "n", config).take_value();
    Card card;
    ASSERT_TRUE(client->attach(card));
    const Bytes wire = {0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 1, 9, 0, 0, 0, 2, 5};
    for (uint8_t byte : wire) {
        ASSERT_EQ(::write(pair.fds[0], &byte, 1), 1);
        settle(loop);
    }
    EXPECT_EQ(card.got, (std::vector<Bytes>{{1, 2, 3}, {9}}));
    card.room = 0;
    const Bytes more = {6, 0, 0, 0, 1, 8};
    ASSERT_EQ(::write(pair.fds[0], more.data(), more.size()), 6);
    settle(loop);
    card.room = 9;
    client->accept_input();
    settle(loop);
    EXPECT_EQ(card.got, (std::vector<Bytes>{{1, 2, 3}, {9}, {5, 6}, {8}}));
    client->detach(card);
}

TEST(StreamClient, BadLengthEndsTheConnection) {
    EventLoop loop;
    Pair pair(SOCK_STREAM);
    StreamConfig config;
    config.address = FdAddress{pair.fds[1]};
    auto client = StreamClient::create(loop, "n", config).take_value();
    Card card;
    ASSERT_TRUE(client->attach(card));
    const Bytes wire = {0xff, 0xff, 0xff, 0xff};
    ASSERT_EQ(::write(pair.fds[0], wire.data(), 4), 4);
    settle(loop);
    EXPECT_FALSE(client->connected());
    EXPECT_TRUE(client->send(Bytes{1})) << "lost";
    client->detach(card);
}

TEST(StreamClient, FullSocketMakesTheCardWait) {
    EventLoop loop;
    Pair pair(SOCK_STREAM);
    StreamConfig config;
    config.address = FdAddress{pair.fds[1]};
    auto client = StreamClient::create(loop, "n", config).take_value();
    Card card;
    ASSERT_TRUE(client->attach(card));
    const Bytes packet(5000, 3);
    size_t sent = 0;
    while (client->send(packet))
        ASSERT_LT(++sent, 10000u);
    size_t received = 0;
    Bytes buffer(1 << 16);
    while (received < sent * 5004) {
        const ssize_t got = ::recv(pair.fds[0], buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got > 0) received += static_cast<size_t>(got);
        settle(loop);
    }
    EXPECT_EQ(received, sent * 5004);
    EXPECT_EQ(card.told, 1u);
    client->detach(card);
}

// A listener that cannot take who waits at it must not keep the loop turning, and takes them when it can.
TEST(StreamClient, AListenerWithoutDescriptorsTriesLater) {
    EventLoop loop;
    sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = {}};
    const TemporaryFolder folder;
    const std::string path = folder / "s";
    ASSERT_LT(path.copy(name.sun_path, sizeof name.sun_path - 1), sizeof name.sun_path - 1);
    const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    StreamConfig config;
    config.server = true;
    config.address = FdAddress{::dup(listener.get())};
    auto client = StreamClient::create(loop, "n", config).take_value();
    const Fd caller(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(caller.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);

    rlimit before = {};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none = {.rlim_cur = static_cast<rlim_t>(caller.get()) + 1, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    int turns = 0;
    while (turns < 1000 && loop.iterate(false))
        ++turns;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_GE(turns, 1);
    EXPECT_LT(turns, 10);
    EXPECT_FALSE(client->connected());
    for (int i = 0; i < 20 && !client->connected(); ++i)
        (void)loop.iterate(true);
    EXPECT_TRUE(client->connected());
}

// A card's end of a pair of datagram sockets; the test has the other.
class DgramClientTest : public ::testing::Test {
  protected:
    static DgramConfig on(int fd) {
        DgramConfig config;
        config.local = FdAddress{fd};
        return config;
    }
    EventLoop loop;
    Pair pair{SOCK_DGRAM};
    std::unique_ptr<DgramClient> client = DgramClient::create(loop, "n", on(pair.fds[1])).take_value();
    Card card;
};

TEST_F(DgramClientTest, BothWays) {
    ASSERT_TRUE(client->attach(card));
    EXPECT_TRUE(client->send(Bytes{1, 2}));
    uint8_t buffer[8];
    EXPECT_EQ(::recv(pair.fds[0], buffer, sizeof buffer, 0), 2);
    card.room = 1;
    for (uint8_t i = 0; i < 5; ++i)
        ASSERT_EQ(::send(pair.fds[0], &i, 1, 0), 1);
    settle(loop);
    card.room = 9;
    client->accept_input();
    settle(loop);
    EXPECT_EQ(card.got, (std::vector<Bytes>{{0}, {1}, {2}, {3}, {4}}));
    client->detach(card);
}

// What is held goes together and in order; a larger packet, or one that is sent at once, does not overtake
// it.
TEST_F(DgramClientTest, HeldPacketsKeepTheirOrder) {
    const auto sizes = [&] {
        std::vector<ssize_t> all;
        Bytes buffer(8192);
        for (ssize_t got; (got = ::recv(pair.fds[0], buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;)
            all.push_back(got);
        return all;
    };
    using Sizes = std::vector<ssize_t>;
    EXPECT_TRUE(client->send_more(Bytes(1)));
    EXPECT_TRUE(client->send_more(Bytes(2)));
    EXPECT_EQ(sizes(), Sizes());
    client->send_held();
    EXPECT_EQ(sizes(), (Sizes{1, 2}));
    EXPECT_TRUE(client->send_more(Bytes(3)));
    EXPECT_TRUE(client->send_more(Bytes(4000)));
    EXPECT_TRUE(client->send_more(Bytes(4)));
    EXPECT_TRUE(client->send(Bytes(5)));
    EXPECT_EQ(sizes(), (Sizes{3, 4000, 4, 5}));
}

TEST_F(DgramClientTest, AFullSocketLosesNothingThatWasHeld) {
    ASSERT_TRUE(client->attach(card));
    uint16_t sent = 0;
    const auto numbered = [&] { return Bytes{static_cast<uint8_t>(sent), static_cast<uint8_t>(sent >> 8)}; };
    while (client->send_more(numbered()))
        ASSERT_LT(++sent, 10000u);
    EXPECT_FALSE(client->send(numbered()));
    uint16_t received = 0;
    for (Bytes got(2); received < sent;) {
        settle(loop);
        ASSERT_EQ(::recv(pair.fds[0], got.data(), got.size(), MSG_DONTWAIT), 2) << received << " of " << sent;
        EXPECT_EQ(got[0] | got[1] << 8, received++);
    }
    EXPECT_GE(card.told, 1u);
    EXPECT_TRUE(client->send(Bytes(1)));
    client->detach(card);
}

TEST(NetOptions, HostForward) {
    const HostForward f = parse_host_forward("udp:127.0.0.1:5000-10.0.2.15:53").take_value();
    EXPECT_TRUE(f.udp);
    EXPECT_EQ(ntohl(f.host.s_addr), 0x7f000001u);
    EXPECT_EQ(ntohl(f.guest.s_addr), 0x0a00020fu);
    EXPECT_EQ(f.host_port, 5000);
    EXPECT_EQ(f.guest_port, 53);
    EXPECT_FALSE(parse_host_forward("tcp::22-:22").take_value().udp);
    for (const char* bad : {"", "tcp", "icmp::1-:1", "tcp:x:1-:1", "tcp::99999-:1", "tcp::1:1", "tcp::1-y:1",
                            "tcp::1-:0", "tcp::1-:"})
        EXPECT_FALSE(parse_host_forward(bad)) << bad;
    EXPECT_EQ(parse_host_port(":127.0.0.1:22").take_value().host_port, 22);
    EXPECT_TRUE(parse_host_port("udp::0").take_value().udp);
    for (const char* bad : {"", "tcp", "icmp::1", "tcp:x:1", "tcp::99999", "tcp::1-:1", "tcp::"})
        EXPECT_FALSE(parse_host_port(bad)) << bad;
}

TEST(NetOptions, UserNetwork) {
    const UserConfig plain = user_config({}).take_value();
    EXPECT_TRUE(plain.ipv4 && plain.ipv6);
    EXPECT_EQ(ntohl(plain.dhcp_start.s_addr), 0x0a00020fu);
    qapi::NetdevUserOptions o;
    o.net = "192.168.7.9/24";
    o.ipv6 = false;
    const UserConfig other = user_config(o).take_value();
    EXPECT_EQ(ntohl(other.network.s_addr), 0xc0a80700u);
    EXPECT_EQ(ntohl(other.mask.s_addr), 0xffffff00u);
    EXPECT_FALSE(other.ipv6);
    o.dns = "10.0.0.1";
    EXPECT_FALSE(user_config(o)) << "outside of the network";
    o.dns = {};
    o.net = "192.168.7.0/255.0.255.0";
    EXPECT_FALSE(user_config(o));
}

}  // namespace
}  // namespace vmm::net
