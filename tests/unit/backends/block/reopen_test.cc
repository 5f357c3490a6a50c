// Reopening: options, children, rights and drivers change together or not at all.
#include "backends/block/reopen.h"

#include "backends/block/drain.h"
#include "backends/block/raw.h"
#include "backends/block/throttle_node.h"
#include "tests/unit/backends/block/block_fixture.h"

namespace vmm::block {
namespace {

// A filter that keeps a list of what it is told, with its name in front, and fails on order.
class Listed final : public FilterNode {
  public:
    static std::unique_ptr<Listed> over(Node& file, const std::string& name,
                                        std::vector<std::string>& calls) {
        NodeOptions options = FakeNode::fake_options(name);
        auto ref = take_file(name, file);
        EXPECT_TRUE(ref);
        return std::make_unique<Listed>(std::move(options), std::move(ref).take_value(), calls);
    }
    Listed(NodeOptions options, NodeRef file, std::vector<std::string>& calls)
        : FilterNode(std::move(options), std::move(file)), calls_(calls) {}
    std::string fails;

  private:
    Status call(const char* what) {
        calls_.push_back(name() + " " + what);
        return fails == what ? Error::make("%s fails in %s", what, name().c_str()) : Status();
    }
    Status settle() override { return call("settle"); }
    Status apply(const NodeChange&) override { return call("apply"); }
    void undo() override { (void)static_cast<bool>(call("undo")); }
    void keep() override { (void)static_cast<bool>(call("keep")); }

    std::vector<std::string>& calls_;
};

class ReopenTest : public BlockTest {
  protected:
    ReopenTest() {
        bottom_ = &add_fake("bottom", 65536);
        low_ = static_cast<Listed*>(&graph_.add(Listed::over(*bottom_, "low", calls_), true));
        high_ = static_cast<Listed*>(&graph_.add(Listed::over(*low_, "high", calls_), true));
    }
    Node& add_fake(const std::string& name, uint64_t size, bool read_only = false) {
        NodeOptions options = FakeNode::fake_options(name);
        options.read_only = read_only;
        return graph_.add(std::make_unique<FakeNode>(*context_, size, options), true);
    }
    static NodeChange change(Node& node) {
        NodeChange one;
        one.node = &node;
        one.options = node.options();
        return one;
    }
    template <typename... Changes>
    std::string reopen(Changes... changes) {
        std::vector<NodeChange> all;
        (all.push_back(std::move(changes)), ...);
        DrainedSection drained(graph_);
        Status done = reopen_nodes(graph_, std::move(all));
        return done ? "" : done.error().text();
    }
    NodeRef use(Node& node, uint8_t used, uint8_t shared = kPermAll) {
        auto ref = NodeRef::take(node, "the test", "test", {used, shared});
        EXPECT_TRUE(ref) << ref.error().text();
        return std::move(ref).take_value();
    }

    TestEvents events_;
    BlockGraph graph_{*context_, events_};
    std::vector<std::string> calls_;
    Node* bottom_;
    Listed *low_, *high_;
};

TEST_F(ReopenTest, childrenFollowBeforeTheirParents) {
    NodeChange high = change(*high_), low = change(*low_);
    high.options.detect_zeroes = low.options.detect_zeroes = DetectZeroes::On;
    EXPECT_EQ(reopen(std::move(high), std::move(low)), "");
    EXPECT_EQ(calls_, (std::vector<std::string>{"high settle", "low settle", "low apply", "high apply",
                                                "low keep", "high keep"}));
    EXPECT_EQ(high_->options().detect_zeroes, DetectZeroes::On);
}

TEST_F(ReopenTest, whateverFailsNothingHasChanged) {
    Node& other = add_fake("other", 65536);
    for (const char* step : {"settle", "apply"}) {
        calls_.clear();
        NodeChange high = change(*high_), low = change(*low_);
        high.options.no_flush = low.options.no_flush = true;
        low.file = &other;
        high_->fails = step;
        EXPECT_EQ(reopen(std::move(low), std::move(high)), std::string(step) + " fails in high");
        EXPECT_FALSE(high_->options().no_flush);
        EXPECT_FALSE(low_->options().no_flush);
        EXPECT_EQ(low_->child("file"), bottom_);
        EXPECT_EQ(bottom_->uses().size(), 1u);
        EXPECT_TRUE(other.uses().empty());
    }
    EXPECT_EQ(calls_,
              (std::vector<std::string>{"low settle", "high settle", "low apply", "high apply", "low undo"}));
}

TEST_F(ReopenTest, usesAreJudgedTogether) {
    // Alone, neither could change: one would write what is read-only, the other has a writer.
    NodeRef writer = use(*high_, kPermRead | kPermWrite);
    NodeChange low = change(*low_);
    low.options.read_only = true;
    EXPECT_EQ(reopen(std::move(low)), "Read-only block node 'low' cannot support read-write users");
    writer.reset();

    NodeRef alone = use(*low_, kPermRead, kPermRead);
    Node& other = add_fake("other", 65536);
    NodeRef reader = use(other, kPermRead, kPermRead);
    NodeRef again = use(*high_, kPermRead);
    NodeChange moved = change(*low_);
    moved.file = &other;
    EXPECT_EQ(reopen(std::move(moved)), "");
    EXPECT_EQ(other.wanted().shared, kPermRead);
    EXPECT_EQ(low_->child("file"), &other);
    EXPECT_TRUE(bottom_->uses().empty());
}

TEST_F(ReopenTest, aConflictIsFoundAndNothingMoves) {
    Node& other = add_fake("other", 65536);
    NodeRef exclusive = use(other, kPermRead, kPermRead);
    NodeRef writer = use(*low_, kPermWrite);
    NodeChange moved = change(*low_);
    moved.file = &other;
    EXPECT_EQ(reopen(std::move(moved)),
              "Conflicts with use by the test as 'test', which does not allow 'write' on other");
    EXPECT_EQ(low_->child("file"), bottom_);
    EXPECT_EQ(bottom_->wanted().used, kPermWrite);
    EXPECT_EQ(other.wanted().used, kPermRead);
}

TEST_F(ReopenTest, aCycleIsRefusedHoweverItComes) {
    Node& third = graph_.add(Listed::over(*bottom_, "third", calls_), true);
    NodeChange low = change(*low_), higher = change(third);
    low.file = &third;
    higher.file = high_;
    EXPECT_EQ(reopen(std::move(low), std::move(higher)),
              "Making 'high' a file child of 'third' would create a cycle");
    EXPECT_EQ(low_->child("file"), bottom_);
}

TEST_F(ReopenTest, aSizeChangesOnlyWhereAllCanLiveWithIt) {
    Node& small = add_fake("small", 4096);
    NodeRef user = use(*high_, kPermRead, kPermAll & ~kPermResize);
    NodeChange moved = change(*low_);
    moved.file = &small;
    EXPECT_EQ(reopen(std::move(moved)),
              "Conflicts with use by node 'high' as 'file', which does not allow 'resize' on low");
    EXPECT_EQ(low_->size(), 65536u);
    EXPECT_EQ(high_->size(), 65536u);
    user.reset();
    NodeChange again = change(*low_);
    again.file = &small;
    EXPECT_EQ(reopen(std::move(again)), "");
    EXPECT_EQ(high_->size(), 4096u);
}

TEST_F(ReopenTest, aChildThatNobodyNamedGoes) {
    NodeOptions options = FakeNode::fake_options("unnamed");
    Node& unnamed = graph_.add(std::make_unique<FakeNode>(*context_, 65536, options), false);
    Node& top = graph_.add(Listed::over(unnamed, "top", calls_), true);
    NodeChange moved = change(top);
    moved.file = bottom_;
    EXPECT_EQ(reopen(std::move(moved)), "");
    EXPECT_EQ(graph_.find("unnamed"), nullptr);
}

TEST_F(ReopenTest, whatGoesMayTakeOthersAlong) {
    const auto unnamed = [&](std::unique_ptr<Node> node) -> Node& {
        return graph_.add(std::move(node), false);
    };
    Node& deepest = unnamed(std::make_unique<FakeNode>(*context_, 65536, FakeNode::fake_options("deepest")));
    Node& middle = unnamed(Listed::over(deepest, "middle", calls_));
    Node& one = graph_.add(Listed::over(middle, "one", calls_), true);
    Node& two = graph_.add(Listed::over(middle, "two", calls_), true);
    Node& three = graph_.add(Listed::over(deepest, "three", calls_), true);
    NodeChange first = change(one), second = change(two), third = change(three);
    first.file = second.file = third.file = bottom_;
    EXPECT_EQ(reopen(std::move(first), std::move(second), std::move(third)), "");
    EXPECT_EQ(graph_.find("middle"), nullptr);
    EXPECT_EQ(graph_.find("deepest"), nullptr);
}

TEST_F(ReopenTest, setWritableReachesTheFilesBelow) {
    Node& bottom = add_fake("ro", 65536, true);
    Node& top = graph_.add(Listed::over(bottom, "top", calls_), true);
    DrainedSection drained(graph_);
    ASSERT_TRUE(set_writable(graph_, top, false));
    EXPECT_TRUE(top.read_only());
    ASSERT_TRUE(set_writable(graph_, top, true));
    EXPECT_FALSE(top.read_only());
    EXPECT_FALSE(bottom.read_only());
    calls_.clear();
    ASSERT_TRUE(set_writable(graph_, top, true));
    EXPECT_TRUE(calls_.empty()) << "nothing to do";
    ASSERT_TRUE(set_writable(graph_, top, false));
    EXPECT_FALSE(bottom.read_only());
}

struct Client final : DiskClient {
    void resized() override { ++resizes; }
    unsigned resizes = 0;
};

TEST_F(ReopenTest, aDriveFollowsItsMedium) {
    Client client;
    DiskAttachment attachment;
    attachment.qom_path = "/machine/peripheral/d";
    low_->fails = "";
    NodeChange closed = change(*high_);
    closed.options.read_only = true;
    EXPECT_EQ(reopen(std::move(closed)), "");
    auto disk = graph_.attach("high", client, attachment);
    ASSERT_TRUE(disk);
    EXPECT_TRUE((*disk)->read_only());
    NodeChange opened = change(*high_);
    opened.options.read_only = false;
    EXPECT_EQ(reopen(std::move(opened)), "");
    EXPECT_TRUE((*disk)->read_only()) << "it was given away as a disk that is not written";
    EXPECT_FALSE(high_->read_only());
    Node& small = add_fake("small", 4096);
    NodeChange moved = change(*low_);
    moved.file = &small;
    EXPECT_EQ(reopen(std::move(moved)), "");
    EXPECT_EQ((*disk)->size(), 4096u);
    EXPECT_EQ(client.resizes, 1u);
}

TEST_F(ReopenTest, aThrottledNodeChangesItsGroup) {
    ThrottleGroup one("one", {}), two("two", {});
    auto made = ThrottleNode::create(FakeNode::fake_options("throttle"), *bottom_, one);
    ASSERT_TRUE(made);
    Node& node = graph_.add(std::move(made).take_value(), true);
    NodeChange other = change(node);
    other.own = std::make_unique<ConfigOf<ThrottleGroup*>>(&two);
    high_->fails = "apply";
    EXPECT_EQ(reopen(std::move(other), change(*high_)), "apply fails in high");
    EXPECT_EQ(one.members(), 1u);
    EXPECT_EQ(two.members(), 0u);
    NodeChange again = change(node);
    again.own = std::make_unique<ConfigOf<ThrottleGroup*>>(&two);
    EXPECT_EQ(reopen(std::move(again)), "");
    EXPECT_EQ(one.members(), 0u);
    EXPECT_EQ(two.members(), 1u);
    ASSERT_TRUE(graph_.remove("throttle"));
}

TEST_F(ReopenTest, whatIsUnderWayEndsFirst) {
    ThrottleConfig slow;
    slow.limits[static_cast<size_t>(ThrottleKind::OpsTotal)].average = 1;
    ThrottleGroup one("one", slow), two("two", {});
    auto made = ThrottleNode::create(FakeNode::fake_options("throttle"), *bottom_, one);
    ASSERT_TRUE(made);
    Node& node = graph_.add(std::move(made).take_value(), true);
    BlockHandle& drive = **graph_.add_drive("drive", &node);
    std::vector<uint8_t> bytes(512);
    TestRequest first(Op::Read, 0, bytes), second(Op::Read, 512, bytes);
    drive.submit(first);
    drive.submit(second);
    EXPECT_TRUE(run_until([&] { return first.ended == 1; }));
    EXPECT_EQ(second.ended, 0u) << "it has to wait a second";
    NodeChange other = change(node);
    other.own = std::make_unique<ConfigOf<ThrottleGroup*>>(&two);
    EXPECT_EQ(reopen(std::move(other)), "");
    EXPECT_EQ(second.ended, 1u);
    ASSERT_TRUE(graph_.remove_drive("drive"));
    ASSERT_TRUE(graph_.remove("throttle"));
}

TEST_F(ReopenTest, aWindowMoves) {
    auto made = RawNode::create(FakeNode::fake_options("raw"), *bottom_, {});
    ASSERT_TRUE(made);
    Node& raw = graph_.add(std::move(made).take_value(), true);
    auto to = [&](uint64_t offset) {
        NodeChange moved = change(raw);
        moved.own = std::make_unique<ConfigOf<RawConfig>>(RawConfig{.offset = offset});
        return reopen(std::move(moved));
    };
    EXPECT_EQ(to(4096), "");
    EXPECT_EQ(raw.size(), 61440u);
    EXPECT_EQ(to(70000), "Offset (70000) cannot be greater than size of the containing file (65536)");
    EXPECT_EQ(raw.size(), 61440u);
    EXPECT_EQ(to(0), "");
    EXPECT_EQ(raw.size(), 65536u);
}

}  // namespace
}  // namespace vmm::block
