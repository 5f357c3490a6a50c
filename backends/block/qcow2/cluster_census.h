// ClusterCensus: counts how often each host cluster of an image is used, by walking its tables.
// Folder-internal: check.cc. Work is bounded by the size of the file and of its snapshots' L1 tables,
// whatever they say.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "backends/block/qcow2/header.h"
#include "backends/block/qcow2/image_file.h"
#include "backends/block/qcow2/snapshot_ro.h"
#include "util/result.h"

namespace vmm::qcow2 {

class ClusterCensus {
  public:
    ClusterCensus(ImageFile& file, const Header& header);

    // Header, active and inactive L1 tables and what they lead to, the snapshot table; not the refcount
    // structures.
    Status count_all();
    // The refcount table and its blocks; their offsets for the caller.
    Status count_refcount_structures(std::vector<uint64_t>& blocks);
    // After counting: flags "refcount is one" of the active tables that claim it wrongly (true: also those
    // that do not claim it and could).
    Status check_copied_flags(bool both_ways);

    void problem(std::string text);
    uint64_t problems() const { return problems_; }
    const std::string& first_problem() const { return first_problem_; }
    const std::vector<uint32_t>& counts() const { return counts_; }

  private:
    enum class Holds : uint8_t { Nothing, Metadata, Data };
    void use(uint64_t offset, uint64_t bytes, const char* what, Holds holds = Holds::Metadata);
    Status count_l1(uint64_t offset, uint64_t entries);
    Status count_l2(uint64_t offset);
    void check_flag(uint64_t entry, uint64_t host, bool both_ways, const char* what);
    Result<std::vector<uint64_t>> read_table(uint64_t offset, uint64_t entries);

    ImageFile& file_;
    const Header& header_;
    const Geometry geometry_;
    const uint64_t file_size_;
    std::vector<uint32_t> counts_;
    std::vector<Holds> holds_;  // by cluster, the last that was counted
    uint64_t problems_ = 0;
    std::string first_problem_;
};

}  // namespace vmm::qcow2
