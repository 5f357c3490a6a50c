// Networks: the network back ends of the process by id, and the rounds of announcing. Made before the
// machine, ends after it. Main thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/net/config.h"
#include "backends/net/user.h"
#include "qapi/types_net.h"
#include "util/event_loop.h"

namespace vmm {

class ChardevSet;

class Networks {
  public:
    // Both outlive it.
    Networks(EventLoop& loop, ChardevSet& chardevs);
    ~Networks();

    Status add(const net::NetdevConfig& config);
    Status remove(const std::string& id);
    net::Client* find(const std::string& id) const;
    const std::vector<std::unique_ptr<net::Client>>& all() const { return clients_; }
    // Cards tell where they are, now and some times again.
    Status announce(const qapi::AnnounceParameters& asked);

  private:
    struct Announcement;
    void announce_once(Announcement& announcement);

    EventLoop& loop_;
    ChardevSet& chardevs_;
    std::vector<std::unique_ptr<net::Client>> clients_;
    std::map<std::string, std::unique_ptr<Announcement>> announcements_;  // by their ids
};

}  // namespace vmm
