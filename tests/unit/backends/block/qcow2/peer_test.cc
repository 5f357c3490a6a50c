// Images made here under qemu-img's eyes, and images that qemu-img made under ours.
#include "tests/unit/backends/block/qcow2/model_priv.h"
#include "tests/unit/backends/block/qcow2/peer_priv.h"

namespace vmm::qcow2 {
namespace {

constexpr uint64_t kMega = 1 << 20;

class PeerTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!Peer::there()) GTEST_SKIP() << "qemu-img and qemu-io are not installed";
    }
    // Our image is good in qemu-img's eyes and reads as the array.
    void expect_agrees(ModelRun& run, int check_status = 0) {
        peer.save("ours.qcow2", run.file.data);
        peer.save("model.raw", run.model);
        EXPECT_EQ(peer.run("qemu-img check -f qcow2 ours.qcow2"), check_status) << peer.output();
        EXPECT_EQ(peer.run("qemu-img compare -f qcow2 -F raw ours.qcow2 model.raw"), 0) << peer.output();
    }
    Peer peer;
};

TEST_F(PeerTest, imagesMadeHereAreGoodThere) {
    constexpr Shape kAll[] = {
        {"", 8 * kMega, 3, 65536, 16, false, 0},
        {"", 8 * kMega, 2, 65536, 16, false, 3 * kMega},
        {"", 2 * kMega + 512, 3, 512, 64, false, kMega},
        {"", 4 * kMega, 3, 4096, 1, false, 5 * kMega},
        {"", 4 * kMega, 3, 2048, 2, true, 0},
        {"", 4 * kMega, 3, 1024, 4, false, 0},
        {"", 4 * kMega, 3, 8192, 8, false, 2 * kMega},
        {"", 30 * kMega, 3, 2 * kMega, 32, false, 0},
        {"", 8 * kMega, 3, 65536, 16, false, 3 * kMega, true},
        {"", 6 * kMega, 3, 16384, 16, false, 0, true},
    };
    for (const Shape& shape : kAll) {
        CreateOptions make = create_options(shape);
        if (shape.backing_bytes) {
            make.backing_file = "base.raw";
            make.backing_format = "raw";
        }
        ModelRun run(11, make, {}, shape.backing_bytes);
        if (run.backing) peer.save("base.raw", run.backing->data);
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < 400 && !HasFatalFailure(); ++i)
                run.step();
            run.close();
            expect_agrees(run);
            run.open();
        }
        run.close();
    }
}

TEST_F(PeerTest, imagesMadeThereReadAndWriteHere) {
    const char* kOptions[] = {"compat=0.10",
                              "compat=1.1",
                              "compat=1.1,cluster_size=512",
                              "cluster_size=2M",
                              "cluster_size=4k,refcount_bits=1",
                              "refcount_bits=64,cluster_size=1k",
                              "lazy_refcounts=on",
                              "preallocation=metadata",
                              "preallocation=falloc,cluster_size=8k",
                              "preallocation=full",
                              "compression_type=zlib",
                              "extended_l2=on",
                              "extended_l2=on,cluster_size=16k,preallocation=metadata",
                              "compression_type=zstd,cluster_size=32k"};
    for (const char* options : kOptions) {
        for (const char* compress : {"", "-c"}) {
            std::string text = options;
            if (*compress && text.find("prealloc") != std::string::npos) continue;
            SCOPED_TRACE(text + compress);
            CreateOptions none;
            none.size = 6 * kMega;
            ModelRun run(3, none, {});
            std::mt19937 random(9);
            for (uint64_t at = 0; at < run.model.size(); at += 1000)
                if (random() % 3)
                    std::fill_n(run.model.begin() + static_cast<ptrdiff_t>(at),
                                std::min<uint64_t>(1000, run.model.size() - at),
                                static_cast<uint8_t>(random() & 3));
            std::fill_n(run.model.begin() + 2 * kMega, kMega, uint8_t{0});
            peer.save("in.raw", run.model);
            ASSERT_RUNS(peer, "qemu-img convert -f raw -O qcow2 " + std::string(compress) + " -o " + text +
                                  " in.raw there.qcow2");
            run.file.data = peer.load("there.qcow2");
            run.open();
            if (HasFatalFailure()) return;
            run.read_all();
            for (int i = 0; i < 300 && !HasFatalFailure(); ++i)
                run.step();
            run.close();
            expect_agrees(run);
        }
    }
}

TEST_F(PeerTest, snapshotsKeepWhatTheyHad) {
    for (const char* options :
         {"cluster_size=4k", "compat=0.10", "extended_l2=on", "cluster_size=512,refcount_bits=4"}) {
        SCOPED_TRACE(options);
        CreateOptions none;
        none.size = 4 * kMega;
        ModelRun run(4, none, {});
        for (size_t i = 0; i < run.model.size(); ++i)
            run.model[i] = static_cast<uint8_t>(i >> 12 | 1);
        peer.save("in.raw", run.model);
        ASSERT_RUNS(peer,
                    std::string("qemu-img convert -f raw -O qcow2 -o ") + options + " in.raw ours.qcow2");
        ASSERT_RUNS(peer, "qemu-img snapshot -c first ours.qcow2");
        for (int round = 0; round < 3; ++round) {
            run.file.data = peer.load("ours.qcow2");
            run.open();
            ASSERT_EQ(run.image->snapshots().size(), static_cast<size_t>(round == 0 ? 1 : 2));
            EXPECT_EQ(run.image->snapshots()[0].name, "first");
            for (int i = 0; i < 200 && !HasFatalFailure(); ++i)
                run.step();
            if (round == 1) {
                Status grown = run.image->resize(5 * kMega);
                EXPECT_EQ(static_cast<bool>(grown), run.image->geometry().version == 3);
                if (grown) run.model.resize(5 * kMega);
            }
            run.close();
            expect_agrees(run);
            if (round == 0) {
                ASSERT_RUNS(peer, "qemu-img snapshot -c second ours.qcow2");
            }
        }
        ASSERT_RUNS(peer, "qemu-img snapshot -a first ours.qcow2");
        ASSERT_RUNS(peer, "qemu-img compare -f qcow2 -F raw ours.qcow2 in.raw");
        ASSERT_RUNS(peer, "qemu-img check ours.qcow2");
    }
}

TEST_F(PeerTest, bitmapsAreGivenUpByTheFirstWriteAndNotBefore) {
    ASSERT_RUNS(peer, "qemu-img create -f qcow2 ours.qcow2 4M && qemu-img bitmap --add ours.qcow2 b0");
    CreateOptions none;
    none.size = 4 * kMega;
    ModelRun run(4, none, {});
    run.file.data = peer.load("ours.qcow2");
    std::vector<uint8_t> before = run.file.data;
    run.open();
    run.read_all();
    run.close();
    EXPECT_EQ(run.file.data, before);
    run.open();
    run.write(5000, 100);
    run.close();
    EXPECT_EQ(run.file.data[95], 0);
    expect_agrees(run, 3);  // the bitmap's clusters are leaked, nothing worse
}

TEST_F(PeerTest, whatACrashedPeerLeftIsRepaired) {
    ASSERT_RUNS(peer, "qemu-img create -f qcow2 -o lazy_refcounts=on ours.qcow2 8M");
    EXPECT_NE(peer.run("qemu-io -c 'write -P 7 1M 300k' -c 'flush' -c 'sigraise 9' ours.qcow2"), 0);
    CreateOptions none;
    none.size = 8 * kMega;
    ModelRun run(4, none, {});
    std::fill_n(run.model.begin() + kMega, 300 * 1024, uint8_t{7});
    run.file.data = peer.load("ours.qcow2");
    ASSERT_EQ(run.file.data[79] & 1, 1);
    run.open();
    run.read_all();
    run.write(4 * kMega, 70000);
    run.close();
    expect_agrees(run);
}

}  // namespace
}  // namespace vmm::qcow2
