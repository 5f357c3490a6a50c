// FakeChardev: keeps what was written, takes as much as the test lets it, gives what the test types.
// FakeCharClient: a client with a given room. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backends/chardev/chardev.h"

namespace vmm {

class FakeChardev final : public Chardev {
  public:
    explicit FakeChardev(EventLoop& loop, std::string id = "fake") : Chardev(loop, std::move(id)) {}
    std::string filename() const override { return "fake"; }
    void accept_input() override { ++accepts; }
    // The client gets as much as it has room for; the rest is returned.
    std::string_view type(std::string_view text) {
        size_t count = client() == nullptr ? 0 : std::min(text.size(), client()->room());
        std::vector<uint8_t> bytes(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(count));
        if (count > 0) client()->receive(bytes);
        return text.substr(count);
    }
    void event(CharEvent event) { tell(event); }
    void let(size_t more) {
        capacity += more;
        if (client() != nullptr) client()->writable();
    }

    std::string written;
    size_t capacity = SIZE_MAX;  // how much more is taken
    unsigned accepts = 0;

  private:
    size_t do_write(std::span<const uint8_t> bytes) override {
        size_t count = std::min(bytes.size(), capacity);
        written.append(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
        if (capacity != SIZE_MAX) capacity -= count;
        return count;
    }
};

class FakeCharClient final : public CharClient {
  public:
    size_t room() override { return space; }
    void receive(std::span<const uint8_t> bytes) override {
        got.append(bytes.begin(), bytes.end());
        if (space != SIZE_MAX) space -= bytes.size();
    }
    void char_event(CharEvent event) override { events.push_back(event); }
    void writable() override { ++writables; }

    std::string got;
    size_t space = SIZE_MAX;
    std::vector<CharEvent> events;
    unsigned writables = 0;
};

}  // namespace vmm
