#include "backends/block/qcow2/header_store.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "util/endian.h"

namespace vmm::qcow2 {

HeaderStore::HeaderStore(HostFile& file, Header header, std::span<const uint8_t> first_cluster, bool writable)
    : file_(file), header_(std::move(header)), writable_(writable) {
    std::memcpy(sector_.data(), first_cluster.data(), sector_.size());
}

Status HeaderStore::set_size(uint64_t size) {
    header_.size = size;
    store_be<uint64_t>(&sector_[24], size);
    return write_sector();
}

Status HeaderStore::set_l1(uint64_t offset, uint32_t entries) {
    header_.l1_offset = offset;
    header_.l1_size = entries;
    store_be<uint32_t>(&sector_[36], entries);
    store_be<uint64_t>(&sector_[40], offset);
    return write_sector();
}

Status HeaderStore::set_refcount_table(uint64_t offset, uint32_t clusters) {
    header_.refcount_table_offset = offset;
    header_.refcount_table_clusters = clusters;
    store_be<uint64_t>(&sector_[48], offset);
    store_be<uint32_t>(&sector_[56], clusters);
    return write_sector();
}

Status HeaderStore::set_incompatible(uint64_t bits) {
    header_.incompatible = bits;
    store_be<uint64_t>(&sector_[72], bits);
    return write_sector();
}

Status HeaderStore::set_autoclear(uint64_t bits) {
    header_.autoclear = bits;
    store_be<uint64_t>(&sector_[88], bits);
    return write_sector();
}

Status HeaderStore::set_backing_name(const std::string& file, const std::string& format) {
    std::vector<uint8_t> old(geometry().cluster_size());
    TRY(file_.read(0, old));
    // What is in memory is newer where the two differ.
    std::memcpy(old.data(), sector_.data(), sector_.size());
    std::vector<uint8_t> cluster = TRY(with_backing_name(old, geometry(), file, format));
    TRY(file_.write(0, cluster));
    std::memcpy(sector_.data(), cluster.data(), sector_.size());
    header_.backing_file = file;
    header_.backing_format = file.empty() ? "" : format;
    return file_.sync();
}

Status HeaderStore::set_repaired(uint64_t table_offset, uint32_t table_clusters) {
    header_.incompatible &= ~kDirtyBit;
    store_be<uint64_t>(&sector_[72], header_.incompatible);
    return set_refcount_table(table_offset, table_clusters);
}

Error HeaderStore::report_corruption(const char* format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!corrupt_.exchange(true)) {
        corruption_ = text;
        if (listener_) listener_(corruption_, writable_);
        if (writable_ && header_.geometry.version >= 3) {
            // The mark is the last thing written; that it fails changes nothing for us.
            if (Status marked = set_incompatible(header_.incompatible | kCorruptBit); marked)
                (void)static_cast<bool>(file_.sync());
        }
    }
    return Error::from_errno(EIO, "%s: %s", name_.c_str(), text);
}

}  // namespace vmm::qcow2
