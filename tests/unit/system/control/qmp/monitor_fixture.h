// A monitor server with a few commands on a socket pair: the test writes what a client would and reads lines.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "backends/chardev/chardev_set.h"
#include "qapi/commands_misc.h"
#include "qapi/commands_run_state.h"
#include "system/control/qmp/commands.h"
#include "system/control/qmp/server.h"
#include "util/fd_store.h"

namespace vmm {

class MonitorTest : public ::testing::Test {
  protected:
    MonitorTest() {
        register_control_commands(commands_);
        register_fd_commands(commands_, store_);
        commands_.add<qapi::QueryNameCommand>([this] {
            ++named_;
            return Result<qapi::NameInfo>(qapi::NameInfo{.name = "guest"});
        });
        commands_.add<qapi::StopCommand>([this]() -> Status {
            qapi::emit<qapi::StopEvent>(server_->events());
            return {};
        });
        server_ = std::make_unique<MonitorServer>(loop_, commands_, [this] { return preconfig_; });
    }
    ~MonitorTest() override {
        server_.reset();
        if (client_ >= 0) ::close(client_);
    }

    // A chardev of its own a client, as socket pairs cannot be dialled again.
    void connect(Session::Style style = Session::Style::Compact) {
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        client_ = ends[0];
        ChardevOptions options;
        options.id = "mon" + std::to_string(chardevs_.all().size());
        ChardevSocket socket;
        socket.addr = FdAddress{ends[1]};
        socket.server = false;
        options.backend = socket;
        auto made = chardevs_.add(options);
        ASSERT_TRUE(made) << made.error().message();
        ASSERT_TRUE(server_->add(**made, style));
    }
    void connect_and_negotiate(const char* enable = "") {
        connect();
        (void)line();
        EXPECT_EQ(
            ask("{'execute': 'qmp_capabilities', 'arguments': {'enable': [" + std::string(enable) + "]}}"),
            R"({"return": {}})");
    }
    void send(std::string_view text) {
        ASSERT_EQ(::send(client_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    void send_with_fd(std::string_view text, int fd) {
        iovec bytes = {const_cast<char*>(text.data()), text.size()};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        msghdr message = {};
        message.msg_iov = &bytes;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
        ASSERT_EQ(::sendmsg(client_, &message, 0), static_cast<ssize_t>(text.size()));
    }
    // Runs the loop until the client has a line, which comes without its end; empty when none comes in time.
    std::string line(int64_t patience_ns = 5'000'000'000) {
        const int64_t end = monotonic_ns() + patience_ns;
        while (monotonic_ns() < end) {
            size_t at = got_.find('\n');
            if (at != std::string::npos) {
                std::string first = got_.substr(0, at);
                got_.erase(0, at + 1);
                EXPECT_TRUE(!first.empty() && first.back() == '\r') << "a line ends with CR LF";
                first.pop_back();
                return first;
            }
            if (!loop_.iterate(false) && !fill()) ::usleep(200);
        }
        return {};
    }
    // What the client can read now.
    bool fill() {
        char buffer[65536];
        ssize_t n = ::recv(client_, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n > 0) got_.append(buffer, static_cast<size_t>(n));
        return n > 0;
    }
    void settle() {
        for (int i = 0; i < 50; ++i) {
            while (loop_.iterate(false)) {
            }
            ::usleep(200);
        }
    }
    std::string ask(std::string_view text) {
        send(std::string(text) + "\n");
        return line();
    }
    static std::string class_of(const std::string& reply) {
        constexpr std::string_view kBefore = R"({"error": {"class": ")";
        if (!reply.starts_with(kBefore)) return reply;
        std::string rest = reply.substr(kBefore.size());
        return rest.substr(0, rest.find('"'));
    }

    EventLoop loop_;
    FdStore descriptors_;
    ChardevSet chardevs_{loop_, descriptors_, [] {}};
    FdStore store_;
    qapi::CommandTable commands_;
    std::atomic<int> named_ = 0;
    bool preconfig_ = false;
    std::unique_ptr<MonitorServer> server_;
    int client_ = -1;
    std::string got_;
};

}  // namespace vmm
