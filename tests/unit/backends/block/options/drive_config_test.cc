// -drive: what its keys become, old names and new ones, and one line for each mistake.
#include "backends/block/options/drive_config.h"

#include <gtest/gtest.h>

#include "qapi/convert.h"
#include "qapi/json_writer.h"
#include "qapi/keyval.h"

namespace vmm::block {
namespace {

Result<DriveConfig> parse(std::string_view text) {
    auto keyval = qapi::parse_keyval(text, {.flat = true});
    if (!keyval) return std::move(keyval).take_error();
    return parse_drive(keyval->dict);
}

std::string image_of(std::string_view text) {
    auto drive = parse(text);
    if (!drive) return "error: " + drive.error().text();
    const auto& options = drive->image ? drive->image : drive->file;
    if (!options) return "none";
    return (drive->image ? "" : "asked: ") + qapi::to_json(qapi::to_value(*options));
}

TEST(DriveConfig, imagesBecomeNodes) {
    struct {
        const char* text;
        const char* json;
    } cases[] = {
        {"file=/no/x.img,format=raw,cache=none",
         R"({"driver": "raw", "cache": {"direct": true, "no-flush": false}, "auto-read-only": true, "file": )"
         R"({"driver": "file", "discard": "unmap", "cache": {"direct": true, "no-flush": false}, )"
         R"("auto-read-only": true, "filename": "/no/x.img"}})"},
        {"file=null-co://,file.read-zeroes=on,format=raw,readonly=on",
         R"({"driver": "raw", "read-only": true, "file": {"driver": "null-co", "discard": "unmap", )"
         R"("read-only": true, "read-zeroes": true}})"},
        {"driver=null-co,size=1M", R"({"driver": "null-co", "auto-read-only": true, "size": 1048576})"},
        {"file.driver=file,file.filename=/no/y,file.locking=off,aio=threads,read-only=on",
         R"(asked: {"driver": "file", "discard": "unmap", "read-only": true, "filename": "/no/y", )"
         R"("locking": "off", "aio": "threads"})"},
        {"file=blkdebug:/rules:/no/z,format=qcow2,lazy-refcounts=on,read-only=off",
         R"({"driver": "qcow2", "read-only": false, "file": {"driver": "blkdebug", "discard": "unmap", )"
         R"("read-only": false, "image": {"driver": "file", "filename": "/no/z"}, "config": "/rules"}, )"
         R"("lazy-refcounts": true})"},
        {"if=none", "none"},
    };
    for (const auto& one : cases)
        EXPECT_EQ(image_of(one.text), one.json) << one.text;
}

TEST(DriveConfig, cacheModesAreThreeSettings) {
    EXPECT_TRUE(parse("file=/x,format=raw")->write_cache);
    EXPECT_FALSE(parse("file=/x,format=raw,cache=writethrough")->write_cache);
    auto direct = parse("file=/x,format=raw,cache=directsync,cache.writeback=on");
    EXPECT_TRUE(direct->write_cache);
    EXPECT_EQ(direct->image->cache->direct, true);
    EXPECT_EQ(parse("file=/x,format=raw,cache=unsafe")->image->cache->no_flush, true);
}

TEST(DriveConfig, placesPoliciesAndLimits) {
    auto drive = parse(
        "id=d,if=virtio,index=3,media=disk,rerror=stop,werror=ignore,iops=100,bps_rd=5,iops_max=200,"
        "throttling.group=g,snapshot=on");
    ASSERT_TRUE(drive) << drive.error().text();
    EXPECT_EQ(drive->id, "d");
    EXPECT_EQ(drive->interface, DriveInterface::Virtio);
    EXPECT_EQ(drive->index, 3u);
    EXPECT_EQ(drive->rerror, OnError::Stop);
    EXPECT_EQ(drive->werror, OnError::Ignore);
    EXPECT_TRUE(drive->snapshot);
    EXPECT_EQ(drive->throttle_group, "g");
    EXPECT_EQ(drive->throttle.limits[static_cast<size_t>(ThrottleKind::OpsTotal)].average, 100u);
    EXPECT_EQ(drive->throttle.limits[static_cast<size_t>(ThrottleKind::OpsTotal)].burst, 200u);
    EXPECT_EQ(drive->throttle.limits[static_cast<size_t>(ThrottleKind::BytesRead)].average, 5u);
    auto cd = parse("media=cdrom,file=/no/cd.iso");
    EXPECT_TRUE(cd->cdrom);
    EXPECT_TRUE(cd->read_only);
}

TEST(DriveConfig, mistakesAreNamed) {
    struct {
        const char* text;
        const char* error;
    } cases[] = {
        {"if=floppy", "Parameter 'if' expects one of none, ide, scsi, virtio, pflash, not 'floppy'"},
        {"index=1,unit=2", "index cannot be used with bus and unit"},
        {"rerror=enospc", "Parameter 'rerror' expects one of report, ignore, stop, not 'enospc'"},
        {"cache=fast",
         "Parameter 'cache' expects one of none, writeback, unsafe, directsync, writethrough, not 'fast'"},
        {"readonly=on,read-only=off", "'read-only' and its alias 'readonly' can't be used at the same time"},
        {"file=x:y,format=raw", "Unknown protocol 'x'"},
        {"file=null-co://name,format=raw", "The null-co driver takes no name after 'null-co://'"},
        {"file=/x,file.driver=file", "'file.driver' contradicts the file name '/x'"},
        {"iops=1,iops_rd=1", "iops-total and iops-read/iops-write cannot be used at the same time"},
        {"iops_max=1", "bps_max/iops_max require corresponding bps/iops values"},
        {"snapshot=perhaps", "Parameter 'snapshot' expects 'on' or 'off'"},
        {"file=/x,format=raw,offset.x=1",
         "Parameter 'offset' expects a size such as 4096, 512M or 2G, not {\"x\": \"1\"}"},
        {"copy-on-read=on", "copy-on-read is not there in this version"},
        {"media=cdrom,if=virtio", "if=virtio and media=cdrom do not go together"},
        {"file=/x,driver.y=1", "Parameter 'driver' expects the name of a driver"},
    };
    for (const auto& one : cases) {
        auto drive = parse(one.text);
        ASSERT_FALSE(drive) << one.text;
        EXPECT_EQ(drive.error().text(), one.error) << one.text;
    }
}

}  // namespace
}  // namespace vmm::block
