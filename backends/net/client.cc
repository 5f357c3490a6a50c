// The two ends of a virtual cable; see client.h.
#include "backends/net/client.h"

#include <utility>

#include "util/check.h"

namespace vmm::net {

Client::~Client() {
    if (peer_ != nullptr) peer_->client_gone();
}

bool Client::attach(Peer& peer) {
    if (peer_ != nullptr) return false;
    peer_ = &peer;
    return true;
}

void Client::detach(Peer& peer) {
    CHECK(peer_ == &peer, "a peer leaves a netdev that is another's");
    peer_ = nullptr;
    // Nobody waits for these any more; the client reads on.
    kept_.clear();
    flush_soon();
}

template <bool (Client::*how)(Packet)>
bool Client::send_by(Packet packet) {
    if (!link_up_ || packet.empty() || packet.size() > kMaxPacket) return true;
    const bool outer = std::exchange(sending_, true);
    const bool taken = (this->*how)(packet);
    sending_ = outer;
    return taken;
}

bool Client::send(Packet packet) {
    return send_by<&Client::do_send>(packet);
}

bool Client::send_more(Packet packet) {
    return send_by<&Client::do_send_more>(packet);
}

void Client::send_held() {
    const bool outer = std::exchange(sending_, true);
    do_send_held();
    sending_ = outer;
}

bool Client::deliver(Packet packet) {
    if (peer_ == nullptr || !link_up_ || packet.empty() || packet.size() > kMaxPacket) return true;
    // An answer from inside send(): the device is on the stack.
    if (running_ && !sending_ && kept_.empty() && peer_->receive(packet)) return true;
    if (kept_.size() < kMostKept) kept_.emplace_back(packet.begin(), packet.end());
    stalled_.store(true, std::memory_order_release);
    if (sending_) flush_soon();
    return false;
}

void Client::accept_input() {
    if (stalled_.load(std::memory_order_acquire)) flush_soon();
}

void Client::flush_soon() {
    loop_.post([this, alive = std::weak_ptr<int>(alive_)] {
        if (!alive.expired()) flush();
    });
}

void Client::flush() {
    while (!kept_.empty()) {
        if (!running_) return;
        // Said before the peer is asked, so that room it makes meanwhile is not missed.
        stalled_.store(true, std::memory_order_release);
        if (peer_ != nullptr && link_up_ && !peer_->receive(kept_.front())) return;
        kept_.pop_front();
    }
    stalled_.store(false, std::memory_order_release);
    resumed();
}

void Client::tell_sendable() {
    if (peer_ != nullptr) peer_->sendable();
}

void Client::set_running(bool running) {
    for (const auto& queue : more_)
        queue->set_running(running);
    if (std::exchange(running_, running) == running || !running) return;
    accept_input();
}

void Client::use_queues(size_t count) {
    for (size_t i = 1; i < queues(); ++i)
        queue(i).use(i < count);
}

void Client::set_link(bool up) {
    for (const auto& queue : more_)
        queue->set_link(up);
    if (std::exchange(link_up_, up) == up) return;
    if (!up) flush_soon();
    if (peer_ != nullptr) peer_->link_changed(up);
}

}  // namespace vmm::net
