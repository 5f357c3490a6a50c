// The launch of a TD: the firmware's sections become its first pages, in the order of the firmware's table,
// with the TD HOB where the firmware wants it. See guest.h.
#include <sys/mman.h>

#include <algorithm>

#include "accel/kvm/vcpu_set.h"
#include "accel/model/launch_record.h"
#include "qapi/value.h"
#include "target/i386/confidential/tdx/authenticode.h"
#include "target/i386/confidential/tdx/guest.h"
#include "target/i386/confidential/tdx/rtmr.h"
#include "target/i386/confidential/tdx/td_hob.h"
#include "util/align.h"
#include "util/mmap.h"

namespace vmm::tdx {

namespace {

// What one section starts with.
struct Contents {
    std::span<const uint8_t> bytes;
    std::string source;
    uint64_t offset = 0;
};

class Launch {
  public:
    Launch(const Tdvf& firmware, LaunchScene& scene, model::LaunchRecord* record)
        : firmware_(firmware), scene_(scene), record_(record) {}

    Status check_places() const;
    Result<std::vector<uint8_t>> make_hob() const;
    Status add(const TdvfSection& section, std::span<const uint8_t> hob);

  private:
    const LaunchImage& image() const { return scene_.media.firmware.front(); }
    Result<Contents> contents_of(const TdvfSection& section, std::span<const uint8_t> hob) const;
    Result<Contents> given_payload(const TdvfSection& section) const;

    const Tdvf& firmware_;
    LaunchScene& scene_;
    model::LaunchRecord* const record_;
};

// Firmware belongs where the board has its image, which is private memory of its own.
Status Launch::check_places() const {
    const GpaRange place = image().range;
    for (const TdvfSection& s : firmware_.sections) {
        if (s.type != TdvfType::Bfv && s.type != TdvfType::Cfv) continue;
        if (s.gpa >= place.first().raw() && s.end() - 1 <= place.last().raw()) continue;
        return Error::make(
            "firmware '%s': its TDX section %s at 0x%llx does not lie where the image is, from 0x%llx",
            image().name.c_str(), std::string(tdvf_type_name(s.type)).c_str(),
            static_cast<unsigned long long>(s.gpa), static_cast<unsigned long long>(place.first().raw()));
    }
    return {};
}

Result<std::vector<uint8_t>> Launch::make_hob() const {
    std::vector<RamRange> ram;
    for (const GpaRange& range : scene_.media.ram)
        ram.push_back({range.first().raw(), range.size()});
    const std::vector<HobRange> ranges = TRY(divide_ram(ram, firmware_));
    if (firmware_.hob() == nullptr) return std::vector<uint8_t>();
    const TdvfSection* payload = firmware_.find(TdvfType::Payload);
    const bool given = payload != nullptr && payload->raw_size == 0 && scene_.media.kernel.has_value();
    return build_td_hob(firmware_.hob()->gpa, firmware_.hob()->size, ranges,
                        given ? HobPayload::BzImage : HobPayload::None);
}

// td-shim takes the kernel in memory rather than from fw_cfg.
Result<Contents> Launch::given_payload(const TdvfSection& section) const {
    const LaunchKernel& kernel = *scene_.media.kernel;
    if (!kernel.initrd.empty())
        return Error::make(
            "-initrd: this firmware takes the kernel as a TDX payload, which has no initial RAM disk");
    if (kernel.kernel.size() > section.size)
        return Error::make("-kernel: %zu bytes do not fit the firmware's Payload section of 0x%llx",
                           kernel.kernel.size(), static_cast<unsigned long long>(section.size));
    return Contents{kernel.kernel, "kernel"};
}

Result<Contents> Launch::contents_of(const TdvfSection& section, std::span<const uint8_t> hob) const {
    if (section.raw_size != 0)
        return Contents{section.data(image().bytes), image().name, section.data_offset};
    if (section.type == TdvfType::TdHob) return Contents{hob, "td-hob"};
    if (!scene_.media.kernel) return Contents{};
    if (section.type == TdvfType::Payload) return given_payload(section);
    if (section.type != TdvfType::PayloadParam) return Contents{};
    const std::string& line = scene_.media.kernel->command_line;
    if (line.size() >= section.size)
        return Error::make("-append: %zu bytes do not fit the firmware's PayloadParam section", line.size());
    return Contents{{static_cast<const uint8_t*>(static_cast<const void*>(line.c_str())), line.size() + 1},
                    "command line"};
}

Status Launch::add(const TdvfSection& section, std::span<const uint8_t> hob) {
    if (section.size == 0 || section.page_aug()) return {};
    const Contents contents = TRY(contents_of(section, hob));
    // In memory of its own: whole pages, and what follows the data is zero.
    MappedRegion pages = TRY(
        MappedRegion::map(section.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE));
    std::copy(contents.bytes.begin(), contents.bytes.end(), pages.bytes().begin());
    if (record_ != nullptr) record_->set_source(contents.source, pages.data(), contents.offset);
    return add_pages(scene_.vcpus.vcpu(VcpuId(0)), section.gpa, pages.bytes(),
                     section.extend() ? Measure::Yes : Measure::No);
}

qapi::Value events_value(std::span<const MeasuredEvent> events) {
    qapi::List list;
    for (const MeasuredEvent& event : events)
        list.push_back(
            qapi::Dict{{"type", event.type}, {"sha384", to_hex(event.digest)}, {"what", event.what}});
    return list;
}

}  // namespace

Status TdxGuest::launch(LaunchScene& scene) {
    if (scene.media.firmware.empty())
        return Error::make("%s needs firmware built for TDX", id().c_str()).with_hint("add -bios OVMF.fd");
    if (!firmware_) TRY(prepare(scene.media.firmware, scene.media.kernel.has_value()));
    Launch work(*firmware_, scene, record());
    TRY(work.check_places());
    hob_ = TRY(work.make_hob());
    const uint64_t hob_at = firmware_->hob() != nullptr ? firmware_->hob()->gpa : 0;
    for (const VcpuId vcpu : scene.vcpus.present())
        if (Status made = init_vcpu(scene.vcpus.vcpu(vcpu), hob_at); !made)
            return std::move(made).take_error().while_doing("%s", id().c_str());
    configuration_volumes_.clear();
    for (const TdvfSection& section : firmware_->sections)
        if (!section.page_aug()) progress().expect(section.size);
    for (const TdvfSection& section : firmware_->sections) {
        Status added = work.add(section, hob_);
        if (!added)
            return std::move(added).take_error().while_doing(
                "%s: the firmware's TDX section %s", id().c_str(),
                std::string(tdvf_type_name(section.type)).c_str());
        if (!section.page_aug()) progress().given(section.size);
        if (section.type == TdvfType::Cfv)
            configuration_volumes_.push_back(sha384(section.data(scene.media.firmware[0].bytes)));
    }
    kernel_digest_.reset();
    tables_.clear();
    if (record() != nullptr)
        for (const LaunchTable& table : scene.media.tables)
            tables_.push_back({table.file, sha384(table.bytes)});
    if (record() != nullptr && scene.media.kernel) {
        const Result<Sha384Digest> digest = authenticode_digest(scene.media.kernel->kernel);
        if (digest) kernel_digest_ = *digest;
    }
    Status done = finalize(scene.vm);
    if (!done) return std::move(done).take_error().while_doing("%s", id().c_str());
    return {};
}

void TdxGuest::describe_launch(qapi::Dict& out) const {
    out.set("attributes", choice_.attributes);
    out.set("xfam", choice_.xfam);
    out.set("mrconfigid", to_hex(identity_.mrconfigid));
    out.set("mrowner", to_hex(identity_.mrowner));
    out.set("mrownerconfig", to_hex(identity_.mrownerconfig));
    out.set("td-hob", to_hex(hob_));
    const std::vector<MeasuredEvent> rtmr0 = rtmr0_events({.hob = hob_,
                                                           .configuration_volumes = configuration_volumes_,
                                                           .tables = tables_,
                                                           .starts_kernel = kernel_digest_.has_value()});
    out.set("rtmr0-events", events_value(rtmr0));
    if (kernel_digest_) out.set("rtmr1-events", events_value(rtmr1_events(*kernel_digest_)));
}

}  // namespace vmm::tdx
