// How much of what the kernel gives a file node passes on: 4 KiB reads of a cached file at depth 1 and 32, by
// a bare io_uring loop, by a file node, by a drive over raw over file, by worker threads, and by a null node
// (what our own work costs). Prints requests a second and the share of the bare loop. usage: block_bench
// [SECONDS] [FILE]
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "backends/block/file.h"
#include "backends/block/graph.h"
#include "backends/block/null.h"
#include "backends/block/raw.h"
#include "util/fd.h"
#include "util/mmap.h"

using namespace vmm;
using namespace vmm::block;

namespace {

constexpr uint64_t kFileBytes = 64 << 20;
constexpr size_t kBlock = 4096;

struct Score {
    double per_second;
    double cpu_ns;  // a request
};

double cpu_seconds() {
    rusage use = {};
    getrusage(RUSAGE_SELF, &use);
    return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

// Runs `some(count)` until the time is over; it does that many requests.
template <typename F>
Score measure(double seconds, F some) {
    some(1000);
    uint64_t done = 0;
    int64_t begin = monotonic_ns(), end = begin + static_cast<int64_t>(seconds * 1e9);
    double cpu = cpu_seconds();
    while (monotonic_ns() < end) {
        some(5000);
        done += 5000;
    }
    double took = static_cast<double>(monotonic_ns() - begin) / 1e9, count = static_cast<double>(done);
    return {count / took, (cpu_seconds() - cpu) / count * 1e9};
}

uint64_t random_offset(std::minstd_rand& random) {
    return random() % (kFileBytes / kBlock) * kBlock;
}

// ---- the limit: nothing but the ring ----

struct BareRing {
    explicit BareRing(unsigned depth) {
        io_uring_params p = {};
        fd = static_cast<int>(syscall(SYS_io_uring_setup, depth, &p));
        if (fd < 0) return;
        rings = mmap(nullptr, p.cq_off.cqes + p.cq_entries * sizeof(io_uring_cqe), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
        sqes = static_cast<io_uring_sqe*>(mmap(nullptr, p.sq_entries * sizeof(io_uring_sqe),
                                               PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
                                               IORING_OFF_SQES));
        char* base = static_cast<char*>(rings);
        auto word = [base](uint32_t at) { return static_cast<uint32_t*>(static_cast<void*>(base + at)); };
        sq_tail = word(p.sq_off.tail);
        cq_head = word(p.cq_off.head);
        cq_tail = word(p.cq_off.tail);
        array = word(p.sq_off.array);
        sq_mask = p.sq_entries - 1;
        cq_mask = p.cq_entries - 1;
        cqes = static_cast<io_uring_cqe*>(static_cast<void*>(base + p.cq_off.cqes));
    }
    ~BareRing() { close(fd); }

    void run(int file, uint8_t* memory, unsigned depth, uint64_t count, std::minstd_rand& random) {
        uint64_t started = 0, done = 0;
        unsigned queued = 0;
        auto start = [&](uint64_t slot) {
            uint32_t at = *sq_tail & sq_mask;
            sqes[at] = {};
            sqes[at].opcode = IORING_OP_READ;
            sqes[at].fd = file;
            sqes[at].off = random_offset(random);
            sqes[at].addr = std::bit_cast<uint64_t>(memory + slot * kBlock);
            sqes[at].len = kBlock;
            sqes[at].user_data = slot;
            array[at] = at;
            __atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
            ++started;
            ++queued;
        };
        for (unsigned slot = 0; slot < depth && started < count; ++slot)
            start(slot);
        while (done < count) {
            syscall(SYS_io_uring_enter, fd, queued, 1, IORING_ENTER_GETEVENTS, nullptr, 0ul);
            queued = 0;
            uint32_t tail = __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE);
            for (; *cq_head != tail; __atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE)) {
                ++done;
                if (started < count) start(cqes[*cq_head & cq_mask].user_data);
            }
        }
    }

    int fd;
    void* rings = nullptr;
    io_uring_sqe* sqes = nullptr;
    io_uring_cqe* cqes = nullptr;
    uint32_t *sq_tail = nullptr, *cq_head = nullptr, *cq_tail = nullptr, *array = nullptr;
    uint32_t sq_mask = 0, cq_mask = 0;
};

// ---- ours ----

struct Load;
struct Slot : DiskRequest {
    Load* load = nullptr;
    iovec part{};
};

struct Load {
    Node* node = nullptr;
    BlockHandle* handle = nullptr;
    std::vector<Slot> slots;
    uint64_t started = 0, done = 0, count = 0;
    std::minstd_rand random{1};

    Load(unsigned depth, uint8_t* memory) : slots(depth) {
        for (size_t i = 0; i < slots.size(); ++i) {
            Slot& slot = slots[i];
            slot.load = this;
            slot.part = {memory + i * kBlock, kBlock};
            slot.iov = {&slot.part, 1};
            slot.bytes = kBlock;
            slot.complete = [](DiskRequest& one) {
                static_cast<Slot&>(one).load->ended(static_cast<Slot&>(one));
            };
        }
    }
    void start(Slot& slot) {
        ++started;
        slot.op = Op::Read;
        slot.offset = random_offset(random);
        if (handle != nullptr) return handle->submit(slot);
        slot.done = [](Request& one) { static_cast<Slot&>(one).load->ended(static_cast<Slot&>(one)); };
        node->submit(slot);
    }
    void ended(Slot& slot) {
        if (slot.result != 0) std::abort();
        ++done;
        if (started < count) start(slot);
    }
    void run(EventLoop& loop, uint64_t more) {
        started = done = 0;
        count = more;
        for (Slot& slot : slots)
            if (started < count) start(slot);
        while (done < count)
            (void)loop.iterate(true);
    }
};

struct Quiet final : BlockEvents {
    void io_error(const IoErrorReport&) override {}
    void tray_moved(const std::string&, const std::string&, bool) override {}
};
struct Client final : DiskClient {};

NodeOptions named(const char* name) {
    NodeOptions options;
    options.name = options.driver = name;
    return options;
}

void print(const char* what, unsigned depth, Score score, Score limit) {
    std::printf("%-14s depth %2u: %9.0f requests/s  %6.0f ns CPU each  %5.1f %% of the bare ring\n", what,
                depth, score.per_second, score.cpu_ns, score.per_second / limit.per_second * 100);
    std::fflush(stdout);
}

template <typename T>
T must(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "block_bench: %s\n", result.error().message().c_str());
        std::exit(1);
    }
    return std::move(result).take_value();
}

void run_depth(unsigned depth, double seconds, const std::string& path, uint8_t* memory) {
    Fd file = must(open_file(path, O_RDONLY));
    std::minstd_rand random{1};
    BareRing ring(depth);
    Score limit = measure(seconds, [&](uint64_t n) { ring.run(file.get(), memory, depth, n, random); });
    print("bare ring", depth, limit, limit);

    EventLoop loop;
    auto context = must(IoContext::create(loop));
    Quiet events;
    Client client;
    BlockGraph graph(*context, events);
    FileConfig config;
    config.filename = path;
    Node& node = graph.add(must(FileNode::create(named("file"), *context, config)), true);
    Load direct(depth, memory);
    direct.node = &node;
    print("file node", depth, measure(seconds, [&](uint64_t n) { direct.run(loop, n); }), limit);
    {
        graph.add(must(RawNode::create(named("raw"), node, {})), true);
        DiskRef disk = must(graph.attach("raw", client, {}));
        Load drive(depth, memory);
        drive.handle = &*disk;
        print("drive, raw", depth, measure(seconds, [&](uint64_t n) { drive.run(loop, n); }), limit);
    }
    config.aio = Aio::Threads;
    Node& threads = graph.add(must(FileNode::create(named("threads"), *context, config)), true);
    direct.node = &threads;
    print("workers", depth, measure(seconds, [&](uint64_t n) { direct.run(loop, n); }), limit);
    Node& null = graph.add(std::make_unique<NullNode>(named("null"), *context, NullConfig{}), true);
    direct.node = &null;
    print("null node", depth, measure(seconds, [&](uint64_t n) { direct.run(loop, n); }), limit);
}

}  // namespace

int main(int argc, char** argv) {
    double seconds = argc > 1 ? std::atof(argv[1]) : 1;
    std::string path = argc > 2 ? argv[2] : "/tmp/block_bench.img";
    {
        Fd file = must(open_file(path, O_RDWR | O_CREAT));
        std::vector<uint8_t> bytes(1 << 20, 0x5a);
        for (uint64_t at = 0; at < kFileBytes; at += bytes.size())
            if (pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)) < 0) return 1;
    }
    MappedRegion memory = must(
        MappedRegion::map(64 * kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE));
    for (unsigned depth : {1u, 32u})
        run_depth(depth, seconds, path, memory.data());
    if (argc <= 2) unlink(path.c_str());
    return 0;
}
