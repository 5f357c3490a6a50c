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
constexpr uint8_t kTableSet = 0, kAddressSet = 1, kPairsSet = 0;
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
    if (config.tx != "bh") return Error::make("tx=%s is not supported: use bh", config.tx.c_str());
    if (!config.duplex.empty() && config.duplex != "half" && config.duplex != "full")
        return Error::make("'duplex' must be 'half' or 'full'");
    if (config.speed < -1) return Error::make("'speed' must be between 0 and INT_MAX");
    if (config.host_mtu != 0 && config.host_mtu < kLeastMtu)
        return Error::make("host_mtu must be at least %u", kLeastMtu);
    if (config.mac && (config.mac->bytes[0] & 1) != 0)
        return Error::make("mac=%s is a multicast address", to_text(*config.mac).c_str());
    return {};
}

Result<std::unique_ptr<Net>> Net::create(const NetConfig& config, DeviceEnv& env, std::string name) {
    TRY(check(config));
    net::Client* client = nullptr;
    if (!config.netdev.empty()) {
        client = TRY(env.back_ends().netdev(config.netdev, "virtio-net-pci"));
        if (client->peer() != nullptr)
            return Error::make("netdev '%s' is already in use", config.netdev.c_str());
    }
    const MacAddress mac = config.mac ? *config.mac : env.back_ends().macs().fresh();
    auto device = std::make_unique<Net>(config, mac, client, env, std::move(name));
    std::vector<uint16_t> sizes;
    for (size_t i = 0; i < device->pairs_.size(); ++i) {
        sizes.push_back(config.rx_queue_size);
        sizes.push_back(config.tx_queue_size);
    }
    if (config.ctrl_vq) sizes.push_back(kControlSize);
    TRY(device->make_queues(sizes));
    return device;
}

Net::Net(const NetConfig& config, const MacAddress& mac, net::Client* client, DeviceEnv& env,
         std::string name)
    : Device({.id = DeviceId::Net,
              .name = "virtio-net",
              .config_size = tells_speed(config) ? sizeof(NetConfigSpace) : kShortConfig},
             env.dma(), env.loop()),
      config_(config),
      macs_(env.back_ends().macs()),
      first_mac_(mac),
      name_(std::move(name)),
      client_(client),
      packet_(net::kMaxPacket) {
    macs_.take(mac);
    const size_t pairs = client != nullptr && config.mq && config.ctrl_vq ? client->queues() : 1;
    for (size_t i = 0; i < pairs; ++i) {
        Pair& pair = *pairs_.emplace_back(std::make_unique<Pair>(*this, i));
        if (client == nullptr) continue;
        pair.client = &client->queue(i);
        CHECK(pair.client->attach(pair), "a netdev got two cards");
    }
    if (client != nullptr) client->use_queues(1);
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
    for (const auto& pair : pairs_)
        if (net::Client* client = std::exchange(pair->client, nullptr)) client->detach(*pair);
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
    const bool large = header && config_.csum && config_.gso;
    add(header && config_.csum, kCsum);
    add(large && config_.host_tso4, kHostTso4);
    add(large && config_.host_tso6, kHostTso6);
    add(large && config_.host_ecn, kHostEcn);
    add(large && ufo && config_.host_ufo, kHostUfo);
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
    add(config_.ctrl_vq && config_.mq, kMultiQueue);
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
    c.max_pairs = static_cast<uint16_t>(pairs_.size());
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
    was_reset_ = true;
    on_main_loop([this] { finish_reset(); });
}

// Before anything of the driver's next life, whichever comes first on the main loop.
void Net::finish_reset() {
    if (!was_reset_.exchange(false)) return;
    set_status(false);
    use_pairs(1);
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

void Net::link_changed() {
    set_status(announcing_);
    if (running()) notify_config();
}

void Net::Pair::client_gone() {
    client = nullptr;
    if (index != 0) return;
    card.client_ = nullptr;
    card.link_changed();
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
        case kReceiveClass:
        case kMacClass:
        case kVlanClass:
            if (!run_filter_command(kind, number, data)) return false;
            if (client_ != nullptr) client_->filter_changed();
            return true;
        case kAnnounceClass:
            if (number != 0 || !announcing_) return false;
            set_status(false);
            return true;
        case kOffloadsClass:
            return number == 0 && has(kCtrlGuestOffloads) && set_guest_offloads(data);
        case kQueuesClass:
            return number == kPairsSet && has(kMultiQueue) && set_pairs(data);
        default:
            return false;
    }
}

bool Net::run_filter_command(uint8_t kind, uint8_t number, std::span<const uint8_t> data) {
    if (kind == kMacClass && number == kAddressSet) return has(kCtrlMacAddr) && set_mac(data);
    Locked lock(filter_mutex_);
    switch (kind) {
        case kReceiveClass:
            return has(kCtrlRx) && (number <= 1 || has(kCtrlRxExtra)) &&
                   filter_.receive_command(number, data);
        case kMacClass:
            return number == kTableSet && has(kCtrlRx) && filter_.set_tables(data);
        default:
            return has(kCtrlVlan) && filter_.vlan_command(number, data);
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

// ---- queue pairs ----

unsigned Net::control_index() const {
    return has(kMultiQueue) ? static_cast<unsigned>(2 * pairs_.size()) : 2;
}

void Net::use_pairs(size_t count) {
    const size_t before = std::exchange(used_pairs_, count);
    if (client_ != nullptr && before != count) client_->use_queues(count);
    for (size_t i = before; i < count; ++i) {
        pairs_[i]->receive_queue().kick();
        pairs_[i]->transmit_queue().kick();
    }
}

bool Net::set_pairs(std::span<const uint8_t> data) {
    if (data.size() != 2) return false;
    const size_t count = load_le<uint16_t>(data.data());
    if (count == 0 || count > pairs_.size()) return false;
    use_pairs(count);
    return true;
}

// ---- for people ----

net::RxFilter Net::rx_filter() const {
    Locked lock(filter_mutex_);
    net::RxFilter out = filter_.describe();
    out.card = name_;
    if (!has(kCtrlVlan)) {
        out.vlan = net::RxFilter::Mode::All;
        out.vlans.clear();
    } else if (out.vlans.empty()) {
        out.vlan = net::RxFilter::Mode::None;
    }
    return out;
}

// ---- on PCI ----

Status NetPci::check(const Config& config) {
    TRY(check_pci_config(config));
    return Net::check(config);
}

Result<std::unique_ptr<PciTransport>> NetPci::create(const Config& config, DeviceEnv& env,
                                                     const std::string& id) {
    std::unique_ptr<Net> device = TRY(Net::create(config, env, id.empty() ? std::string(kInfo.name) : id));
    // One for each queue, the control queue and changes of the configuration.
    const PciKind kind = {.type = kInfo.name,
                          .class_code = 0x020000,
                          .legacy_id = 0x1000,
                          .vectors = static_cast<unsigned>(2 * device->pairs() + 2)};
    return PciTransport::create(kind, config, env, std::move(device), id);
}

}  // namespace vmm::virtio
