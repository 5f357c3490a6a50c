#include "backends/block/qcow2/create.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <vector>

#include "backends/block/qcow2/refcount_field.h"
#include "util/align.h"
#include "util/endian.h"

namespace vmm::qcow2 {
namespace {

Result<Header> plan_header(const CreateOptions& o) {
    if (o.version != 2 && o.version != 3) return Error::make("there is no qcow2 version %u", o.version);
    if (!is_power_of_two(o.cluster_size) || o.cluster_size < (1u << kMinClusterBits) ||
        o.cluster_size > (1u << kMaxClusterBits))
        return Error::make("Cluster size must be a power of two between 512 and 2048k");
    if (!is_power_of_two(o.refcount_bits) || o.refcount_bits > 64)
        return Error::make("Refcount width must be a power of two and may not exceed 64 bits");
    if (o.version < 3 && o.refcount_bits != 16)
        return Error::make("Different refcount widths than 16 bits require compatibility level 1.1 or above");
    if (o.version < 3 && o.lazy_refcounts)
        return Error::make("Lazy refcounts only supported with compatibility level 1.1 and above");
    if (o.version < 3 && o.compression != Compression::Zlib)
        return Error::make(
            "Non-zlib compression type is only supported with compatibility level 1.1 and above");
    if (o.extended_l2 && (o.version < 3 || o.cluster_size < (1u << kMinExtendedClusterBits)))
        return Error::make(
            "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes and "
            "compatibility level 1.1 and above");
    if (o.backing_file.empty() && !o.backing_format.empty())
        return Error::make("Backing format cannot be used without backing file");
    if (o.size >> 62) return Error::make("The image size is too large");
    Header h;
    h.geometry = {o.version, static_cast<unsigned>(std::countr_zero(o.cluster_size)),
                  static_cast<unsigned>(std::countr_zero(o.refcount_bits)), o.extended_l2};
    h.size = align_up(o.size, kSectorSize);
    uint64_t entries = h.geometry.l1_entries_for(h.size);
    if (entries * 8 > kMaxL1Bytes)
        return Error::make("The image size is too large (try using a larger cluster size)");
    // QEMU keeps one entry even for an empty disk.
    h.l1_size = static_cast<uint32_t>(std::max<uint64_t>(entries, 1));
    h.compatible = o.lazy_refcounts ? kLazyRefcountsBit : 0;
    h.compression = o.compression;
    h.incompatible = o.compression != Compression::Zlib ? kCompressionTypeBit : 0;
    if (o.extended_l2) h.incompatible |= kExtendedL2Bit;
    h.backing_file = o.backing_file;
    h.backing_format = o.backing_format;
    return h;
}

}  // namespace

// Header, refcount table, refcount blocks, L1 table, in this order.
Status create_image(ImageFile& file, const CreateOptions& options) {
    Header h = TRY(plan_header(options));
    const Geometry& g = h.geometry;
    uint64_t l1_clusters = g.clusters_for(uint64_t{h.l1_size} * 8), table = 1, blocks = 1, used = 0;
    for (;;) {
        used = 1 + table + blocks + l1_clusters;
        uint64_t need_blocks = (used + g.block_entries() - 1) >> g.block_shift();
        uint64_t need_table = g.clusters_for(need_blocks * 8);
        if (need_blocks == blocks && need_table == table) break;
        blocks = need_blocks;
        table = need_table;
    }
    h.refcount_table_offset = g.cluster_size();
    h.refcount_table_clusters = static_cast<uint32_t>(table);
    h.l1_offset = (1 + table + blocks) << g.cluster_bits;
    std::vector<uint8_t> header = TRY(build_header(h));
    header.resize(g.cluster_size());

    std::vector<uint8_t> bytes(table << g.cluster_bits);
    for (uint64_t i = 0; i < blocks; ++i)
        store_be<uint64_t>(&bytes[i * 8], (1 + table + i) << g.cluster_bits);
    TRY(file.write(h.refcount_table_offset, bytes));
    bytes.assign(blocks << g.cluster_bits, 0);
    for (uint64_t cluster = 0; cluster < used; ++cluster) {
        uint8_t* block = &bytes[(cluster >> g.block_shift()) << g.cluster_bits];
        set_refcount_field(block, cluster & (g.block_entries() - 1), g.refcount_order, 1);
    }
    TRY(file.write((1 + table) << g.cluster_bits, bytes));
    bytes.assign(l1_clusters << g.cluster_bits, 0);
    TRY(file.write(h.l1_offset, bytes));
    TRY(file.flush());
    TRY(file.write(0, header));
    return file.flush();
}

}  // namespace vmm::qcow2
