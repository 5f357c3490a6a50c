// query-sev and its company, and what says why a guest cannot leave: asked of guests that were launched on
// the model of the kernel, in every state of their launch.
#include <gtest/gtest.h>

#include "qapi/json_parser.h"
#include "qapi/json_writer.h"
#include "system/control/qmp/commands.h"
#include "system/control/startup/dump_plan.h"
#include "system/control/startup/machine_view.h"
#include "system/control/startup/query_commands.h"
#include "target/i386/confidential/sev/platform.h"
#include "target/i386/confidential/sev/sev_guest.h"
#include "target/i386/confidential/sev/snp_guest.h"
#include "target/i386/confidential/tdx/guest.h"
#include "tests/unit/target/i386/confidential/launch_world.h"
#include "util/base64.h"

namespace vmm {
namespace {

// A machine of which only the guest's protection is there.
class GuestView final : public MachineView {
  public:
    GuestView() { config.accels.resize(1); }
    const Configuration& configuration() const override { return config; }
    ConfidentialGuest* confidential() override { return guest; }
    Q35Board* board() override { return nullptr; }
    ChardevSet& chardevs() override { UNREACHABLE(); }
    const std::vector<std::unique_ptr<MemoryBackend>>& memory_backends() const override { UNREACHABLE(); }
    const std::vector<std::unique_ptr<IoThread>>& iothreads() const override { UNREACHABLE(); }
    Storage& storage() override { UNREACHABLE(); }
    const std::vector<std::unique_ptr<Rng>>& rngs() const override { UNREACHABLE(); }
    const std::vector<std::unique_ptr<Secret>>& secrets() const override { UNREACHABLE(); }
    Networks& networks() override { UNREACHABLE(); }
    Result<const HostCpu*> host_cpu() override { UNREACHABLE(); }
    Status add_object(const qapi::ObjectOptions&) override { UNREACHABLE(); }
    Status add_numa(const qapi::NumaOptions&) override { UNREACHABLE(); }
    Status delete_object(const std::string&) override { UNREACHABLE(); }

    Configuration config;
    ConfidentialGuest* guest = nullptr;
};

class Nobody final : public qapi::Caller {};

class ConfidentialCommands : public testing::Test {
  protected:
    ConfidentialCommands() {
        register_confidential_commands(table, view, host);
        register_migration_commands(table, [this] { return migration_blocker(view); });
    }
    void launch(LaunchWorld& world, std::unique_ptr<ConfidentialGuest> guest) {
        world.make(std::move(guest));
        view.guest = world.guest.get();
    }
    // The answer, or "error: " and why.
    std::string ask(const char* command, const std::string& arguments = "{}") {
        const qapi::Value parsed = qapi::parse_json(arguments).take_value();
        auto answer = table.find(command)->handle(*parsed.if_dict(), caller);
        return answer ? qapi::to_json(*answer) : "error: " + answer.error().message();
    }

    GuestView view;
    FakeKvm host;
    qapi::CommandTable table;
    Nobody caller;
};

std::unique_ptr<sev::SevGuest> sev_guest(uint32_t policy) {
    sev::SevConfig config;
    config.common.id = "sev0";
    config.common.reduced_phys_bits = 1;
    config.policy = policy;
    return sev::SevGuest::create(std::move(config)).take_value();
}

std::unique_ptr<sev::SnpGuest> snp_guest() {
    sev::SnpConfig config;
    config.common.id = "snp0";
    config.common.reduced_phys_bits = 1;
    return sev::SnpGuest::create(std::move(config)).take_value();
}

TEST_F(ConfidentialCommands, SevFromItsStartToItsRun) {
    LaunchWorld world("fw-give-64k.fd", abi::kVmDefault);
    launch(world, sev_guest(5));
    EXPECT_NE(ask("query-sev").find(R"("state": "uninit")"), std::string::npos) << ask("query-sev");
    EXPECT_EQ(ask("query-sev-launch-measure"), "error: SEV launch measurement is not available");
    ASSERT_TRUE(world.prepare_only());
    EXPECT_NE(ask("query-sev").find(R"("state": "launch-update")"), std::string::npos);
    ASSERT_TRUE(world.launch_only());
    EXPECT_EQ(ask("query-sev"), R"({"enabled": true, "api-major": 1, "api-minor": 55, "build-id": 30, )"
                                R"("state": "launch-secret", "sev-type": "sev", "policy": 5, "handle": 1})");
    const auto& guest = static_cast<sev::SevGuest&>(*world.guest);
    EXPECT_EQ(ask("query-sev-launch-measure"), "{\"data\": \"" + to_base64(guest.measurement()) + "\"}");
    EXPECT_EQ(guest.measurement().size(), 48u);
    ASSERT_TRUE(world.guest->finish());
    EXPECT_NE(ask("query-sev").find(R"("state": "running")"), std::string::npos);
}

// How far it is, by the query and by events.
TEST_F(ConfidentialCommands, LaunchOfAnSnpGuestToldStepByStep) {
    class Told final : public qapi::EventSink {
      public:
        void emit(std::string_view name, qapi::Dict data) override {
            all += std::string(name) + " " + *data.find("state")->if_string() + "\n";
        }
        std::string all;
    } told;
    EXPECT_EQ(ask("penumbra-query-launch"), "error: nothing protects this guest");
    LaunchWorld world("fw-give-64k.fd", abi::kVmSnp);
    world.vcpus = 2;
    launch(world, snp_guest());
    watch_launch(*world.guest, told);
    EXPECT_EQ(ask("penumbra-query-launch"),
              R"({"type": "sev-snp-guest", "state": "waiting", "processors": 0, )"
              R"("bytes": 0, "total-bytes": 0})");
    ASSERT_TRUE(world.prepare_only());
    EXPECT_NE(ask("penumbra-query-launch").find(R"("state": "processors", "processors": 2, "bytes": 0)"),
              std::string::npos)
        << ask("penumbra-query-launch");
    ASSERT_TRUE(world.launch_only());
    const std::string measured = ask("penumbra-query-launch");
    const uint64_t bytes = world.guest->progress().bytes();
    EXPECT_NE(measured.find("\"state\": \"measured\", \"processors\": 2, \"bytes\": " +
                            std::to_string(bytes) + ", \"total-bytes\": " + std::to_string(bytes) + "}"),
              std::string::npos)
        << measured;
    EXPECT_GE(bytes, 64u << 10);
    EXPECT_EQ(told.all, "PENUMBRA_LAUNCH processors\nPENUMBRA_LAUNCH measuring\nPENUMBRA_LAUNCH measured\n");
}

TEST_F(ConfidentialCommands, SecretsAreInjectedBetweenMeasurementAndRun) {
    LaunchWorld world("fw-give-64k.fd", abi::kVmDefault);
    launch(world, sev_guest(1));
    ASSERT_TRUE(world.prepare_only());
    const std::string header = to_base64(std::vector<uint8_t>(52, 1)),
                      secret = to_base64(std::vector<uint8_t>(32, 7));
    auto inject = [&](const std::string& h, const std::string& s, const char* more) {
        return ask("sev-inject-launch-secret",
                   "{\"packet-header\": \"" + h + "\", \"secret\": \"" + s + "\"" + more + "}");
    };
    EXPECT_EQ(inject(header, secret, ", \"gpa\": 65536").find("error: SEV: Not in correct state"), 0u);
    ASSERT_TRUE(world.launch_only());
    EXPECT_EQ(inject("!", secret, "").find("error: Parameter 'packet-header'"), 0u);
    EXPECT_EQ(inject(header, "!", "").find("error: Parameter 'secret'"), 0u);
    EXPECT_EQ(inject(header, secret, ", \"gpa\": 65536"), "{}");
    auto& model = static_cast<model::SevModel&>(*world.kernel.protection());
    ASSERT_EQ(model.secrets().size(), 1u);
    EXPECT_EQ(model.secrets()[0], std::vector<uint8_t>(32, 7));
    ASSERT_TRUE(world.guest->finish());
    EXPECT_EQ(inject(header, secret, ", \"gpa\": 65536").find("error: SEV: Not in correct state"), 0u);
}

TEST_F(ConfidentialCommands, ReportsCarryTheNonce) {
    LaunchWorld world("fw-give-64k.fd", abi::kVmDefault);
    launch(world, sev_guest(1));
    ASSERT_TRUE(world.launch());
    const std::vector<uint8_t> nonce(16, 9);
    const std::string answer =
        ask("query-sev-attestation-report", "{\"mnonce\": \"" + to_base64(nonce) + "\"}");
    const qapi::Value parsed = qapi::parse_json(answer).take_value();
    const auto report = from_base64(*parsed.if_dict()->find("data")->if_string()).take_value();
    ASSERT_GE(report.size(), nonce.size());
    EXPECT_TRUE(std::equal(nonce.begin(), nonce.end(), report.begin()));
    EXPECT_EQ(ask("query-sev-attestation-report", R"({"mnonce": "AAAA"})"),
              "error: SEV: mnonce must be 16 bytes (got 3)");
    EXPECT_EQ(ask("query-sev-attestation-report", R"({"mnonce": "!"})").find("error: Parameter 'mnonce'"),
              0u);
}

TEST_F(ConfidentialCommands, SnpSaysItsPolicyAndHasNoSevsAnswers) {
    LaunchWorld world("fw-give-64k.fd", abi::kVmSnp);
    launch(world, snp_guest());
    ASSERT_TRUE(world.launch());
    EXPECT_EQ(ask("query-sev"), R"({"enabled": true, "api-major": 1, "api-minor": 55, "build-id": 30, )"
                                R"("state": "running", "sev-type": "sev-snp", "snp-policy": 196608})");
    EXPECT_EQ(ask("query-sev-launch-measure"), "error: SEV launch measurement is not available");
    EXPECT_EQ(ask("query-sev-attestation-report", R"({"mnonce": "AAAA"})"), "error: SEV is not enabled");
    EXPECT_EQ(ask("sev-inject-launch-secret", R"({"packet-header": "AAAA", "secret": "AAAA"})"),
              "error: SEV not enabled for guest");
}

TEST_F(ConfidentialCommands, AnOrdinaryGuestHasNone) {
    EXPECT_EQ(ask("query-sev"), "error: SEV not enabled for guest");
    EXPECT_EQ(ask("query-sev-launch-measure"), "error: SEV launch measurement is not available");
    EXPECT_EQ(ask("query-migrate").find("memory cannot be taken"), std::string::npos);
    EXPECT_EQ(ask("migrate", R"({"uri": "tcp:localhost:1"})").find("error: there is no migration"), 0u);
}

TEST_F(ConfidentialCommands, TdxIsTheKernelsToOffer) {
    host.vm_types = 1u << abi::kVmDefault | 1u << abi::kVmTdx;
    EXPECT_EQ(ask("query-tdx-capabilities"), "{}");
    host.vm_types = 1u << abi::kVmDefault;
    EXPECT_EQ(ask("query-tdx-capabilities").find("error: "), 0u);
    EXPECT_NE(ask("query-tdx-capabilities").find("tdx"), std::string::npos) << ask("query-tdx-capabilities");
}

// No SEV on the machine that tests run on, or not in the model: the answer is one line.
TEST_F(ConfidentialCommands, CapabilitiesSayWhatTheHostLacks) {
    const std::string answer = ask("query-sev-capabilities");
    EXPECT_EQ(answer.find("error: "), 0u) << answer;
    EXPECT_EQ(answer.find('\n'), std::string::npos);
}

// By which libvirt knows that a protected guest can be reset.
TEST_F(ConfidentialCommands, IntrospectionShowsTheReset) {
    register_control_commands(table);
    const qapi::Value schema = qapi::parse_json(ask("query-qmp-schema")).take_value();
    unsigned with_feature = 0;
    for (const qapi::Value& entry : *schema.if_list()) {
        const qapi::Value* features = entry.if_dict()->find("features");
        if (features == nullptr ||
            qapi::to_json(*features).find("\"confidential-guest-reset\"") == std::string::npos)
            continue;
        ++with_feature;
        EXPECT_EQ(*entry.if_dict()->find("meta-type")->if_string(), "object");
        // SEV, SEV-SNP or TDX, by a member that no other has.
        const std::string members = qapi::to_json(*entry.if_dict()->find("members"));
        EXPECT_TRUE(members.find("legacy-vm-type") != std::string::npos ||
                    members.find("guest-visible-workarounds") != std::string::npos ||
                    members.find("sept-ve-disable") != std::string::npos)
            << members;
    }
    EXPECT_EQ(with_feature, 3u);
}

TEST(SevPlatform, KeysAndIdsOfTheDevice) {
    LaunchWorld world("fw-give-64k.fd", abi::kVmDefault);
    world.firmware_model.pdh = std::vector<uint8_t>(2084, 1);
    world.firmware_model.certificates = std::vector<uint8_t>(6252, 2);
    world.firmware_model.chip_id = std::vector<uint8_t>(64, 3);
    const auto platform = sev::read_platform(world.kernel, "/dev/sev", 51);
    ASSERT_TRUE(platform) << platform.error().message();
    EXPECT_EQ(platform->pdh, world.firmware_model.pdh);
    EXPECT_EQ(platform->certificates, world.firmware_model.certificates);
    EXPECT_EQ(platform->cpu0_id, world.firmware_model.chip_id);
    EXPECT_EQ(platform->cbitpos, 51u);
    const auto without = sev::read_platform(world.kernel, "/dev/sev", std::nullopt);
    ASSERT_FALSE(without);
    EXPECT_NE(without.error().message().find("SEV is not enabled in KVM"), std::string::npos);
    world.firmware_model.pdh.clear();
    EXPECT_NE(sev::read_platform(world.kernel, "/dev/sev", 51).error().message().find("PDH cert"),
              std::string::npos);
}

TEST_F(ConfidentialCommands, ProtectedGuestsStayAndAreNotDumped) {
    for (const uint32_t type : {abi::kVmDefault, abi::kVmSnp}) {
        LaunchWorld world("fw-give-64k.fd", type);
        if (type == abi::kVmSnp)
            launch(world, snp_guest());
        else
            launch(world, sev_guest(1));
        const std::string id = world.guest->id();
        EXPECT_EQ(ask("migrate", R"({"uri": "tcp:localhost:1"})"),
                  "error: " + id + " is a " + std::string(world.guest->type()) +
                      ", whose memory cannot be taken to another host");
        EXPECT_NE(ask("query-migrate").find(id + " is a "), std::string::npos);
        const Status dumped = check_dump(view, {.paging = false, .protocol = "file:/dev/null"});
        ASSERT_FALSE(dumped);
        EXPECT_NE(dumped.error().message().find("the memory of " + id + " is encrypted"), std::string::npos)
            << dumped.error().message();
    }
}

TEST_F(ConfidentialCommands, TdsStayAndAreNotDumpedEither) {
    EventLoop loop;
    auto td = tdx::TdxGuest::create({.td = {.id = "td0"}, .quotes = {}}, loop).take_value();
    view.guest = td.get();
    EXPECT_EQ(ask("migrate", R"({"uri": "tcp:localhost:1"})"),
              "error: td0 is a tdx-guest, whose memory cannot be taken to another host");
    EXPECT_NE(ask("query-migrate").find("td0 is a tdx-guest"), std::string::npos) << ask("query-migrate");
    const Status dumped = check_dump(view, {.paging = false, .protocol = "file:/dev/null"});
    ASSERT_FALSE(dumped);
    EXPECT_NE(dumped.error().message().find("the memory of td0 is encrypted"), std::string::npos)
        << dumped.error().message();
}

}  // namespace
}  // namespace vmm
