// An Ethernet segment; see hub.h.
#include "backends/net/hub.h"

#include <algorithm>

namespace vmm::net {

void Hub::forward(const HubPort& from, Packet packet) {
    for (HubPort* port : ports_)
        if (port != &from) port->take(packet);
}

Result<std::unique_ptr<HubPort>> HubPort::create(EventLoop& loop, std::string id, std::shared_ptr<Hub> hub,
                                                 Client* netdev) {
    auto port = std::make_unique<HubPort>(Token(), loop, std::move(id), std::move(hub));
    if (netdev == nullptr) return port;
    if (netdev->queues() > 1)
        return Error::make("netdev '%s' has several queues, which a hub cannot use", netdev->id().c_str());
    if (!netdev->attach(*port)) return Error::make("netdev '%s' is already in use", netdev->id().c_str());
    port->netdev_ = netdev;
    // Frames are plain on the segment.
    netdev->set_offloads({});
    return port;
}

HubPort::HubPort(Token, EventLoop& loop, std::string id, std::shared_ptr<Hub> hub)
    : Client(loop, std::move(id)), hub_(std::move(hub)) {
    hub_->ports_.push_back(this);
}

HubPort::~HubPort() {
    std::erase(hub_->ports_, this);
    if (netdev_ != nullptr) netdev_->detach(*this);
}

std::string HubPort::info() const {
    return "hubid=" + std::to_string(hub_->number()) + (netdev_ != nullptr ? ",netdev=" + netdev_->id() : "");
}

bool HubPort::do_send(Packet packet) {
    hub_->forward(*this, packet);
    return true;
}

bool HubPort::receive(Packet packet) {
    if (netdev_->has_header()) {
        if (packet.size() <= kHeaderSize) return true;
        packet = packet.subspan(kHeaderSize);
    }
    hub_->forward(*this, packet);
    return true;
}

void HubPort::take(Packet packet) {
    if (netdev_ == nullptr) {
        (void)deliver(packet);
        return;
    }
    if (!netdev_->has_header()) {
        (void)netdev_->send(packet);
        return;
    }
    with_header_.assign(kHeaderSize, 0);
    with_header_.insert(with_header_.end(), packet.begin(), packet.end());
    (void)netdev_->send(with_header_);
}

}  // namespace vmm::net
