// See flash_drive.h.
#include "hw/nvram/flash_drive.h"

#include <algorithm>

#include "util/align.h"
#include "util/log.h"
#include "util/size_text.h"

namespace vmm {

namespace {

// A read-only image makes a read-only flash.
bool read_only(const block::BlockGraph& graph, const std::string& drive) {
    const block::BlockHandle* handle = graph.find_drive(drive);
    const block::Node* node = handle != nullptr ? handle->node() : graph.find(drive);
    return node != nullptr && node->read_only();
}

}  // namespace

Result<std::unique_ptr<FlashDrive>> FlashDrive::open(block::BlockGraph& graph, const std::string& drive,
                                                     const std::string& name) {
    auto made = std::make_unique<FlashDrive>(Token{}, name);
    block::DiskAttachment attachment;
    attachment.qom_path = "/machine/system.flash" + name.substr(name.size() - 1);
    attachment.resizable = false;
    attachment.writable = !read_only(graph, drive);
    made->disk_ = TRY(graph.attach(drive, *made, attachment));
    const uint64_t size = made->disk_->size();
    if (size == 0 || !is_aligned(size, kSector))
        return Error::make("%s: '%s' has %s, a flash has a whole number of 4 KiB sectors", name.c_str(),
                           drive.c_str(), size_text(size).c_str());
    made->size_ = size;
    made->contents_ = TRY(RamBlock::anonymous(name, size));
    TRY(made->disk_->read(0, made->contents_->bytes()));
    return made;
}

FlashDrive::~FlashDrive() {
    if (disk_) disk_->context().wait_until([this] { return clean_.load(); });
}

void FlashDrive::changed(uint64_t offset, uint64_t bytes) {
    {
        Locked l(mutex_);
        clean_.store(false);
        dirty_first_ = std::min(dirty_first_, align_down(offset, kSector));
        dirty_end_ = std::max(dirty_end_, align_up(offset + bytes, kSector));
    }
    pump();
}

void FlashDrive::pump() {
    {
        Locked l(mutex_);
        if (writing_) return;
        if (dirty_first_ >= dirty_end_) {
            clean_.store(true);
            return;
        }
        writing_ = true;
        write_ = Write();
        write_.drive = this;
        write_.op = block::Op::Write;
        write_.flags = block::kFua;
        write_.offset = dirty_first_;
        write_.bytes = dirty_end_ - dirty_first_;
        write_.vector = {contents_->data() + dirty_first_, write_.bytes};
        write_.iov = {&write_.vector, 1};
        write_.complete = completed;
        dirty_first_ = UINT64_MAX;
        dirty_end_ = 0;
    }
    disk_->submit(write_);
}

void FlashDrive::completed(block::DiskRequest& request) {
    FlashDrive& drive = *static_cast<Write&>(request).drive;
    if (request.result < 0)
        log_error("%s: the guest's changes could not be stored: %s", drive.name_.c_str(),
                  Error::from_errno(-request.result, "write").text().c_str());
    {
        Locked l(drive.mutex_);
        drive.writing_ = false;
    }
    drive.pump();
}

}  // namespace vmm
