// What an IGVM file does to a guest of one platform: pages in the order of the launch, parameters filled in
// from the guest's facts, the processors' contexts, the policy. Pure; who loads the pages (the launch of a
// protected guest, or the board for an ordinary one) is not its concern.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "target/i386/confidential/igvm/file.h"

namespace vmm::igvm {

enum class MemoryType : uint16_t { Memory = 0, Reserved = 1, Persistent = 2 };
struct MemoryEntry {
    uint64_t base = 0;
    uint64_t size = 0;
    MemoryType type = MemoryType::Memory;
};

// What the host tells the guest; none of it is measured.
struct GuestFacts {
    std::vector<uint32_t> apic_ids;   // one a processor
    std::vector<MemoryEntry> memory;  // lowest first
    std::vector<MemoryEntry> mmio;    // windows for devices, lowest first
    std::string command_line;
    // Empty: the machine has none.
    std::vector<uint8_t> madt, srat, slit;
};

enum class LoadKind : uint8_t {
    Normal,
    Unmeasured,
    Shared,  // the host keeps seeing it
    Secrets,
    Cpuid,
};

struct Load {
    LoadKind kind = LoadKind::Normal;
    uint64_t gpa = 0;
    uint64_t size = 0;
    std::vector<uint8_t> contents;  // as long as the range; empty for Secrets and Cpuid
};

struct Plan {
    PlatformType platform = PlatformType::Native;
    std::vector<Load> loads;          // of the same kind and touching: one
    std::vector<VpContext> contexts;  // by index
    std::vector<RequiredMemory> required;
    std::optional<uint64_t> policy;
    std::optional<SnpIdBlock> id_block;
};

// The platform must be in the file. Refuses overlaps, parameters that do not fit, contexts out of order.
Result<Plan> make_plan(const File& file, PlatformType platform, const GuestFacts& facts);

// What must be known before the VM's protection is set up. Refuses a file that is not for the platform.
struct Terms {
    std::optional<uint64_t> policy;
    std::optional<uint64_t> vmsa_features;  // of the first processor's context, if it has one
    std::optional<SnpIdBlock> id_block;
};
Result<Terms> read_terms(const File& file, PlatformType platform);

// How much of the addresses right below 4 GiB the platform's contents use, as far down as `largest`: the
// firmware's memory. What else is not RAM is refused where it is loaded.
uint64_t firmware_size(const File& file, PlatformType platform, uint64_t largest);

// The structures of the SNP firmware's ABI: 96 and 4096 bytes.
struct SnpIdPages {
    std::vector<uint8_t> block, authentication;
    bool author_key = false;
};
SnpIdPages snp_id_pages(const SnpIdBlock& block, uint64_t policy);

}  // namespace vmm::igvm
