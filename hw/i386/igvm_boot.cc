// IGVM files on the board; see igvm_boot.h.
#include "hw/i386/igvm_boot.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "target/i386/confidential/igvm/context.h"
#include "util/fd.h"

namespace vmm {

namespace {

constexpr uint64_t kLargestFile = 1 * kGiB;
constexpr uint64_t kAnyTableAddress = 0x100000;

igvm::MemoryType type_of(E820Type type) {
    switch (type) {
        case E820Type::Ram:
            return igvm::MemoryType::Memory;
        case E820Type::AcpiNvs:
            return igvm::MemoryType::Persistent;
        case E820Type::Reserved:
        case E820Type::Acpi:
            break;
    }
    return igvm::MemoryType::Reserved;
}

// The table as firmware would install it; tables that point at nothing do not depend on their place.
std::vector<uint8_t> table_named(const acpi::AcpiImage& image, const acpi::PlacedTables& placed,
                                 const char* signature) {
    for (const acpi::ImageChecksum& sum : image.checksums) {
        if (sum.in != acpi::Blob::Tables || sum.length < 4) continue;
        const auto at = placed.tables.begin() + static_cast<ptrdiff_t>(sum.start);
        if (std::memcmp(&*at, signature, 4) == 0) return {at, at + static_cast<ptrdiff_t>(sum.length)};
    }
    return {};
}

Result<PageKind> kind_of(const igvm::Load& load) {
    switch (load.kind) {
        case igvm::LoadKind::Normal:
            return PageKind::Normal;
        case igvm::LoadKind::Unmeasured:
            return PageKind::Unmeasured;
        case igvm::LoadKind::Secrets:
            return PageKind::Secrets;
        case igvm::LoadKind::Cpuid:
            return PageKind::Cpuid;
        case igvm::LoadKind::Shared:
            break;
    }
    return Error::make("its page at 0x%llx is shared, which KVM's launch cannot load",
                       static_cast<unsigned long long>(load.gpa));
}

}  // namespace

Result<IgvmFile> open_igvm(const std::string& path) {
    auto in_context = [&](Error error) {
        return std::move(error).while_doing("IGVM file '%s'", path.c_str());
    };
    Result<std::vector<uint8_t>> bytes = read_file(path, kLargestFile);
    if (!bytes) return in_context(std::move(bytes).take_error());
    IgvmFile file{.path = path, .bytes = std::move(*bytes), .headers = {}};
    Result<igvm::File> headers = igvm::parse(file.bytes);
    if (!headers) return in_context(std::move(headers).take_error());
    file.headers = std::move(*headers);
    return file;
}

igvm::GuestFacts igvm_facts(const BoardTables& tables, const Q35Map& map, std::vector<uint32_t> apic_ids,
                            std::string command_line) {
    igvm::GuestFacts facts;
    facts.apic_ids = std::move(apic_ids);
    facts.command_line = std::move(command_line);
    for (const E820Entry& entry : firmware_e820(tables.memory()))
        facts.memory.push_back({entry.base, entry.size, type_of(entry.type)});
    std::sort(facts.memory.begin(), facts.memory.end(),
              [](const auto& a, const auto& b) { return a.base < b.base; });
    facts.mmio.push_back({.base = map.pci_hole.first().raw(), .size = map.pci_hole.size()});
    if (map.pci_hole64)
        facts.mmio.push_back({.base = map.pci_hole64->first().raw(), .size = map.pci_hole64->size()});
    if (!tables.acpi()) return facts;
    Result<acpi::PlacedTables> placed = acpi::place(*tables.acpi(), kAnyTableAddress, kShadowBase);
    if (!placed) return facts;
    facts.madt = table_named(*tables.acpi(), *placed, "APIC");
    facts.srat = table_named(*tables.acpi(), *placed, "SRAT");
    facts.slit = table_named(*tables.acpi(), *placed, "SLIT");
    return facts;
}

Status IgvmLoader::write(const igvm::Load& load) {
    if (load.kind == igvm::LoadKind::Secrets || load.kind == igvm::LoadKind::Cpuid)
        return Error::make("a page at 0x%llx is for hardware that protects the guest",
                           static_cast<unsigned long long>(load.gpa));
    if (firmware_ == nullptr || load.gpa < map_.firmware->first().raw())
        return writer_.write(load.gpa, load.contents);
    std::copy(load.contents.begin(), load.contents.end(),
              firmware_->data() + (load.gpa - map_.firmware->first().raw()));
    return {};
}

Status IgvmLoader::load() {
    Status done = [this]() -> Status {
        const igvm::Plan plan = TRY(igvm::make_plan(file_.headers, igvm::PlatformType::Native, facts_));
        for (const igvm::Load& load : plan.loads)
            TRY(write(load));
        if (plan.contexts.size() > 1)
            return Error::make("it has contexts for %zu processors; without protection only the first starts",
                               plan.contexts.size());
        if (!plan.contexts.empty()) boot_ = TRY(igvm::native_context(plan.contexts[0]));
        return {};
    }();
    if (done) return {};
    return std::move(done).take_error().while_doing("IGVM file '%s'", file_.path.c_str());
}

void IgvmLoader::reset_exit() {
    Status loaded = load();
    if (!loaded) requests_.report_internal_error("reset: " + loaded.error().message());
}

Status IgvmLaunch::prepare(const IgvmFile& file, igvm::PlatformType platform, const igvm::GuestFacts& facts) {
    Status done = [&]() -> Status {
        igvm::Plan plan = TRY(igvm::make_plan(file.headers, platform, facts));
        for (igvm::Load& load : plan.loads) {
            const PageKind kind = TRY(kind_of(load));
            Run run{.pages = {.kind = kind,
                              .range = GpaRange::of(Gpa(load.gpa), load.size),
                              .contents = {},
                              .source = file.path},
                    .memory = {},
                    .contents = std::move(load.contents)};
            if (!run.contents.empty())
                run.memory =
                    TRY(MappedRegion::map(load.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS));
            runs_.push_back(std::move(run));
        }
        return take_contexts(plan);
    }();
    if (done) return {};
    return std::move(done).take_error().while_doing("IGVM file '%s'", file.path.c_str());
}

// The features of save areas are the VM's, not a processor's.
Status IgvmLaunch::take_contexts(const igvm::Plan& plan) {
    std::optional<uint64_t> features;
    for (const igvm::VpContext& one : plan.contexts) {
        Result<igvm::EncryptedContext> context = igvm::vmsa_context(one);
        if (!context)
            return std::move(context).take_error().while_doing("the context of processor %u",
                                                               unsigned{one.vp_index});
        if (features.value_or(context->sev_features) != context->sev_features)
            return Error::make("its contexts of processors 0 and %u have features 0x%llx and 0x%llx",
                               unsigned{one.vp_index}, static_cast<unsigned long long>(*features),
                               static_cast<unsigned long long>(context->sev_features));
        features = context->sev_features;
        boots_.emplace_back(std::move(context->state));
    }
    return {};
}

std::vector<MeasuredPages> IgvmLaunch::pages() {
    std::vector<MeasuredPages> pages;
    for (Run& run : runs_) {
        std::copy(run.contents.begin(), run.contents.end(), run.memory.data());
        run.pages.contents = run.memory.bytes();
        pages.push_back(run.pages);
    }
    return pages;
}

}  // namespace vmm
