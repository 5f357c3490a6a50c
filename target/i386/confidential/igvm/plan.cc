// An IGVM file's directives for one platform; see plan.h.
#include "target/i386/confidential/igvm/plan.h"

#include <algorithm>

#include "target/i386/confidential/igvm/context.h"
#include "target/i386/confidential/igvm/parameters_priv.h"
#include "util/align.h"
#include "util/text.h"

namespace vmm::igvm {

namespace {

// Where KVM keeps the contexts of SNP's processors; any number of them may name it.
constexpr uint64_t kKvmContextAddress = 0xfffffffff000;
constexpr uint64_t kContextAddressTop = 0xfffffffffffff000;
constexpr uint64_t kFourGiB = uint64_t{4} << 30;

class Planner {
  public:
    Planner(const File& file, const Platform& platform, const GuestFacts& facts)
        : file_(file), mask_(platform.mask), facts_(facts) {
        plan_.platform = platform.type;
    }
    Result<Plan> run();

  private:
    Status take(const PageData& page);
    Status take(const ParameterArea& area) { return areas_.add(area); }
    Status take(const ParameterInsert& insert);
    Status take(const Parameter& parameter) { return areas_.fill(parameter, facts_); }
    Status take(const VpContext& context);
    Status take(const RequiredMemory& memory);
    Status take(const ErrorRange&) { return {}; }
    Status take(const SnpIdBlock& block);
    void add(LoadKind kind, uint64_t gpa, uint64_t size, std::vector<uint8_t> contents);
    Status check_overlaps() const;
    Status check_contexts();

    const File& file_;
    const uint32_t mask_;
    const GuestFacts& facts_;
    ParameterAreas areas_;
    Plan plan_;
};

void Planner::add(LoadKind kind, uint64_t gpa, uint64_t size, std::vector<uint8_t> contents) {
    if (!plan_.loads.empty()) {
        Load& last = plan_.loads.back();
        if (last.kind == kind && last.gpa + last.size == gpa) {
            last.size += size;
            last.contents.insert(last.contents.end(), contents.begin(), contents.end());
            return;
        }
    }
    plan_.loads.push_back({kind, gpa, size, std::move(contents)});
}

Status Planner::take(const PageData& page) {
    LoadKind kind = LoadKind::Normal;
    if (page.type == PageType::Secrets)
        kind = LoadKind::Secrets;
    else if (page.type != PageType::Normal)
        kind = LoadKind::Cpuid;
    else if (page.shared)
        kind = LoadKind::Shared;
    else if (page.unmeasured)
        kind = LoadKind::Unmeasured;
    std::vector<uint8_t> contents;
    if (page.type == PageType::Normal) {
        contents.resize(page.size);
        std::copy(page.data.begin(), page.data.end(), contents.begin());
    }
    add(kind, page.gpa, page.size, std::move(contents));
    return {};
}

Status Planner::take(const ParameterInsert& insert) {
    std::vector<uint8_t> bytes = TRY(areas_.take(insert.area));
    const uint64_t size = bytes.size();
    if (!checked_add(insert.gpa, size - 1)) return Error::make("parameter area %u does not end", insert.area);
    add(LoadKind::Unmeasured, insert.gpa, size, std::move(bytes));
    return {};
}

Status Planner::take(const VpContext& context) {
    plan_.contexts.push_back(context);
    return {};
}

Status Planner::take(const RequiredMemory& memory) {
    plan_.required.push_back(memory);
    return {};
}

Status Planner::take(const SnpIdBlock& block) {
    if (plan_.id_block) return Error::make("it has two ID blocks for one platform");
    plan_.id_block = block;
    return {};
}

Status Planner::check_overlaps() const {
    std::vector<const Load*> sorted;
    for (const Load& load : plan_.loads)
        sorted.push_back(&load);
    std::sort(sorted.begin(), sorted.end(), [](const Load* a, const Load* b) { return a->gpa < b->gpa; });
    for (size_t i = 1; i < sorted.size(); ++i) {
        const Load& before = *sorted[i - 1];
        if (sorted[i]->gpa - before.gpa >= before.size) continue;
        return Error::make("it loads 0x%llx twice", static_cast<unsigned long long>(sorted[i]->gpa));
    }
    return {};
}

// Indices from 0 on, each once; the context of an SNP guest has its place with KVM.
Status Planner::check_contexts() {
    std::sort(plan_.contexts.begin(), plan_.contexts.end(),
              [](const VpContext& a, const VpContext& b) { return a.vp_index < b.vp_index; });
    for (size_t i = 0; i < plan_.contexts.size(); ++i) {
        const VpContext& context = plan_.contexts[i];
        if (context.vp_index != i)
            return Error::make("its processor contexts are not numbered 0 to %zu", plan_.contexts.size() - 1);
        const bool encrypted = plan_.platform == PlatformType::Snp || plan_.platform == PlatformType::SevEs;
        if (encrypted && context.gpa != kKvmContextAddress && context.gpa != kContextAddressTop)
            return Error::make("the context of processor %zu is at 0x%llx; KVM has it at 0x%llx", i,
                               static_cast<unsigned long long>(context.gpa),
                               static_cast<unsigned long long>(kKvmContextAddress));
    }
    return {};
}

template <typename Header>
constexpr bool kHasMask = requires(const Header& header) {
    header.mask;
};

Result<Plan> Planner::run() {
    for (const GuestPolicy& policy : file_.policies)
        if ((policy.mask & mask_) != 0) plan_.policy = policy.policy;
    for (const Directive& directive : file_.directives) {
        TRY(std::visit(
            [this](const auto& header) -> Status {
                if constexpr (kHasMask<std::remove_cvref_t<decltype(header)>>)
                    if ((header.mask & mask_) == 0) return {};
                return take(header);
            },
            directive));
    }
    TRY(check_overlaps());
    TRY(check_contexts());
    if (plan_.contexts.size() > facts_.apic_ids.size())
        return Error::make("it has contexts for %zu processors, the machine has %zu", plan_.contexts.size(),
                           facts_.apic_ids.size());
    return std::move(plan_);
}

}  // namespace

namespace {
Result<const Platform*> find_platform(const File& file, PlatformType platform) {
    const Platform* wanted = file.find(platform);
    if (wanted == nullptr) {
        std::vector<std::string> names;
        for (const Platform& other : file.platforms)
            names.emplace_back(platform_name(other.type));
        return Error::make("it is for %s, not for %s", join(names, ", ").c_str(),
                           std::string(platform_name(platform)).c_str());
    }
    return wanted;
}
}  // namespace

Result<Terms> read_terms(const File& file, PlatformType platform) {
    const uint32_t mask = TRY(find_platform(file, platform))->mask;
    Terms terms;
    for (const GuestPolicy& policy : file.policies)
        if ((policy.mask & mask) != 0) terms.policy = policy.policy;
    const bool encrypted = platform == PlatformType::Snp || platform == PlatformType::SevEs;
    for (const Directive& directive : file.directives) {
        if (const auto* block = std::get_if<SnpIdBlock>(&directive);
            block != nullptr && (block->mask & mask) != 0)
            terms.id_block = *block;
        const auto* context = std::get_if<VpContext>(&directive);
        if (context == nullptr || !encrypted || (context->mask & mask) == 0 || context->vp_index != 0)
            continue;
        terms.vmsa_features = TRY(vmsa_context(*context)).sev_features;
    }
    return terms;
}

Result<Plan> make_plan(const File& file, PlatformType platform, const GuestFacts& facts) {
    const Platform* wanted = TRY(find_platform(file, platform));
    return Planner(file, *wanted, facts).run();
}

uint64_t firmware_size(const File& file, PlatformType platform, uint64_t largest) {
    const Platform* wanted = file.find(platform);
    if (wanted == nullptr) return 0;
    uint64_t lowest = kFourGiB;
    auto note = [&](uint64_t gpa, uint32_t mask) {
        if ((mask & wanted->mask) != 0 && gpa < kFourGiB && gpa >= kFourGiB - largest)
            lowest = std::min(lowest, gpa);
    };
    for (const Directive& directive : file.directives) {
        if (const auto* page = std::get_if<PageData>(&directive)) note(page->gpa, page->mask);
        if (const auto* insert = std::get_if<ParameterInsert>(&directive)) note(insert->gpa, insert->mask);
        if (const auto* memory = std::get_if<RequiredMemory>(&directive)) note(memory->gpa, memory->mask);
    }
    return kFourGiB - align_down(lowest, 64 * kKiB);
}

}  // namespace vmm::igvm
