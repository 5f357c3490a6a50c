// The drive behind a flash: read at start, written back in whole sectors, all of it by the end.
#include "hw/nvram/flash_drive.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/fakes/fake_node.h"
#include "util/event_loop.h"

namespace vmm {
namespace {

struct NoEvents final : block::BlockEvents {
    void io_error(const block::IoErrorReport&) override {}
    void tray_moved(const std::string&, const std::string&, bool) override {}
};

TEST(FlashDrive, ChangesReachTheDriveInWholeSectors) {
    EventLoop loop;
    std::unique_ptr<block::IoContext> made_context = block::IoContext::create(loop).take_value();
    block::IoContext& context = *made_context;
    NoEvents events;
    block::BlockGraph graph(context, events);
    auto owned = std::make_unique<block::FakeNode>(context, 16384, block::FakeNode::fake_options("vars"));
    block::FakeNode& node = *owned;
    std::memset(node.data.data(), 0x11, node.data.size());
    graph.add(std::move(owned), true);
    auto drive = FlashDrive::open(graph, "vars", "pflash1").take_value();
    EXPECT_FALSE(drive->readonly());
    ASSERT_EQ(drive->contents().size(), 16384u);
    EXPECT_EQ(drive->contents().data()[16383], 0x11);

    node.hold = true;
    drive->contents().data()[5000] = 0x22;
    drive->changed(5000, 1);
    drive->contents().data()[9000] = 0x33;
    drive->changed(9000, 1);  // while the first is under way
    node.release();
    drive.reset();
    EXPECT_EQ(node.data[5000], 0x22);
    EXPECT_EQ(node.data[9000], 0x33);
    for (const block::FakeNode::Seen& seen : node.seen)
        EXPECT_TRUE(seen.op != block::Op::Write || (seen.offset % 4096 == 0 && seen.bytes % 4096 == 0));
}

TEST(FlashDrive, AFlashIsAWholeNumberOfSectors) {
    EventLoop loop;
    std::unique_ptr<block::IoContext> made_context = block::IoContext::create(loop).take_value();
    block::IoContext& context = *made_context;
    NoEvents events;
    block::BlockGraph graph(context, events);
    graph.add(std::make_unique<block::FakeNode>(context, 5000, block::FakeNode::fake_options("odd")), true);
    EXPECT_FALSE(FlashDrive::open(graph, "odd", "pflash0"));
    EXPECT_FALSE(FlashDrive::open(graph, "nosuch", "pflash0"));
}

}  // namespace
}  // namespace vmm
