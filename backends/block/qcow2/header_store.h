// HeaderStore: the header of an open image: the fields that change, written in place one 512-byte sector at a
// time, so that a crash leaves the old header or the new one. Also where corruption is reported: the first
// report sets the corrupt bit and from then on the image is not written. Worker thread only, but corrupt()
// may be asked by any. Spec: qcow2, "Header".
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "backends/block/qcow2/header.h"
#include "backends/block/qcow2/image_file.h"
#include "util/result.h"

namespace vmm::qcow2 {

// What is wrong, and whether the image is marked (it could be written) so that it has to be repaired.
using CorruptionListener = std::function<void(const std::string& what, bool fatal)>;

class HeaderStore {
  public:
    // The header was parsed from this cluster of this file.
    HeaderStore(HostFile& file, Header header, std::span<const uint8_t> first_cluster, bool writable);

    const Header& header() const { return header_; }
    const Geometry& geometry() const { return header_.geometry; }
    bool writable() const { return writable_; }

    // Each writes the sector; none syncs.
    Status set_size(uint64_t size);
    Status set_l1(uint64_t offset, uint32_t entries);
    Status set_refcount_table(uint64_t offset, uint32_t clusters);
    Status set_incompatible(uint64_t bits);
    Status set_autoclear(uint64_t bits);
    // Writes the whole first cluster, of which an interrupted write may leave a part.
    Status set_backing_name(const std::string& file, const std::string& format);
    // The result of a repair in one write: a new refcount table, and the dirty bit gone.
    Status set_repaired(uint64_t table_offset, uint32_t table_clusters);

    // Marks the image, tells the listener (once), and makes the error that goes up (EIO).
    [[gnu::format(printf, 2, 3)]] Error report_corruption(const char* format, ...);
    bool corrupt() const { return corrupt_.load(std::memory_order_relaxed); }
    // The text of the first report, "" before it.
    const std::string& corruption() const { return corruption_; }
    // For messages.
    void set_name(std::string name) { name_ = std::move(name); }
    const std::string& name() const { return name_; }
    void set_listener(CorruptionListener listener) { listener_ = std::move(listener); }

  private:
    Status write_sector() { return file_.write(0, sector_); }

    HostFile& file_;
    Header header_;
    std::array<uint8_t, kSectorSize> sector_;
    bool writable_;
    std::atomic<bool> corrupt_{false};
    std::string corruption_;
    std::string name_ = "qcow2 image";
    CorruptionListener listener_;
};

}  // namespace vmm::qcow2
