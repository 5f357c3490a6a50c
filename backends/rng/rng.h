// Rng: where a device gets random bytes from: the host kernel's generator (rng-builtin) or a file that gives
// them as it can (rng-random: /dev/urandom, a hardware generator's node). Any number of clients. Main
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "util/event_loop.h"
#include "util/fd.h"
#include "util/result.h"

namespace vmm {

class RngClient {
  public:
    virtual ~RngClient() = default;
    // take() may give something again. Called from the loop.
    virtual void entropy_ready() = 0;
};

class Rng {
  public:
    explicit Rng(std::string id) : id_(std::move(id)) {}
    virtual ~Rng() = default;
    Rng(const Rng&) = delete;
    Rng& operator=(const Rng&) = delete;
    const std::string& id() const { return id_; }
    virtual std::string_view type() const = 0;  // "rng-random"

    // The bytes that are there now, at most as many as fit; never blocks. 0: none; the client hears when that
    // changes.
    virtual size_t take(std::span<uint8_t> into, RngClient& client) = 0;
    // The client goes.
    virtual void forget(RngClient& client) { (void)client; }

  private:
    const std::string id_;
};

class RngBuiltin final : public Rng {
  public:
    using Rng::Rng;
    std::string_view type() const override { return "rng-builtin"; }
    size_t take(std::span<uint8_t> into, RngClient& client) override;
};

class RngRandom final : public Rng {
    struct Token {
        explicit Token() = default;
    };

  public:
    static Result<std::unique_ptr<RngRandom>> open(EventLoop& loop, std::string id,
                                                   const std::string& filename);
    RngRandom(Token, EventLoop& loop, std::string id, Fd fd)
        : Rng(std::move(id)), loop_(loop), fd_(std::move(fd)) {}
    std::string_view type() const override { return "rng-random"; }
    size_t take(std::span<uint8_t> into, RngClient& client) override;
    void forget(RngClient& client) override;

  private:
    void tell();

    EventLoop& loop_;
    Fd fd_;
    std::vector<RngClient*> waiting_;
    FdWatch watch_;
};

}  // namespace vmm
