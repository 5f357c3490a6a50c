// What the monitor's commands do to drives: trays and media in the right order, sizes, limits, and what the
// queries say afterwards.
#include "backends/block/options/commands.h"

#include "tests/unit/backends/block/block_fixture.h"

namespace vmm::block {
namespace {

struct CdClient final : DiskClient {
    bool has_tray() const override { return true; }
    bool tray_open() const override { return open; }
    bool tray_locked() const override { return locked; }
    void eject_requested(bool) override { ++asked; }
    void set_tray(bool to, bool) override { open = to; }
    void medium_changed(bool loaded) override { changes.push_back(loaded); }
    void resized() override { ++resizes; }
    bool open = false, locked = false;
    unsigned asked = 0, resizes = 0;
    std::vector<bool> changes;
};

class CommandsTest : public BlockTest {
  protected:
    CommandsTest() {
        for (const char* name : {"one", "two"})
            graph_.add(std::make_unique<FakeNode>(*context_, 65536, FakeNode::fake_options(name)), true);
        DiskAttachment attachment;
        attachment.device_id = "cd0";
        attachment.qom_path = "/machine/peripheral/cd0";
        attachment.removable = true;
        auto disk = graph_.attach("one", client_, attachment);
        EXPECT_TRUE(disk);
        disk_ = std::move(disk).take_value();
    }
    std::string text(const Status& status) { return status ? "" : status.error().text(); }

    TestEvents events_;
    CdClient client_;
    ThrottleGroups groups_;
    BlockGraph graph_{*context_, events_};
    BlockEnv env_{graph_, groups_};
    DiskRef disk_;
};

TEST_F(CommandsTest, mediaChangeBehindAnOpenTray) {
    BlockHandle& cd = **find_drive(graph_, std::nullopt, "cd0");
    EXPECT_EQ(text(remove_medium(cd)), "Tray of device 'cd0' is not open");
    ASSERT_TRUE(open_tray(cd, false));
    EXPECT_EQ(events_.trays, std::vector<bool>{true});
    EXPECT_EQ(text(insert_medium(graph_, cd, "two")), "There already is a medium in device 'cd0'");
    ASSERT_TRUE(remove_medium(cd));
    EXPECT_TRUE(remove_medium(cd)) << "again";
    EXPECT_FALSE(query_block(graph_)[0].inserted);
    EXPECT_EQ(text(insert_medium(graph_, cd, "three")), "Node 'three' not found");
    ASSERT_TRUE(insert_medium(graph_, cd, "two"));
    ASSERT_TRUE(close_tray(cd));
    EXPECT_EQ(events_.trays, (std::vector<bool>{true, false}));
    EXPECT_EQ(client_.changes, (std::vector<bool>{false, true}));
    qapi::BlockInfo info = query_block(graph_)[0];
    EXPECT_EQ(info.inserted->node_name, "two");
    EXPECT_EQ(info.qdev, "cd0");
    EXPECT_EQ(info.tray_open, false);
    EXPECT_TRUE(info.removable);
}

TEST_F(CommandsTest, aLockedTrayIsAskedUnlessForced) {
    client_.locked = true;
    EXPECT_EQ(text(eject(*disk_, false)),
              "Device 'cd0' is locked and force was not specified, wait for tray to "
              "open and try again");
    EXPECT_EQ(client_.asked, 1u);
    EXPECT_FALSE(client_.open);
    EXPECT_TRUE(query_block(graph_)[0].locked);
    EXPECT_TRUE(eject(*disk_, true));
    EXPECT_TRUE(client_.open);
    EXPECT_FALSE(disk_->loaded());
}

TEST_F(CommandsTest, sizesChangeThroughDrivesAndNodes) {
    qapi::BlockResizeArguments options{};
    options.node_name = "one";
    options.size = 131072;
    ASSERT_TRUE(resize(graph_, options));
    EXPECT_EQ(client_.resizes, 1u);
    EXPECT_EQ(disk_->size(), 131072u);
    options.node_name = "two";
    ASSERT_TRUE(resize(graph_, options));
    EXPECT_EQ(client_.resizes, 1u);
    EXPECT_EQ(graph_.find("two")->size(), 131072u);
    options.size = -1;
    EXPECT_FALSE(resize(graph_, options));
    options.size = 512;
    options.node_name = "three";
    EXPECT_EQ(text(resize(graph_, options)), "Cannot find device='' nor node-name='three'");
}

TEST_F(CommandsTest, limitsAreShownAndEnd) {
    qapi::BlockSetIoThrottleArguments limits{};
    limits.iops = 100;
    limits.iops_max = 200;
    ASSERT_TRUE(set_throttle(env_, *disk_, limits));
    qapi::BlockDeviceInfo info = *query_block(graph_)[0].inserted;
    EXPECT_EQ(info.iops, 100);
    EXPECT_EQ(info.iops_max, 200);
    EXPECT_EQ(info.group, "cd0");
    limits.iops = -1;
    EXPECT_FALSE(set_throttle(env_, *disk_, limits));
    ASSERT_TRUE(set_throttle(env_, *disk_, {}));
    EXPECT_EQ(disk_->throttle(), nullptr);
}

TEST_F(CommandsTest, countersAndNamesOfWhatIsThere) {
    std::vector<uint8_t> bytes(4096, 1);
    TestRequest read(Op::Read, 0, bytes);
    EXPECT_EQ(run(*disk_, read), 0);
    std::vector<qapi::BlockStats> stats = query_blockstats(graph_, false);
    ASSERT_EQ(stats.size(), 1u);
    EXPECT_EQ(stats[0].stats.rd_operations, 1);
    EXPECT_EQ(stats[0].stats.rd_bytes, 4096);
    EXPECT_EQ(stats[0].qdev, "cd0");
    EXPECT_TRUE(stats[0].stats.idle_time_ns);
    EXPECT_EQ(query_blockstats(graph_, true).size(), 2u);
    EXPECT_EQ(query_named_block_nodes(graph_, true).size(), 2u);
    EXPECT_EQ(find_drive(graph_, "a", "b").error().text(), "Need exactly one of 'device' and 'id'");
    EXPECT_EQ(find_drive(graph_, "a", std::nullopt).error().error_class(), ErrorClass::DeviceNotFound);
}

TEST_F(CommandsTest, aDeletedDriveLeavesItsDeviceWithoutMedium) {
    ASSERT_TRUE(graph_.add_drive("d", graph_.find("two")));
    CdClient other;
    {
        auto disk = graph_.attach("d", other, {});
        ASSERT_TRUE(disk);
        ASSERT_TRUE(delete_drive(graph_, "d"));
        EXPECT_FALSE((*disk)->loaded());
        EXPECT_EQ(graph_.find_drive("d"), nullptr);
    }
    EXPECT_EQ(graph_.drives().size(), 1u);
    EXPECT_FALSE(delete_drive(graph_, "d"));
    EXPECT_FALSE(delete_drive(graph_, "two"));
}

}  // namespace
}  // namespace vmm::block
