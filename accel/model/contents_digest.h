// ContentsDigest: the SHA-384 of what a launch operation submits, for the record, made beside the measurement
// of the same bytes: long contents are hashed on a thread of their own, so that a launch plan takes no longer
// than the measurement. The bytes stay as they are until value() was called.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "util/digest.h"
#include "util/thread.h"

namespace vmm::model {

class ContentsDigest {
  public:
    ContentsDigest() = default;
    ContentsDigest(const ContentsDigest&) = delete;
    ContentsDigest& operator=(const ContentsDigest&) = delete;

    void start(std::span<const uint8_t> bytes);
    // Waits for it; empty when it was not started.
    std::optional<Sha384Digest> value();

  private:
    std::optional<Sha384Digest> value_;
    Thread worker_;  // writes value_
};

}  // namespace vmm::model
