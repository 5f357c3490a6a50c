// ProcessBackEnds: the back ends that the command line made, as devices ask for them by id. Main thread.
#pragma once

#include <memory>
#include <vector>

#include "backends/chardev/chardev_set.h"
#include "backends/memory/backend.h"
#include "backends/rng/rng.h"
#include "hw/core/device_env.h"
#include "hw/core/mac_address.h"

namespace vmm {

class Networks;
class Storage;

class ProcessBackEnds final : public BackEnds {
  public:
    // All outlive this.
    using Rngs = std::vector<std::unique_ptr<Rng>>;
    ProcessBackEnds(ChardevSet& chardevs, Storage& storage, const Rngs& rngs, Networks& networks,
                    DeviceReports& reports)
        : chardevs_(chardevs), storage_(storage), rngs_(rngs), networks_(networks), reports_(reports) {}

    Result<block::IoContext*> iothread(const std::string& id, const std::string& user) override;
    Result<Chardev*> chardev(const std::string& id, const std::string& user) override;
    block::BlockGraph& block_graph() override;
    Result<net::Client*> netdev(const std::string& id, const std::string& user) override;
    Result<Rng*> rng(const std::string& id, const std::string& user) override;
    Result<RamBlock*> memory(const std::string& id, const std::string& user) override;
    void set_memory(std::vector<std::unique_ptr<MemoryBackend>>& memory) { memory_ = &memory; }
    MacPool& macs() override { return macs_; }
    DeviceReports* reports() override { return &reports_; }

  private:
    ChardevSet& chardevs_;
    Storage& storage_;
    const Rngs& rngs_;
    Networks& networks_;
    DeviceReports& reports_;
    std::vector<std::unique_ptr<MemoryBackend>>* memory_ = nullptr;
    MacPool macs_;
};

}  // namespace vmm
