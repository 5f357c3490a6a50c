// The command lines that libvirt makes of <launchSecurity>: objects in JSON become the very properties, wrong
// ones are refused. Whether the host can do it is another question (the replay and launch tests).
#include <gtest/gtest.h>

#include "qapi/types_qom.h"
#include "system/control/cli/command_line.h"
#include "system/control/type_tables.h"

namespace vmm {
namespace {

Result<CommandLine> parse(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv = {"penumbra"};
    for (const std::string& argument : arguments)
        argv.push_back(argument.c_str());
    static const DeviceTypes types = all_device_types();
    return parse_command_line(argv, types);
}

// What libvirt makes of <launchSecurity>: -object in JSON, then -machine that names it.
std::optional<qapi::ObjectOptions> protection(const std::string& json) {
    auto parsed = parse({"-machine", "q35,accel=kvm,usb=off,dump-guest-core=off,memory-backend=pc.ram",
                         "-machine", "confidential-guest-support=lsec0", "-bios", "/dev/null", "-object",
                         R"({"qom-type":"memory-backend-ram","id":"pc.ram","size":1073741824})", "-m", "1024",
                         "-object", json});
    EXPECT_TRUE(parsed) << json << ": " << (parsed ? "" : parsed.error().message());
    if (!parsed) return std::nullopt;
    EXPECT_EQ(parsed->configuration.machine.confidential_guest_support, "lsec0");
    return parsed->configuration.confidential;
}

TEST(LaunchSecurity, OfSevSnpAsLibvirtWritesIt) {
    const std::string common =
        R"({"qom-type":"sev-snp-guest","id":"lsec0","cbitpos":51,"reduced-phys-bits":1,"policy":196608)";
    auto plain = protection(common + "}");
    ASSERT_TRUE(plain);
    const auto* snp = std::get_if<qapi::SevSnpGuestProperties>(&plain->u);
    ASSERT_NE(snp, nullptr);
    EXPECT_EQ(snp->policy, 0x30000u);
    EXPECT_EQ(snp->cbitpos, 51u);
    EXPECT_EQ(snp->reduced_phys_bits, 1u);
    EXPECT_FALSE(snp->id_block || snp->id_auth || snp->kernel_hashes || snp->author_key_enabled);

    const std::string id_block(128, 'A'), id_auth(5464, 'B');
    auto whole = protection(common + R"(,"kernel-hashes":true,"guest-visible-workarounds":")" +
                            "AAECAwQFBgcICQoLDA0ODw==" + R"(","id-block":")" + id_block + R"(","id-auth":")" +
                            id_auth + R"(","host-data":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")" +
                            R"(,"author-key-enabled":true,"vcek-disabled":true})");
    ASSERT_TRUE(whole);
    snp = std::get_if<qapi::SevSnpGuestProperties>(&whole->u);
    ASSERT_NE(snp, nullptr);
    EXPECT_EQ(snp->kernel_hashes, true);
    EXPECT_EQ(snp->guest_visible_workarounds, "AAECAwQFBgcICQoLDA0ODw==");
    EXPECT_EQ(snp->id_block, id_block);
    EXPECT_EQ(snp->id_auth, id_auth);
    EXPECT_EQ(snp->host_data, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    EXPECT_EQ(snp->author_key_enabled, true);
    EXPECT_EQ(snp->vcek_disabled, true);
}

TEST(LaunchSecurity, OfSevAsLibvirtWritesIt) {
    auto made = protection(
        R"({"qom-type":"sev-guest","id":"lsec0","cbitpos":51,"reduced-phys-bits":1,"policy":3,)"
        R"("dh-cert-file":"/run/dh.base64","session-file":"/run/session.base64","kernel-hashes":true})");
    ASSERT_TRUE(made);
    const auto* sev = std::get_if<qapi::SevGuestProperties>(&made->u);
    ASSERT_NE(sev, nullptr);
    EXPECT_EQ(sev->policy, 3u);
    EXPECT_EQ(sev->cbitpos, 51u);
    EXPECT_EQ(sev->reduced_phys_bits, 1u);
    EXPECT_EQ(sev->dh_cert_file, "/run/dh.base64");
    EXPECT_EQ(sev->session_file, "/run/session.base64");
    EXPECT_EQ(sev->kernel_hashes, true);
}

TEST(LaunchSecurity, OfTdxAsLibvirtWritesIt) {
    const std::string digest(64, 'Q');
    auto made =
        protection(R"({"qom-type":"tdx-guest","id":"lsec0","mrconfigid":")" + digest + R"(","mrowner":")" +
                   digest + R"(","mrownerconfig":")" + digest +
                   R"(","quote-generation-socket":{"type":"unix","path":"/var/run/tdx-qgs/qgs.socket"},)"
                   R"("attributes":268435456})");
    ASSERT_TRUE(made);
    const auto* tdx = std::get_if<qapi::TdxGuestProperties>(&made->u);
    ASSERT_NE(tdx, nullptr);
    EXPECT_EQ(tdx->attributes, 0x10000000u);
    EXPECT_EQ(tdx->mrconfigid, digest);
    EXPECT_EQ(tdx->mrowner, digest);
    EXPECT_EQ(tdx->mrownerconfig, digest);
    ASSERT_TRUE(tdx->quote_generation_socket);
    const auto* path = std::get_if<qapi::UnixSocketAddress>(&tdx->quote_generation_socket->u);
    ASSERT_NE(path, nullptr);
    EXPECT_EQ(path->path, "/var/run/tdx-qgs/qgs.socket");

    auto least = protection(R"({"qom-type":"tdx-guest","id":"lsec0"})");
    ASSERT_TRUE(least);
    EXPECT_FALSE(std::get<qapi::TdxGuestProperties>(least->u).quote_generation_socket);
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
        auto parsed = parse({"-machine", "q35,confidential-guest-support=lsec0", "-object", json});
        ASSERT_FALSE(parsed) << json;
        EXPECT_NE(parsed.error().message().find(words), std::string::npos) << parsed.error().message();
    }
}

}  // namespace
}  // namespace vmm
