// The qcow2 header: bytes of the first cluster to a checked struct and back, header extensions and the names
// of features among them. Pure. Called by open, create and check. Does not read files. Spec: qcow2, "Header",
// "Header extensions", "Feature name table".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backends/block/qcow2/geometry.h"
#include "util/result.h"

namespace vmm::qcow2 {

inline constexpr uint32_t kMagic = 0x514649fb;  // "QFI\xfb"
inline constexpr uint64_t kDirtyBit = 1, kCorruptBit = 2, kExternalDataBit = 4, kCompressionTypeBit = 8,
                          kExtendedL2Bit = 16;
inline constexpr uint64_t kKnownIncompatible =
    kDirtyBit | kCorruptBit | kExternalDataBit | kCompressionTypeBit | kExtendedL2Bit;
inline constexpr uint64_t kLazyRefcountsBit = 1;  // compatible
inline constexpr uint32_t kMaxSnapshots = 65536;
inline constexpr size_t kMaxBackingName = 1023, kMaxBackingFormat = 15;
inline constexpr uint64_t kMinHeaderRead = 112;  // enough of the file to know the cluster size

enum class Compression : uint8_t { Zlib = 0, Zstd = 1 };
enum class FeatureKind : uint8_t { Incompatible = 0, Compatible = 1, Autoclear = 2 };

struct FeatureName {
    FeatureKind kind;
    uint8_t bit;
    std::string name;
};

struct Header {
    Geometry geometry;
    uint64_t size = 0;  // of the virtual disk, bytes
    uint32_t crypt_method = 0;
    uint32_t l1_size = 0;  // entries
    uint64_t l1_offset = 0;
    uint64_t refcount_table_offset = 0;
    uint32_t refcount_table_clusters = 0;
    uint32_t snapshot_count = 0;
    uint64_t snapshots_offset = 0;
    uint64_t incompatible = 0, compatible = 0, autoclear = 0;
    Compression compression = Compression::Zlib;
    std::string backing_file;    // empty: none
    std::string backing_format;  // empty: not said
    std::vector<FeatureName> feature_names;
    bool has_bitmaps = false;
};

// The cluster size a file claims, so that the caller knows how much to read for parse_header. The bytes are
// the file's first ones, at most kMinHeaderRead. Fails when this is no qcow2 image of version 2 or 3.
Result<Geometry> probe_header(std::span<const uint8_t> start);

// `cluster` is the first cluster (a shorter file: zeros after its end). Everything in the result lies within
// the format's bounds; tables lie within `file_size`. Features we cannot honour are errors that name them.
Result<Header> parse_header(std::span<const uint8_t> cluster, uint64_t file_size);

// The first bytes of a new image, with the feature name table and the backing file's name; fails when they do
// not fit one cluster.
Result<std::vector<uint8_t>> build_header(const Header& header);

// The first cluster of an image with another backing file (empty: none); everything else, unknown extensions
// too, stays as it is. Fails when the names do not fit.
Result<std::vector<uint8_t>> with_backing_name(std::span<const uint8_t> cluster, const Geometry& geometry,
                                               const std::string& file, const std::string& format);

}  // namespace vmm::qcow2
