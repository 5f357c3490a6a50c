// SEV and SEV-ES guests launched whole on the model of the kernel, in the legacy and the new form; secrets,
// reports, and every call failing once.
#include <gtest/gtest.h>

#include "target/i386/confidential/sev/sev_guest.h"
#include "tests/unit/target/i386/confidential/launch_world.h"
#include "util/base64.h"

namespace vmm::sev {
namespace {

SevConfig sev_config(uint32_t policy = 1) {
    SevConfig config;
    config.common.id = "sev0";
    config.common.reduced_phys_bits = 1;
    config.policy = policy;
    return config;
}

std::unique_ptr<SevGuest> guest_of(SevConfig config) {
    return SevGuest::create(std::move(config)).take_value();
}

SevGuest& as_sev(LaunchWorld& world) {
    return static_cast<SevGuest&>(*world.guest);
}

TEST(SevLaunch, KnownAnswers) {
    unsigned checked = 0;
    for (const vectors::Vector& v : vectors::of_kind({"sev_launch_measure"})) {
        const auto firmware = v.file("firmware"), kernel = v.file("kernel"), initrd = v.file("initrd");
        if (!firmware || !kernel || !initrd) {
            vectors::skip(v, "its files are not here");
            continue;
        }
        SevConfig config = sev_config(static_cast<uint32_t>(v.number("policy")));
        config.common.kernel_hashes = v.has("kernel");
        if (v.flag("vmsa_fpu_synced")) config.legacy_vm_type = LegacyVm::Off;
        auto guest = guest_of(std::move(config));
        LaunchWorld world(*firmware, guest->requirements().vm_type);
        world.vcpus = std::max(1u, static_cast<unsigned>(v.number("vcpus")));
        world.signature = v.text("vcpu_type") == "EPYC-Milan" ? 0xa00f11 : 0x800f12;
        world.firmware_model.api_major = static_cast<uint8_t>(v.number("api_major"));
        world.firmware_model.api_minor = static_cast<uint8_t>(v.number("api_minor"));
        world.firmware_model.build = static_cast<uint8_t>(v.number("build"));
        const auto key = *from_hex(v.text("tik")), nonce = *from_hex(v.text("mnonce"));
        std::copy(key.begin(), key.end(), world.firmware_model.integrity_key.begin());
        std::copy(nonce.begin(), nonce.end(), world.firmware_model.nonce.begin());
        if (v.has("kernel")) world.set_kernel(*kernel, *initrd, v.text("cmdline"));
        world.make(std::move(guest));
        const Status launched = world.launch();
        ASSERT_TRUE(launched) << v.id << ": " << launched.error().message();
        EXPECT_EQ(world.measurement(), v.answer("launch_digest_sha256")) << v.id;
        EXPECT_EQ(to_base64(as_sev(world).measurement()), v.answer("launch_measure_blob_base64")) << v.id;
        ++checked;
    }
    EXPECT_GE(checked, 4u);
}

TEST(SevLaunch, TheFormDecidesTheVmType) {
    struct Row {
        uint32_t policy;
        LegacyVm legacy;
        bool debug_swap;
        uint32_t type;
    };
    const Row rows[] = {{1, LegacyVm::Auto, false, abi::kVmDefault},
                        {1, LegacyVm::Off, false, abi::kVmSev},
                        {5, LegacyVm::On, false, abi::kVmDefault},
                        {5, LegacyVm::Off, false, abi::kVmSevEs},
                        {5, LegacyVm::Auto, true, abi::kVmSevEs}};
    for (const Row& row : rows) {
        SevConfig config = sev_config(row.policy);
        config.legacy_vm_type = row.legacy;
        config.common.debug_swap = row.debug_swap;
        EXPECT_EQ(guest_of(std::move(config))->requirements().vm_type, row.type);
    }
    SevConfig both = sev_config(5);
    both.common.debug_swap = true;
    both.legacy_vm_type = LegacyVm::On;
    const auto refused = SevGuest::create(std::move(both));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text().find("debug-swap=on contradicts legacy-vm-type=on"), std::string::npos);
}

TEST(SevLaunch, RamIsPinnedAndSecretsGoIn) {
    auto guest = guest_of(sev_config());
    LaunchWorld world("fw-give-64k.fd", guest->requirements().vm_type);
    world.make(std::move(guest));
    ASSERT_TRUE(world.prepare_only());
    auto& model = static_cast<model::SevModel&>(*world.kernel.protection());
    SevGuest& sev = as_sev(world);
    EXPECT_FALSE(sev.inject_secret(std::vector<uint8_t>(52), std::vector<uint8_t>(32), 0x10000))
        << "too early";
    ASSERT_TRUE(world.launch_only());
    EXPECT_EQ(model.pinned().size(), 2u) << "RAM and firmware";
    EXPECT_EQ(sev.info().state, SevGuest::State::LaunchSecret);
    EXPECT_FALSE(sev.inject_secret(std::vector<uint8_t>(51), std::vector<uint8_t>(32), 0x10000)) << "header";
    EXPECT_FALSE(sev.inject_secret(std::vector<uint8_t>(52), std::vector<uint8_t>(32), 0x10008))
        << "alignment";
    EXPECT_FALSE(sev.inject_secret(std::vector<uint8_t>(52), std::vector<uint8_t>(32), 0xa0000000))
        << "no RAM";
    EXPECT_FALSE(sev.inject_secret(std::vector<uint8_t>(52), {}, 0x10000));
    EXPECT_TRUE(sev.inject_secret(std::vector<uint8_t>(52), std::vector<uint8_t>(32, 7), 0x10000));
    ASSERT_EQ(model.secrets().size(), 1u);
    EXPECT_EQ(model.secrets()[0], std::vector<uint8_t>(32, 7));
    EXPECT_FALSE(sev.attestation_report(std::vector<uint8_t>(15)));
    const auto report = sev.attestation_report(std::vector<uint8_t>(16, 9));
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(std::vector<uint8_t>(report->begin(), report->begin() + 16), std::vector<uint8_t>(16, 9));
    ASSERT_TRUE(world.guest->finish());
    EXPECT_EQ(sev.info().state, SevGuest::State::Running);
    EXPECT_FALSE(sev.inject_secret(std::vector<uint8_t>(52), std::vector<uint8_t>(32), 0x10000))
        << "too late";
}

// Pages that an IGVM file brings instead of firmware: the launch around them is the same.
TEST(SevLaunch, PagesOfAnIgvmFileAreLaunchedAsFirmwareIs) {
    for (const uint32_t policy : {1u, 5u}) {
        auto guest = guest_of(sev_config(policy));
        LaunchWorld world("fw-give-64k.fd", guest->requirements().vm_type);
        world.vcpus = 2;
        world.make(std::move(guest));
        ASSERT_TRUE(world.prepare_only());
        vectors::Bytes contents(4 * kPageSize, 0x5a);
        LaunchMedia media{.memory = world.memory, .firmware = {}, .kernel = {}, .ram = {}};
        media.pages = {{.range = GpaRange::of(Gpa(0x100000), contents.size()),
                        .contents = contents,
                        .source = "guest.igvm"},
                       {.kind = PageKind::Unmeasured,
                        .range = GpaRange::of(Gpa(0x200000), contents.size()),
                        .contents = contents,
                        .source = "guest.igvm"}};
        const Status launched = world.x86->launch(media);
        ASSERT_TRUE(launched) << launched.error().message();
        auto& model = static_cast<model::SevModel&>(*world.kernel.protection());
        EXPECT_EQ(model.pinned().size(), 2u) << "RAM and firmware";
        EXPECT_EQ(model.vmsas().size(), policy == 5 ? 2u : 0u);
        EXPECT_EQ(as_sev(world).info().state, SevGuest::State::LaunchSecret);
        EXPECT_EQ(as_sev(world).measurement().size(), 48u);
        Hasher hasher(HashKind::Sha256);
        hasher.update(contents);
        for (const VmsaPage& page : model.vmsas())
            hasher.update(page);
        Sha256Digest digest;
        hasher.finish(digest);
        EXPECT_EQ(world.measurement(), to_hex(digest));
        EXPECT_TRUE(as_sev(world).inject_secret(std::vector<uint8_t>(52), std::vector<uint8_t>(32), 0x10000));
        ASSERT_TRUE(world.guest->finish());
        EXPECT_EQ(as_sev(world).info().state, SevGuest::State::Running);
    }
}

// What the kernel answers to commands at the wrong time.
TEST(SevLaunch, TheModelKeepsTheOrder) {
    using abi::SevCommand;
    LaunchWorld world("fw-give-64k.fd", abi::kVmDefault);
    world.make(guest_of(sev_config(5)));
    ASSERT_TRUE(world.make_vm());
    Commands commands(*world.vm, -1);
    auto answer = [&](SevCommand command, void* data = nullptr) {
        Result<int> done = commands.try_call(command, data);
        return done ? 0 : done.error().number();
    };
    EXPECT_EQ(answer(SevCommand::LaunchFinish), ENOTTY) << "no encrypted guest yet";
    abi::SevInit init{};
    EXPECT_EQ(answer(SevCommand::Init2, &init), EINVAL) << "not with the default VM type";
    EXPECT_EQ(answer(SevCommand::EsInit), 0);
    EXPECT_EQ(answer(SevCommand::EsInit), EINVAL) << "twice";
    abi::SevBuffer buffer{};
    EXPECT_EQ(answer(SevCommand::LaunchUpdateData, &buffer), EIO) << "before LAUNCH_START";
    EXPECT_EQ(answer(SevCommand::LaunchMeasure, &buffer), EIO);
    abi::SevLaunchStart start{};
    start.policy = 1;
    EXPECT_EQ(answer(SevCommand::LaunchStart, &start), EIO) << "a policy of SEV for an SEV-ES guest";
    EXPECT_EQ(commands.firmware_error(), abi::kSevPolicyFailure);
    start.policy = 5;
    EXPECT_EQ(answer(SevCommand::LaunchStart, &start), 0);
    EXPECT_EQ(answer(SevCommand::LaunchFinish), EIO) << "nothing was measured";
    EXPECT_EQ(commands.firmware_error(), abi::kSevInvalidGuestState);
    std::vector<uint8_t> bytes(64);
    buffer.address = reinterpret_cast<uintptr_t>(bytes.data());
    buffer.length = 15;
    EXPECT_EQ(answer(SevCommand::LaunchUpdateData, &buffer), EINVAL) << "not whole blocks";
    buffer.length = 64;
    EXPECT_EQ(answer(SevCommand::LaunchUpdateData, &buffer), 0);
    EXPECT_EQ(answer(SevCommand::LaunchUpdateVmsa), 0);
    EXPECT_EQ(answer(SevCommand::LaunchUpdateVmsa), EIO) << "twice";
    EXPECT_EQ(answer(SevCommand::LaunchUpdateData, &buffer), EIO) << "too late";
    EXPECT_EQ(answer(SevCommand::LaunchFinish), EIO) << "before LAUNCH_MEASURE";
    EXPECT_EQ(answer(SevCommand::LaunchMeasure, &buffer), 0);
    EXPECT_EQ(answer(SevCommand::LaunchFinish), 0);
    EXPECT_EQ(answer(SevCommand::LaunchFinish), EIO) << "twice";
    EXPECT_EQ(answer(SevCommand::SnpLaunchStart), EINVAL);
}

// SEV and SEV-ES, each by the kernel's older calls and by INIT2.
SevConfig form(unsigned number) {
    SevConfig config = sev_config(number % 2 == 0 ? 1 : 5);
    config.legacy_vm_type = number < 2 ? LegacyVm::On : LegacyVm::Off;
    return config;
}
constexpr unsigned kForms = 4;

auto sev_faults(unsigned number) {
    return LaunchFaults([number] { return std::make_unique<LaunchSubject>(guest_of(form(number))); });
}
constexpr const char* kFormNames[] = {"SEV by SEV_INIT", "SEV-ES by SEV_ES_INIT", "SEV by SEV_INIT2",
                                      "SEV-ES by SEV_INIT2"};

TEST(SevLaunch, EveryCallMayFail) {
    constexpr int kErrors[] = {EINVAL, EIO,    EFAULT, ENOTTY, EBUSY, ENOMEM,
                               EPERM,  ENODEV, ENOSPC, EEXIST, EACCES};
    for (unsigned number = 0; number < kForms; ++number) {
        auto faults = sev_faults(number);
        ASSERT_GE(faults.count(abi::kMemoryEncryptOp), 6u);
        faults.each_call(abi::kMemoryEncryptOp, kErrors, "KVM_SEV_");
        EXPECT_EQ(faults.survived(), 0u);
        faults.print(kFormNames[number]);
    }
}

TEST(SevLaunch, EveryOtherCallMayFailToo) {
    constexpr int kErrors[] = {EINVAL, ENOMEM, EIO, EEXIST};
    for (unsigned number = 0; number < kForms; ++number) {
        auto faults = sev_faults(number);
        faults.each_call(0, kErrors, "");
        EXPECT_GT(faults.refused(), faults.survived());
        faults.print(kFormNames[number]);
    }
}

TEST(SevLaunch, InterruptedAndBusyCallsAreRepeated) {
    constexpr int kErrors[] = {EAGAIN, EINTR};
    for (unsigned number = 0; number < kForms; ++number) {
        auto faults = sev_faults(number);
        faults.each_call(abi::kMemoryEncryptOp, kErrors, "");
        EXPECT_EQ(faults.refused(), 0u);
        faults.print(kFormNames[number]);
    }
}

TEST(SevLaunch, InterruptedPinningIsRepeated) {
    LaunchWorld world("fw-give-64k.fd", abi::kVmDefault);
    world.kernel.fail(abi::kMemoryEncryptRegister, EINTR);
    world.make(guest_of(sev_config()));
    const Status launched = world.launch();
    EXPECT_TRUE(launched) << launched.error().message();
}

TEST(SevLaunch, PinningMayFail) {
    LaunchWorld world("fw-give-64k.fd", abi::kVmDefault);
    world.kernel.fail(abi::kMemoryEncryptRegister, ENOMEM);
    world.make(guest_of(sev_config()));
    const Status launched = world.launch();
    ASSERT_FALSE(launched);
    EXPECT_NE(launched.error().message().find("ulimit -l"), std::string::npos) << launched.error().message();
}

// A ROM in the guest's address space, as an option ROM or a shadow that was locked.
TEST(SevLaunch, OnlyTheOlderFormTakesMemoryThatIsReadOnly) {
    struct Row {
        uint32_t policy;
        LegacyVm legacy;
        bool mapped;
    };
    constexpr Row kRows[] = {{1, LegacyVm::On, true},
                             {5, LegacyVm::On, true},
                             {1, LegacyVm::Off, true},
                             {5, LegacyVm::Off, false}};
    for (const Row& row : kRows) {
        SevConfig config = sev_config(row.policy);
        config.legacy_vm_type = row.legacy;
        auto guest = guest_of(std::move(config));
        EXPECT_EQ(guest->requirements().forbids_readonly_memory, !row.mapped);
        LaunchWorld world("fw-give-64k.fd", guest->requirements().vm_type);
        world.make(std::move(guest));
        auto block = RamBlock::anonymous("rom", 0x10000).take_value();
        block->bytes()[5] = 0x5a;
        MemoryRegion rom = MemoryRegion::rom("rom", *block);
        world.topology.add(world.system, rom, 0xc0000, 1);
        const Status launched = world.launch();
        ASSERT_TRUE(launched) << launched.error().message();
        EXPECT_EQ(world.kernel.find_slot(0xc0000) != nullptr, row.mapped);
        uint8_t byte = 0;
        EXPECT_EQ(world.memory.read(Gpa(0xc0005), {&byte, 1}), AccessResult::Ok) << "as an exit is served";
        EXPECT_EQ(byte, 0x5a);
        world.topology.remove(rom);
    }
    FakeKvm kernel;
    kernel.vm_types = 0x3f;
    for (const uint32_t type :
         {abi::kVmDefault, abi::kVmSwProtected, abi::kVmSev, abi::kVmSevEs, abi::kVmSnp, abi::kVmTdx}) {
        const int vm = kernel.call(-2, KVM_CREATE_VM, reinterpret_cast<void*>(uintptr_t{type}));
        abi::UserMemoryRegion2 region{};
        region.flags = KVM_MEM_READONLY;
        region.memory_size = region.userspace_addr = kPageSize;
        const bool refused = type == abi::kVmSevEs || type == abi::kVmSnp || type == abi::kVmTdx;
        EXPECT_EQ(kernel.call(vm, abi::kSetUserMemoryRegion2, &region), refused ? -EINVAL : 0) << type;
        ::close(vm);
    }
}

}  // namespace
}  // namespace vmm::sev
