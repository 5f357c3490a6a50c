// Requests a second on a qcow2 image in a file, to set beside `qemu-img bench` with the same arguments (and
// beside the file alone):  qcow2_bench IMAGE read|write|raw-read DEPTH COUNT BYTES [random] Sequential by
// default, as qemu-img bench is. An image is made when there is none.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "backends/block/file.h"
#include "backends/block/qcow2/create.h"
#include "backends/block/qcow2/qcow2_node.h"
#include "tests/fakes/memory_image_file.h"

using namespace vmm;
using namespace vmm::block;

namespace {

constexpr uint64_t kDisk = uint64_t{4} << 30;

struct Bench;
struct Io : Request {
    Bench* bench;
    std::vector<uint8_t> data;
    iovec vector;
};

struct Bench {
    Node* node;
    Op op;
    uint64_t left, under_way, bytes, at, span;
    bool random;
    std::mt19937_64 numbers;
    bool failed;

    void start(Io& io) {
        if (left == 0) return;
        --left;
        ++under_way;
        uint64_t offset = random ? numbers() % (span / bytes) * bytes : at;
        at = (at + bytes) % span;
        io.op = op;
        io.flags = 0;
        io.offset = offset;
        io.bytes = bytes;
        io.vector = {io.data.data(), io.data.size()};
        io.iov = {&io.vector, 1};
        io.done = [](Request& request) {
            auto& done = static_cast<Io&>(request);
            --done.bench->under_way;
            if (request.result != 0) done.bench->failed = true;
            done.bench->start(done);
        };
        node->submit(io);
    }
};

[[noreturn]] void fail(const Error& error) {
    std::fprintf(stderr, "qcow2_bench: %s\n", error.message().c_str());
    std::exit(1);
}

NodeOptions options_for(const char* driver) {
    NodeOptions options;
    options.name = options.driver = driver;
    return options;
}

void make_image(const char* path) {
    qcow2::MemoryImageFile memory;
    qcow2::CreateOptions create;
    create.size = kDisk;
    if (Status made = qcow2::create_image(memory, create); !made) fail(made.error());
    FILE* out = std::fopen(path, "wb");
    if (!out || std::fwrite(memory.data.data(), 1, memory.data.size(), out) != memory.data.size())
        std::exit(1);
    std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 6) {
        std::fprintf(stderr, "usage: %s IMAGE read|write|raw-read DEPTH COUNT BYTES [random]\n", argv[0]);
        return 2;
    }
    if (access(argv[1], F_OK) != 0) make_image(argv[1]);
    EventLoop loop;
    auto context = IoContext::create(loop);
    if (!context) fail(context.error());
    FileConfig config;
    config.filename = argv[1];
    auto file = FileNode::create(options_for("file"), **context, config);
    if (!file) fail(file.error());
    std::unique_ptr<Qcow2Node> image;
    Node* node = file->get();
    if (std::strcmp(argv[2], "raw-read") != 0) {
        auto made = Qcow2Node::create(options_for("qcow2"), **file, {});
        if (!made) fail(made.error());
        image = std::move(made).take_value();
        node = image.get();
    }
    size_t depth = std::strtoul(argv[3], nullptr, 0);
    Bench bench{node,
                std::strcmp(argv[2], "write") == 0 ? Op::Write : Op::Read,
                std::strtoull(argv[4], nullptr, 0),
                0,
                std::strtoull(argv[5], nullptr, 0),
                0,
                node->size(),
                argc > 6,
                std::mt19937_64(1),
                false};
    uint64_t count = bench.left;
    std::vector<Io> all(depth);
    int64_t start = monotonic_ns();
    for (Io& io : all) {
        io.bench = &bench;
        io.data.assign(bench.bytes, 0x5a);
        bench.start(io);
    }
    while (bench.under_way > 0)
        (*context)->poll(true);
    if (bench.op == Op::Write) {
        Request flush;
        flush.op = Op::Flush;
        if (node->perform(flush) != 0) bench.failed = true;
    }
    double seconds = static_cast<double>(monotonic_ns() - start) / 1e9;
    std::printf("%.0f requests/s, %.3f s%s\n", static_cast<double>(count) / seconds, seconds,
                bench.failed ? " (some failed)" : "");
    return bench.failed;
}
