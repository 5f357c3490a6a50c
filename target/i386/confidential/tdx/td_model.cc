// The model of the kernel's TDX; see td_model.h.
#include "target/i386/confidential/tdx/td_model.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "accel/model/contents_digest.h"
#include "accel/model/kernel_model.h"
#include "accel/model/launch_record.h"
#include "target/i386/confidential/tdx/cpuid_filter.h"
#include "util/align.h"

namespace vmm::tdx {

namespace {

constexpr uint32_t kSizesLeaf = 0x80000008;
constexpr int kCapApicBusCycles = 237;
constexpr uint32_t kMostCpuidEntries = 256;

template <typename T>
T* pointer(uint64_t address) {
    return reinterpret_cast<T*>(static_cast<uintptr_t>(address));
}

kvm_cpuid_entry2 row(uint32_t function, uint32_t index, uint32_t flags, std::array<uint32_t, 4> bits) {
    kvm_cpuid_entry2 out{};
    out.function = function;
    out.index = index;
    out.flags = flags;
    out.eax = bits[0];
    out.ebx = bits[1];
    out.ecx = bits[2];
    out.edx = bits[3];
    return out;
}

}  // namespace

// A module of the second generation on a server of 2023: what its public documents say can be configured.
TdModel::Host TdModel::usual_host() {
    Host out;
    out.attributes = abi::kTdAttributeDebug | abi::kTdAttributeSeptVeDisable | abi::kTdAttributePks |
                     abi::kTdAttributePerfmon;
    out.xfam = 0x61be7;  // x87, SSE, AVX, AVX-512, PT, PKRU, CET, AMX
    constexpr uint32_t kIndexed = kCpuidSignificantIndex;
    out.configurable = {row(0x1, 0, 0, {0x0fff3fff, 0x00ff0000, 0x4d46c1c8, 0x10a20000}),
                        row(0x4, 0, kIndexed, {0xffffc3ff, 0xffffffff, 0xffffffff, 0x7}),
                        row(0x4, 1, kIndexed, {0xffffc3ff, 0xffffffff, 0xffffffff, 0x7}),
                        row(0x4, 2, kIndexed, {0xffffc3ff, 0xffffffff, 0xffffffff, 0x7}),
                        row(0x4, 3, kIndexed, {0xffffc3ff, 0xffffffff, 0xffffffff, 0x7}),
                        row(0x4, 4, kIndexed, {0xffffc3ff, 0xffffffff, 0xffffffff, 0x7}),
                        row(0x7, 0, kIndexed, {0, 0xd02b9b18, 0x02417f64, 0x00054010}),
                        row(0x7, 1, kIndexed, {0x00001c30, 0, 0, 0}),
                        row(0x1f, 0, kIndexed, {0x1f, 0xffff, 0xffff, 0}),
                        row(0x1f, 1, kIndexed, {0x1f, 0xffff, 0xffff, 0}),
                        row(0x1f, 2, kIndexed, {0x1f, 0xffff, 0xffff, 0}),
                        row(kSizesLeaf, 0, 0, {0x00ff0000, 0x00000200, 0, 0})};
    return out;
}

TdModel::Host TdModel::any_host() {
    Host out = usual_host();
    out.believes_all = true;
    out.max_vcpus = UINT32_MAX;
    return out;
}

TdModel::TdModel(model::KernelModel& kernel, model::LaunchRecord* record, Host host)
    : kernel_(kernel), record_(record), host_(std::move(host)) {}

int TdModel::vm_command(abi::EncryptCommand& command) {
    if (command.tail != 0) return -EINVAL;
    switch (command.id) {
        case abi::kTdxCapabilities:
            return capabilities(command);
        case abi::kTdxInitVm:
            return init_vm(command);
        case abi::kTdxFinalizeVm:
            return finalize(command);
        default:
            return -EINVAL;
    }
}

int TdModel::vcpu_command(model::ModelVcpu& vcpu, abi::EncryptCommand& command) {
    if (command.tail != 0 || state_ != State::Initialized) return -EINVAL;
    switch (command.id) {
        case abi::kTdxInitVcpu:
            return init_vcpu(vcpu, command);
        case abi::kTdxInitMemRegion:
            return init_mem_region(vcpu, command);
        case abi::kTdxGetCpuid:
            return get_cpuid(vcpu, command);
        default:
            return -EINVAL;
    }
}

int TdModel::capabilities(abi::EncryptCommand& command) {
    if (command.flags != 0) return -EINVAL;
    auto* out = pointer<abi::TdxCapabilities>(command.data);
    if (out == nullptr) return -EFAULT;
    if (out->cpuid.count < host_.configurable.size()) return -E2BIG;  // and no word of how many
    *out = {};
    out->supported_attributes = host_.attributes;
    out->supported_xfam = host_.xfam;
    out->user_call_info_r11 = host_.user_r11;
    out->kernel_call_info_r11 = host_.kernel_r11;
    out->cpuid.count = static_cast<uint32_t>(host_.configurable.size());
    std::copy(host_.configurable.begin(), host_.configurable.end(),
              abi::list_entries<kvm_cpuid_entry2>(*out));
    return 0;
}

int TdModel::check_cpuid(const abi::TdxInitVm& asked) const {
    const auto* entries = abi::list_entries<const kvm_cpuid_entry2>(asked);
    bool sizes = false;
    for (uint32_t i = 0; i < asked.cpuid.count; ++i) {
        const kvm_cpuid_entry2& e = entries[i];
        auto mask = std::find_if(host_.configurable.begin(), host_.configurable.end(), [&](const auto& m) {
            return m.function == e.function && m.index == e.index;
        });
        if (mask == host_.configurable.end()) return -EINVAL;
        if (((e.eax & ~mask->eax) | (e.ebx & ~mask->ebx) | (e.ecx & ~mask->ecx) | (e.edx & ~mask->edx)) != 0)
            return -EINVAL;
        if (e.function != kSizesLeaf) continue;
        sizes = true;
        const uint32_t width = e.eax >> 16 & 0xff;
        if (width != 48 && width != 52) return -EINVAL;
        if (width == 52 && !host_.five_levels) return -EINVAL;
    }
    return sizes ? 0 : -EINVAL;
}

int TdModel::init_vm(abi::EncryptCommand& command) {
    if (state_ != State::Uninitialized || command.flags != 0) return -EINVAL;
    const auto* asked = pointer<const abi::TdxInitVm>(command.data);
    if (asked == nullptr) return -EFAULT;
    if (asked->cpuid.count > kMostCpuidEntries) return -E2BIG;
    if (!kernel_.vcpus().empty()) return -EBUSY;
    if (!host_.believes_all) {
        if (const int refused = check_parameters(*asked); refused != 0) return refused;
    }
    parameters_ = *asked;
    const auto* entries = abi::list_entries<const kvm_cpuid_entry2>(*asked);
    configured_.assign(entries, entries + asked->cpuid.count);
    state_ = State::Initialized;
    return 0;
}

int TdModel::check_parameters(const abi::TdxInitVm& asked) const {
    for (uint64_t word : asked.reserved)
        if (word != 0) return -EINVAL;
    if (asked.cpuid.padding != 0) return -EINVAL;
    if ((asked.attributes & ~host_.attributes) != 0) return -EINVAL;
    constexpr uint64_t kLeastXfam = 3, kAvx512 = 0xe0, kAvx = 4, kCet = 0x1800, kAmx = 0x60000;
    const uint64_t xfam = asked.xfam;
    auto half = [xfam](uint64_t group) { return (xfam & group) != 0 && (xfam & group) != group; };
    if ((xfam & ~host_.xfam) != 0 || (xfam & kLeastXfam) != kLeastXfam) return -EINVAL;
    if (half(kAvx512) || half(kCet) || half(kAmx) || ((xfam & kAvx512) != 0 && (xfam & kAvx) == 0))
        return -EINVAL;
    return check_cpuid(asked);
}

int TdModel::check_enable_cap(const kvm_enable_cap& cap) {
    if (cap.cap != kCapApicBusCycles) return 0;
    if (!kernel_.irqchip_created) return -ENXIO;
    return kernel_.vcpus().empty() ? 0 : -EINVAL;
}

int TdModel::check_create_vcpu(uint32_t) {
    if (state_ != State::Initialized) return -EIO;
    // The kernel's own IOAPIC cannot serve a TD.
    if (!host_.believes_all && !kernel_.enabled_caps.contains(KVM_CAP_SPLIT_IRQCHIP)) return -EINVAL;
    return kernel_.vcpus().size() < host_.max_vcpus ? 0 : -EINVAL;
}

int TdModel::check_run() {
    return state_ == State::Runnable ? 0 : -EINVAL;
}

int TdModel::init_vcpu(model::ModelVcpu& vcpu, const abi::EncryptCommand& command) {
    if (command.flags != 0 || vcpus_.contains(vcpu.id)) return -EINVAL;
    vcpus_[vcpu.id] = command.data;
    vcpu.state_hidden = true;
    return 0;
}

void TdModel::add_pages(const abi::TdxInitMemRegion& region, bool measure) {
    const uint64_t bytes = region.pages * kPageSize;
    if (bytes == 0) return;
    pages_.add(region.gpa, bytes);
    const auto* contents = pointer<const uint8_t>(region.source);
    const bool empty = !measure && std::all_of(contents, contents + bytes, [](uint8_t b) { return b == 0; });
    model::ContentsDigest digest;
    if (record_ != nullptr && record_->hash_contents && !empty) digest.start({contents, bytes});
    const bool two_passes = host_.order == MrtdOrder::TwoPass;
    auto extend = [&](uint64_t at) { mrtd_.extend_page(region.gpa + at, {contents + at, kPageSize}); };
    for (uint64_t at = 0; at < bytes; at += kPageSize) {
        mrtd_.add_page(region.gpa + at);
        if (measure && !two_passes) extend(at);
    }
    for (uint64_t at = 0; measure && two_passes && at < bytes; at += kPageSize)
        extend(at);
    if (record_ == nullptr) return;
    record_->add({.op = "tdx_init_mem_region",
                  .gpa = region.gpa,
                  .length = bytes,
                  .measured = measure,
                  .contents = digest.value()},
                 empty ? nullptr : contents);
}

int TdModel::init_mem_region(const model::ModelVcpu& vcpu, abi::EncryptCommand& command) {
    if ((command.flags & ~abi::kTdxMeasureRegion) != 0 || !vcpus_.contains(vcpu.id)) return -EINVAL;
    auto* region = pointer<abi::TdxInitMemRegion>(command.data);
    if (region == nullptr) return -EFAULT;
    if (!is_aligned(region->source | region->gpa, kPageSize) || region->pages == 0) return -EINVAL;
    const uint64_t shared_bit = uint64_t{1} << 47;
    const auto bytes = checked_mul<uint64_t>(region->pages, kPageSize);
    if (!bytes || region->gpa >= shared_bit || *bytes > shared_bit - region->gpa) return -EINVAL;
    if (region->source == 0) return -EOPNOTSUPP;
    const bool measure = (command.flags & abi::kTdxMeasureRegion) != 0;
    const bool stops = host_.pages_per_call != 0 && host_.pages_per_call < region->pages;
    const uint64_t asked = stops ? host_.pages_per_call * kPageSize : *bytes;
    // Whole runs are judged at once; the first page that cannot be added ends the call.
    const uint64_t room =
        std::min(kernel_.launchable(region->gpa, asked), pages_.run(region->gpa, asked, false));
    int answer = stops ? -EINTR : 0;
    if (room < asked) answer = kernel_.launchable(region->gpa + room, kPageSize) == 0 ? -EINVAL : -EEXIST;
    abi::TdxInitMemRegion done = *region;
    done.pages = room / kPageSize;
    add_pages(done, measure);
    region->gpa += room;
    region->source += room;
    region->pages -= done.pages;
    return answer;
}

// What the TD shows: what was configured, and the bits that are always there.
int TdModel::get_cpuid(const model::ModelVcpu& vcpu, abi::EncryptCommand& command) {
    if (command.flags != 0) return -EINVAL;
    auto* out = pointer<abi::CpuidList>(command.data);
    if (out == nullptr) return -EFAULT;
    if (out->count < vcpu.cpuid.size()) {
        out->count = static_cast<uint32_t>(vcpu.cpuid.size());
        return -E2BIG;
    }
    out->count = static_cast<uint32_t>(vcpu.cpuid.size());
    std::copy(vcpu.cpuid.begin(), vcpu.cpuid.end(), abi::list_entries<kvm_cpuid_entry2>(*out));
    return 0;
}

int TdModel::finalize(const abi::EncryptCommand& command) {
    if (state_ != State::Initialized || command.flags != 0) return -EINVAL;
    state_ = State::Runnable;
    return 0;
}

std::vector<model::Measurement> TdModel::measurements() const {
    if (state_ != State::Runnable) return {};
    const Sha384Digest mrtd = mrtd_.value();
    return {{"mrtd", {mrtd.begin(), mrtd.end()}}};
}

std::vector<uint8_t> TdModel::copy_argument(const abi::EncryptCommand& command) const {
    auto copy = [&](size_t size) {
        const auto* from = pointer<const uint8_t>(command.data);
        return std::vector<uint8_t>(from, from + size);
    };
    constexpr size_t kEntry = sizeof(kvm_cpuid_entry2);
    switch (command.id) {
        case abi::kTdxCapabilities:
            return copy(sizeof(abi::TdxCapabilities) +
                        pointer<const abi::TdxCapabilities>(command.data)->cpuid.count * kEntry);
        case abi::kTdxGetCpuid:
            return copy(sizeof(abi::CpuidList) + pointer<const abi::CpuidList>(command.data)->count * kEntry);
        case abi::kTdxInitMemRegion:
            return copy(sizeof(abi::TdxInitMemRegion));
        default:
            return {};
    }
}

uint64_t TdModel::hob_of_vcpu(uint32_t id) const {
    const auto found = vcpus_.find(id);
    return found != vcpus_.end() ? found->second : 0;
}

}  // namespace vmm::tdx
