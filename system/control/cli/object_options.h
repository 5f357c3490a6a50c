// From the schema's description of an object to the configuration of what it makes; for -object and
// object-add.
#pragma once

#include "backends/block/options/storage_config.h"
#include "backends/memory/backend_config.h"
#include "qapi/types_qom.h"
#include "system/control/configuration.h"
#include "util/result.h"

namespace vmm::cli {

// Of the types that are memory backends.
Result<MemoryBackendConfig> memory_backend_config(const qapi::ObjectOptions& object);

// Of the types iothread and throttle-group.
Status add_storage_object(block::StorageConfig& storage, const qapi::ObjectOptions& object);

// Of the types rng-builtin and rng-random; nothing for others.
std::optional<RngSourceConfig> rng_source_config(const qapi::ObjectOptions& object);

// Of the type secret; nothing for others.
Result<std::optional<SecretConfig>> secret_config(const qapi::ObjectOptions& object);

}  // namespace vmm::cli
