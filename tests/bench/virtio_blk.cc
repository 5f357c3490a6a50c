// Requests a second of the virtio block device without a CPU: a driver in the same thread keeps DEPTH reads
// of 4 KiB under way on a null node, beside a bare loop that does the least that can be done with the same
// ring (wait for the notification, read the descriptors, write status and used entry), and that loop with one
// more of the duties of a device at each step, which together are the floor for one.  virtio_blk [DEPTH
// [COUNT]]
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "backends/block/graph.h"
#include "backends/block/io_context.h"
#include "backends/block/null.h"
#include "hw/virtio/blk.h"
#include "tests/unit/hw/virtio/pci_driver.h"

using namespace vmm;
using namespace vmm::virtio;

namespace {

constexpr uint16_t kRingSize = 256;
constexpr uint32_t kBytes = 4096;

struct NoEvents final : block::BlockEvents {
    void io_error(const block::IoErrorReport&) override {}
    void tray_moved(const std::string&, const std::string&, bool) override {}
};

// Slot i has the descriptors 3i to 3i + 2: header, data, status.
struct Guest {
    DriverMemory& memory;
    RingPlace place;
    uint16_t added = 0, used = 0;

    explicit Guest(DriverMemory& m) : memory(m) {
        place = {kRingSize, m.allocate(16 * kRingSize), m.allocate(6 + 2 * kRingSize),
                 m.allocate(6 + 8 * kRingSize)};
        for (uint16_t slot = 0; slot < kRingSize / 3; ++slot) {
            const uint64_t header = m.allocate(16, 16), data = m.allocate(kBytes), status = m.allocate(1, 16);
            describe(3 * slot, header, 16, kDescNext);
            describe(3 * slot + 1, data, kBytes, kDescNext | kDescWrite);
            describe(3 * slot + 2, status, 1, kDescWrite);
            m.put<uint64_t>(header + 8, 8u * slot);
        }
    }
    void describe(unsigned index, uint64_t address, uint32_t size, unsigned flags) {
        const uint64_t at = place.descriptors + 16 * index;
        memory.put<uint64_t>(at, address);
        memory.put<uint32_t>(at + 8, size);
        memory.put<uint16_t>(at + 12, static_cast<uint16_t>(flags));
        memory.put<uint16_t>(at + 14, static_cast<uint16_t>(index + 1));
    }
    void add(uint16_t slot) {
        memory.put<uint16_t>(place.driver + 4 + 2 * (added % kRingSize), static_cast<uint16_t>(3 * slot));
        ++added;
        __atomic_store_n(word(place.driver + 2), added, __ATOMIC_RELEASE);
    }
    bool kick_wanted(uint16_t before) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return passes(*word(place.device + 4 + 8 * kRingSize), added, before);
    }
    uint16_t* word(uint64_t at) {
        return static_cast<uint16_t*>(static_cast<void*>(memory.block->data() + at));
    }
    uint16_t used_index() { return __atomic_load_n(word(place.device + 2), __ATOMIC_ACQUIRE); }
    uint16_t take() {
        return static_cast<uint16_t>(memory.get<uint32_t>(place.device + 4 + 8 * (used++ % kRingSize)) / 3);
    }
};

template <typename Kick, typename Serve>
double run(Guest& guest, unsigned depth, uint64_t count, Kick kick, Serve serve_once) {
    const int64_t start = monotonic_ns();
    uint16_t before = guest.added;
    for (uint16_t slot = 0; slot < depth; ++slot)
        guest.add(slot);
    kick(before);
    for (uint64_t done = 0; done < count;) {
        serve_once();
        const uint16_t now = guest.used_index();
        if (now == guest.used) continue;
        before = guest.added;
        for (; guest.used != now; ++done)
            guest.add(guest.take());
        kick(before);
    }
    return static_cast<double>(count) * 1e9 / static_cast<double>(monotonic_ns() - start);
}

double bare(unsigned depth, uint64_t count) {
    DriverMemory memory;
    Guest guest(memory);
    const EventFd event = EventFd::create().take_value();
    uint8_t* const base = memory.block->data();
    uint16_t next = 0;
    return run(
        guest, depth, count, [&](uint16_t) { event.signal(); },
        [&] {
            (void)event.take();
            for (; next != __atomic_load_n(guest.word(guest.place.driver + 2), __ATOMIC_ACQUIRE); ++next) {
                unsigned index = memory.get<uint16_t>(guest.place.driver + 4 + 2 * (next % kRingSize));
                const unsigned head = index;
                Descriptor d;
                do {
                    std::memcpy(&d, base + guest.place.descriptors + 16 * index, sizeof d);
                    index = d.fourth;
                } while ((d.third & kDescNext) != 0);
                base[d.address] = 0;
                const uint64_t element = guest.place.device + 4 + 8 * (next % kRingSize);
                memory.put<uint32_t>(element, head);
                memory.put<uint32_t>(element + 4, kBytes + 1);
                __atomic_store_n(guest.word(guest.place.device + 2), static_cast<uint16_t>(next + 1),
                                 __ATOMIC_RELEASE);
            }
        });
}

// What a device owes any driver and any host; each step has those before it.
enum Duty : int {
    kPolled,    // the bare loop without notifications
    kJudged,    // every descriptor and the header are fetched once, and judged
    kLookedUp,  // memory is what the map says it is now
    kKept,      // a request is an object that a back end may end later, by a call
    kLocked,    // the ring may be stopped by a vCPU at any time; interrupts where the driver wants them
    kCounted,   // requests under way are counted, those that ended have their time
};
constexpr const char* kDuties[] = {"polled", "judged", "looked up", "kept", "locked", "counted"};
constexpr size_t kAtOnce = 8;

struct Kept {
    unsigned head = 0;
    uint64_t sector = 0;
    iovec data = {};
    uint8_t* status = nullptr;
    void (*complete)(Kept&) = nullptr;
    std::vector<Kept*>* ended = nullptr;
};

template <int kDuty>
class Dutiful {
  public:
    Dutiful(DriverSpace& memory, Guest& guest) : memory_(memory), guest_(guest), lookup_(memory.space) {
        for (Kept& one : kept_) {
            one.ended = &ended_;
            one.complete = [](Kept& mine) {
                *mine.status = 0;
                mine.ended->push_back(&mine);
            };
        }
    }
    void serve() {
        const size_t count = with_lock([this] { return take(); });
        if (count == 0) return;
        if constexpr (kDuty >= kCounted) {
            under_way_.fetch_add(1);
            started_ += count * static_cast<uint64_t>(monotonic_ns());
        }
        for (size_t i = 0; i < count; ++i) {
            if constexpr (kDuty >= kKept)
                kept_[i].complete(kept_[i]);
            else
                *kept_[i].status = 0;
        }
        if constexpr (kDuty >= kCounted) {
            spent_ += count * static_cast<uint64_t>(monotonic_ns()) - std::exchange(started_, 0);
            under_way_.fetch_sub(1);
        }
        with_lock([this, count] { return give_back(count); });
        ended_.clear();
    }

  private:
    template <typename Work>
    size_t with_lock(Work work) {
        if constexpr (kDuty < kLocked) return work();
        Locked lock(mutex_);
        return work();
    }
    uint8_t* place(uint64_t address, uint32_t size, DmaLookup::Direction direction) {
        if constexpr (kDuty < kLookedUp) return memory_.block->data() + address;
        const DmaLookup::Piece piece = lookup_.direct(Gpa(address), size, direction);
        CHECK(piece.size == size, "memory that is not there");
        return piece.host;
    }
    size_t take() {
        const uint16_t added = __atomic_load_n(guest_.word(guest_.place.driver + 2), __ATOMIC_ACQUIRE);
        size_t count = 0;
        for (; next_ != added && count < kAtOnce; ++next_)
            take(kept_[count++]);
        return count;
    }
    void take(Kept& request) {
        request.head = memory_.get<uint16_t>(guest_.place.driver + 4 + 2 * (next_ % kRingSize));
        unsigned index = request.head, pieces = 0, readable = 0;
        Descriptor chain[8];
        for (;; index = chain[pieces - 1].fourth) {
            if (kDuty >= kJudged) CHECK(index < kRingSize && pieces < 8, "descriptors without an end");
            Descriptor& d = chain[pieces++];
            std::memcpy(&d, memory_.block->data() + guest_.place.descriptors + 16 * index, sizeof d);
            if (kDuty >= kJudged) {
                const bool writable = (d.third & kDescWrite) != 0;
                CHECK((d.third & kDescIndirect) == 0 && d.size != 0 && d.address + d.size > d.address &&
                          d.address + d.size <= memory_.block->size(),
                      "a descriptor that leads nowhere");
                CHECK(writable || readable++ == pieces - 1, "readable behind writable");
            }
            if ((d.third & kDescNext) == 0) break;
        }
        const Descriptor &data = chain[1], &status = chain[pieces - 1];
        using enum DmaLookup::Direction;
        request.data = {place(data.address, data.size, ToGuest), data.size};
        request.status = place(status.address + (status.size - 1), 1, ToGuest);
        if (kDuty < kJudged) return;
        BlkHeader header;
        CHECK(pieces == 3 && readable == 1 && chain[0].size >= sizeof header, "another request");
        std::memcpy(&header, place(chain[0].address, sizeof header, FromGuest), sizeof header);
        CHECK(header.type == 0 && header.sector <= kSectors && data.size % kSector == 0 &&
                  data.size / kSector <= kSectors - header.sector,
              "a request beyond the end");
        request.sector = header.sector;
    }
    size_t give_back(size_t count) {
        for (size_t i = 0; i < count; ++i, ++done_) {
            const uint64_t element = guest_.place.device + 4 + 8 * (done_ % kRingSize);
            memory_.put<uint32_t>(element, kDuty >= kKept ? ended_[i]->head : kept_[i].head);
            memory_.put<uint32_t>(element + 4, kBytes + 1);
        }
        __atomic_store_n(guest_.word(guest_.place.device + 2), done_, __ATOMIC_RELEASE);
        if constexpr (kDuty >= kLocked) {
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
            const uint16_t wish = *guest_.word(guest_.place.driver + 4 + 2 * kRingSize);
            CHECK(!passes(wish, done_, static_cast<uint16_t>(done_ - count)), "an interrupt is wanted");
        }
        return count;
    }

    static constexpr uint64_t kSectors = kGiB / kSector;
    DriverSpace& memory_;
    Guest& guest_;
    DmaLookup lookup_;
    Mutex mutex_{LockRank::Queue, "benchmark"};
    std::array<Kept, kAtOnce> kept_;
    std::vector<Kept*> ended_;
    std::atomic<unsigned> under_way_{0};
    uint64_t started_ = 0, spent_ = 0;
    uint16_t next_ = 0, done_ = 0;
};

template <int kDuty>
void tell_step(unsigned depth, uint64_t count) {
    DriverSpace memory;
    Guest guest(memory);
    Dutiful<kDuty> dutiful(memory, guest);
    const double rate = run(
        guest, depth, count,
        [&](uint16_t before) {
            *guest.word(guest.place.driver + 4 + 2 * kRingSize) = static_cast<uint16_t>(guest.used + 0x7fff);
            *guest.word(guest.place.device + 4 + 8 * kRingSize) = static_cast<uint16_t>(guest.used + 0x7fff);
            (void)guest.kick_wanted(before);
        },
        [&] { dutiful.serve(); });
    std::printf("  %-10s %.1f ns\n", kDuties[kDuty], 1e9 / rate);
}

double device(unsigned depth, uint64_t count) {
    VirtioMachine machine;
    const auto context = block::IoContext::create(machine.env.loop()).take_value();
    NoEvents events;
    block::BlockGraph graph(*context, events);
    block::NodeOptions options;
    options.name = "null";
    graph.add(std::make_unique<block::NullNode>(options, *context, block::NullConfig()), true);
    machine.env.hosts.graph = &graph;
    qapi::Dict blk;
    for (const auto& [name, value] :
         {std::pair("driver", "virtio-blk-pci"), {"id", "disk"}, {"drive", "null"}})
        blk.set(name, qapi::Value(std::string(value)));
    CHECK(machine.add(blk).empty(), "the device");
    double rate;
    {
        PciDriver d(machine, "disk");
        CHECK(d.agree(kVersion1 | kEventIdx | kIndirect), "features");
        Guest guest(machine.memory);
        d.put(common::kQueueSelect, 0, 2);
        d.put(common::kQueueDesc, guest.place.descriptors, 8);
        d.put(common::kQueueDriver, guest.place.driver, 8);
        d.put(common::kQueueDevice, guest.place.device, 8);
        d.put(common::kQueueEnable, 1, 2);
        d.ready();
        d.settle();
        // No interrupts: the driver polls.
        *guest.word(guest.place.driver + 4 + 2 * kRingSize) = 0x7fff;
        Queue& queue = d.device().queue(0);
        rate = run(
            guest, depth, count,
            [&](uint16_t before) {
                *guest.word(guest.place.driver + 4 + 2 * kRingSize) =
                    static_cast<uint16_t>(guest.used + 0x7fff);
                if (guest.kick_wanted(before)) queue.kick();
            },
            [&] { (void)machine.env.loop().iterate(false); });
    }
    (void)static_cast<bool>(machine.tree.request_removal("disk"));
    machine.settle();
    return rate;
}

}  // namespace

int main(int argc, char** argv) {
    const auto depth = static_cast<unsigned>(argc > 1 ? std::atoi(argv[1]) : 32);
    const uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1000000;
    if (depth == 0 || depth > kRingSize / 3) return 1;
    const double least = bare(depth, count), ours = device(depth, count);
    std::printf("depth %u: bare loop %.0f/s (%.0f ns), device %.0f/s (%.0f ns)\n", depth, least, 1e9 / least,
                ours, 1e9 / ours);
    tell_step<kPolled>(depth, count);
    tell_step<kJudged>(depth, count);
    tell_step<kLookedUp>(depth, count);
    tell_step<kKept>(depth, count);
    tell_step<kLocked>(depth, count);
    tell_step<kCounted>(depth, count);
    return 0;
}
