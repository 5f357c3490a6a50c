// Client: the host's end of a virtual cable (user networking, a tap, a socket); Peer: the device's end. One
// peer a client. A packet is an Ethernet frame without its checksum; where has_header() it begins with the
// 12 bytes of the virtio network header in little endian (virtio 1.2, 5.1.6), which says what offloading the
// frame needs. Without room a packet waits: deliver() keeps it and the client reads no more until resumed();
// a peer whose packet send() refused tries again after sendable().
//
// Threads: the main loop's only; accept_input() from any. No lock is held while anything here is called, and
// no peer is called from inside its own calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "util/event_loop.h"
#include "util/result.h"

namespace vmm::net {

inline constexpr size_t kHeaderSize = 12;
// A frame that an offloading guest may send: 64 KiB of IP, and Ethernet with a VLAN tag.
inline constexpr size_t kMaxFrame = 65536 + 18;
inline constexpr size_t kMaxPacket = kHeaderSize + kMaxFrame;

using Packet = std::span<const uint8_t>;

// What a guest can take without help; as TUNSETOFFLOAD has it.
struct Offloads {
    bool checksum = false, tso4 = false, tso6 = false, ecn = false, ufo = false;
    bool operator==(const Offloads&) const = default;
};

// Which frames a card gives to its driver, for people to look at.
struct RxFilter {
    enum class Mode : uint8_t { Listed, None, All };
    std::string card;  // its name
    bool promiscuous = false, broadcast = true;
    Mode unicast = Mode::Listed, multicast = Mode::Listed, vlan = Mode::Listed;
    bool unicast_overflow = false, multicast_overflow = false;
    std::string main_mac;
    std::vector<std::string> unicast_table, multicast_table;
    std::vector<uint16_t> vlans;
};

class Peer {
  public:
    virtual ~Peer() = default;
    // A packet from the network. False: not now; accept_input() follows when there may be room.
    virtual bool receive(Packet packet) = 0;
    // After a send() that refused.
    virtual void sendable() {}
    virtual void link_changed(bool up) { (void)up; }
    // Tells the network where it is.
    virtual void announce() {}
    // The client is about to die.
    virtual void client_gone() {}
    // Which frames it takes; absent: it has no filter.
    virtual std::optional<RxFilter> rx_filter() const { return std::nullopt; }
};

// Ports of the host that lead to the guest, while the network is up.
struct HostForward;
class HostPorts {
  public:
    virtual ~HostPorts() = default;
    virtual Status add_forward(const HostForward& forward) = 0;
    // The one of that protocol, address and port.
    virtual Status remove_forward(const HostForward& forward) = 0;
    // Tables of connections, for people.
    virtual std::string connections() = 0;
};

class Client {
  public:
    Client(EventLoop& loop, std::string id) : loop_(loop), id_(std::move(id)) {}
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    virtual ~Client();

    const std::string& id() const { return id_; }
    // "user", "tap", "socket", ...
    virtual std::string_view type() const = 0;
    // For people: "index=0,type=user,net=10.0.2.0,restrict=off" without the first two.
    virtual std::string info() const { return {}; }
    // Null: nothing is forwarded there.
    virtual HostPorts* host_ports() { return nullptr; }

    // ---- for the peer ----

    bool attach(Peer& peer);
    void detach(Peer& peer);
    Peer* peer() const { return peer_; }
    // False: not taken; sendable() follows. What cannot be sent at all is taken and lost.
    bool send(Packet packet);
    // As send(), but it may wait here for others until send_held(), so that one call of the kernel takes all.
    bool send_more(Packet packet);
    void send_held();
    void accept_input();
    virtual bool has_header() const { return false; }
    // Which offloads packets to the peer may need it to have; only with a header.
    virtual void set_offloads(const Offloads& offloads) { (void)offloads; }
    virtual bool has_ufo() const { return false; }

    // A network with several queues is one client for each, this being the first and their owner; what
    // arrives is spread over those in use, and what is sent may go through any of them.
    size_t queues() const { return 1 + more_.size(); }
    Client& queue(size_t index) { return index == 0 ? *this : *more_[index - 1]; }
    // The first `count` are in use. All are at first.
    void use_queues(size_t count);
    // The frames that the peer takes are others than before.
    void filter_changed() {
        if (filter_watcher_ && std::exchange(filter_armed_, false)) filter_watcher_();
    }

    // ---- for the control plane ----

    // Called at the next change of the peer's filter, once; and once more after the next call.
    void watch_filter(std::function<void()> changed) { filter_watcher_ = std::move(changed); }
    void watch_filter_again() { filter_armed_ = true; }

    void set_link(bool up);
    // While the machine is stopped, what arrives waits.
    void set_running(bool running);
    bool link_up() const { return link_up_; }

  protected:
    // False: it was kept, and resumed() follows; until then the client delivers no more.
    bool deliver(Packet packet);
    void tell_sendable();
    EventLoop& loop() { return loop_; }
    void add_queue(std::unique_ptr<Client> queue) { more_.push_back(std::move(queue)); }

  private:
    // Whether packets may come and go here, of a queue that is not the first.
    virtual void use(bool used) { (void)used; }
    virtual bool do_send(Packet packet) = 0;
    virtual bool do_send_more(Packet packet) { return do_send(packet); }
    virtual void do_send_held() {}
    template <bool (Client::*how)(Packet)>
    bool send_by(Packet packet);
    virtual void resumed() {}
    void flush();
    void flush_soon();

    static constexpr size_t kMostKept = 1024;  // packets; more are lost

    EventLoop& loop_;
    const std::string id_;
    Peer* peer_ = nullptr;
    bool link_up_ = true;
    bool running_ = true;
    bool sending_ = false;
    std::deque<std::vector<uint8_t>> kept_;
    std::atomic<bool> stalled_{false};           // something is kept
    std::vector<std::unique_ptr<Client>> more_;  // queues
    std::function<void()> filter_watcher_;
    bool filter_armed_ = true;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace vmm::net
