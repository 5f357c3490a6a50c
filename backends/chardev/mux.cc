// Several clients on one chardev; see mux.h.
#include "backends/chardev/mux.h"

#include <algorithm>

#include "util/text.h"

namespace vmm {

MuxChardev::MuxChardev(EventLoop& loop, std::unique_ptr<Chardev> under, std::function<void()> quit,
                       uint8_t escape)
    : Chardev(loop, under->id()), under_(std::move(under)), quit_(std::move(quit)), escape_(escape) {
    Status attached = under_->attach(*this);
    CHECK(static_cast<bool>(attached), "a mux over a chardev in use");
}

MuxChardev::~MuxChardev() {
    CHECK(members_.empty(), "mux '%s' goes away before its clients", id().c_str());
    under_->detach(*this);
}

Status MuxChardev::attach(CharClient& client) {
    if (members_.size() == kMostClients)
        return Error::make("chardev '%s' already has %zu users", id().c_str(), kMostClients);
    if (!members_.empty()) members_[focus_].client->char_event(CharEvent::FocusOut);
    members_.push_back({&client, {}});
    focus_ = members_.size() - 1;
    if (connected()) client.char_event(CharEvent::Opened);
    client.char_event(CharEvent::FocusIn);
    under_->accept_input();
    return {};
}

void MuxChardev::detach(CharClient& client) {
    std::erase_if(members_, [&](const Member& m) { return m.client == &client; });
    if (focus_ >= members_.size()) focus_ = 0;
}

void MuxChardev::accept_input() {
    post([this] {
        for (Member& member : members_)
            drain(member);
        under_->accept_input();
    });
}

// Room for one escape sequence at least, or Ctrl-A x could not end a VM whose guest reads nothing.
size_t MuxChardev::room() {
    if (members_.empty()) return 1;
    size_t queued = members_[focus_].waiting.size();
    return queued >= kQueueSize ? 1 : kQueueSize - queued;
}

void MuxChardev::receive(std::span<const uint8_t> bytes) {
    for (uint8_t byte : bytes) {
        if (got_escape_) {
            got_escape_ = false;
            escape_key(byte);
        } else if (byte == escape_ && escape_ != 0) {
            got_escape_ = true;
        } else {
            give(byte);
        }
    }
    if (!members_.empty()) drain(members_[focus_]);
}

void MuxChardev::give(uint8_t byte) {
    if (members_.empty()) return;
    Member& member = members_[focus_];
    if (member.waiting.size() < kQueueSize) member.waiting.push_back(byte);
}

void MuxChardev::drain(Member& member) {
    size_t count = std::min(member.waiting.size(), member.client->room());
    if (count == 0) return;
    auto end = member.waiting.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<uint8_t> bytes(member.waiting.begin(), end);
    member.waiting.erase(member.waiting.begin(), end);
    member.client->receive(bytes);
}

void MuxChardev::escape_key(uint8_t key) {
    if (key == escape_) return give(key);
    switch (key) {
        case 'x':
            print("\n\rpenumbra: terminated\n\r");
            if (quit_) quit_();
            break;
        case 'c':
            next_focus();
            break;
        case 'b':
            if (!members_.empty()) members_[focus_].client->char_event(CharEvent::Break);
            break;
        case 't': {
            Locked l(mutex_);
            stamps_from_ = stamps_from_ ? std::nullopt : std::optional<int64_t>(realtime_ns());
            break;
        }
        case 'h':
        case '?':
            print(
                "\n\r"
                "C-a h    this help\n\r"
                "C-a x    quit\n\r"
                "C-a b    send break\n\r"
                "C-a c    next user of this terminal\n\r"
                "C-a t    timestamps on or off\n\r"
                "C-a C-a  send C-a\n\r");
            break;
        default:
            break;
    }
}

void MuxChardev::next_focus() {
    if (members_.size() < 2) return;
    members_[focus_].client->char_event(CharEvent::FocusOut);
    focus_ = (focus_ + 1) % members_.size();
    members_[focus_].client->char_event(CharEvent::FocusIn);
    drain(members_[focus_]);
}

void MuxChardev::print(std::string_view text) {
    std::vector<uint8_t> bytes(text.begin(), text.end());
    under_->write(bytes);
}

void MuxChardev::char_event(CharEvent event) {
    for (Member& member : members_)
        member.client->char_event(event);
}

void MuxChardev::writable() {
    for (Member& member : members_)
        member.client->writable();
}

bool MuxChardev::stamped() {
    Locked l(mutex_);
    return stamps_from_.has_value();
}

size_t MuxChardev::do_write(std::span<const uint8_t> bytes) {
    return stamped() ? write_stamped(bytes) : under_->write(bytes);
}

size_t MuxChardev::do_write_soon(std::span<const uint8_t> bytes) {
    return stamped() ? write_stamped(bytes) : under_->write_soon(bytes);
}

// A byte at a time, the time before each line's first. A stamp may be lost when the other end is slow, a
// guest's byte not.
size_t MuxChardev::write_stamped(std::span<const uint8_t> bytes) {
    size_t taken = 0;
    for (uint8_t byte : bytes) {
        std::string stamp;
        {
            Locked l(mutex_);
            if (line_start_ && stamps_from_) {
                int64_t ms = (realtime_ns() - *stamps_from_) / 1'000'000;
                stamp = strf("[%02d:%02d:%02d.%03d] ", static_cast<int>(ms / 3'600'000 % 100),
                             static_cast<int>(ms / 60'000 % 60), static_cast<int>(ms / 1000 % 60),
                             static_cast<int>(ms % 1000));
            }
            line_start_ = byte == '\n';
        }
        if (!stamp.empty()) print(stamp);
        if (under_->write(std::span(&byte, 1)) == 0) return taken;
        ++taken;
    }
    return taken;
}

}  // namespace vmm
