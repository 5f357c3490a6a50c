// An SEV-SNP guest launched whole on the model of the kernel: the digest of what was submitted, the order of
// operations, and every call failing once.
#include <gtest/gtest.h>

#include "target/i386/confidential/sev/id_block.h"
#include "target/i386/confidential/sev/snp_guest.h"
#include "tests/unit/target/i386/confidential/launch_world.h"

namespace vmm::sev {
namespace {

SnpConfig snp_config() {
    SnpConfig config;
    config.common.id = "snp0";
    config.common.reduced_phys_bits = 1;
    return config;
}

class SnpLaunch : public ::testing::Test {
  protected:
    void make(SnpConfig config = snp_config()) {
        world.make(SnpGuest::create(std::move(config)).take_value());
    }
    std::string digest() { return world.measurement(); }
    LaunchWorld world{"fw-give-64k.fd", abi::kVmSnp};
};

TEST_F(SnpLaunch, KnownAnswers) {
    for (const vectors::Vector& v : vectors::of_kind({"snp_launch_digest"})) {
        if (v.text("vmm") != "qemu" || v.number("sev_features") != 1) continue;
        const auto firmware = v.file("firmware"), kernel = v.file("kernel"), initrd = v.file("initrd");
        if (!firmware || !kernel || !initrd) {
            vectors::skip(v, "its files are not here");
            continue;
        }
        LaunchWorld own(*firmware, abi::kVmSnp);
        own.vcpus = static_cast<unsigned>(v.number("vcpus"));
        own.signature = static_cast<uint32_t>(v.number("vcpu_sig"));
        SnpConfig config = snp_config();
        config.common.kernel_hashes = v.flag("kernel_hashes");
        if (config.common.kernel_hashes) own.set_kernel(*kernel, *initrd, v.text("cmdline"));
        own.make(SnpGuest::create(std::move(config)).take_value());
        Status launched = own.launch();
        ASSERT_TRUE(launched) << v.id << ": " << launched.error().message();
        EXPECT_EQ(own.measurement(), v.answer("launch_digest")) << v.id;
    }
}

TEST_F(SnpLaunch, TheRecordIsTheKnownTranscript) {
    world.vcpus = 2;
    SnpConfig config = snp_config();
    config.common.kernel_hashes = true;
    world.set_kernel(*vectors::find_file("kernel-give.bin"), *vectors::find_file("initrd-give.bin"),
                     "console=ttyS0 root=/dev/vda1 ro");
    make(std::move(config));
    ASSERT_TRUE(world.launch());
    const auto text = *vectors::find_file("transcript-snp-give.jsonl");
    qapi::JsonStream stream;
    std::vector<qapi::Dict> wanted;
    for (auto& line : stream.feed(std::string(text.begin(), text.end())))
        wanted.push_back(*line->if_dict());
    const auto& got = world.record.operations();
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i) {
        const qapi::Value operation = to_value(got[i]);
        for (const char* name : {"op", "type", "gpa", "len"})
            EXPECT_EQ(*operation.if_dict()->find(name), *wanted[i].find(name)) << i << " " << name;
        const qapi::Value* data = wanted[i].find("data");
        if (data == nullptr) continue;
        EXPECT_EQ(got[i].contents, sha384(*vectors::find_file(*data->if_string()))) << *data->if_string();
    }
}

TEST_F(SnpLaunch, TheKernelMayStopEarly) {
    make();
    ASSERT_TRUE(world.launch());
    const std::string whole = digest();
    LaunchWorld slow("fw-give-64k.fd", abi::kVmSnp);
    slow.firmware_model.pages_at_once = 1;
    slow.make(SnpGuest::create(snp_config()).take_value());
    ASSERT_TRUE(slow.launch());
    EXPECT_EQ(slow.measurement(), whole);
    EXPECT_GT(slow.record.operations().size(), world.record.operations().size());
}

TEST_F(SnpLaunch, ARefusedCpuidPageIsShownAsADifference) {
    world.firmware_model.check_cpuid = [](std::span<uint8_t> page) {
        page[16 + 24] = static_cast<uint8_t>(page[16 + 24] ^ 1);  // EAX of the first leaf
        return false;
    };
    make();
    const Status launched = world.launch();
    ASSERT_FALSE(launched);
    EXPECT_NE(launched.error().text().find("refuses the CPUID page: leaf 0x1 EAX"), std::string::npos)
        << launched.error().text();
}

TEST_F(SnpLaunch, AnIdBlockMustFit) {
    make();
    ASSERT_TRUE(world.launch());
    IdBlock block;
    const auto bytes = *from_hex(digest());
    std::copy(bytes.begin(), bytes.end(), block.launch_digest.begin());
    block.policy = kDefaultSnpPolicy;
    for (const bool right : {true, false}) {
        if (!right) block.launch_digest[0] = static_cast<uint8_t>(block.launch_digest[0] ^ 1);
        LaunchWorld own("fw-give-64k.fd", abi::kVmSnp);
        SnpConfig config = snp_config();
        config.id_block = id_block_bytes(block);
        config.id_auth.resize(kIdAuthSize);
        config.id_auth[0] = 1;
        config.host_data[5] = 0x5a;
        own.make(SnpGuest::create(std::move(config)).take_value());
        const Status launched = own.launch();
        EXPECT_EQ(static_cast<bool>(launched), right);
        if (!right) {
            EXPECT_NE(launched.error().message().find("measurement is another"), std::string::npos);
        }
        auto& model = static_cast<model::SnpModel&>(*own.kernel.protection());
        EXPECT_EQ(model.finish_arguments().host_data[5], 0x5a);
    }
}

TEST_F(SnpLaunch, WhatCannotBeIsRefusedBeforeAVmExists) {
    struct Row {
        const char* name;
        void (*change)(SnpConfig&);
    };
    const Row rows[] = {{"policy", [](SnpConfig& c) { c.policy = 0x10000; }},
                        {"half an ID block", [](SnpConfig& c) { c.id_block.resize(96); }},
                        {"author key alone", [](SnpConfig& c) { c.author_key_enabled = true; }},
                        {"frequency alone", [](SnpConfig& c) { c.tsc_frequency = 2000000000; }}};
    for (const Row& row : rows) {
        SnpConfig config = snp_config();
        row.change(config);
        EXPECT_FALSE(SnpGuest::create(std::move(config))) << row.name;
    }
}

TEST_F(SnpLaunch, RamMustBeThere) {
    world.ram_size = 8 * kMiB;  // the sections begin there
    make();
    const Status launched = world.launch();
    ASSERT_FALSE(launched);
    EXPECT_NE(launched.error().message().find("-m may be too small"), std::string::npos)
        << launched.error().message();
}

// What the kernel answers to commands at the wrong time, and to pages that cannot be.
TEST_F(SnpLaunch, TheModelKeepsTheOrder) {
    using abi::SevCommand;
    make();
    ASSERT_TRUE(world.make_vm());
    Commands commands(*world.vm, -1);
    auto answer = [&](SevCommand command, void* data) {
        Result<int> done = commands.try_call(command, data);
        return done ? 0 : done.error().number();
    };
    abi::SnpLaunchStart start{};
    start.policy = kDefaultSnpPolicy;
    EXPECT_EQ(answer(SevCommand::SnpLaunchStart, &start), ENOTTY) << "before INIT2";
    abi::SevInit init{};
    init.flags = 1;
    EXPECT_EQ(answer(SevCommand::Init2, &init), EINVAL) << "an unknown flag";
    init.flags = 0;
    init.vmsa_features = uint64_t{1} << 40;
    EXPECT_EQ(answer(SevCommand::Init2, &init), EINVAL) << "an unknown feature";
    init.vmsa_features = 0;
    EXPECT_EQ(answer(SevCommand::Init2, &init), 0);
    EXPECT_EQ(answer(SevCommand::Init2, &init), EINVAL) << "twice";
    EXPECT_EQ(answer(SevCommand::LaunchStart, &start), EPERM) << "SEV's command";
    abi::SnpLaunchUpdate update{};
    update.gfn = 1;
    update.length = kPageSize;
    update.type = 3;
    EXPECT_EQ(answer(SevCommand::SnpLaunchUpdate, &update), EINVAL) << "before LAUNCH_START";
    start.policy = 0;
    EXPECT_EQ(answer(SevCommand::SnpLaunchStart, &start), EINVAL) << "bit 17";
    start.policy = kDefaultSnpPolicy;
    EXPECT_EQ(answer(SevCommand::SnpLaunchStart, &start), 0);
    EXPECT_EQ(answer(SevCommand::SnpLaunchStart, &start), EINVAL) << "twice";
    ASSERT_TRUE(world.map());
    auto page = [&](uint64_t gfn, uint64_t length, uint8_t type, uint16_t flags = 0) {
        abi::SnpLaunchUpdate one{};
        one.gfn = gfn;
        one.length = length;
        one.type = type;
        one.flags = flags;
        return answer(SevCommand::SnpLaunchUpdate, &one);
    };
    EXPECT_EQ(page(1, 0, 3), EINVAL) << "nothing";
    EXPECT_EQ(page(1, 0x800, 3), EINVAL) << "half a page";
    EXPECT_EQ(page(1, kPageSize, 2), EINVAL) << "save areas are the kernel's";
    EXPECT_EQ(page(1, kPageSize, 7), EINVAL) << "an unknown type";
    EXPECT_EQ(page(1, kPageSize, 3, 1), EINVAL) << "an unknown flag";
    EXPECT_EQ(page(0x90000, kPageSize, 3), EINVAL) << "no RAM";
    EXPECT_EQ(page(1, kPageSize, 3), 0);
    EXPECT_EQ(page(1, kPageSize, 3), EEXIST) << "added twice";
    ASSERT_TRUE(world.x86->accelerator().attributes().set_visibility(GpaRange::of(Gpa(0x2000), kPageSize),
                                                                     Visibility::Shared));
    EXPECT_EQ(page(2, kPageSize, 3), EINVAL) << "a shared page";
    abi::SnpLaunchFinish finish{};
    finish.flags = 1;
    EXPECT_EQ(answer(SevCommand::SnpLaunchFinish, &finish), EINVAL);
    finish.flags = 0;
    EXPECT_EQ(answer(SevCommand::SnpLaunchFinish, &finish), 0);
    EXPECT_EQ(page(3, kPageSize, 3), EINVAL) << "too late";
    EXPECT_EQ(answer(SevCommand::SnpLaunchFinish, &finish), EINVAL) << "twice";
}

TEST_F(SnpLaunch, AfterTheLaunchRegistersAreTheGuests) {
    make();
    ASSERT_TRUE(world.launch());
    kvm_regs regs{};
    EXPECT_EQ(world.set_regs(0, regs), -EINVAL);
}

auto snp_faults() {
    return LaunchFaults(
        [] { return std::make_unique<LaunchSubject>(SnpGuest::create(snp_config()).take_value()); });
}

// Each call of the launch fails once with each of these: one line, and nothing is left open.
TEST_F(SnpLaunch, EveryCallMayFail) {
    auto faults = snp_faults();
    ASSERT_GT(faults.count(abi::kMemoryEncryptOp), 10u);
    constexpr int kErrors[] = {EINVAL, EIO, EFAULT, ENOTTY, EBUSY, ENOMEM, EPERM, EEXIST, ENODEV, ENOSPC};
    faults.each_call(abi::kMemoryEncryptOp, kErrors, "KVM_SEV_");
    EXPECT_EQ(faults.survived(), 0u);
    faults.print("SEV-SNP, launch commands");
}

// And what the launch needs besides: the VM, memory, attributes, vCPUs, their state.
TEST_F(SnpLaunch, EveryOtherCallMayFailToo) {
    auto faults = snp_faults();
    constexpr int kErrors[] = {EINVAL, ENOMEM, EIO, EEXIST};
    faults.each_call(0, kErrors, "");
    EXPECT_GT(faults.refused(), faults.survived());
    faults.print("SEV-SNP, all calls");
}

TEST_F(SnpLaunch, InterruptedAndBusyCallsAreRepeated) {
    auto faults = snp_faults();
    constexpr int kErrors[] = {EAGAIN, EINTR};
    faults.each_call(abi::kMemoryEncryptOp, kErrors, "");
    EXPECT_EQ(faults.refused(), 0u);
    faults.print("SEV-SNP, launch commands asked again");
}

}  // namespace
}  // namespace vmm::sev
