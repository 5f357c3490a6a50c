// Firmware descriptors: what is read from them, which folder's counts, which one is chosen.
#include "system/control/cli/firmware_descriptor.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/temporary_folder.h"
#include "util/text.h"

namespace vmm::cli {
namespace {

std::string text(const char* interface, const char* mapping, const char* features) {
    return strf(
        R"({"interface-types": ["%s"], "mapping": %s, "features": [%s],
            "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]},
                        {"architecture": "aarch64", "machines": ["virt-*"]}]})",
        interface, mapping, features);
}
constexpr const char* kFlash = R"({"device": "flash", "executable": {"filename": "/code", "format": "raw"},
                                   "nvram-template": {"filename": "/vars", "format": "qcow2"}})";
constexpr const char* kMemory = R"({"device": "memory", "filename": "/bios"})";

FirmwareDescriptor made(const char* name, const std::string& from) {
    Result<FirmwareDescriptor> d = parse_firmware_descriptor(from, name);
    EXPECT_TRUE(d) << from;
    return d ? std::move(*d) : FirmwareDescriptor();
}

TEST(FirmwareDescriptor, flashAndMemory) {
    const FirmwareDescriptor flash = made("a", text("uefi", kFlash, "\"amd-sev\""));
    EXPECT_TRUE(flash.flash && flash.has_feature("amd-sev"));
    EXPECT_EQ(flash.executable.path, "/code");
    EXPECT_EQ(flash.variables.path, "/vars");
    EXPECT_EQ(flash.variables.format, "qcow2");
    EXPECT_TRUE(flash.fits("x86_64", "pc-q35-7.2"));
    EXPECT_FALSE(flash.fits("x86_64", "pc-i440fx-7.2"));
    EXPECT_FALSE(flash.fits("aarch64", "pc-q35-7.2"));
    const FirmwareDescriptor memory = made("b", text("bios", kMemory, ""));
    EXPECT_FALSE(memory.flash);
    EXPECT_EQ(memory.executable.path, "/bios");
    for (const char* bad : {"", "[]", "{}", "{\"mapping\": {}}", "{\"mapping\": {\"device\": \"kernel\"}}",
                            "{\"mapping\": {\"device\": \"flash\"}}"})
        EXPECT_FALSE(parse_firmware_descriptor(bad, "x")) << bad;
}

TEST(FirmwareDescriptor, choice) {
    const std::vector<FirmwareDescriptor> all = {made("10-secure", text("uefi", kFlash, "\"requires-smm\"")),
                                                 made("20-plain", text("uefi", kFlash, "")),
                                                 made("30-snp", text("uefi", kMemory, "\"amd-sev-snp\"")),
                                                 made("40-bios", text("bios", kMemory, ""))};
    auto name_of = [&](const char* what, const char* feature = "") {
        Result<FirmwareDescriptor> d = choose_firmware({what, "pc-q35-7.2", feature}, all);
        return d ? d->name : "error: " + d.error().message();
    };
    EXPECT_EQ(name_of("uefi"), "20-plain");
    EXPECT_EQ(name_of("bios"), "40-bios");
    EXPECT_EQ(name_of("uefi", "amd-sev-snp"), "30-snp");
    EXPECT_EQ(name_of("30-snp.json"), "30-snp");
    EXPECT_TRUE(name_of("10-secure").starts_with("error: it needs system management mode"));
    EXPECT_TRUE(name_of("20-plain", "intel-tdx").starts_with("error: it lacks the feature"));
    EXPECT_TRUE(name_of("nothing").starts_with("error: there is no such firmware"));
}

TEST(FirmwareDescriptor, foldersHideEachOther) {
    const TemporaryFolder scratch;
    const std::filesystem::path top = scratch.path();
    auto put = [&](const char* folder, const char* name, const std::string& contents) {
        std::filesystem::create_directories(top / folder);
        std::ofstream(top / folder / name) << contents;
    };
    put("first", "50-a.json", text("uefi", kMemory, ""));
    put("first", "60-b.json", "");
    put("second", "50-a.json", text("uefi", kFlash, ""));
    put("second", "60-b.json", text("uefi", kFlash, ""));
    put("second", "40-c.json", text("bios", kMemory, ""));
    put("second", "README", "not one");
    const auto found = find_firmware_descriptors({top / "first", top / "second", top / "absent"});
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].name, "40-c");
    EXPECT_EQ(found[1].name, "50-a");
    EXPECT_FALSE(found[1].flash);
}

}  // namespace
}  // namespace vmm::cli
