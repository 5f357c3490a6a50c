// ProcessBackEnds: the back ends that the command line made, as devices ask for them by id. Main thread.
#pragma once

#include "backends/chardev/chardev_set.h"
#include "hw/core/device_env.h"

namespace vmm {

class Storage;

class ProcessBackEnds final : public BackEnds {
  public:
    // All outlive this.
    ProcessBackEnds(ChardevSet& chardevs, Storage& storage) : chardevs_(chardevs), storage_(storage) {}

    Result<block::IoContext*> iothread(const std::string& id, const std::string& user) override;
    Result<Chardev*> chardev(const std::string& id, const std::string& user) override;
    block::BlockGraph& block_graph() override;
    Result<net::Client*> netdev(const std::string& id, const std::string& user) override;

  private:
    ChardevSet& chardevs_;
    Storage& storage_;
};

}  // namespace vmm
