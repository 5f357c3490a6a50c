// A QMP connection from greeting to end: negotiation, order, ids, garbage, limits, descriptors, out-of-band
// execution, slow readers.
#include <fcntl.h>

#include <thread>

#include "tests/unit/system/control/qmp/monitor_fixture.h"

namespace vmm {
namespace {

struct Oob {
    using Arguments = qapi::NoArguments;
    using Return = void;
    static constexpr qapi::CommandInfo kInfo{.name = "oob-test", .allow_oob = true};
};

TEST_F(MonitorTest, greetsAndKnowsOneCommandUntilItIsNegotiated) {
    connect();
    EXPECT_EQ(line(), R"({"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 0}, )"
                      R"("package": "penumbra-)" PENUMBRA_VERSION R"("}, "capabilities": ["oob"]}})");
    EXPECT_EQ(class_of(ask("{'execute': 'query-name'}")), "CommandNotFound");
    EXPECT_EQ(named_, 0);
    EXPECT_EQ(class_of(ask("{'execute': 'qmp_capabilities', 'arguments': {'enable': ['fly']}}")),
              "GenericError");
    EXPECT_EQ(ask("{'execute': 'qmp_capabilities'}"), R"({"return": {}})");
    EXPECT_EQ(class_of(ask("{'execute': 'qmp_capabilities'}")), "CommandNotFound");
    EXPECT_EQ(ask("{'execute': 'query-name', 'id': {'a': [1]}}"),
              R"({"return": {"name": "guest"}, "id": {"a": [1]}})");
}

TEST_F(MonitorTest, repliesComeInOrderHoweverTheBytesAreCut) {
    connect_and_negotiate();
    std::string text;
    for (int i = 0; i < 20; ++i)
        text += "{'execute': 'query-name', 'id': " + std::to_string(i) + "}";
    for (size_t at = 0; at < text.size(); at += 7) {
        send(std::string_view(text).substr(at, 7));
        while (loop_.iterate(false)) {
        }
    }
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(line(), R"({"return": {"name": "guest"}, "id": )" + std::to_string(i) + "}");
}

TEST_F(MonitorTest, garbageIsAnsweredOnceAndDoesNotSpoilWhatFollows) {
    connect_and_negotiate();
    for (std::string bad : {"{]\n", "{\xff", "{\x01", "{'bad \xff", "{'execute': 'x', 'id':'\n", "%p",
                            "null\n", "{}\n", "{'execute': true}\n", "{'execute': 'x', 'arguments': []}\n",
                            "{'execute': 'x', 'extra': 1}\n", "[{'execute': 'query-name'}]\n"}) {
        send(bad);
        EXPECT_EQ(class_of(line()), "GenericError") << bad;
        EXPECT_EQ(class_of(ask("{'execute': 'no-such-command', 'id': 1}")), "CommandNotFound") << bad;
    }
    EXPECT_EQ(named_, 0);
}

TEST_F(MonitorTest, aRequestWithoutEndIsAnsweredAndForgotten) {
    connect_and_negotiate();
    std::atomic<bool> sent = false;
    std::thread writer([&] {
        const std::string piece(1 << 16, 'x');
        std::string head = "{'execute': '";
        ::send(client_, head.data(), head.size(), MSG_NOSIGNAL);
        for (size_t bytes = 0; bytes < Session::kLimits.bytes + (4u << 20); bytes += piece.size())
            ::send(client_, piece.data(), piece.size(), MSG_NOSIGNAL);
        ::send(client_, "\n", 1, MSG_NOSIGNAL);
        sent = true;
    });
    EXPECT_EQ(class_of(line(60'000'000'000)), "GenericError");
    while (!sent)
        loop_.iterate(false);
    writer.join();
    EXPECT_EQ(ask("{'execute': 'query-name'}"), R"({"return": {"name": "guest"}})");
}

TEST_F(MonitorTest, aDescriptorBelongsToTheCommandItCameWith) {
    connect_and_negotiate();
    Fd null = std::move(open_file("/dev/null", O_RDWR)).take_value();
    EXPECT_EQ(class_of(ask("{'execute': 'getfd', 'arguments': {'fdname': 'a'}}")), "GenericError");
    send_with_fd("{'execute': 'getfd', 'arguments': {'fdname': 'a'}}\n", null.get());
    EXPECT_EQ(line(), R"({"return": {}})");
    EXPECT_TRUE(store_.take("a"));
    // It is not kept for a later command.
    send_with_fd("{'execute': 'query-name'}\n", null.get());
    EXPECT_EQ(line(), R"({"return": {"name": "guest"}})");
    EXPECT_EQ(class_of(ask("{'execute': 'getfd', 'arguments': {'fdname': 'b'}}")), "GenericError");
    // Nor lost when the command comes in pieces.
    send_with_fd("{'execute': 'add-fd', ", null.get());
    settle();
    send("'arguments': {'fdset-id': 7, 'opaque': 'x'}}\n");
    EXPECT_TRUE(line().starts_with(R"({"return": {"fdset-id": 7, "fd": )"));
    ASSERT_EQ(store_.sets().size(), 1u);
    EXPECT_EQ(ask("{'execute': 'remove-fd', 'arguments': {'fdset-id': 7}}"), R"({"return": {}})");
}

TEST_F(MonitorTest, onlyCommandsForItRunBeforeTheMachineIsMade) {
    preconfig_ = true;
    connect_and_negotiate();
    EXPECT_EQ(class_of(ask("{'execute': 'stop'}")), "GenericError");
    EXPECT_EQ(ask("{'execute': 'query-name'}"), R"({"return": {"name": "guest"}})");
}

TEST_F(MonitorTest, theReplyFollowsTheMachinesNewState) {
    connect();
    (void)line();
    qapi::emit<qapi::ResumeEvent>(server_->events());  // nobody has negotiated
    settle();
    EXPECT_EQ(ask("{'execute': 'qmp_capabilities'}"), R"({"return": {}})");
    std::string event = ask("{'execute': 'stop'}");
    EXPECT_TRUE(event.starts_with(R"({"timestamp": {"seconds": )")) << event;
    EXPECT_TRUE(event.ends_with(R"(}, "event": "STOP"})")) << event;
    EXPECT_EQ(line(), R"({"return": {}})");
}

TEST_F(MonitorTest, prettyRepliesAreIndented) {
    connect(Session::Style::Pretty);
    EXPECT_EQ(line(), "{");
    EXPECT_EQ(line(), R"(    "QMP": {)");
}

TEST_F(MonitorTest, aReaderThatDoesNotReadIsWaitedForWithinBounds) {
    connect_and_negotiate();
    constexpr int kRequests = 20000;
    std::thread writer([&] {
        for (int i = 0; i < kRequests; ++i) {
            constexpr std::string_view kText = "{'execute': 'query-name'}\n";
            if (::send(client_, kText.data(), kText.size(), MSG_NOSIGNAL) < 0) break;
        }
    });
    // Nobody reads: the requests must stop in the sockets' buffers and in one bounded queue.
    for (int i = 0; i < 200; ++i)
        settle();
    const int before = named_;
    EXPECT_LT(before, kRequests);
    for (int i = 0; i < 100; ++i)
        qapi::emit<qapi::ResumeEvent>(server_->events());
    int replies = 0;
    for (std::string got = line(); replies < kRequests; got = line()) {
        ASSERT_FALSE(got.empty());
        if (got.starts_with(R"({"return")")) ++replies;
    }
    writer.join();
    EXPECT_EQ(named_, kRequests);
}

// The out-of-band tests' main thread is busy while the monitor thread answers.
TEST_F(MonitorTest, outOfBandCommandsOvertake) {
    std::atomic<bool> blocked = false, release = false, overtook = false;
    commands_.add<qapi::ContCommand>([&]() -> Status {
        blocked = true;
        while (!release)
            ::usleep(100);
        return {};
    });
    commands_.add<Oob>([&]() -> Status {
        overtook = blocked && !release;
        release = true;
        return {};
    });
    connect();
    (void)line();
    EXPECT_EQ(class_of(ask("{'exec-oob': 'oob-test', 'id': 1}")), "GenericError");
    EXPECT_EQ(ask("{'execute': 'qmp_capabilities', 'arguments': {'enable': ['oob']}}"), R"({"return": {}})");
    EXPECT_EQ(class_of(ask("{'exec-oob': 'query-name', 'id': 1}")), "GenericError");
    send("{'execute': 'cont', 'id': 'slow'} {'execute': 'query-name', 'id': 'next'} {'id': 'wrong'}\n");
    std::thread writer([&] {
        while (!blocked)
            ::usleep(100);
        constexpr std::string_view kText = "{'exec-oob': 'oob-test', 'id': 'fast'}\n";
        ::send(client_, kText.data(), kText.size(), MSG_NOSIGNAL);
    });
    EXPECT_EQ(line(), R"({"return": {}, "id": "fast"})");
    EXPECT_EQ(line(), R"({"return": {}, "id": "slow"})");
    EXPECT_EQ(line(), R"({"return": {"name": "guest"}, "id": "next"})");
    EXPECT_TRUE(line().ends_with(R"("id": "wrong"})"));
    EXPECT_TRUE(overtook);
    writer.join();
}

TEST_F(MonitorTest, outOfBandNeedsToBeEnabled) {
    connect_and_negotiate();
    EXPECT_EQ(class_of(ask("{'exec-oob': 'query-name', 'id': 1}")), "GenericError");
}

TEST_F(MonitorTest, aClientThatLeavesIsForgotten) {
    connect_and_negotiate("'oob'");
    send("{'execute': 'query-name'}\n{'execute': 'quer");
    settle();
    ::close(client_);
    client_ = -1;
    settle();
    qapi::emit<qapi::ResumeEvent>(server_->events());
    settle();
    EXPECT_EQ(named_, 1);
}

}  // namespace
}  // namespace vmm
