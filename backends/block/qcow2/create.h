// Making an empty qcow2 image in an empty file: snapshot overlays, blockdev-create, tests. Blocking. Missing:
// preallocation, encryption, external data files. Spec: qcow2, "Header".
#pragma once

#include <cstdint>
#include <string>

#include "backends/block/qcow2/header.h"
#include "backends/block/qcow2/image_file.h"
#include "util/result.h"

namespace vmm::qcow2 {

struct CreateOptions {
    uint64_t size = 0;  // bytes; rounded up to 512
    uint32_t version = 3;
    uint64_t cluster_size = 65536;
    uint32_t refcount_bits = 16;
    bool lazy_refcounts = false;
    Compression compression = Compression::Zlib;
    bool extended_l2 = false;
    std::string backing_file;
    std::string backing_format;
};

// The file is empty (or a block device); the image is durable afterwards.
Status create_image(ImageFile& file, const CreateOptions& options);

}  // namespace vmm::qcow2
