#include "backends/block/qcow2/header.h"

#include <algorithm>
#include <cstring>

#include "util/align.h"
#include "util/endian.h"

namespace vmm::qcow2 {
namespace {

constexpr uint32_t kEndOfExtensions = 0, kBackingFormat = 0xe2792aca, kFeatureNames = 0x6803f857,
                   kBitmaps = 0x23852875;
constexpr uint32_t kV2Length = 72, kV3Length = 104, kCompressionOffset = 104;
constexpr size_t kFeatureNameBytes = 48, kFeatureNameText = 46, kMaxFeatureNames = 192;

struct KnownName {
    FeatureKind kind;
    uint8_t bit;
    const char* name;
};
constexpr KnownName kKnownNames[] = {
    {FeatureKind::Incompatible, 0, "dirty bit"},
    {FeatureKind::Incompatible, 1, "corrupt bit"},
    {FeatureKind::Incompatible, 2, "external data file"},
    {FeatureKind::Incompatible, 3, "compression type"},
    {FeatureKind::Incompatible, 4, "extended L2 entries"},
    {FeatureKind::Compatible, 0, "lazy refcounts"},
    {FeatureKind::Autoclear, 0, "bitmaps"},
    {FeatureKind::Autoclear, 1, "raw external data"},
};

class Fields {
  public:
    explicit Fields(std::span<const uint8_t> bytes) : bytes_(bytes) {}
    uint32_t u32(size_t at) const { return load_be<uint32_t>(bytes_.data() + at); }
    uint64_t u64(size_t at) const { return load_be<uint64_t>(bytes_.data() + at); }
    std::string text(size_t at, size_t length) const {
        return std::string(bytes_.begin() + at, bytes_.begin() + at + length);
    }

  private:
    std::span<const uint8_t> bytes_;
};

void parse_feature_names(std::span<const uint8_t> data, Header& header) {
    for (; data.size() >= kFeatureNameBytes && header.feature_names.size() < kMaxFeatureNames;
         data = data.subspan(kFeatureNameBytes)) {
        if (data[0] > 2 || data[1] > 63) continue;
        auto text = data.subspan(2, kFeatureNameText);
        auto end = std::find(text.begin(), text.end(), 0);
        header.feature_names.push_back(
            {static_cast<FeatureKind>(data[0]), data[1], std::string(text.begin(), end)});
    }
}

Status parse_extensions(std::span<const uint8_t> cluster, size_t at, size_t end, Header& header) {
    Fields f(cluster);
    while (at + 8 <= end) {
        uint32_t type = f.u32(at), length = f.u32(at + 4);
        at += 8;
        if (type == kEndOfExtensions) return {};
        if (length > end - at)
            return Error::make("header extension 0x%x of %u bytes is larger than its room", type, length);
        if (type == kBackingFormat) {
            if (length > kMaxBackingFormat)
                return Error::make("the backing file's format name of %u bytes is too long", length);
            header.backing_format = f.text(at, length);
        } else if (type == kFeatureNames) {
            parse_feature_names(cluster.subspan(at, length), header);
        } else if (type == kBitmaps) {
            header.has_bitmaps = true;
        }
        at += align_up(length, 8);
    }
    return {};
}

Error unsupported_features(const Header& header, uint64_t bits) {
    std::string list;
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (!(bits >> bit & 1)) continue;
        std::string name = "bit " + std::to_string(bit);
        for (const KnownName& known : kKnownNames)
            if (known.kind == FeatureKind::Incompatible && known.bit == bit) name = known.name;
        for (const FeatureName& said : header.feature_names)
            if (said.kind == FeatureKind::Incompatible && said.bit == bit && !said.name.empty())
                name = said.name;
        list += (list.empty() ? "" : ", ") + name;
    }
    return Error::make("Unsupported qcow2 feature(s): %s", list.c_str());
}

// Names come from the image: only printable characters reach the user's terminal.
void make_printable(std::string& text) {
    for (char& c : text)
        if (c < 0x20 || c > 0x7e) c = '?';
}

Status check_table(const char* what, uint64_t offset, uint64_t bytes, uint64_t most, const Header& header,
                   uint64_t file_size) {
    if (bytes > most)
        return Error::make("the %s is too large (%llu bytes)", what, static_cast<unsigned long long>(bytes));
    if (bytes == 0) return {};
    if (header.geometry.in_cluster(offset) || offset == 0)
        return Error::make("the %s's offset 0x%llx is invalid", what,
                           static_cast<unsigned long long>(offset));
    uint64_t end_of_file = header.geometry.clusters_for(file_size) << header.geometry.cluster_bits;
    if (offset > end_of_file || bytes > end_of_file - offset)
        return Error::make("the %s reaches past the end of the file", what);
    return {};
}

Status check_tables(const Header& h, uint64_t file_size) {
    TRY(check_table("L1 table", h.l1_offset, uint64_t{h.l1_size} * 8, kMaxL1Bytes, h, file_size));
    if (h.refcount_table_clusters == 0) return Error::make("the image has no refcount table");
    TRY(check_table("refcount table", h.refcount_table_offset,
                    uint64_t{h.refcount_table_clusters} << h.geometry.cluster_bits, kMaxRefcountTableBytes, h,
                    file_size));
    if (h.snapshot_count > kMaxSnapshots) return Error::make("%u snapshots are too many", h.snapshot_count);
    if (h.snapshot_count != 0) TRY(check_table("snapshot table", h.snapshots_offset, 1, 1, h, file_size));
    if (h.size >> 63) return Error::make("the virtual size is too large");
    if (h.geometry.l1_entries_for(h.size) > h.l1_size)
        return Error::make("the L1 table of %u entries is too small for a disk of %llu bytes", h.l1_size,
                           static_cast<unsigned long long>(h.size));
    return {};
}

Status check_features(const Header& h) {
    if (h.crypt_method == 1)
        return Error::make("the image is encrypted (AES), which is not supported")
            .with_hint("convert it with qemu-img first");
    if (h.crypt_method == 2) return Error::make("the image is encrypted (LUKS), which is not supported");
    if (h.crypt_method > 2) return Error::make("unknown encryption method %u", h.crypt_method);
    uint64_t cannot = (h.incompatible & ~kKnownIncompatible) | (h.incompatible & kExternalDataBit);
    if (cannot) return unsupported_features(h, cannot);
    return {};
}

// What versions of 3 and higher have after the first 72 bytes; tells the header's length.
Result<uint32_t> parse_v3(std::span<const uint8_t> cluster, Header& h) {
    Fields f(cluster);
    h.incompatible = f.u64(72);
    h.compatible = f.u64(80);
    h.autoclear = f.u64(88);
    uint32_t length = f.u32(100);
    if (length < kV3Length || length > cluster.size())
        return Error::make("the header's length of %u bytes is invalid", length);
    h.geometry.extended_l2 = (h.incompatible & kExtendedL2Bit) != 0;
    if (h.geometry.extended_l2 && h.geometry.cluster_bits < kMinExtendedClusterBits)
        return Error::make("extended L2 entries need clusters of 16 KiB or more");
    uint8_t compression = length > kCompressionOffset ? cluster[kCompressionOffset] : 0;
    if (((h.incompatible & kCompressionTypeBit) != 0) != (compression != 0))
        return Error::make("the compression type %u and its feature bit disagree", compression);
    if (compression > 1) return Error::make("unknown compression type %u", compression);
    h.compression = static_cast<Compression>(compression);
    return length;
}

void put_extension(std::vector<uint8_t>& out, uint32_t type, std::span<const uint8_t> data) {
    size_t at = out.size();
    out.resize(at + 8 + align_up(data.size(), 8));
    store_be<uint32_t>(&out[at], type);
    store_be<uint32_t>(&out[at + 4], static_cast<uint32_t>(data.size()));
    std::copy(data.begin(), data.end(), out.begin() + static_cast<ptrdiff_t>(at + 8));
}

std::vector<uint8_t> feature_name_table() {
    std::vector<uint8_t> table;
    for (const KnownName& known : kKnownNames) {
        size_t at = table.size();
        table.resize(at + kFeatureNameBytes);
        table[at] = static_cast<uint8_t>(known.kind);
        table[at + 1] = known.bit;
        std::memcpy(&table[at + 2], known.name, std::strlen(known.name));
    }
    return table;
}

std::span<const uint8_t> bytes_of_text(const std::string& text) {
    return {static_cast<const uint8_t*>(static_cast<const void*>(text.data())), text.size()};
}

}  // namespace

Result<Geometry> probe_header(std::span<const uint8_t> start) {
    if (start.size() < kV2Length || load_be<uint32_t>(start.data()) != kMagic)
        return Error::make("Image is not in qcow2 format");
    Geometry g;
    g.version = load_be<uint32_t>(start.data() + 4);
    if (g.version != 2 && g.version != 3) return Error::make("Unsupported qcow2 version %u", g.version);
    uint32_t bits = load_be<uint32_t>(start.data() + 20);
    if (bits < kMinClusterBits || bits > kMaxClusterBits)
        return Error::make("Unsupported cluster size: 2^%u (512 bytes to 2 MiB are supported)", bits);
    g.cluster_bits = bits;
    if (g.version >= 3) {
        if (start.size() < kV3Length) return Error::make("the file is too short for a qcow2 header");
        uint32_t order = load_be<uint32_t>(start.data() + 96);
        if (order > 6) return Error::make("Reference count entry width too large; may not exceed 64 bits");
        g.refcount_order = order;
    }
    return g;
}

Result<Header> parse_header(std::span<const uint8_t> cluster, uint64_t file_size) {
    Header h;
    h.geometry = TRY(probe_header(cluster));
    CHECK(cluster.size() == h.geometry.cluster_size(), "a header is parsed from one whole cluster");
    Fields f(cluster);
    uint64_t backing_offset = f.u64(8);
    uint32_t backing_size = f.u32(16);
    h.size = f.u64(24);
    h.crypt_method = f.u32(32);
    h.l1_size = f.u32(36);
    h.l1_offset = f.u64(40);
    h.refcount_table_offset = f.u64(48);
    h.refcount_table_clusters = f.u32(56);
    h.snapshot_count = f.u32(60);
    h.snapshots_offset = f.u64(64);
    uint32_t length = h.geometry.version >= 3 ? TRY(parse_v3(cluster, h)) : kV2Length;
    if (backing_offset > cluster.size()) return Error::make("the backing file name's offset is invalid");

    size_t end = backing_offset ? backing_offset : cluster.size();
    TRY(parse_extensions(cluster, length, end, h));
    for (FeatureName& name : h.feature_names)
        make_printable(name.name);
    TRY(check_features(h));
    if (backing_offset != 0) {
        if (backing_size > kMaxBackingName || backing_size > cluster.size() - backing_offset)
            return Error::make("the backing file's name is too long");
        h.backing_file = f.text(backing_offset, backing_size);
        if (h.backing_file.find('\0') != std::string::npos)
            return Error::make("the backing file's name contains a zero byte");
    }
    if (h.backing_format.find('\0') != std::string::npos)
        h.backing_format.resize(h.backing_format.find('\0'));
    TRY(check_tables(h, file_size));
    return h;
}

namespace {

// Names that the header can hold, and that parse_header() takes back.
Status check_backing(const std::string& file, const std::string& format) {
    if (file.size() > kMaxBackingName) return Error::make("the backing file's name is too long");
    if (file.find('\0') != std::string::npos)
        return Error::make("the backing file's name contains a zero byte");
    if (format.size() > kMaxBackingFormat || format.find('\0') != std::string::npos)
        return Error::make("the backing file's format name of %zu bytes is too long or no text",
                           format.size());
    return {};
}

}  // namespace

Result<std::vector<uint8_t>> build_header(const Header& h) {
    TRY(check_backing(h.backing_file, h.backing_format));
    const Geometry& g = h.geometry;
    bool v3 = g.version >= 3;
    std::vector<uint8_t> out(v3 ? kV3Length + 8 : kV2Length);
    store_be<uint32_t>(&out[0], kMagic);
    store_be<uint32_t>(&out[4], g.version);
    store_be<uint32_t>(&out[20], g.cluster_bits);
    store_be<uint64_t>(&out[24], h.size);
    store_be<uint32_t>(&out[36], h.l1_size);
    store_be<uint64_t>(&out[40], h.l1_offset);
    store_be<uint64_t>(&out[48], h.refcount_table_offset);
    store_be<uint32_t>(&out[56], h.refcount_table_clusters);
    if (v3) {
        store_be<uint64_t>(&out[72], h.incompatible);
        store_be<uint64_t>(&out[80], h.compatible);
        store_be<uint64_t>(&out[88], h.autoclear);
        store_be<uint32_t>(&out[96], g.refcount_order);
        store_be<uint32_t>(&out[100], kV3Length + 8);
        out[kCompressionOffset] = static_cast<uint8_t>(h.compression);
    }
    if (!h.backing_format.empty()) put_extension(out, kBackingFormat, bytes_of_text(h.backing_format));
    // The names are a courtesy; a cluster of 512 bytes has no room for them.
    if (v3 && g.cluster_size() >= 1024) put_extension(out, kFeatureNames, feature_name_table());
    put_extension(out, kEndOfExtensions, {});
    if (!h.backing_file.empty()) {
        store_be<uint64_t>(&out[8], out.size());
        store_be<uint32_t>(&out[16], static_cast<uint32_t>(h.backing_file.size()));
        auto name = bytes_of_text(h.backing_file);
        out.insert(out.end(), name.begin(), name.end());
    }
    if (out.size() > g.cluster_size())
        return Error::make(
            "the header does not fit a cluster of %llu bytes: the backing file's name is too long",
            static_cast<unsigned long long>(g.cluster_size()));
    return out;
}

Result<std::vector<uint8_t>> with_backing_name(std::span<const uint8_t> cluster, const Geometry& g,
                                               const std::string& file, const std::string& format) {
    TRY(check_backing(file, format));
    Fields f(cluster);
    uint64_t length = g.version >= 3 ? f.u32(100) : kV2Length;
    uint64_t end = f.u64(8) != 0 ? f.u64(8) : cluster.size();
    CHECK(length <= cluster.size() && end <= cluster.size(), "the header was checked when it was parsed");
    std::vector<uint8_t> out(cluster.begin(), cluster.begin() + static_cast<ptrdiff_t>(length));
    for (uint64_t at = length; at + 8 <= end && f.u32(at) != kEndOfExtensions;) {
        uint64_t bytes = f.u32(at + 4);
        if (bytes > end - at - 8) break;
        if (f.u32(at) != kBackingFormat) put_extension(out, f.u32(at), cluster.subspan(at + 8, bytes));
        at += 8 + align_up(bytes, 8);
    }
    if (!file.empty() && !format.empty()) put_extension(out, kBackingFormat, bytes_of_text(format));
    put_extension(out, kEndOfExtensions, {});
    store_be<uint64_t>(&out[8], file.empty() ? 0 : out.size());
    store_be<uint32_t>(&out[16], static_cast<uint32_t>(file.size()));
    auto name = bytes_of_text(file);
    out.insert(out.end(), name.begin(), name.end());
    if (out.size() > g.cluster_size())
        return Error::make("the name of the backing file does not fit the image's first cluster");
    out.resize(g.cluster_size());
    return out;
}

}  // namespace vmm::qcow2
