// ObjectStore: objects that come and go while the process runs (object-add, object-del) - memory backends,
// iothreads, throttle groups, secrets. Each is there whole or not at all; what somebody uses stays. Main
// thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/memory/backend.h"
#include "backends/rng/rng.h"
#include "backends/secret/secret.h"
#include "qapi/types_qom.h"
#include "system/control/configuration.h"

namespace vmm {

class DeviceTree;
class Storage;

class ObjectStore {
  public:
    // All outlive the store.
    struct Parts {
        const Configuration& configuration;
        std::vector<std::unique_ptr<MemoryBackend>>& backends;
        std::vector<std::unique_ptr<MemoryBackend>>& retired;  // of which only the addresses are kept
        Storage& storage;
        std::vector<std::unique_ptr<Rng>>& rngs;
        std::vector<std::unique_ptr<Secret>>& secrets;
        EventLoop& loop;
        const RamContext& ram;
        GmemFactory* factory = nullptr;  // null: the accelerator has none
        bool allocate = false;           // the machine is made: memory is there at once
        const DeviceTree* devices = nullptr;
    };
    static Status add(const Parts& parts, const qapi::ObjectOptions& options);
    static Result<std::unique_ptr<Rng>> make_rng(EventLoop& loop, const RngSourceConfig& config);
    static Status remove(const Parts& parts, const std::string& id);
};

}  // namespace vmm
