// What else a user can ask of an SEV-SNP guest: certificates, features of the save area, a protected
// time-stamp counter, what LAUNCH_START and LAUNCH_FINISH carry; and what cannot come after the launch.
#include <gtest/gtest.h>
#include <sys/file.h>

#include <fstream>

#include "target/i386/confidential/sev/certificates.h"
#include "target/i386/confidential/sev/id_block.h"
#include "target/i386/confidential/sev/snp_guest.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/unit/target/i386/confidential/launch_world.h"
#include "util/endian.h"

namespace vmm::sev {
namespace {

constexpr uint64_t kShared = 0x100000;
constexpr size_t kEntry = 24;

// A table of one entry whose contents follow it.
std::vector<uint8_t> table(uint32_t offset, uint32_t length, size_t size) {
    std::vector<uint8_t> out(size);
    out[0] = 0x63;
    store_le<uint32_t>(&out[16], offset);
    store_le<uint32_t>(&out[20], length);
    return out;
}

class SnpOptions : public testing::Test {
  protected:
    SnpOptions() {
        config.common.id = "snp0";
        config.common.reduced_phys_bits = 1;
    }

    void write(const std::vector<uint8_t>& bytes) {
        std::ofstream file(path, std::ios::binary | std::ios::trunc);
        for (const uint8_t byte : bytes)
            file.put(static_cast<char>(byte));
    }
    std::string launch() {
        world.make(SnpGuest::create(config).take_value());
        const Status done = world.launch();
        return done ? "" : done.error().message();
    }
    // What the guest's request for certificates is answered.
    abi::SnpRequestCertsExit ask(uint64_t pages, uint64_t gpa = kShared) {
        kvm::Vcpu& vcpu = static_cast<kvm::Accelerator&>(world.x86->accelerator()).vcpus().vcpu(VcpuId(0));
        vcpu.page().exit_reason = abi::kExitSnpRequestCerts;
        auto& exit = abi::exit_payload<abi::SnpRequestCertsExit>(vcpu.page());
        exit = {.gpa = gpa, .pages = pages};
        const GuestWorld guest{.memory = world.memory, .ports = world.ports, .requests = world.requests};
        EXPECT_EQ(world.guest->handle_exit(vcpu, guest), kvm::ExitAction::Resume);
        return exit;
    }
    void share() {
        world.ram->visibility().set(RamRange::of(RamOffset(kShared), 4 * kPageSize), Visibility::Shared);
    }
    uint64_t features() {
        const auto areas = world.kernel.protection()->save_areas();
        return areas.empty() ? 0 : load_le<uint64_t>(&areas[0][0x3b0]);
    }

    SnpConfig config;
    TemporaryFolder folder;
    const std::string path = folder / "certs";
    LaunchWorld world{"fw-give-64k.fd", abi::kVmSnp};
};

TEST_F(SnpOptions, CertificatesReachTheGuestAndMayBeReplaced) {
    const std::vector<uint8_t> first = table(2 * kEntry, 5000, 2 * kEntry + 5000);
    write(first);
    config.certs_path = path;
    ASSERT_EQ(launch(), "");
    share();
    abi::SnpRequestCertsExit answer = ask(1);
    EXPECT_EQ(answer.result, uint64_t{ENOSPC});
    EXPECT_EQ(answer.pages, 2u);
    answer = ask(2);
    EXPECT_EQ(answer.result, 0u);
    EXPECT_TRUE(std::equal(first.begin(), first.end(), world.ram->data() + kShared));
    std::vector<uint8_t> second = table(2 * kEntry, 100, 2 * kEntry + 100);
    second.back() = 0x77;
    write(second);
    EXPECT_EQ(ask(2).result, 0u);
    EXPECT_TRUE(std::equal(second.begin(), second.end(), world.ram->data() + kShared));
}

// The report that the kernel makes next belongs to these certificates: nobody may replace them before.
TEST_F(SnpOptions, CertificatesAreLockedUntilTheKernelTookThem) {
    class Watcher final : public IoctlDoor {
      public:
        Watcher(IoctlDoor& kernel, std::string path) : kernel_(kernel), path_(std::move(path)) {}
        int call(int fd, unsigned long request, void* argument) override {
            if (request == KVM_RUN) {
                const Fd writer = open_file(path_, O_RDONLY).take_value();
                (::flock(writer.get(), LOCK_EX | LOCK_NB) == 0 ? free : locked)++;
            }
            return kernel_.call(fd, request, argument);
        }
        Result<Fd> open_device(const std::string& path) override { return kernel_.open_device(path); }
        std::atomic<unsigned> locked = 0, free = 0;

      private:
        IoctlDoor& kernel_;
        const std::string path_;
    };
    write(table(2 * kEntry, 100, 2 * kEntry + 100));
    config.certs_path = path;
    Watcher watcher(world.kernel, path);
    world.door = &watcher;
    ASSERT_EQ(launch(), "");
    share();
    EXPECT_EQ(ask(1).result, 0u);
    EXPECT_EQ(watcher.locked, 1u) << "the kernel took the answer once, under the lock";
    EXPECT_EQ(watcher.free, 0u);
    EXPECT_EQ(ask(0).result, uint64_t{ENOSPC});
    EXPECT_EQ(watcher.locked + watcher.free, 1u) << "nothing was given";
    const Fd writer = open_file(path, O_RDONLY).take_value();
    EXPECT_EQ(::flock(writer.get(), LOCK_EX | LOCK_NB), 0) << "the lock is gone";
}

TEST_F(SnpOptions, CertificatesThatCannotBeGivenAreSaid) {
    write(table(2 * kEntry, 100, 2 * kEntry + 100));
    config.certs_path = path;
    ASSERT_EQ(launch(), "");
    share();
    EXPECT_EQ(ask(4, 0x10000000).result, uint64_t{EIO}) << "no memory there";
    {
        // Someone replaces it.
        const Fd writer = open_file(path, O_RDONLY).take_value();
        ASSERT_EQ(::flock(writer.get(), LOCK_EX), 0);
        EXPECT_EQ(ask(4).result, uint64_t{EAGAIN});
    }
    EXPECT_EQ(ask(4).result, 0u);
    std::filesystem::remove(path);
    EXPECT_EQ(ask(4).result, uint64_t{EIO});
}

TEST_F(SnpOptions, WithoutCertificatesTheTableIsEmpty) {
    ASSERT_EQ(launch(), "");
    share();
    std::fill_n(world.ram->data() + kShared, kEntry + 1, uint8_t{0xff});
    EXPECT_EQ(ask(1).result, 0u);
    EXPECT_EQ(std::count(world.ram->data() + kShared, world.ram->data() + kShared + kEntry, 0), 24);
    EXPECT_EQ(world.ram->data()[kShared + kEntry], 0xff);
}

TEST_F(SnpOptions, TablesAreJudgedAtStart) {
    struct Row {
        std::vector<uint8_t> bytes;
        const char* message;
    };
    const Row rows[] = {{{}, "no empty entry"},
                        {std::vector<uint8_t>(kEntry - 1), "no empty entry"},
                        {table(kEntry, 10, kEntry + 10), "no empty entry"},
                        {table(2 * kEntry, 11, 2 * kEntry + 10), "entry 0 is outside"},
                        {table(0xffffffff, 0xffffffff, 2 * kEntry), "entry 0 is outside"}};
    for (const Row& row : rows) {
        write(row.bytes);
        const Status checked = Certificates(path).check();
        ASSERT_FALSE(checked) << row.message;
        EXPECT_NE(checked.error().message().find(row.message), std::string::npos)
            << checked.error().message();
    }
    EXPECT_TRUE(Certificates("").check());
    EXPECT_FALSE(Certificates("/nowhere").check());
}

TEST_F(SnpOptions, KernelsThatDoNotAskForCertificatesAreNamed) {
    write(table(2 * kEntry, 1, 2 * kEntry + 1));
    config.certs_path = path;
    world.firmware_model.request_certs = false;
    EXPECT_NE(launch().find("certs-path: this kernel does not ask for certificates (it takes Linux"),
              std::string::npos);
}

TEST_F(SnpOptions, FeaturesOfTheSaveArea) {
    config.common.debug_swap = true;
    config.secure_tsc = true;
    config.tsc_frequency = 2'400'000'000;
    ASSERT_EQ(launch(), "");
    EXPECT_EQ(features(), abi::kSevFeatureSnpActive | abi::kSevFeatureDebugSwap | abi::kSevFeatureSecureTsc);
    EXPECT_EQ(world.kernel.tsc_khz, 2400000u);
}

TEST_F(SnpOptions, FeaturesThatTheHostLacksAreNamed) {
    config.common.debug_swap = true;
    world.firmware_model.vmsa_features = 0;
    EXPECT_NE(launch().find("does not take the save area's features 0x20 (it takes 0x0)"), std::string::npos);
}

TEST_F(SnpOptions, PolicyBitsThatTheHostLacksAreNamed) {
    config.policy = kDefaultSnpPolicy | 1u << 19;
    world.firmware_model.snp_policy_bits = kDefaultSnpPolicy;
    const std::string said = launch();
    EXPECT_NE(said.find("snp0"), std::string::npos) << said;
    EXPECT_NE(said.find("policy"), std::string::npos) << said;
}

TEST_F(SnpOptions, WhatTheOwnerSaysReachesTheKernelByteForByte) {
    config.vcek_disabled = true;
    for (size_t i = 0; i < config.host_data.size(); ++i)
        config.host_data[i] = static_cast<uint8_t>(i + 1);
    for (size_t i = 0; i < config.visible_workarounds.size(); ++i)
        config.visible_workarounds[i] = static_cast<uint8_t>(0xa0 + i);
    ASSERT_EQ(launch(), "");
    const auto& model = static_cast<model::SnpModel&>(*world.kernel.protection());
    const abi::SnpLaunchFinish& finish = model.finish_arguments();
    EXPECT_EQ(finish.vcek_disabled, 1);
    EXPECT_EQ(finish.id_block_enabled, 0);
    EXPECT_TRUE(std::equal(config.host_data.begin(), config.host_data.end(), finish.host_data));
    const abi::SnpLaunchStart& start = model.start_arguments();
    EXPECT_EQ(start.policy, kDefaultSnpPolicy);
    EXPECT_TRUE(
        std::equal(config.visible_workarounds.begin(), config.visible_workarounds.end(), start.gosvw));
}

// The owner's block and both keys, for the hardware to judge; the author's only when it was switched on.
TEST_F(SnpOptions, IdBlockAndAuthorKeyReachTheKernelByteForByte) {
    ASSERT_EQ(launch(), "");
    IdBlock block;
    const auto digest = *from_hex(world.measurement());
    std::copy(digest.begin(), digest.end(), block.launch_digest.begin());
    block.policy = kDefaultSnpPolicy;
    block.family_id[3] = 0x33;
    block.image_id[4] = 0x44;
    block.guest_svn = 9;
    for (const bool author : {false, true}) {
        LaunchWorld own("fw-give-64k.fd", abi::kVmSnp);
        SnpConfig with_keys = config;
        with_keys.id_block = id_block_bytes(block);
        with_keys.id_auth.resize(kIdAuthSize);
        with_keys.id_auth[0] = with_keys.id_auth[4] = 1;  // the algorithms of both keys
        for (size_t i = 0; i < 0x90; ++i) {
            with_keys.id_auth[0x240 + i] = static_cast<uint8_t>(i + 1);
            with_keys.id_auth[0x880 + i] = static_cast<uint8_t>(i + 0x11);
        }
        with_keys.author_key_enabled = author;
        own.make(SnpGuest::create(with_keys).take_value());
        const Status done = own.launch();
        ASSERT_TRUE(done) << done.error().message();
        const auto& model = static_cast<model::SnpModel&>(*own.kernel.protection());
        EXPECT_EQ(model.finish_arguments().id_block_enabled, 1);
        EXPECT_EQ(model.finish_arguments().author_key_enabled, author ? 1 : 0);
        EXPECT_EQ(model.id_block(), with_keys.id_block);
        EXPECT_EQ(model.id_auth(), with_keys.id_auth);
    }
}

TEST_F(SnpOptions, TheDeviceIsTheOneThatWasNamed) {
    config.common.device = "/dev/sev-of-the-test";
    ASSERT_EQ(launch(), "");
    EXPECT_EQ(world.kernel.opened_devices.back(), "/dev/sev-of-the-test");
}

TEST_F(SnpOptions, NoProcessorComesAfterTheLaunch) {
    ASSERT_EQ(launch(), "");
    const Status late = world.x86->plug_cpu(
        {.index = 1, .apic_id = 1},
        GuestWorld{.memory = world.memory, .ports = world.ports, .requests = world.requests});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().message(), "snp0 has its processors measured: none comes later");
}

}  // namespace
}  // namespace vmm::sev
