// MachineView: the machine as the monitor's queries see it. Everything may be absent while the machine is
// being made. Main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/memory/backend.h"
#include "qapi/types_qom.h"
#include "system/control/configuration.h"

namespace vmm {

class ChardevSet;
class ConfidentialGuest;
struct HostCpu;
class IoThread;
class Networks;
class Q35Board;
class Rng;
class Secret;
class Storage;

class MachineView {
  public:
    virtual ~MachineView() = default;
    virtual const Configuration& configuration() const = 0;
    virtual ChardevSet& chardevs() = 0;
    virtual const std::vector<std::unique_ptr<MemoryBackend>>& memory_backends() const = 0;
    virtual const std::vector<std::unique_ptr<IoThread>>& iothreads() const = 0;
    virtual Storage& storage() = 0;
    virtual const std::vector<std::unique_ptr<Rng>>& rngs() const = 0;
    virtual const std::vector<std::unique_ptr<Secret>>& secrets() const = 0;
    virtual Networks& networks() = 0;
    // What the host's processors offer; asks the host the first time.
    virtual Result<const HostCpu*> host_cpu() = 0;
    // Null: there is no board, or not yet.
    virtual Q35Board* board() = 0;
    // Null: nothing protects the guest.
    virtual ConfidentialGuest* confidential() = 0;

    // Whole, or nothing changes.
    virtual Status add_object(const qapi::ObjectOptions& options) = 0;
    // Before the machine is made only.
    virtual Status add_numa(const qapi::NumaOptions& options) = 0;
    virtual Status delete_object(const std::string& id) = 0;
};

// For commands that need one.
inline Result<Q35Board*> board_of(MachineView& view) {
    if (view.board() == nullptr) return Error::make("this machine has no board");
    return view.board();
}

}  // namespace vmm
