// What opening a file and opening it again have in common.
#pragma once

#include "backends/block/file.h"

namespace vmm::block {

// Opens as the options ask; an auto-read-only node that cannot be written becomes read-only.
Result<Fd> open_image(NodeOptions& options, const FileConfig& config);
// aio=native is without the host's cache only.
Error needs_direct();

}  // namespace vmm::block
