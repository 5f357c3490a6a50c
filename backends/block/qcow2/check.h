// Checking an image's structure by walking all its tables: which clusters are used how often, and whether the
// refcounts agree. Used by the repair of an image that was not closed cleanly (dirty bit) and by tests.
// Blocking; reads every table of the image. Spec: qcow2, "incompatible_features" bit 0.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backends/block/qcow2/header.h"
#include "backends/block/qcow2/image_file.h"
#include "util/result.h"

namespace vmm::qcow2 {

struct CheckReport {
    uint64_t corruptions = 0;
    uint64_t leaks = 0;  // clusters that nothing uses
    std::string first_problem;
};

// The image as it is in the file. An error: it cannot be read.
Result<CheckReport> check_image(ImageFile& file);

// Makes new refcounts for an image whose own are out of date, and takes the dirty bit away; header and first
// cluster are changed to what the file has then. Refuses, without having written, an image with any other
// damage.
Status repair_dirty_image(ImageFile& file, Header& header, std::span<uint8_t> first_cluster);

}  // namespace vmm::qcow2
