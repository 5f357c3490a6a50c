// Storage that keeps nothing; see null.h.
#include "backends/block/null.h"

#include <time.h>

#include "backends/block/iov.h"

namespace vmm::block {

// A request that waits for its latency to pass.
struct NullNode::Late : IoTimer {
    NullNode* node = nullptr;
    Request* request = nullptr;
};

NullNode::NullNode(NodeOptions options, IoContext& context, const NullConfig& config)
    : Node(std::move(options), context), config_(config) {
    set_size(config.size);
    NodeCapabilities all;
    all.discard = all.write_zeroes = all.fua = true;
    set_capabilities(all);
}

int NullNode::act(Request& request) const {
    if (request.op == Op::Read && config_.read_zeroes) iov_clear(request.iov, 0);
    return 0;
}

void NullNode::do_submit(Request& request) {
    if (config_.latency_ns == 0) return finish(request, act(request));
    auto late = std::make_unique<Late>();
    late->node = this;
    late->request = &request;
    late->fired = [](IoTimer& timer) {
        std::unique_ptr<Late> mine(&static_cast<Late&>(timer));
        mine->node->finish(*mine->request, mine->node->act(*mine->request));
    };
    Late& timer = *late.release();
    context().arm(timer, monotonic_ns() + static_cast<int64_t>(config_.latency_ns));
}

int NullNode::do_perform(Request& request) {
    if (config_.latency_ns > 0) {
        timespec pause = {static_cast<time_t>(config_.latency_ns / 1'000'000'000),
                          static_cast<long>(config_.latency_ns % 1'000'000'000)};
        (void)::nanosleep(&pause, nullptr);
    }
    return act(request);
}

Result<Extent> NullNode::extent(uint64_t offset, uint64_t bytes) {
    Extent here = TRY(Node::extent(offset, bytes));
    here.mapped_at.reset();
    here.kind = config_.read_zeroes ? Extent::Kind::Zero : Extent::Kind::Data;
    return here;
}

}  // namespace vmm::block
