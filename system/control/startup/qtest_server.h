// QtestServer: -qtest CHARDEV and -qtest-log: connects the test client's character device with the protocol
// (accel/qtest/server.h) and writes its log. Main thread.
#pragma once

#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "accel/qtest/server.h"
#include "backends/chardev/chardev.h"

namespace vmm {

class QtestServer final : public CharClient {
    struct Token {};

  public:
    QtestServer(Token, Chardev& chardev, const qtest::ServerWorld& world, int log_fd);
    // log_file: "none" for no log, nothing for stderr. Chardev and world outlive the server.
    static Result<std::unique_ptr<QtestServer>> create(Chardev& chardev, const qtest::ServerWorld& world,
                                                       const std::optional<std::string>& log_file);
    ~QtestServer() override;

    size_t room() override { return kRoom; }
    void receive(std::span<const uint8_t> bytes) override { server_.receive(bytes); }
    void char_event(CharEvent event) override;
    void writable() override { flush(); }

  private:
    static constexpr size_t kRoom = 65536;
    void send(std::string_view text);
    void flush();
    void log(std::string_view line);

    Chardev& chardev_;
    Fd log_;
    std::string output_;
    qtest::Server server_;
};

}  // namespace vmm
