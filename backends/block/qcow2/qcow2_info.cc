// What query-block and query-named-block-nodes say about a qcow2 image (ImageInfo); see qcow2_node.h.
#include "backends/block/qcow2/qcow2_node.h"

namespace vmm::block {
namespace {

qapi::List snapshot_list(const qcow2::Image& image) {
    qapi::List list;
    for (const qcow2::Snapshot& s : image.snapshots()) {
        qapi::Dict one;
        one.set("id", s.id);
        one.set("name", s.name);
        one.set("vm-state-size", s.vm_state_bytes);
        one.set("date-sec", uint64_t{s.date_sec});
        one.set("date-nsec", uint64_t{s.date_nsec});
        one.set("vm-clock-sec", s.vm_clock_nsec / 1'000'000'000);
        one.set("vm-clock-nsec", s.vm_clock_nsec % 1'000'000'000);
        list.emplace_back(std::move(one));
    }
    return list;
}

}  // namespace

qapi::Dict Qcow2Node::specific_info() const {
    const qcow2::Header& h = image().header();
    bool v3 = h.geometry.version >= 3;
    qapi::Dict data;
    data.set("compat", v3 ? "1.1" : "0.10");
    data.set("compression-type", h.compression == qcow2::Compression::Zstd ? "zstd" : "zlib");
    data.set("refcount-bits", uint64_t{1} << h.geometry.refcount_order);
    if (v3) {
        data.set("lazy-refcounts", (h.compatible & qcow2::kLazyRefcountsBit) != 0);
        data.set("corrupt", image().corrupt());
        data.set("extended-l2", h.geometry.extended_l2);
    }
    qapi::Dict specific;
    specific.set("type", "qcow2");
    specific.set("data", std::move(data));

    qapi::Dict info;
    info.set("cluster-size", h.geometry.cluster_size());
    info.set("dirty-flag", image().dirty());
    if (!h.backing_file.empty()) info.set("backing-filename", h.backing_file);
    if (!h.backing_format.empty()) info.set("backing-filename-format", h.backing_format);
    if (!image().snapshots().empty()) info.set("snapshots", snapshot_list(image()));
    info.set("format-specific", std::move(specific));
    return info;
}

}  // namespace vmm::block
