// A folder for images, and a graph that command lines and commands build over them.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

#include "backends/block/file.h"
#include "backends/block/options/commands.h"
#include "backends/block/qcow2/create.h"
#include "backends/block/qcow2/node_file.h"
#include "qapi/convert.h"
#include "qapi/keyval.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/unit/backends/block/block_fixture.h"
#include "util/fd.h"

namespace vmm::block {

class FolderTest : public BlockTest {
  protected:
    void create_qcow2(const std::string& name, const qcow2::CreateOptions& options) {
        FileConfig config;
        config.filename = dir_ / name;
        ASSERT_TRUE(open_file(config.filename, O_RDWR | O_CREAT | O_TRUNC));
        auto file = FileNode::create(FakeNode::fake_options(), *context_, config);
        ASSERT_TRUE(file);
        NodeImageFile bytes(**file);
        ASSERT_TRUE(qcow2::create_image(bytes, options));
    }
    static Result<qapi::BlockdevOptions> parse_blockdev(const std::string& text) {
        auto keyval = qapi::parse_keyval(text, {.implied_key = "driver"});
        if (!keyval) return std::move(keyval).take_error();
        return qapi::from_keyval<qapi::BlockdevOptions>(keyval->dict);
    }

    TemporaryFolder dir_;
    TestEvents events_;
    ThrottleGroups groups_;
    BlockGraph graph_{*context_, events_};
    BlockEnv env_{graph_, groups_};
};

}  // namespace vmm::block
