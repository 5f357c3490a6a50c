// Network card: pairs of queues and a control queue over a network back end. Virtio 1.2, 5.1: mergeable
// buffers, checksum and segmentation offloads and queue pairs as far as the back end has them, filters, link
// state, announcing, MTU, speed.
//
// Missing: receive-side scaling, hash reports, standby for failover, notification coalescing, vhost.
// Threads: buffers are taken and given back on the main loop. The filter has a lock of its own (rank Leaf);
// configuration is the base class's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/net/client.h"
#include "hw/core/device_type.h"
#include "hw/core/mac_address.h"
#include "hw/virtio/device.h"
#include "hw/virtio/net_filter.h"
#include "hw/virtio/pci_config.h"
#include "hw/virtio/pci_transport.h"

namespace vmm::virtio {

struct NetConfig {
    std::string netdev;             // empty: the cable is not plugged in
    std::optional<MacAddress> mac;  // absent: the first free one
    std::optional<int32_t> bootindex;
    bool csum = true, guest_csum = true;
    bool guest_tso4 = true, guest_tso6 = true, guest_ecn = true, guest_ufo = true;
    bool host_tso4 = true, host_tso6 = true, host_ecn = true, host_ufo = true;
    bool mrg_rxbuf = true, status = true, guest_announce = true;
    bool ctrl_vq = true, ctrl_rx = true, ctrl_vlan = true, ctrl_rx_extra = true, ctrl_mac_addr = true;
    bool ctrl_guest_offloads = true, mq = false;
    bool gso = true;
    std::string tx = "bh";
    uint16_t rx_queue_size = 256, tx_queue_size = 256;
    uint16_t host_mtu = 0;  // 0: not told
    int32_t speed = -1;     // Mbit/s; -1: not told
    std::string duplex;     // "half", "full" or empty
};

class Net final : public Device {
  public:
    static Status check(const NetConfig& config);
    // `name`: by which people ask for its filter.
    static Result<std::unique_ptr<Net>> create(const NetConfig& config, DeviceEnv& env, std::string name);
    Net(const NetConfig& config, const MacAddress& mac, net::Client* client, DeviceEnv& env,
        std::string name);
    ~Net() override;
    void unplugging() override { leave(); }
    size_t pairs() const { return pairs_.size(); }
    std::vector<vmm::Device::BootPlace> boot_places() const override;

  private:
    // The card's end of one queue of the back end.
    struct Pair final : net::Peer {
        Pair(Net& owner, size_t number) : card(owner), index(number) {}
        bool receive(net::Packet packet) override { return card.receive(*this, packet); }
        void sendable() override { transmit_queue().kick(); }
        void link_changed(bool) override {
            if (index == 0) card.link_changed();
        }
        void announce() override { card.announce(); }
        void client_gone() override;
        std::optional<net::RxFilter> rx_filter() const override { return card.rx_filter(); }
        Queue& receive_queue() const { return card.queue(static_cast<unsigned>(2 * index)); }
        Queue& transmit_queue() const { return card.queue(static_cast<unsigned>(2 * index + 1)); }
        Net& card;
        const size_t index;
        net::Client* client = nullptr;  // null: no cable
    };

    // Device
    void handle(Queue& queue) override;
    void started() override;
    void was_reset() override;
    void config_written(size_t offset, std::span<const uint8_t> bytes) override;
    bool receive(const Pair& pair, net::Packet packet);
    void link_changed();
    void announce();
    net::RxFilter rx_filter() const;

    void leave();
    void fill_config();
    uint64_t offer() const;
    size_t header_size() const;
    void tell_offloads(uint64_t features);
    void set_status(bool announce);
    void finish_reset();
    // Buffers for that many bytes into chains_; 0: there are not enough now.
    size_t take_buffers(Queue& queue, uint64_t bytes);
    void give_back(Queue& queue, size_t count);
    void fill(Queue& queue, size_t count, std::span<uint8_t> header, net::Packet frame);
    Served transmit(Queue& queue, net::Client* client);
    // Without the feature a driver knows of one pair, and of the control queue behind it.
    unsigned control_index() const;
    void use_pairs(size_t count);
    bool set_pairs(std::span<const uint8_t> data);
    Served control(Queue& queue);
    bool run_command(std::span<const uint8_t> command);
    bool run_filter_command(uint8_t kind, uint8_t number, std::span<const uint8_t> data);
    bool set_mac(std::span<const uint8_t> bytes);
    bool set_guest_offloads(std::span<const uint8_t> data);

    const NetConfig config_;
    MacPool& macs_;
    const MacAddress first_mac_;
    const std::string name_;
    net::Client* client_;  // the first pair's; null: no cable
    std::vector<std::unique_ptr<Pair>> pairs_;
    size_t used_pairs_ = 1;                       // the first ones; main loop
    std::vector<std::unique_ptr<Chain>> chains_;  // for one packet from the network
    Chain out_, command_;
    std::vector<uint8_t> packet_;  // on its way out

    mutable Mutex filter_mutex_{LockRank::Leaf, "virtio-net filter"};
    NetFilter filter_ GUARDED_BY(filter_mutex_);
    std::atomic<bool> announcing_{false}, was_reset_{false};
};

// virtio-net-pci
class NetPci {
  public:
    struct Config : PciConfig, NetConfig {};
    static constexpr auto kProps = join_props(
        pci_props<Config>(),
        std::array{
            prop<Config, &NetConfig::netdev>("netdev", "id of the network back end"),
            prop<Config, &NetConfig::mac>("mac", "Ethernet address, like 52:54:00:12:34:56"),
            prop<Config, &NetConfig::bootindex>("bootindex", "order in which firmware tries to boot"),
            prop<Config, &NetConfig::csum>("csum", "offer to compute checksums"),
            prop<Config, &NetConfig::guest_csum>("guest_csum", "the driver may get partial checksums"),
            prop<Config, &NetConfig::guest_tso4>("guest_tso4", "the driver may get large TCP/IPv4 frames"),
            prop<Config, &NetConfig::guest_tso6>("guest_tso6", "the driver may get large TCP/IPv6 frames"),
            prop<Config, &NetConfig::guest_ecn>("guest_ecn", "and such with ECN"),
            prop<Config, &NetConfig::guest_ufo>("guest_ufo", "the driver may get large UDP frames"),
            prop<Config, &NetConfig::host_tso4>("host_tso4", "offer to take large TCP/IPv4 frames"),
            prop<Config, &NetConfig::host_tso6>("host_tso6", "offer to take large TCP/IPv6 frames"),
            prop<Config, &NetConfig::host_ecn>("host_ecn", "and such with ECN"),
            prop<Config, &NetConfig::host_ufo>("host_ufo", "offer to take large UDP frames"),
            prop<Config, &NetConfig::gso>("gso", "offer to take large frames of any kind"),
            prop<Config, &NetConfig::tx>("tx", "when frames are sent: bh, as soon as they come"),
            prop<Config, &NetConfig::mrg_rxbuf>("mrg_rxbuf", "a frame may fill several buffers"),
            prop<Config, &NetConfig::status>("status", "the driver sees the link's state"),
            prop<Config, &NetConfig::guest_announce>("guest_announce", "the driver announces itself"),
            prop<Config, &NetConfig::ctrl_vq>("ctrl_vq", "a control queue"),
            prop<Config, &NetConfig::ctrl_rx>("ctrl_rx", "receive modes"),
            prop<Config, &NetConfig::ctrl_vlan>("ctrl_vlan", "VLAN filter"),
            prop<Config, &NetConfig::ctrl_rx_extra>("ctrl_rx_extra", "more receive modes"),
            prop<Config, &NetConfig::ctrl_mac_addr>("ctrl_mac_addr", "the address is set by a command"),
            prop<Config, &NetConfig::ctrl_guest_offloads>("ctrl_guest_offloads",
                                                          "the driver changes its offloads while it runs"),
            prop<Config, &NetConfig::mq>("mq", "several queue pairs"),
            prop<Config, &NetConfig::rx_queue_size>("rx_queue_size", "entries, a power of two"),
            prop<Config, &NetConfig::tx_queue_size>("tx_queue_size", "entries, a power of two"),
            prop<Config, &NetConfig::host_mtu>("host_mtu", "the MTU that the driver is told"),
            prop<Config, &NetConfig::speed>("speed", "Mbit/s that the driver is told"),
            prop<Config, &NetConfig::duplex>("duplex", "half or full")});
    static constexpr DeviceInfo kInfo = {.name = "virtio-net-pci",
                                         .parent = "virtio-pci",
                                         .bus = "PCI",
                                         .description = "virtio network card",
                                         .category = DeviceCategory::Network,
                                         .alias = "virtio-net"};
    static Status check(const Config& config);
    static Result<std::unique_ptr<PciTransport>> create(const Config& config, DeviceEnv& env,
                                                        const std::string& id);
};

}  // namespace vmm::virtio
