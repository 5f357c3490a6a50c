// Sources of random bytes: what is there is given at once, who waits is told, files that are not there are
// refused.
#include "backends/rng/rng.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace vmm {
namespace {

struct Client final : RngClient {
    void entropy_ready() override { ++told; }
    unsigned told = 0;
};

TEST(Rng, theBuiltinOneAlwaysGives) {
    RngBuiltin source("r");
    Client client;
    std::array<uint8_t, 600> bytes = {};
    const size_t got = source.take(bytes, client);
    EXPECT_GE(got, 32u);
    EXPECT_NE(bytes[0] | bytes[1] | bytes[2] | bytes[3] | bytes[4] | bytes[5] | bytes[6] | bytes[7], 0);
}

TEST(Rng, aSlowFileTellsAllWhoWait) {
    EventLoop loop;
    const std::string path = "/tmp/penumbra-rng-test-" + std::to_string(getpid());
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    auto opened = RngRandom::open(loop, "r", path);
    ASSERT_TRUE(opened);
    const Fd writer = open_file(path, O_WRONLY).take_value();
    unlink(path.c_str());
    RngRandom& source = **opened;
    Client first, second, gone;
    std::array<uint8_t, 8> bytes = {};
    EXPECT_EQ(source.take(bytes, first), 0u);
    EXPECT_EQ(source.take(bytes, second), 0u);
    EXPECT_EQ(source.take(bytes, gone), 0u);
    source.forget(gone);
    (void)loop.iterate(false);
    EXPECT_EQ(first.told, 0u);
    const uint8_t four[] = {1, 2, 3, 4};
    ASSERT_TRUE(write_full(writer.get(), four));
    (void)loop.iterate(false);
    EXPECT_EQ(first.told + second.told, 2u);
    EXPECT_EQ(gone.told, 0u);
    EXPECT_EQ(source.take(bytes, first), 4u);
    EXPECT_EQ(bytes[3], 4);
}

TEST(Rng, aFileThatIsNotThereIsRefused) {
    EventLoop loop;
    const auto missing = RngRandom::open(loop, "r", "/no/such/file");
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().text().find("/no/such/file"), std::string::npos);
}

}  // namespace
}  // namespace vmm
