// Decompressor: the bytes of a compressed cluster, raw deflate or zstd. Nothing is trusted: too little, too
// much or broken input is an error, and no more than a cluster is ever produced. Worker thread only. Spec:
// qcow2, "Compressed Clusters Descriptor"; RFC 1951; RFC 8878.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "backends/block/qcow2/header.h"
#include "util/result.h"

namespace vmm::qcow2 {

class Decompressor {
  public:
    explicit Decompressor(Compression type) : type_(type) {}
    // Fills `into` wholly; the input may have unused bytes after the end of the compressed data.
    Status run(std::span<const uint8_t> from, std::span<uint8_t> into);

  private:
    const Compression type_;
};

}  // namespace vmm::qcow2
