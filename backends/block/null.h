// NullNode: storage that takes everything and keeps nothing (drivers "null-co" and "null-aio"): for tests and
// benchmarks of what is above. Reads leave the memory as it is unless read-zeroes is on. Each request takes
// latency-ns.
#pragma once

#include "backends/block/node.h"

namespace vmm::block {

struct NullConfig {
    uint64_t size = 1ull << 30;
    uint64_t latency_ns = 0;
    bool read_zeroes = false;
};

class NullNode final : public Node {
  public:
    NullNode(NodeOptions options, IoContext& context, const NullConfig& config);
    Result<Extent> extent(uint64_t offset, uint64_t bytes) override;
    std::optional<uint64_t> allocated_bytes() const override { return 0; }

  private:
    struct Late;
    int do_perform(Request& request) override;
    void do_submit(Request& request) override;
    int act(Request& request) const;

    const NullConfig config_;
};

}  // namespace vmm::block
