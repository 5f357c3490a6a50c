// ProcessBackEnds: the back ends that the command line made, as devices ask for them by id. Main thread.
#pragma once

#include <memory>
#include <vector>

#include "backends/chardev/chardev_set.h"
#include "backends/rng/rng.h"
#include "hw/core/device_env.h"

namespace vmm {

class Storage;

class ProcessBackEnds final : public BackEnds {
  public:
    // All outlive this.
    using Rngs = std::vector<std::unique_ptr<Rng>>;
    ProcessBackEnds(ChardevSet& chardevs, Storage& storage, const Rngs& rngs)
        : chardevs_(chardevs), storage_(storage), rngs_(rngs) {}

    Result<block::IoContext*> iothread(const std::string& id, const std::string& user) override;
    Result<Chardev*> chardev(const std::string& id, const std::string& user) override;
    block::BlockGraph& block_graph() override;
    Result<net::Client*> netdev(const std::string& id, const std::string& user) override;
    Result<Rng*> rng(const std::string& id, const std::string& user) override;

  private:
    ChardevSet& chardevs_;
    Storage& storage_;
    const Rngs& rngs_;
};

}  // namespace vmm
