// From options to nodes over real files: nested and named nodes, backing chains by the image's own names,
// probing, snapshots, what is left behind by what fails.
#include "backends/block/options/open.h"

#include <fcntl.h>
#include <unistd.h>

#include "backends/block/iov.h"
#include "qapi/keyval.h"
#include "tests/unit/backends/block/options/folder_fixture.h"
#include "util/fd.h"

namespace vmm::block {
namespace {

class OpenTest : public FolderTest {
  protected:
    void make_raw(const std::string& name, uint8_t fill) {
        auto fd = open_file(dir_ / name, O_RDWR | O_CREAT);
        ASSERT_TRUE(fd);
        std::vector<uint8_t> bytes(1 << 20, fill);
        ASSERT_TRUE(write_full(fd->get(), bytes));
    }
    void make_qcow2(const std::string& name, const std::string& backing, const std::string& format) {
        qcow2::CreateOptions options;
        options.size = 1 << 20;
        options.backing_file = backing;
        options.backing_format = format;
        create_qcow2(name, options);
    }
    // "@" stands for the folder.
    std::string here(std::string text) {
        for (size_t at; (at = text.find('@')) != std::string::npos;)
            text.replace(at, 1, dir_.path());
        return text;
    }
    Result<Node*> blockdev(const std::string& text) {
        auto options = parse_blockdev(here(text));
        if (!options) return std::move(options).take_error();
        return add_blockdev(env_, *options);
    }
    Result<BlockHandle*> drive(const std::string& text) {
        auto keyval = qapi::parse_keyval(here(text), {.flat = true});
        if (!keyval) return std::move(keyval).take_error();
        auto config = parse_drive(keyval->dict);
        if (!config) return std::move(config).take_error();
        return add_drive(env_, *config);
    }
    uint8_t first_byte(Node& node) {
        std::vector<uint8_t> sector(512);
        EXPECT_TRUE(read_sync(node, 0, sector));
        return sector[0];
    }
};

TEST_F(OpenTest, nestedNodesGoWithTheirParent) {
    make_raw("a", 0x11);
    auto top = blockdev("raw,node-name=top,file.driver=file,file.filename=@/a,file.node-name=inner");
    ASSERT_TRUE(top) << top.error().text();
    EXPECT_EQ(first_byte(**top), 0x11);
    EXPECT_EQ((*top)->size(), 1u << 20);
    EXPECT_TRUE(graph_.find("inner")->options().discard_unmap);
    EXPECT_EQ(graph_.remove("inner").error().text(), "Node inner is not owned by the monitor");
    EXPECT_FALSE(blockdev("raw,node-name=top,file=inner"));
    ASSERT_TRUE(graph_.remove("top"));
    EXPECT_TRUE(graph_.nodes().empty());
}

TEST_F(OpenTest, referencesShareANode) {
    make_raw("a", 0x22);
    ASSERT_TRUE(blockdev("file,node-name=f,filename=@/a"));
    ASSERT_TRUE(blockdev("raw,node-name=one,file=f,offset=512"));
    ASSERT_TRUE(blockdev("raw,node-name=two,file=f,read-only=on"));
    EXPECT_EQ(graph_.remove("f").error().text(), "Block device f is in use");
    ASSERT_TRUE(graph_.remove("one"));
    ASSERT_TRUE(graph_.remove("two"));
    EXPECT_NE(graph_.find("f"), nullptr);
}

TEST_F(OpenTest, whatFailsLeavesNothing) {
    make_raw("a", 0);
    struct {
        const char* text;
        const char* error;
    } cases[] = {
        {"raw,node-name=r,file.driver=file,file.filename=@/missing",
         "Could not open '@/missing': No such file or directory"},
        {"qcow2,node-name=q,file.driver=file,file.filename=@/a", nullptr},
        {"raw,node-name=r,size=1G,file.driver=file,file.filename=@/a", nullptr},
        {"throttle,node-name=t,throttle-group=g,file.driver=null-co", "Throttle group 'g' does not exist"},
        {"file,filename=@/a", "'node-name' must be specified for the root node"},
        {"file,node-name=1x,filename=@/a", "Invalid node-name: '1x'"},
        {"file,node-name=x,filename=@", "Could not open '@': Is a directory"},
        {"blkdebug,node-name=b,image.driver=null-co,inject-error.0.event=nonsense",
         "Invalid event name \"nonsense\""},
    };
    for (const auto& one : cases) {
        auto node = blockdev(one.text);
        ASSERT_FALSE(node) << one.text;
        if (one.error != nullptr) {
            EXPECT_EQ(node.error().text(), here(one.error));
        }
        EXPECT_TRUE(graph_.nodes().empty()) << one.text;
    }
}

TEST_F(OpenTest, backingChainsOpenByTheNamesInTheImages) {
    make_raw("base", 0x33);
    make_qcow2("mid", "base", "raw");
    make_qcow2("top", "mid", "qcow2");
    auto top = drive("id=d,if=none,file=@/top");
    ASSERT_TRUE(top) << top.error().text();
    Node& node = *(*top)->node();
    EXPECT_EQ(node.driver(), "qcow2");
    EXPECT_EQ(first_byte(node), 0x33);
    Node* base = node.child("backing")->child("backing");
    ASSERT_NE(base, nullptr);
    EXPECT_EQ(base->driver(), "raw");
    EXPECT_TRUE(base->read_only());
    auto alone = blockdev("qcow2,node-name=alone,read-only=on,backing=,file.driver=file,file.filename=@/mid");
    ASSERT_TRUE(alone) << alone.error().text();
    EXPECT_EQ(first_byte(**alone), 0);
}

TEST_F(OpenTest, aSnapshotDriveLeavesItsImageAlone) {
    make_raw("a", 0x44);
    auto made = drive("id=d,if=none,format=raw,snapshot=on,file=@/a");
    ASSERT_TRUE(made) << made.error().text();
    std::vector<uint8_t> bytes(512, 0x55);
    ASSERT_TRUE((*made)->write(0, bytes));
    EXPECT_EQ(first_byte(*(*made)->node()), 0x55);
    auto below = open_file(dir_ / "a", O_RDONLY);
    ASSERT_TRUE(read_full(below->get(), bytes));
    EXPECT_EQ(bytes[0], 0x44);
}

TEST_F(OpenTest, drivesShareThrottleGroups) {
    ASSERT_TRUE(drive("id=a,if=none,driver=null-co,iops=10,group=g"));
    ASSERT_TRUE(drive("id=b,if=none,driver=null-co,group=g"));
    EXPECT_EQ(groups_.find("g")->members(), 2u);
    EXPECT_FALSE(groups_.remove("g"));
    ASSERT_TRUE(graph_.remove_drive("a"));
    ASSERT_TRUE(graph_.remove_drive("b"));
    EXPECT_TRUE(groups_.remove("g"));
}

TEST_F(OpenTest, otherFormatsAreNotTakenForRaw) {
    make_raw("a", 0);
    auto fd = open_file(dir_ / "a", O_RDWR);
    std::vector<uint8_t> magic = {'K', 'D', 'M', 'V'};
    ASSERT_TRUE(write_full(fd->get(), magic));
    auto made = drive("id=d,if=none,file=@/a");
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().text(),
              here("'@/a' is an image of format 'vmdk', which is not there in this version"));
    EXPECT_TRUE(graph_.nodes().empty());
}

}  // namespace
}  // namespace vmm::block
