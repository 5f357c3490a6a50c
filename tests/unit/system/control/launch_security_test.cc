// The command lines that libvirt makes of <launchSecurity>: objects in JSON become the very properties, wrong
// ones are refused. Whether the host can do it is another question (the replay and launch tests).
#include <gtest/gtest.h>

#include "qapi/convert.h"
#include "qapi/json_parser.h"
#include "qapi/json_writer.h"
#include "qapi/types_qom.h"
#include "tests/unit/system/control/parse_words.h"

namespace vmm {
namespace {

const std::string kText64(64, 'Q');

// -object's JSON: for each type the least, and all that libvirt writes.
const std::string kObjects[] = {
    R"({"qom-type":"sev-guest","id":"lsec0","reduced-phys-bits":1})",
    R"({"qom-type":"sev-guest","id":"lsec0","cbitpos":51,"reduced-phys-bits":1,"policy":3,)"
    R"("dh-cert-file":"/run/dh.base64","session-file":"/run/session.base64","kernel-hashes":true})",
    R"({"qom-type":"sev-snp-guest","id":"lsec0","cbitpos":51,"reduced-phys-bits":1,"policy":196608})",
    R"({"qom-type":"sev-snp-guest","id":"lsec0","cbitpos":51,"reduced-phys-bits":1,"policy":196608,)"
    R"("kernel-hashes":true,"guest-visible-workarounds":"AAECAwQFBgcICQoLDA0ODw==","id-block":")" +
        std::string(128, 'A') + R"(","id-auth":")" + std::string(5464, 'B') +
        R"(","host-data":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","author-key-enabled":true,)"
        R"("vcek-disabled":true})",
    R"({"qom-type":"tdx-guest","id":"lsec0"})",
    R"({"qom-type":"tdx-guest","id":"lsec0","attributes":268435456,"mrconfigid":")" + kText64 +
        R"(","mrowner":")" + kText64 + R"(","mrownerconfig":")" + kText64 +
        R"(","quote-generation-socket":{"type":"unix","path":"/var/run/tdx-qgs/qgs.socket"}})",
};

// What was written is what was read, member by member, and nothing besides.
TEST(LaunchSecurity, AsLibvirtWritesItIsReadWhole) {
    for (const std::string& json : kObjects) {
        auto parsed =
            parse_words({"-machine", "q35,accel=kvm,usb=off,dump-guest-core=off,memory-backend=pc.ram",
                         "-machine", "confidential-guest-support=lsec0", "-bios", "/dev/null", "-object",
                         R"({"qom-type":"memory-backend-ram","id":"pc.ram","size":1073741824})", "-m", "1024",
                         "-object", json});
        ASSERT_TRUE(parsed) << json << ": " << parsed.error().message();
        EXPECT_EQ(parsed->configuration.machine.confidential_guest_support, "lsec0");
        ASSERT_TRUE(parsed->configuration.confidential) << json;
        const auto wanted = qapi::parse_json(json);
        ASSERT_TRUE(wanted) << json;
        const qapi::Value read = qapi::to_value(*parsed->configuration.confidential);
        EXPECT_TRUE(read == *wanted) << qapi::to_json(read) << " is not " << json;
    }
}

TEST(LaunchSecurity, ThatIsWrongIsRefused) {
    const std::pair<const char*, const char*> kCases[] = {
        {R"({"qom-type":"sev-snp-guest","id":"lsec0","cbitpos":51})", "reduced-phys-bits"},
        {R"({"qom-type":"sev-snp-guest","id":"lsec0","reduced-phys-bits":1,"policy":"x"})", "policy"},
        {R"({"qom-type":"sev-snp-guest","id":"lsec0","reduced-phys-bits":1,"session-file":"x"})",
         "session-file"},
        {R"({"qom-type":"sev-guest","id":"lsec0","reduced-phys-bits":1,"id-block":"x"})", "id-block"},
        {R"({"qom-type":"tdx-guest","id":"lsec0","attributes":-1})", "attributes"},
        {R"({"qom-type":"tdx-guest","id":"lsec0","quote-generation-socket":{"type":"unix"}})", "path"},
        {R"({"qom-type":"tdx-guest","id":"lsec0","quote-generation-socket":"unix:/x"})",
         "quote-generation-socket"},
    };
    for (const auto& [json, words] : kCases) {
        auto parsed = parse_words({"-machine", "q35,confidential-guest-support=lsec0", "-object", json});
        ASSERT_FALSE(parsed) << json;
        EXPECT_NE(parsed.error().message().find(words), std::string::npos) << parsed.error().message();
    }
}

}  // namespace
}  // namespace vmm
