// The parts that copying jobs are made of, without a job.
#include "backends/block/jobs/copy.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

namespace vmm::block {
namespace {

TEST(PieceMap, AgreesWithASet) {
    constexpr uint64_t kPiece = 512, kSize = 200 * kPiece + 100;
    PieceMap map(kSize, kPiece);
    std::set<uint64_t> model;
    std::mt19937_64 random(7);
    for (unsigned step = 0; step < 3000; ++step) {
        const uint64_t offset = random() % kSize, bytes = random() % (4 * kPiece);
        if (random() % 3 == 0) {
            map.set(offset, bytes);
            for (uint64_t at = offset; bytes != 0 && at < std::min(offset + bytes, kSize);
                 at = (at / kPiece + 1) * kPiece)
                model.insert(at / kPiece);
        } else {
            EXPECT_EQ(map.clear(offset), model.erase(offset / kPiece) == 1);
        }
        EXPECT_EQ(map.set_bytes(), model.size() * kPiece);
        EXPECT_EQ(map.none(), model.empty());
        EXPECT_EQ(map.test(offset), model.contains(offset / kPiece));
        auto next = model.lower_bound(offset / kPiece);
        if (next == model.end()) next = model.begin();
        EXPECT_EQ(map.next_set(offset), model.empty() ? kSize : *next * kPiece);
    }
}

TEST(PieceMap, AllSetLooksAtEveryPieceTouched) {
    PieceMap map(1 << 20, 65536);
    map.set(65536, 65536 * 2);
    EXPECT_TRUE(map.all_set(65536, 65536 * 2));
    EXPECT_TRUE(map.all_set(70000, 10));
    EXPECT_FALSE(map.all_set(65535, 2));
    EXPECT_FALSE(map.all_set(65536, 65536 * 2 + 1));
}

TEST(RangeLock, KeepsOthersOutOfTheRangeOnly) {
    RangeLock lock;
    std::atomic<bool> inside{false};
    std::thread waiting;
    {
        RangeLock::Held held(lock, 100, 50);
        RangeLock::Held beside(lock, 150, 50);
        waiting = std::thread([&] {
            RangeLock::Held overlapping(lock, 149, 10);
            inside = true;
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        EXPECT_FALSE(inside.load());
    }
    waiting.join();
    EXPECT_TRUE(inside.load());
}

}  // namespace
}  // namespace vmm::block
