// Flat views into slots; see memory_listener.h.
#include "accel/kvm/memory_listener.h"

#include "system/memory/ram_block.h"
#include "system/run/requests.h"

namespace vmm::kvm {

std::vector<SlotSpec> ram_pieces(const FlatView& view, ReadOnlySlots readonly) {
    std::vector<SlotSpec> pieces;
    for (const FlatSection& section : view.sections()) {
        if (section.ram == nullptr || !section.reads_ram) continue;
        const bool is_readonly = section.readonly || section.io != nullptr;
        if (is_readonly && readonly == ReadOnlySlots::Forbidden) continue;
        SlotSpec piece;
        piece.range = section.range;
        piece.host_address = reinterpret_cast<uintptr_t>(section.ram->data()) + section.ram_offset.raw();
        piece.readonly = is_readonly;
        if (Gmem* gmem = section.ram->gmem(); gmem != nullptr && !piece.readonly) {
            piece.gmem_fd = gmem->fd();
            piece.gmem_offset = section.ram_offset.raw();
        }
        pieces.push_back(piece);
    }
    return pieces;
}

void SlotListener::commit(const FlatView& view) {
    Status done = table_.apply(plan_slots(ram_pieces(view, readonly_)));
    if (done) return;
    if (attempting_.load() == std::this_thread::get_id()) {
        if (!attempt_error_) attempt_error_ = std::move(done).take_error();
        return;
    }
    if (requests_ != nullptr) {
        requests_->report_internal_error(std::move(done).take_error().message());
    } else if (!error_) {
        error_ = std::move(done).take_error();
    }
}

Status SlotListener::attempt(const std::function<void()>& change) {
    attempting_.store(std::this_thread::get_id());
    change();
    attempting_.store(std::thread::id());
    if (!attempt_error_) return {};
    Error error = std::move(*attempt_error_);
    attempt_error_.reset();
    return error;
}

Status SlotListener::renew(const FlatView& view) {
    table_.forget();
    return table_.apply(plan_slots(ram_pieces(view, readonly_)));
}

Status SlotListener::take_error() {
    if (!error_) return {};
    Error error = std::move(*error_);
    error_.reset();
    return error;
}

}  // namespace vmm::kvm
