// The network card's packets: from the network into the driver's buffers and back; see net.h. Virtio 1.2,
// 5.1.6.
#include <algorithm>
#include <cstring>

#include "hw/virtio/net.h"
#include "hw/virtio/net_features.h"
#include "util/log.h"

namespace vmm::virtio {

namespace {

constexpr size_t kLegacyHeader = 10;  // without the count of buffers
constexpr size_t kCountAt = 10;

}  // namespace

std::vector<uint8_t> reverse_arp_request(const MacAddress& mac, bool header) {
    constexpr uint8_t kArp[] = {0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3};
    constexpr size_t kFrame = 60;
    std::vector<uint8_t> packet(header ? net::kHeaderSize : 0);
    const auto put = [&](auto& bytes) { packet.insert(packet.end(), std::begin(bytes), std::end(bytes)); };
    const std::array<uint8_t, 4> no_address = {};
    packet.insert(packet.end(), mac.bytes.size(), 0xff);
    put(mac.bytes);
    put(kArp);
    for (int side = 0; side < 2; ++side) {
        put(mac.bytes);
        put(no_address);
    }
    packet.resize(kFrame + (header ? net::kHeaderSize : 0));
    return packet;
}

size_t Net::header_size() const {
    return has(kMrgRxBuf) || has(kVersion1) ? net::kHeaderSize : kLegacyHeader;
}

void Net::handle(Queue& queue) {
    finish_reset();
    if (queue.index() == control_index()) return serve(queue, [&] { return control(queue); });
    const size_t index = queue.index() / 2;
    if (index >= used_pairs_) return;
    net::Client* client = pairs_[index]->client;
    if (queue.index() % 2 == 0) {
        // Buffers matter when they ran out, and then notifications are on.
        (void)queue.set_notify(false);
        if (client != nullptr) client->accept_input();
        return;
    }
    const auto show = [&] {
        if (client != nullptr) client->send_held();
        queue.publish();
    };
    serve(
        queue, [&] { return transmit(queue, client); }, show);
    show();
}

// ---- from the network ----

void Net::give_back(Queue& queue, size_t count) {
    while (count > 0)
        queue.unpop(*chains_[--count]);
}

size_t Net::take_buffers(Queue& queue, uint64_t bytes) {
    uint64_t room = 0;
    size_t count = 0;
    while (room < bytes) {
        if (count == chains_.size()) chains_.push_back(std::make_unique<Chain>());
        if (!queue.pop(*chains_[count])) {
            // What comes from now on, the driver tells; what came meanwhile is taken.
            if (queue.set_notify(true)) continue;
            give_back(queue, count);
            return 0;
        }
        room += chains_[count]->writable_bytes();
        ++count;
        if (!has(kMrgRxBuf)) break;
        if (chains_[count - 1]->writable_bytes() == 0) break;
    }
    return count;
}

bool Net::receive(const Pair& pair, net::Packet packet) {
    // Of a queue that the driver gave up.
    if (pair.index >= used_pairs_) return true;
    Queue& queue = pair.receive_queue();
    if (!running() || !queue.live() || !dma_allowed()) return false;
    std::array<uint8_t, net::kHeaderSize> header = {};
    if (pair.client->has_header()) {
        if (packet.size() < header.size()) return true;
        std::copy_n(packet.begin(), header.size(), header.begin());
        packet = packet.subspan(header.size());
    }
    {
        Locked lock(filter_mutex_);
        if (!filter_.wants(packet)) return true;
    }
    const auto head = std::span(header).first(header_size());
    const size_t count = take_buffers(queue, head.size() + packet.size());
    if (count == 0) return false;
    uint64_t room = 0;
    bool wrong = chains_[0]->writable_bytes() < head.size();
    for (size_t i = 0; i < count; ++i) {
        room += chains_[i]->writable_bytes();
        wrong |= chains_[i]->readable_bytes() != 0 || chains_[i]->writable_bytes() == 0;
    }
    if (wrong) {
        for (size_t i = 0; i < count; ++i)
            queue.discard(*chains_[i]);
        broken("a receive buffer has no room for the header, or is not for writing");
        return true;
    }
    if (room < head.size() + packet.size()) {
        // Larger than the buffers of a driver that cannot merge them: lost, as on a wire.
        give_back(queue, count);
        return true;
    }
    fill(queue, count, head, packet);
    return true;
}

void Net::fill(Queue& queue, size_t count, std::span<uint8_t> header, net::Packet frame) {
    if (header.size() > kCountAt)
        store_le<uint16_t>(header.data() + kCountAt, static_cast<uint16_t>(has(kMrgRxBuf) ? count : 1));
    bool good = true;
    for (size_t i = 0; i < count; ++i) {
        Chain& chain = *chains_[i];
        const size_t head = i == 0 ? header.size() : 0;
        const auto piece = frame.first(std::min<uint64_t>(frame.size(), chain.writable_bytes() - head));
        good = good && (head == 0 || copy_to(queue.memory(), chain.writable(), 0, header)) &&
               copy_to(queue.memory(), chain.writable(), head, piece);
        frame = frame.subspan(piece.size());
        if (good)
            queue.push(chain, head + piece.size());
        else
            queue.discard(chain);
    }
    if (!good) return broken("a receive buffer is not in shared RAM");
    queue.publish();
}

// ---- to the network ----

Served Net::transmit(Queue& queue, net::Client* client) {
    if (!queue.pop(out_)) return Served::None;
    const size_t head = header_size();
    if (out_.readable_bytes() < head || out_.writable_bytes() != 0) {
        queue.discard(out_);
        broken("a packet without a whole header, or with room for an answer");
        return Served::None;
    }
    const uint64_t size = out_.readable_bytes() - head;
    const bool with_header = client != nullptr && client->has_header();
    // No network takes these; a frame that is empty is none.
    if (client == nullptr || size == 0 || size > net::kMaxFrame) {
        if (size > net::kMaxFrame)
            log_guest_error("virtio-net: a frame of %llu bytes", static_cast<unsigned long long>(size));
        queue.push(out_, 0);
        return Served::One;
    }
    const size_t front = with_header ? net::kHeaderSize : 0;
    const auto packet = std::span(packet_).first(front + size);
    std::fill_n(packet.begin(), front, uint8_t{0});
    // The count of buffers means nothing here.
    const bool good =
        (!with_header || copy_from(queue.memory(), out_.readable(), 0, packet.first(kLegacyHeader))) &&
        copy_from(queue.memory(), out_.readable(), head, packet.subspan(front));
    if (!good) {
        queue.discard(out_);
        broken("a packet is not in shared RAM");
        return Served::None;
    }
    if (!client->send_more(packet)) {
        queue.unpop(out_);
        return Served::Paused;
    }
    queue.push(out_, 0);
    return Served::One;
}

}  // namespace vmm::virtio
