// The small drivers: raw windows, null, throttle, blkdebug and its configuration files, probing.
#include "backends/block/blkdebug.h"
#include "backends/block/iov.h"
#include "backends/block/null.h"
#include "backends/block/probe.h"
#include "backends/block/raw.h"
#include "backends/block/throttle_node.h"
#include "tests/unit/backends/block/block_fixture.h"

namespace vmm::block {
namespace {

class DriversTest : public BlockTest {
  protected:
    template <typename T>
    T& add(Result<std::unique_ptr<T>> made) {
        EXPECT_TRUE(made) << made.error().text();
        return static_cast<T&>(graph_.add(std::move(made).take_value(), true));
    }
    FakeNode& fake(uint64_t size = 65536) {
        return static_cast<FakeNode&>(
            graph_.add(std::make_unique<FakeNode>(*context_, size, FakeNode::fake_options("fake")), true));
    }
    static NodeOptions named(const char* name) { return FakeNode::fake_options(name); }

    TestEvents events_;
    BlockGraph graph_{*context_, events_};
    std::vector<uint8_t> bytes_ = std::vector<uint8_t>(4096, 0x33);
};

TEST_F(DriversTest, aRawWindowIsAllThatIsSeen) {
    FakeNode& file = fake();
    RawNode& raw = add(RawNode::create(named("raw"), file, {.offset = 8192, .size = 6144}));
    EXPECT_EQ(raw.size(), 6144u);
    std::fill(file.data.begin(), file.data.end(), uint8_t{0x55});
    TestRequest write(Op::Write, 0, bytes_);
    EXPECT_EQ(run(raw, write), 0);
    EXPECT_EQ(file.data[8191], 0x55);
    EXPECT_EQ(file.data[8192], 0x33);
    TestRequest beyond(Op::Write, 4096, bytes_);
    EXPECT_EQ(run(raw, beyond), -ENOSPC);
    TestRequest across(Op::Read, 4096, bytes_);
    EXPECT_EQ(run(raw, across), 0);
    EXPECT_EQ(bytes_[2047], 0x55);
    EXPECT_TRUE(is_zero(std::span(bytes_).subspan(2048)));
    EXPECT_FALSE(raw.truncate(4096));
    EXPECT_EQ(RawNode::create(named("r"), file, {.offset = 70000}).error().text(),
              "Offset (70000) cannot be greater than size of the containing file (65536)");
    EXPECT_FALSE(RawNode::create(named("r"), file, {.offset = 60000, .size = 8192}));
}

TEST_F(DriversTest, aGuessedRawImageStaysRaw) {
    FakeNode& file = fake();
    RawNode& raw = add(RawNode::create(named("raw"), file, {.probed = true}));
    std::vector<uint8_t> header(512);
    std::memcpy(header.data(), "QFI\xfb\0\0\0\3", 8);
    TestRequest evil(Op::Write, 0, header);
    EXPECT_EQ(run(raw, evil), -EPERM);
    EXPECT_EQ(file.data[0], 0);
    header[0] = 'X';
    TestRequest fine(Op::Write, 0, header);
    EXPECT_EQ(run(raw, fine), 0);
    EXPECT_EQ(file.data[0], 'X');
}

TEST_F(DriversTest, nullTakesItsTime) {
    NullNode& null = static_cast<NullNode&>(graph_.add(
        std::make_unique<NullNode>(named("n"), *context_, NullConfig{4096, 3'000'000, true}), true));
    int64_t before = monotonic_ns();
    TestRequest read(Op::Read, 0, bytes_);
    EXPECT_EQ(run(null, read), 0);
    EXPECT_GE(monotonic_ns() - before, 3'000'000);
    EXPECT_TRUE(is_zero(bytes_));
    EXPECT_TRUE(write_sync(null, 0, bytes_));
}

TEST_F(DriversTest, theThrottleNodeKeepsAndDrainReleases) {
    ThrottleConfig config;
    config.limits[static_cast<size_t>(ThrottleKind::OpsTotal)].average = 1;
    ThrottleGroup group("g", config);
    FakeNode& file = fake();
    ThrottleNode& node = add(ThrottleNode::create(named("t"), file, group));
    TestRequest first(Op::Read, 0, bytes_), second(Op::Read, 0, bytes_);
    EXPECT_EQ(run(node, first), 0);
    node.submit(second);
    for (int i = 0; i < 10; ++i)
        (void)context_->poll(false);
    EXPECT_EQ(second.ended, 0u);
    node.let_all_go();
    EXPECT_TRUE(run_until([&] { return second.ended == 1; }));
    EXPECT_TRUE(graph_.remove("t"));
}

TEST_F(DriversTest, blkdebugFailsAtEventsOnce) {
    FakeNode& file = fake();
    auto config = parse_blkdebug_config(R"(
# first flush, then all
[inject-error]
event = "flush_to_disk"
errno = "28"
state = "1"
once = "on"
immediately = "off"

[set-state]
event = "flush_to_disk"
state = "1"
new_state = "2"
)",
                                        "conf");
    ASSERT_TRUE(config) << config.error().text();
    BlkdebugNode& debug = add(BlkdebugNode::create(named("d"), file, *config));
    RawNode& raw = add(RawNode::create(named("raw"), debug, {}));
    TestRequest read(Op::Read, 0, bytes_), flush(Op::Flush, 0, 0), again(Op::Flush, 0, 0);
    EXPECT_EQ(run(raw, read), 0);
    EXPECT_EQ(debug.state(), 1);
    EXPECT_EQ(run(raw, flush), -ENOSPC);
    EXPECT_EQ(debug.state(), 2);
    EXPECT_EQ(run(raw, again), 0);
}

TEST_F(DriversTest, blkdebugRulesPickSectorsAndKinds) {
    FakeNode& file = fake();
    BlkdebugConfig config;
    config.errors.push_back({.sector = 9, .kinds = kIoWrite});
    BlkdebugNode& debug = add(BlkdebugNode::create(named("d"), file, config));
    TestRequest read(Op::Read, 4096, bytes_), before(Op::Write, 0, bytes_), on(Op::Write, 4096, bytes_);
    EXPECT_EQ(run(debug, read), 0);
    EXPECT_EQ(run(debug, before), 0);
    EXPECT_EQ(run(debug, on), -EIO);
    TestRequest once_more(Op::Write, 4096, bytes_);
    EXPECT_EQ(run(debug, once_more), -EIO) << "not once";
}

TEST_F(DriversTest, blkdebugInsistsOnAlignment) {
    FakeNode& file = fake();
    BlkdebugConfig config;
    config.align = 1024;
    BlkdebugNode& debug = add(BlkdebugNode::create(named("d"), file, config));
    TestRequest write(Op::Write, 512, std::span(bytes_).first(512));
    EXPECT_EQ(run(debug, write), 0);
    for (const FakeNode::Seen& seen : file.seen)
        EXPECT_EQ((seen.offset | seen.bytes) % 1024, 0u);
    EXPECT_EQ(file.data[512], 0x33);
    config.align = 1000;
    EXPECT_FALSE(BlkdebugNode::create(named("e"), file, config));
}

TEST(BlkdebugConfigFile, mistakesAreNamedWithTheirLine) {
    struct {
        const char* text;
        const char* error;
    } cases[] = {
        {"event = \"x\"", "c:1: no group defined"},
        {"[inject-error]\nevent = \"no_such\"", "c:2: Invalid event name \"no_such\""},
        {"[inject-error]\nerrno = 5", "c:2: parse error"},
        {"[inject-error]\n\nerrno = \"x\"", "c:3: Parameter 'errno' expects a number"},
        {"[inject-error]\nerrno = \"0\"", "c:2: Parameter 'errno' expects an error number"},
        {"[inject-error]\ncolour = \"red\"", "c:2: Invalid parameter 'colour'"},
        {"[inject-error]\nonce = \"maybe\"", "c:2: Parameter 'once' expects 'on' or 'off'"},
        {"[set-state]\nnew_state = \"2\"", "c:2: Missing event name for rule"},
        {"[other]", "c:1: there is no group [other]"},
    };
    for (const auto& one : cases) {
        auto config = parse_blkdebug_config(one.text, "c");
        ASSERT_FALSE(config) << one.text;
        EXPECT_EQ(config.error().text(), one.error);
    }
    EXPECT_TRUE(parse_blkdebug_config("", "c"));
}

TEST(Probe, knowsFormatsByTheirFirstBytes) {
    auto probe = [](std::string_view text, size_t at = 0) {
        std::vector<uint8_t> sector(512);
        std::memcpy(&sector[at], text.data(), text.size());
        return probe_format(sector);
    };
    using namespace std::string_view_literals;
    EXPECT_EQ(probe(""), "raw");
    EXPECT_EQ(probe("QFI\xfb\0\0\0\3"sv), "qcow2");
    EXPECT_EQ(probe("QFI\xfb\0\0\0\1"sv), "qcow");
    EXPECT_EQ(probe("QFI\xfb\0\0\0\4"sv), "raw");
    EXPECT_EQ(probe("KDMV"), "vmdk");
    EXPECT_EQ(probe("\x7f\x10\xda\xbe", 0x40), "vdi");
    EXPECT_EQ(probe_format({}), "raw");
}

}  // namespace
}  // namespace vmm::block
