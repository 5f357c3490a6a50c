// What people ask of a board that stands or runs: interrupt controllers and their counts, the firmware's
// images and files. Part of q35_board.h.
#include "hw/i386/q35_board.h"
#include "hw/i386/q35_state_priv.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"

namespace vmm {

Result<std::string> Q35Board::local_apic(VcpuId vcpu) {
    return state_->x86->local_apic(vcpu);
}

Result<std::string> Q35Board::interrupt_controllers() {
    if (state_->ioapic == nullptr) return state_->x86->kernel_chips_text();
    std::string out;
    if (I8259Pair* pic = state_->pic) out = pics_text(pic->state(0), pic->state(1));
    return out + ioapic_text(state_->ioapic->state());
}

std::vector<uint64_t> Q35Board::interrupt_counts() {
    const auto rises = state_->gsis->rises();
    return {rises.begin(), rises.end()};
}

std::vector<Q35Board::RomImage> Q35Board::roms() {
    std::vector<RomImage> out;
    for (const LaunchImage& image : state_->launch_images())
        out.push_back({image.name.empty() ? kDefaultFirmware : image.name, image.range.first().raw(),
                       image.range.size()});
    return out;
}

std::vector<std::pair<std::string, uint64_t>> Q35Board::firmware_files() {
    std::vector<std::pair<std::string, uint64_t>> out;
    if (state_->fw_cfg == nullptr) return out;
    const FwCfgItems& items = state_->fw_cfg->items();
    for (const std::string& name : items.file_names())
        out.emplace_back(name, items.find_file(name)->bytes.size());
    return out;
}

}  // namespace vmm
