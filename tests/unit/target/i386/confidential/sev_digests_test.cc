// The measurements of SEV launches against known answers, computed from the parts: firmware, tables, save
// areas.
#include <gtest/gtest.h>

#include "target/i386/confidential/kernel_hashes.h"
#include "target/i386/confidential/sev/digests.h"
#include "target/i386/confidential/sev/id_block.h"
#include "target/i386/confidential/sev/metadata.h"
#include "target/i386/confidential/sev/vmsa.h"
#include "target/i386/kvm/regs.h"
#include "tests/unit/target/i386/confidential/vectors.h"
#include "util/base64.h"

namespace vmm::sev {
namespace {

using vectors::Bytes;
using vectors::Vector;

// How other hypervisors set up their processors; ours is QEMU's way.
VmsaInputs vmsa_inputs(const std::string& vmm, bool boot, uint32_t start, uint32_t signature,
                       uint64_t features) {
    VmsaInputs in;
    in.sregs = kvm::reset_sregs(boot);
    in.regs = kvm::reset_regs(vmm == "qemu" ? signature : 0x600);
    in.sregs.cs.base = start & 0xffff0000;
    in.regs.rip = start & 0xffff;
    in.sev_features = features;
    if (vmm != "qemu") in.fpu_synced = false;
    if (vmm == "gce") in.pat = 0x00070106;
    if (vmm == "ec2") {
        in.sregs.ss.type = 2;
        in.sregs.tr.type = 3;
        if (boot) in.sregs.cs.type = 0xa;
    }
    return in;
}

std::optional<Bytes> hashes_of(const Vector& v) {
    auto kernel = v.file("kernel"), initrd = v.file("initrd");
    if (!kernel || !initrd) return std::nullopt;
    return kernel_hashes(*kernel, *initrd, v.text("cmdline"));
}

PageType type_of(const Section& section, const std::string& vmm, bool hashes) {
    switch (section.type) {
        case SectionType::Secrets:
            return PageType::Secrets;
        case SectionType::Cpuid:
            return PageType::Cpuid;
        case SectionType::KernelHashes:
            return hashes ? PageType::Normal : PageType::Zero;
        case SectionType::SecMemory:
            return vmm == "gce" ? PageType::Unmeasured : PageType::Zero;
        case SectionType::SvsmCallingArea:
            break;
    }
    return PageType::Zero;
}

void add_sections(SnpLaunchDigest& digest, const Vector& v, const Metadata& metadata,
                  const FirmwareTable& table) {
    const std::string vmm = v.text("vmm");
    Bytes page(kPageSize);
    if (v.flag("kernel_hashes")) {
        const auto area = firmware_area(table, kSevHashesGuid, "hash area").take_value();
        ASSERT_TRUE(area) << v.id;
        const Bytes hashes = *hashes_of(v);
        std::copy(hashes.begin(), hashes.end(), page.begin() + (area->base & 0xfff));
    }
    for (const bool cpuid : {false, true}) {
        for (const Section& section : metadata.sections) {
            // EC2 adds the CPUID page after all others.
            const bool late = vmm == "ec2" && section.type == SectionType::Cpuid;
            if (late != cpuid) continue;
            digest.add(type_of(section, vmm, v.flag("kernel_hashes")), section.range.first().raw(),
                       section.range.size(), page);
        }
    }
}

TEST(SnpLaunchDigest, KnownAnswers) {
    unsigned checked = 0;
    for (const Vector& v : vectors::of_kind({"snp_launch_digest"})) {
        const auto firmware = v.file("firmware");
        if (!firmware || (v.flag("kernel_hashes") && !hashes_of(v))) {
            vectors::skip(v, "its files are not here");
            continue;
        }
        auto table = FirmwareTable::parse(*firmware).take_value();
        auto metadata = parse_metadata(*firmware, table);
        ASSERT_TRUE(metadata) << v.id << metadata.error().message();
        SnpLaunchDigest digest;
        digest.add(PageType::Normal, (uint64_t{1} << 32) - firmware->size(), firmware->size(), *firmware);
        add_sections(digest, v, *metadata, table);
        const uint32_t ap = sev_reset_address(*firmware, table).take_value().value_or(0);
        for (unsigned i = 0; i < v.number("vcpus"); ++i)
            digest.add_page(PageType::Vmsa, kVmsaGpa,
                            build_vmsa(vmsa_inputs(v.text("vmm"), i == 0, i == 0 ? 0xfffffff0 : ap,
                                                   static_cast<uint32_t>(v.number("vcpu_sig")),
                                                   v.number("sev_features"))));
        EXPECT_EQ(to_hex(digest.value()), v.answer("launch_digest")) << v.id;
        ++checked;
    }
    EXPECT_GE(checked, 11u) << "those of the project's own files";
}

TEST(SnpLaunchDigest, Steps) {
    for (const Vector& v : vectors::of_kind({"snp_ovmf_hash"})) {
        const auto firmware = v.file("firmware");
        if (!firmware) {
            vectors::skip(v, "its file is not here");
            continue;
        }
        SnpLaunchDigest digest;
        digest.add(PageType::Normal, (uint64_t{1} << 32) - firmware->size(), firmware->size(), *firmware);
        EXPECT_EQ(to_hex(digest.value()), v.answer("digest")) << v.id;
    }
    Bytes pages(3 * kPageSize);
    for (size_t i = 0; i < 16; ++i)
        pages[i] = pages[pages.size() - 16 + i] = static_cast<uint8_t>("LGTM"[i % 4]);
    SnpLaunchDigest normal, zero;
    normal.add(PageType::Normal, 0, pages.size(), pages);
    zero.add(PageType::Zero, 0x9000, 0x3000, {});
    EXPECT_EQ(
        to_hex(normal.value()),
        "cba1cd767c33b30f96271837dbbae4081a945464a5af397b9b0336b5d8759ee88cc6b62c05d915c4424a9ac5747437d4");
    EXPECT_EQ(
        to_hex(zero.value()),
        "4bfe18477ba370a50329da74b9621e721c4f29663176e08fbcf088a17c1bc45f133898b86d5082acbe202a6e9419808a");
}

Sha256Digest sev_digest(const Vector& v, const Bytes& firmware) {
    Hasher hasher(HashKind::Sha256);
    hasher.update(firmware);
    if (v.has("kernel")) hasher.update(*hashes_of(v));
    auto table = FirmwareTable::parse(firmware).take_value();
    const uint32_t ap = sev_reset_address(firmware, table).take_value().value_or(0);
    const std::string type = v.text("vcpu_type");
    const uint32_t signature = type == "EPYC-Milan" ? 0xa00f11 : 0x800f12;
    for (unsigned i = 0; i < v.number("vcpus"); ++i) {
        VmsaInputs in = vmsa_inputs("qemu", i == 0, i == 0 ? 0xfffffff0 : ap, signature, 0);
        in.fpu_synced = v.flag("vmsa_fpu_synced");
        hasher.update(build_vmsa(in));
    }
    Sha256Digest digest;
    hasher.finish(digest);
    return digest;
}

Bytes from_hex(const std::string& text) {
    Bytes out;
    for (size_t i = 0; i + 1 < text.size(); i += 2)
        out.push_back(static_cast<uint8_t>(std::strtoul(text.substr(i, 2).c_str(), nullptr, 16)));
    return out;
}

TEST(SevLaunchDigest, KnownAnswers) {
    unsigned checked = 0;
    for (const Vector& v : vectors::of_kind({"sev_launch_measure", "sev_digest"})) {
        const auto firmware = v.file("firmware");
        if (!firmware) {
            vectors::skip(v, "its files are not here");
            continue;
        }
        SevMeasureInputs in{.api_major = static_cast<uint8_t>(v.number("api_major")),
                            .api_minor = static_cast<uint8_t>(v.number("api_minor")),
                            .build = static_cast<uint8_t>(v.number("build")),
                            .policy = static_cast<uint32_t>(v.number("policy")),
                            .launch_digest = sev_digest(v, *firmware)};
        EXPECT_EQ(to_hex(in.launch_digest), v.answer("launch_digest_sha256")) << v.id;
        ++checked;
        if (v.kind != "sev_launch_measure") continue;
        const Bytes nonce = from_hex(v.text("mnonce"));
        std::copy(nonce.begin(), nonce.end(), in.nonce.begin());
        const Bytes blob = sev_launch_measure(from_hex(v.text("tik")), in);
        EXPECT_EQ(to_base64(blob), v.answer("launch_measure_blob_base64")) << v.id;
    }
    EXPECT_GE(checked, 5u);
}

TEST(IdBlock, KnownAnswer) {
    for (const Vector& v : vectors::of_kind({"snp_id_block"})) {
        IdBlock block;
        const Bytes digest = from_base64(v.text("ld_base64")).take_value();
        std::copy(digest.begin(), digest.end(), block.launch_digest.begin());
        block.policy = 0x30000;
        const Bytes bytes = id_block_bytes(block);
        EXPECT_EQ(to_base64(bytes), v.answer("id_block_base64"));
        auto back = parse_id_block(bytes).take_value();
        EXPECT_EQ(back.launch_digest, block.launch_digest);
        EXPECT_EQ(back.policy, block.policy);
        vectors::skip(v, "the keys' digests: the keys are not here");
    }
}

TEST(IdBlock, BadOnes) {
    EXPECT_FALSE(parse_id_block(Bytes(95)));
    EXPECT_FALSE(parse_id_block(Bytes(97)));
    EXPECT_FALSE(parse_id_block(Bytes(96))) << "version 0";
    Bytes auth(kIdAuthSize);
    EXPECT_FALSE(check_id_auth(auth, false)) << "no algorithm";
    auth[0] = 1;
    EXPECT_TRUE(check_id_auth(auth, false));
    EXPECT_FALSE(check_id_auth(auth, true)) << "no author algorithm";
    auth[4] = 1;
    EXPECT_TRUE(check_id_auth(auth, true));
    for (const size_t reserved : {size_t{8}, size_t{0x3f}, size_t{0x644}, size_t{0xc84}, kIdAuthSize - 1}) {
        auth[reserved] = 1;
        EXPECT_FALSE(check_id_auth(auth, false)) << reserved;
        auth[reserved] = 0;
    }
    EXPECT_FALSE(check_id_auth(Bytes(kIdAuthSize - 1), false));
}

}  // namespace
}  // namespace vmm::sev
