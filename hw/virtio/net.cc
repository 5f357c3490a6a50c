// The network card: what it is made of, configuration, link and control queue; see net.h. Packets are in
// net_packets.cc.
#include "hw/virtio/net.h"

#include <algorithm>
#include <cstring>

#include "hw/core/device_env.h"
#include "hw/virtio/net_features.h"

namespace vmm::virtio {

namespace {

struct NetConfigSpace {
    std::array<uint8_t, 6> mac;
    Le16 status;
    Le16 max_pairs;
    Le16 mtu;
    Le32 speed;
    uint8_t duplex;
};
static_assert(sizeof(NetConfigSpace) == 17);
constexpr size_t kStatusAt = offsetof(NetConfigSpace, status);
constexpr size_t kShortConfig = offsetof(NetConfigSpace, speed);
constexpr uint16_t kLinkUp = 1, kAnnounceWanted = 2;
constexpr uint8_t kDuplexUnknown = 0xff;

// The control queue. Virtio 1.2, 5.1.6.5.
constexpr uint8_t kReceiveClass = 0, kMacClass = 1, kVlanClass = 2, kAnnounceClass = 3, kQueuesClass = 4,
                  kOffloadsClass = 5;
constexpr uint8_t kTableSet = 0, kAddressSet = 1;
constexpr uint8_t kDone = 0, kRefused = 1;
constexpr uint16_t kControlSize = 64;
constexpr size_t kMostCommand = 64 * kKiB;

constexpr uint16_t kLeastMtu = 68;

bool tells_speed(const NetConfig& config) {
    return config.speed >= 0 || !config.duplex.empty();
}

Status check_size(const char* name, uint16_t size) {
    constexpr uint16_t kLeast = 256;
    if (is_power_of_two(size) && size >= kLeast && size <= kMaxQueueSize) return {};
    return Error::make("Invalid %s (= %u), must be a power of 2 between %u and %u", name, size, kLeast,
                       kMaxQueueSize);
}

}  // namespace

// ---- making it ----

Status Net::check(const NetConfig& config) {
    TRY(check_size("rx_queue_size", config.rx_queue_size));
    TRY(check_size("tx_queue_size", config.tx_queue_size));
    if (config.mq) return Error::make("mq=on is not supported: network back ends have one queue");
    if (!config.duplex.empty() && config.duplex != "half" && config.duplex != "full")
        return Error::make("'duplex' must be 'half' or 'full'");
    if (config.speed < -1) return Error::make("'speed' must be between 0 and INT_MAX");
    if (config.host_mtu != 0 && config.host_mtu < kLeastMtu)
        return Error::make("host_mtu must be at least %u", kLeastMtu);
    if (config.mac && (config.mac->bytes[0] & 1) != 0)
        return Error::make("mac=%s is a multicast address", to_text(*config.mac).c_str());
    return {};
}

Result<std::unique_ptr<Net>> Net::create(const NetConfig& config, DeviceEnv& env) {
    TRY(check(config));
    net::Client* client = nullptr;
    if (!config.netdev.empty()) {
        client = TRY(env.back_ends().netdev(config.netdev, "virtio-net-pci"));
        if (client->peer() != nullptr)
            return Error::make("netdev '%s' is already in use", config.netdev.c_str());
    }
    const MacAddress mac = config.mac ? *config.mac : env.back_ends().macs().fresh();
    auto device = std::make_unique<Net>(config, mac, client, env);
    const uint16_t sizes[] = {config.rx_queue_size, config.tx_queue_size, kControlSize};
    TRY(device->make_queues(std::span(sizes).first(config.ctrl_vq ? 3 : 2)));
    return device;
}

Net::Net(const NetConfig& config, const MacAddress& mac, net::Client* client, DeviceEnv& env)
    : Device({.id = DeviceId::Net,
              .name = "virtio-net",
              .config_size = tells_speed(config) ? sizeof(NetConfigSpace) : kShortConfig},
             env.dma(), env.loop()),
      config_(config),
      macs_(env.back_ends().macs()),
      first_mac_(mac),
      client_(client),
      packet_(net::kMaxPacket) {
    macs_.take(mac);
    if (client_ != nullptr) CHECK(client_->attach(*this), "a netdev got two cards");
    filter_.reset(mac, false);
    set_offered(offer());
    fill_config();
}

Net::~Net() {
    leave();
    macs_.give_back(first_mac_);
}

void Net::leave() {
    if (client_ == nullptr) return;
    client_->set_offloads({});
    client_->detach(*this);
    client_ = nullptr;
}

std::vector<vmm::Device::BootPlace> Net::boot_places() const {
    if (!config_.bootindex) return {};
    return {{*config_.bootindex, "/ethernet-phy@0"}};
}

uint64_t Net::offer() const {
    uint64_t features = kNetMac;
    const auto add = [&](bool on, uint64_t feature) { features |= on ? feature : 0; };
    const bool header = client_ != nullptr && client_->has_header();
    const bool ufo = header && client_->has_ufo();
    add(header && config_.csum, kCsum);
    add(header && config_.csum && config_.host_tso4, kHostTso4);
    add(header && config_.csum && config_.host_tso6, kHostTso6);
    add(header && config_.csum && config_.host_ecn, kHostEcn);
    add(ufo && config_.csum && config_.host_ufo, kHostUfo);
    add(header && config_.guest_csum, kGuestCsum);
    add(header && config_.guest_csum && config_.guest_tso4, kGuestTso4);
    add(header && config_.guest_csum && config_.guest_tso6, kGuestTso6);
    add(header && config_.guest_csum && config_.guest_ecn, kGuestEcn);
    add(ufo && config_.guest_csum && config_.guest_ufo, kGuestUfo);
    add(header && config_.guest_csum && config_.ctrl_vq && config_.ctrl_guest_offloads, kCtrlGuestOffloads);
    add(config_.mrg_rxbuf, kMrgRxBuf);
    add(config_.status, kStatus);
    add(config_.host_mtu != 0, kMtu);
    add(tells_speed(config_), kSpeedDuplex);
    add(config_.ctrl_vq, kCtrlVq);
    add(config_.ctrl_vq && config_.ctrl_rx, kCtrlRx);
    add(config_.ctrl_vq && config_.ctrl_vlan, kCtrlVlan);
    add(config_.ctrl_vq && config_.ctrl_rx_extra, kCtrlRxExtra);
    add(config_.ctrl_vq && config_.ctrl_mac_addr, kCtrlMacAddr);
    add(config_.ctrl_vq && config_.status && config_.guest_announce, kGuestAnnounce);
    return features;
}

void Net::fill_config() {
    NetConfigSpace c = {};
    c.mac = first_mac_.bytes;
    c.status = client_ != nullptr && client_->link_up() ? kLinkUp : 0;
    c.max_pairs = 1;
    c.mtu = config_.host_mtu;
    c.speed = static_cast<uint32_t>(config_.speed);
    c.duplex = config_.duplex.empty() ? kDuplexUnknown : config_.duplex == "full" ? 1 : 0;
    set_config(0, bytes_of(c).first(config_size()));
}

// ---- the driver's wishes ----

void Net::tell_offloads(uint64_t features) {
    on_main_loop([this, features] {
        if (client_ == nullptr || !client_->has_header()) return;
        client_->set_offloads({.checksum = (features & kGuestCsum) != 0,
                               .tso4 = (features & kGuestTso4) != 0,
                               .tso6 = (features & kGuestTso6) != 0,
                               .ecn = (features & kGuestEcn) != 0,
                               .ufo = (features & kGuestUfo) != 0});
    });
}

void Net::started() {
    {
        Locked lock(filter_mutex_);
        const MacAddress mac = filter_.mac();
        filter_.reset(mac, has(kCtrlVlan));
    }
    tell_offloads(driver_features());
}

void Net::was_reset() {
    {
        Locked lock(filter_mutex_);
        filter_.reset(first_mac_, false);
    }
    announcing_ = false;
    set_config(0, first_mac_.bytes);
    tell_offloads(0);
    on_main_loop([this] { set_status(false); });
}

// Before virtio 1.0 the address was written here.
void Net::config_written(size_t offset, std::span<const uint8_t> bytes) {
    const bool may = !has(kVersion1) && !has(kCtrlMacAddr);
    if (!may || offset + bytes.size() > first_mac_.bytes.size()) {
        Device::config_written(offset, bytes);
        return;
    }
    MacAddress mac;
    {
        Locked lock(filter_mutex_);
        mac = filter_.mac();
        std::copy(bytes.begin(), bytes.end(), mac.bytes.begin() + static_cast<ptrdiff_t>(offset));
        filter_.set_mac(mac);
    }
    set_config(0, mac.bytes);
}

// ---- link ----

void Net::set_status(bool announce) {
    const bool up = client_ != nullptr && client_->link_up();
    announcing_ = announce;
    set_config_field<uint16_t>(kStatusAt,
                               static_cast<uint16_t>((up ? kLinkUp : 0) | (announce ? kAnnounceWanted : 0)));
}

void Net::link_changed(bool) {
    set_status(announcing_);
    if (running()) notify_config();
}

void Net::client_gone() {
    client_ = nullptr;
    link_changed(false);
}

void Net::announce() {
    MacAddress mac;
    {
        Locked lock(filter_mutex_);
        mac = filter_.mac();
    }
    if (client_ != nullptr) {
        const std::vector<uint8_t> request = reverse_arp_request(mac, client_->has_header());
        (void)client_->send(request);
    }
    if (!running() || !has(kGuestAnnounce)) return;
    set_status(true);
    notify_config();
}

// ---- the control queue ----

Served Net::control(Queue& queue) {
    if (!queue.pop(command_)) return Served::None;
    std::vector<uint8_t> bytes(std::min<uint64_t>(command_.readable_bytes(), kMostCommand));
    if (command_.writable_bytes() < 1 || bytes.size() < 2 ||
        !copy_from(queue.memory(), command_.readable(), 0, bytes)) {
        queue.discard(command_);
        broken("a command without room for its answer, or outside of shared RAM");
        return Served::None;
    }
    const bool good = command_.readable_bytes() <= kMostCommand && run_command(bytes);
    const uint8_t answer[] = {good ? kDone : kRefused};
    if (!copy_to(queue.memory(), command_.writable(), 0, answer)) {
        queue.discard(command_);
        broken("a command's answer is not in shared RAM");
        return Served::None;
    }
    queue.complete(command_, 1);
    return Served::One;
}

bool Net::run_command(std::span<const uint8_t> command) {
    const uint8_t kind = command[0], number = command[1];
    const auto data = command.subspan(2);
    switch (kind) {
        case kReceiveClass: {
            if (!has(kCtrlRx) || (number > 1 && !has(kCtrlRxExtra))) return false;
            Locked lock(filter_mutex_);
            return filter_.receive_command(number, data);
        }
        case kMacClass: {
            if (number == kAddressSet) return has(kCtrlMacAddr) && set_mac(data);
            if (number != kTableSet || !has(kCtrlRx)) return false;
            Locked lock(filter_mutex_);
            return filter_.set_tables(data);
        }
        case kVlanClass: {
            if (!has(kCtrlVlan)) return false;
            Locked lock(filter_mutex_);
            return filter_.vlan_command(number, data);
        }
        case kAnnounceClass:
            if (number != 0 || !announcing_) return false;
            set_status(false);
            return true;
        case kOffloadsClass:
            return number == 0 && has(kCtrlGuestOffloads) && set_guest_offloads(data);
        case kQueuesClass:  // one pair is what there is
        default:
            return false;
    }
}

bool Net::set_mac(std::span<const uint8_t> bytes) {
    MacAddress mac;
    if (bytes.size() != mac.bytes.size()) return false;
    std::copy(bytes.begin(), bytes.end(), mac.bytes.begin());
    {
        Locked lock(filter_mutex_);
        filter_.set_mac(mac);
    }
    set_config(0, mac.bytes);
    return true;
}

bool Net::set_guest_offloads(std::span<const uint8_t> data) {
    if (data.size() != 8) return false;
    const auto wanted = load_le<uint64_t>(data.data());
    constexpr uint64_t kAll = kGuestCsum | kGuestTso4 | kGuestTso6 | kGuestEcn | kGuestUfo;
    if ((wanted & ~(kAll & driver_features())) != 0) return false;
    tell_offloads(wanted);
    return true;
}

// ---- on PCI ----

Status NetPci::check(const Config& config) {
    TRY(check_pci_config(config));
    return Net::check(config);
}

Result<std::unique_ptr<PciTransport>> NetPci::create(const Config& config, DeviceEnv& env,
                                                     const std::string& id) {
    static constexpr PciKind kKind = {
        .type = kInfo.name, .class_code = 0x020000, .legacy_id = 0x1000, .vectors = 4};
    return PciTransport::create(kKind, config, env, TRY(Net::create(config, env)), id);
}

}  // namespace vmm::virtio
