// Chardevs over real descriptors: what is written arrives, flow control holds, ends are noticed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/chardev/chardev_set.h"
#include "backends/chardev/pty.h"
#include "backends/chardev/ringbuf.h"
#include "backends/chardev/socket.h"
#include "tests/fakes/fake_chardev.h"
#include "tests/fakes/temporary_folder.h"
#include "util/fd_store.h"

namespace vmm {
namespace {

class ChardevTest : public testing::Test {
  protected:
    template <typename F>
    bool run_until(F condition) {
        int64_t end = monotonic_ns() + 5'000'000'000;
        while (!condition() && monotonic_ns() < end) {
            if (!loop_.iterate(false)) ::usleep(500);
        }
        return condition();
    }
    static std::span<const uint8_t> bytes(std::string_view text) {
        return {static_cast<const uint8_t*>(static_cast<const void*>(text.data())), text.size()};
    }
    std::string contents(const std::string& path) {
        auto read = read_file(path, 1 << 20);
        return read ? std::string(read->begin(), read->end()) : "(cannot be read)";
    }
    template <typename Backend>
    Result<Chardev*> add(const std::string& id, Backend backend) {
        ChardevOptions options;
        options.id = id;
        options.backend = std::move(backend);
        return set_.add(options);
    }

    TemporaryFolder dir_;
    EventLoop loop_;
    FdStore descriptors_;
    ChardevSet set_{loop_, descriptors_, [] {}};
};

TEST_F(ChardevTest, fileKeepsWhatIsWrittenAndAppends) {
    ChardevFile config;
    config.out = dir_ / "out";
    {
        auto made = add("f", config);
        ASSERT_TRUE(made) << made.error().message();
        EXPECT_EQ((*made)->write(bytes("one")), 3u);
        ASSERT_TRUE(set_.remove("f"));
    }
    config.append = true;
    auto made = add("f", config);
    ASSERT_TRUE(made);
    EXPECT_EQ((*made)->write(bytes("two")), 3u);
    EXPECT_EQ(contents(config.out), "onetwo");
}

TEST_F(ChardevTest, bytesOfADeviceComeByTheLineOrSoon) {
    ChardevFile config;
    config.out = dir_ / "out";
    Chardev& file = *add("f", config).take_value();
    EXPECT_EQ(file.write_soon(bytes("o")), 1u);
    EXPECT_EQ(contents(config.out), "");
    EXPECT_EQ(file.write_soon(bytes("k\n")), 2u);
    EXPECT_EQ(contents(config.out), "ok\n");
    file.write_soon(bytes("login: "));
    EXPECT_TRUE(run_until([&] { return contents(config.out) == "ok\nlogin: "; })) << "no line, but time";
    file.write_soon(bytes("a"));
    file.write(bytes("b"));
    EXPECT_EQ(contents(config.out), "ok\nlogin: ab");
    std::string much(300, 'x');
    for (char& c : much)
        file.write_soon(bytes({&c, 1}));
    EXPECT_EQ(contents(config.out).size(), 12u + 256u) << "what it holds is bounded";
    ASSERT_TRUE(set_.remove("f"));
    EXPECT_EQ(contents(config.out), "ok\nlogin: ab" + much);
}

TEST_F(ChardevTest, slowReaderLosesNothingOfADevicesBytes) {
    ChardevSocket config;
    config.addr = UnixAddress{dir_ / "s"};
    Chardev& server = *add("s", config).take_value();
    FakeCharClient client;
    ASSERT_TRUE(server.attach(client));
    Fd peer = connect_to(config.addr).take_value();
    ASSERT_TRUE(run_until([&] { return server.connected(); }));
    ASSERT_TRUE(set_non_blocking(peer.get()));
    std::string sent, got;
    auto send = [&] {
        const char c = static_cast<char>('a' + sent.size() % 23);
        if (server.write_soon(bytes({&c, 1})) == 0) return false;
        sent += c;
        return true;
    };
    while (send())
        ASSERT_LT(sent.size(), size_t{64} << 20);
    auto take = [&] {
        std::array<char, 4096> buffer;
        const ssize_t n = ::read(peer.get(), buffer.data(), buffer.size());
        if (n > 0) got.append(buffer.data(), static_cast<size_t>(n));
    };
    EXPECT_TRUE(run_until([&] {
        take();
        return client.writables > 0;
    }));
    EXPECT_TRUE(send());
    EXPECT_TRUE(run_until([&] {
        take();
        return got.size() == sent.size();
    }));
    EXPECT_EQ(got, sent);
    server.detach(client);
}

TEST_F(ChardevTest, logFileCopiesOutput) {
    ChardevNull config;
    config.logfile = dir_ / "log";
    auto made = add("n", config);
    ASSERT_TRUE(made);
    (*made)->write(bytes("hello"));
    EXPECT_EQ(contents(*config.logfile), "hello");
}

TEST_F(ChardevTest, fileThatCannotBeOpenedIsNamed) {
    ChardevFile config;
    config.out = dir_ / "none/out";
    auto made = add("f", config);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message().find("/none/out"), std::string::npos);
}

TEST_F(ChardevTest, whatIsRefusedLeavesNoFileOfItsOwn) {
    ChardevFile config;
    config.out = dir_ / "out";
    config.logfile = dir_ / "missing/log";
    EXPECT_FALSE(add("f", config));
    EXPECT_NE(::access(config.out.c_str(), F_OK), 0) << "it was made for nothing";
    ASSERT_TRUE(open_file(config.out, O_WRONLY | O_CREAT, 0600));
    EXPECT_FALSE(add("f", config));
    EXPECT_EQ(::access(config.out.c_str(), F_OK), 0) << "it was there before";
    EXPECT_EQ(set_.find("f"), nullptr);
}

TEST_F(ChardevTest, secondClientIsRefused) {
    auto made = add("n", ChardevNull{});
    ASSERT_TRUE(made);
    FakeCharClient one, two;
    ASSERT_TRUE((*made)->attach(one));
    EXPECT_FALSE((*made)->attach(two));
    EXPECT_FALSE(set_.remove("n"));
    (*made)->detach(one);
    EXPECT_TRUE(set_.remove("n"));
}

TEST_F(ChardevTest, socketServerTakesOnePeerAfterAnother) {
    ChardevSocket config;
    config.addr = UnixAddress{dir_ / "s"};
    auto made = add("s", config);
    ASSERT_TRUE(made) << made.error().message();
    Chardev& server = **made;
    FakeCharClient client;
    ASSERT_TRUE(server.attach(client));
    EXPECT_FALSE(server.connected());
    EXPECT_EQ(server.write(bytes("lost")), 4u);
    for (int round = 0; round < 2; ++round) {
        Fd peer = connect_to(config.addr).take_value();
        ASSERT_TRUE(run_until([&] { return server.connected(); }));
        client.got.clear();
        ASSERT_TRUE(write_full(peer.get(), bytes("ping")));
        EXPECT_TRUE(run_until([&] { return client.got == "ping"; }));
        EXPECT_EQ(server.write(bytes("pong")), 4u);
        uint8_t buffer[8] = {};
        EXPECT_EQ(::read(peer.get(), buffer, sizeof buffer), 4);
        peer.reset();
        EXPECT_TRUE(run_until([&] { return !server.connected(); }));
    }
    EXPECT_EQ(client.events, (std::vector<CharEvent>{CharEvent::Opened, CharEvent::Closed, CharEvent::Opened,
                                                     CharEvent::Closed}));
    server.detach(client);
    ASSERT_TRUE(set_.remove("s"));
    EXPECT_NE(::access((dir_ / "s").c_str(), F_OK), 0);
}

TEST_F(ChardevTest, slowReaderHoldsTheWriterBack) {
    ChardevSocket config;
    config.addr = UnixAddress{dir_ / "s"};
    auto made = add("s", config);
    ASSERT_TRUE(made);
    FakeCharClient client;
    ASSERT_TRUE((*made)->attach(client));
    Fd peer = connect_to(config.addr).take_value();
    ASSERT_TRUE(run_until([&] { return (*made)->connected(); }));
    std::vector<uint8_t> block(65536, 'x');
    size_t sent = 0, taken = 0;
    do {
        taken = (*made)->write(block);
        sent += taken;
        ASSERT_LT(sent, size_t{64} << 20);
    } while (taken == block.size());
    for (int i = 0; i < 10; ++i)
        loop_.iterate(false);
    EXPECT_EQ(client.writables, 0u);
    size_t got = 0;
    EXPECT_TRUE(run_until([&] {
        ssize_t n = ::read(peer.get(), block.data(), block.size());
        if (n > 0) got += static_cast<size_t>(n);
        return client.writables > 0;
    }));
    EXPECT_LE(got, sent);
    (*made)->detach(client);
}

TEST_F(ChardevTest, inputWaitsForRoom) {
    ChardevSocket config;
    config.addr = UnixAddress{dir_ / "s"};
    auto made = add("s", config);
    ASSERT_TRUE(made);
    FakeCharClient client;
    client.space = 2;
    ASSERT_TRUE((*made)->attach(client));
    Fd peer = connect_to(config.addr).take_value();
    ASSERT_TRUE(write_full(peer.get(), bytes("abcdef")));
    ASSERT_TRUE(run_until([&] { return client.got.size() == 2; }));
    for (int i = 0; i < 20; ++i)
        loop_.iterate(false);
    EXPECT_EQ(client.got, "ab");
    client.space = 100;
    (*made)->accept_input();
    EXPECT_TRUE(run_until([&] { return client.got == "abcdef"; }));
    (*made)->detach(client);
}

TEST_F(ChardevTest, clientReconnects) {
    ChardevSocket config;
    config.addr = UnixAddress{dir_ / "s"};
    config.server = false;
    EXPECT_FALSE(add("c", config));  // nobody listens
    config.reconnect_ms = 5;
    auto made = add("c", config);
    ASSERT_TRUE(made);
    EXPECT_FALSE((*made)->connected());
    Fd listener = listen_on(config.addr).take_value();
    EXPECT_TRUE(run_until([&] { return (*made)->connected(); }));
}

TEST_F(ChardevTest, socketOptionsThatContradictAreRefused) {
    ChardevSocket config;
    config.addr = UnixAddress{dir_ / "s"};
    config.reconnect_ms = 5;
    EXPECT_FALSE(add("c", config));
    config.reconnect_ms = 0;
    config.server = false;
    config.wait = true;
    EXPECT_FALSE(add("c", config));
}

TEST_F(ChardevTest, ptyConnectsWhenOpenedAndCarriesBothWays) {
    auto made = PtyChardev::create(loop_, "p", ChardevPty{});
    ASSERT_TRUE(made) << made.error().message();
    PtyChardev& pty = **made;
    FakeCharClient client;
    ASSERT_TRUE(pty.attach(client));
    EXPECT_FALSE(pty.connected());
    Fd slave = open_file(pty.name(), O_RDWR | O_NOCTTY).take_value();
    ASSERT_TRUE(run_until([&] { return pty.connected(); }));
    EXPECT_EQ(pty.write(bytes("out")), 3u);
    uint8_t buffer[8] = {};
    EXPECT_EQ(::read(slave.get(), buffer, sizeof buffer), 3);
    ASSERT_TRUE(write_full(slave.get(), bytes("in\r")));
    EXPECT_TRUE(run_until([&] { return client.got == "in\r"; }));
    slave.reset();
    EXPECT_TRUE(run_until([&] { return !pty.connected(); }));
    pty.detach(client);
}

TEST_F(ChardevTest, pipePairCarriesBothWays) {
    std::string base = dir_ / "p";
    ASSERT_EQ(::mkfifo((base + ".in").c_str(), 0600), 0);
    ASSERT_EQ(::mkfifo((base + ".out").c_str(), 0600), 0);
    ChardevPipe config;
    config.device = base;
    auto made = add("p", config);
    ASSERT_TRUE(made) << made.error().message();
    FakeCharClient client;
    ASSERT_TRUE((*made)->attach(client));
    Fd in = open_file(base + ".in", O_WRONLY).take_value();
    Fd out = open_file(base + ".out", O_RDONLY | O_NONBLOCK).take_value();
    ASSERT_TRUE(write_full(in.get(), bytes("to guest")));
    EXPECT_TRUE(run_until([&] { return client.got == "to guest"; }));
    (*made)->write(bytes("from"));
    uint8_t buffer[8] = {};
    EXPECT_EQ(::read(out.get(), buffer, sizeof buffer), 4);
    (*made)->detach(client);
}

// A guest that goes on printing does not keep the loop busy.
TEST_F(ChardevTest, outputThatFailsIsTakenAndToldOnce) {
    ChardevFile config;
    config.out = "/dev/full";
    auto made = add("f", config);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ((*made)->write(bytes("x")), 1u);
    EXPECT_TRUE(loop_.iterate(false));
    while (loop_.iterate(false)) {
    }
    EXPECT_EQ((*made)->write(bytes("y")), 1u);
    EXPECT_FALSE(loop_.iterate(false));
}

TEST_F(ChardevTest, ringbufKeepsTheNewest) {
    ChardevRingbuf config;
    config.size = 8;
    auto made = RingbufChardev::create(loop_, "r", config);
    ASSERT_TRUE(made);
    (*made)->write(bytes("0123456789"));
    auto got = (*made)->read(3);
    EXPECT_EQ(std::string(got.begin(), got.end()), "234");
    got = (*made)->read(100);
    EXPECT_EQ(std::string(got.begin(), got.end()), "56789");
    EXPECT_TRUE((*made)->read(100).empty());
    config.size = 12;
    EXPECT_FALSE(RingbufChardev::create(loop_, "r", config));
}

TEST_F(ChardevTest, tcpServerTakesThePortItIsGiven) {
    Fd listener = listen_on(InetAddress{"127.0.0.1", "0", {}, {}, {}}).take_value();
    uint16_t port = local_port(listener.get()).take_value();
    EXPECT_TRUE(connect_to(InetAddress{"127.0.0.1", std::to_string(port), {}, {}, {}}));
    auto second = listen_on(InetAddress{"127.0.0.1", std::to_string(port), {}, {}, {}});
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message().find(std::to_string(port)), std::string::npos);
}

}  // namespace
}  // namespace vmm
