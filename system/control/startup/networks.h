// Networks: the network back ends of the process by id, and the rounds of announcing. Made before the
// machine, ends after it. Main thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/net/config.h"
#include "backends/net/hub.h"
#include "backends/net/stream.h"
#include "qapi/types_net.h"
#include "system/run/run_control.h"
#include "util/event_loop.h"

namespace vmm {

class ChardevSet;
namespace qapi {
class EventSink;
}

class Networks final : public RunListener, private net::StreamListener {
  public:
    // Both outlive it.
    Networks(EventLoop& loop, ChardevSet& chardevs);
    ~Networks() override;

    // Called when the filter of the card on a back end changes (see net::Client::watch_filter).
    void set_filter_watcher(std::function<void(const net::Client&)> watcher) {
        filter_watcher_ = std::move(watcher);
    }
    // Where connections are told of; outlives it.
    void set_events(qapi::EventSink& events) { events_ = &events; }
    void run_changed(bool running, RunState state) override;

    Status add(const net::NetdevConfig& config);
    Status remove(const std::string& id);
    net::Client* find(const std::string& id) const;
    const std::vector<std::unique_ptr<net::Client>>& all() const { return clients_; }
    // Cards tell where they are, now and some times again.
    Status announce(const qapi::AnnounceParameters& asked);

  private:
    struct Announcement;
    void stream_connected(const std::string& id, const SocketAddress& address) override;
    void stream_disconnected(const std::string& id) override;
    void announce_once(Announcement& announcement);

    EventLoop& loop_;
    ChardevSet& chardevs_;
    qapi::EventSink* events_ = nullptr;
    std::function<void(const net::Client&)> filter_watcher_;
    bool running_ = false;
    std::map<int32_t, std::weak_ptr<net::Hub>> hubs_;
    std::vector<std::unique_ptr<net::Client>> clients_;
    std::map<std::string, std::unique_ptr<Announcement>> announcements_;  // by their ids
};

}  // namespace vmm
