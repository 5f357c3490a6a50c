// The record of a launch: what was asked of the kernel, one operation after the other, as far as it decides
// about the guest's measurement. The model writes it; launch plans print it, one JSON object an operation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "qapi/value.h"
#include "util/digest.h"

namespace vmm::model {

struct LaunchOperation {
    std::string op;                // "snp_launch_update", "tdx_init_mem_region", "sev_launch_update_data"
    std::optional<uint32_t> type;  // page type, where the operation has one
    std::optional<uint64_t> gpa;   // of the first byte; absent for those without an address
    uint64_t length = 0;           // bytes
    std::optional<bool> measured;  // TDX: contents are part of the measurement
    std::string source;            // what the contents are; "" for pages without
    uint64_t offset = 0;           // of the contents in the source
    std::optional<Sha384Digest> contents;                   // SHA-384 of the contents, where they count
    std::vector<std::pair<std::string, qapi::Value>> more;  // what only this operation has
};

qapi::Value to_value(const LaunchOperation& operation);

class LaunchRecord {
  public:
    // Names the contents of what is submitted next, until it is named otherwise; offset is that of the bytes
    // at `start` in the source, by which later submissions of the same bytes are told apart.
    void set_source(std::string source, const uint8_t* start = nullptr, uint64_t offset = 0);
    // The operation gets the source set last, unless it has one; data is where its contents are.
    void add(LaunchOperation operation, const uint8_t* data = nullptr);
    const std::vector<LaunchOperation>& operations() const { return operations_; }
    // Contents are hashed once more for the record; off: only the measurement is made.
    bool hash_contents = true;

  private:
    std::vector<LaunchOperation> operations_;
    std::string source_;
    const uint8_t* start_ = nullptr;
    uint64_t offset_ = 0;
};

}  // namespace vmm::model
