// blockdev-reopen over real images, at random: what is accepted is what the nodes then are, what is refused
// has changed nothing, and what is read follows the chains.
#include <random>

#include "backends/block/options/graph_commands.h"
#include "qapi/convert.h"
#include "qapi/json_writer.h"
#include "tests/unit/backends/block/options/folder_fixture.h"
#include "util/text.h"

namespace vmm::block {
namespace {

constexpr size_t kImages = 4;
constexpr uint64_t kPlace = 65536;  // image n has bytes of its own at n * kPlace

class ReopenBlockdevsTest : public FolderTest {
  protected:
    ReopenBlockdevsTest() {
        for (size_t n = 0; n < kImages; ++n) {
            qcow2::CreateOptions options;
            options.size = kImages * kPlace;
            create_qcow2(strf("%zu", n), options);
            EXPECT_TRUE(add_blockdev(env_, *options_of(n, ",backing=")));
            std::vector<uint8_t> own(512, static_cast<uint8_t>(n + 1));
            EXPECT_TRUE(write_sync(*graph_.find(strf("n%zu", n)), n * kPlace, own));
        }
        EXPECT_TRUE(add_blockdev(env_, *parse_blockdev("null-co,node-name=null,read-zeroes=on")));
    }
    Result<qapi::BlockdevOptions> options_of(size_t n, const std::string& more) {
        return parse_blockdev(strf("qcow2,node-name=n%zu,file.driver=file,file.filename=%s/%zu%s", n,
                                   dir_.path().c_str(), n, more.c_str()));
    }
    // Everything that the queries tell, but what a flush may change.
    std::string state() const {
        qapi::List all;
        for (qapi::BlockDeviceInfo& node : query_named_block_nodes(graph_, true)) {
            node.image.actual_size.reset();
            node.image.dirty_flag.reset();
            if (node.drv == "file") node.image.virtual_size = 0;
            all.push_back(qapi::to_value(node));
        }
        return qapi::to_json(all);
    }
    // What is at each image's place in this node: the number of the image whose it is, + 1.
    std::string read(const Node& node) const {
        std::string all;
        for (size_t n = 0; n < kImages; ++n) {
            std::vector<uint8_t> sector(512);
            EXPECT_TRUE(read_sync(const_cast<Node&>(node), n * kPlace, sector));
            all += static_cast<char>('0' + sector[0]);
        }
        return all;
    }
    std::string expected(size_t n, const std::array<int, kImages>& below) const {
        std::string all(kImages, '0');
        for (int at = static_cast<int>(n); at >= 0; at = below[static_cast<size_t>(at)])
            all[static_cast<size_t>(at)] = static_cast<char>('1' + at);
        return all;
    }
};

TEST_F(ReopenBlockdevsTest, atRandomNothingIsHalfDone) {
    std::mt19937 random(4);
    const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
    std::array<int, kImages> chain{-1, -1, -1, -1};
    unsigned accepted = 0, refused = 0;
    for (unsigned round = 0; round < 300; ++round) {
        std::array<int, kImages> wanted = chain;
        std::array<std::optional<bool>, kImages> read_only;
        std::vector<qapi::BlockdevOptions> list;
        for (unsigned count = 1 + below(3); count > 0; --count) {
            const size_t n = below(kImages);
            if (read_only[n]) continue;
            wanted[n] = static_cast<int>(below(kImages + 2)) - 2;
            if (wanted[n] == -2) wanted[n] = -1;
            read_only[n] = below(3) == 0;
            std::string more =
                strf(",read-only=%s,detect-zeroes=%s,lazy-refcounts=%s", *read_only[n] ? "on" : "off",
                     below(2) ? "on" : "off", below(2) ? "on" : "off");
            if (below(12) == 0) more += ",l2-cache-entry-size=1000";
            auto options = options_of(n, more);
            ASSERT_TRUE(options) << options.error().text();
            auto& own = *std::get_if<qapi::BlockdevOptionsQcow2>(&options->u);
            own.backing.emplace();
            if (wanted[n] < 0)
                own.backing->u = nullptr;
            else
                own.backing->u = strf("n%d", wanted[n]);
            if (below(8) == 0) own.file.u = std::string("null");  // which has no image in it
            list.push_back(std::move(*options));
        }
        const std::string before = state();
        if (Status done = reopen_blockdevs(env_, list); done) {
            ++accepted;
            chain = wanted;
            for (size_t n = 0; n < kImages; ++n) {
                if (!read_only[n]) continue;
                EXPECT_EQ(graph_.find(strf("n%zu", n))->read_only(), *read_only[n]);
            }
        } else {
            ++refused;
            ASSERT_EQ(state(), before) << done.error().text();
        }
        for (size_t n = 0; n < kImages; ++n) {
            Node& node = *graph_.find(strf("n%zu", n));
            ASSERT_EQ(read(node), expected(n, chain)) << "image " << n << " in round " << round;
            std::vector<uint8_t> own(512, static_cast<uint8_t>(n + 1));
            const Status written = write_sync(node, n * kPlace, own);
            ASSERT_EQ(static_cast<bool>(written), !node.read_only());
        }
    }
    EXPECT_GT(accepted, 50u);
    EXPECT_GT(refused, 50u);
}

}  // namespace
}  // namespace vmm::block
