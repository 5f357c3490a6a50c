// SHA-1, SHA-256 and SHA-384 of bytes, incrementally or in one go.
#pragma once

#include <glib.h>

#include <cstdint>
#include <span>
#include <vector>

#include "util/glib_ptr.h"

namespace vmm {

class Digest {
  public:
    enum class Kind { Sha1, Sha256, Sha384 };
    explicit Digest(Kind kind);
    Digest& add(std::span<const uint8_t> bytes);
    // The digest of all that was added; ends the computation.
    std::vector<uint8_t> finish();
    static std::vector<uint8_t> of(Kind kind, std::span<const uint8_t> bytes);

  private:
    Kind kind_;
    GPtr<GChecksum, g_checksum_free> state_;
};

}  // namespace vmm
