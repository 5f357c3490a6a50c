// From the schema's description of an object to the configuration of what it makes; for -object and
// object-add.
#pragma once

#include "backends/memory/backend_config.h"
#include "qapi/types_qom.h"
#include "util/result.h"

namespace vmm::cli {

// Of the types that are memory backends.
Result<MemoryBackendConfig> memory_backend_config(const qapi::ObjectOptions& object);

}  // namespace vmm::cli
