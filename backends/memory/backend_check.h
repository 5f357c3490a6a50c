// Which properties of a memory backend go together: pure rules, each with its sentence.
#pragma once

#include "backends/memory/backend_config.h"
#include "util/result.h"

namespace vmm {

// The first rule that the properties break, or success. Says nothing about the host or the VM.
Status check_backend_properties(const MemoryBackendConfig& config);

}  // namespace vmm
