// FakeNet: a network back end whose other end is the test: what was sent, a refusal when told, packets that
// arrive. One thread.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "backends/net/client.h"

namespace vmm::net {

class FakeNet final : public Client {
  public:
    explicit FakeNet(EventLoop& loop, bool header = false, unsigned queues = 1)
        : Client(loop, "net0"), header_(header) {
        while (--queues > 0)
            add_queue(std::make_unique<FakeNet>(loop, header));
    }
    FakeNet& fake_queue(size_t index) { return static_cast<FakeNet&>(queue(index)); }
    std::string_view type() const override { return "fake"; }
    bool has_header() const override { return header_; }
    bool has_ufo() const override { return header_; }
    void set_offloads(const Offloads& wanted) override { offloads = wanted; }

    // False: it has to wait, and no more may arrive before `resumes` grows.
    bool arrive(const std::vector<uint8_t>& packet) { return deliver(packet); }
    void take_again() {
        full = false;
        tell_sendable();
    }

    std::vector<std::vector<uint8_t>> sent;
    std::deque<std::vector<uint8_t>> answers;  // arrive from inside the next send()
    bool full = false;
    unsigned resumes = 0;
    bool used = true;
    Offloads offloads;

  private:
    void use(bool now) override { used = now; }
    bool do_send(Packet packet) override {
        if (full) return false;
        sent.emplace_back(packet.begin(), packet.end());
        for (; !answers.empty(); answers.pop_front())
            (void)deliver(answers.front());
        return true;
    }
    void resumed() override { ++resumes; }

    const bool header_;
};

}  // namespace vmm::net
