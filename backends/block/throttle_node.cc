// The throttling filter; see throttle_node.h.
#include "backends/block/throttle_node.h"

#include <time.h>

#include "backends/block/reopen.h"

namespace vmm::block {

Result<std::unique_ptr<ThrottleNode>> ThrottleNode::create(NodeOptions options, Node& file,
                                                           ThrottleGroup& group) {
    NodeRef ref = TRY(take_file(options.name, file));
    return std::make_unique<ThrottleNode>(Token(), std::move(options), std::move(ref), group);
}

ThrottleNode::ThrottleNode(Token, NodeOptions options, NodeRef file, ThrottleGroup& group)
    : FilterNode(std::move(options), std::move(file)), member_(group, context(), *this), before_(&group) {}

Status ThrottleNode::apply(const NodeChange& change) {
    before_ = &member_.group();
    if (change.own != nullptr) member_.change_group(*config_in<ThrottleGroup*>(*change.own));
    return {};
}

void ThrottleNode::do_submit(Request& request) {
    if (member_.admit(request)) file().submit(request);
}

int ThrottleNode::do_perform(Request& request) {
    if (request.op == Op::Read || request.op == Op::Write || request.op == Op::WriteZeroes) {
        while (int64_t wait = member_.group().admit(request.op != Op::Read, request.bytes, monotonic_ns())) {
            timespec pause = {wait / 1'000'000'000, wait % 1'000'000'000};
            (void)::nanosleep(&pause, nullptr);
        }
    }
    return file().perform(request);
}

void ThrottleNode::let_all_go() {
    member_.release_all();
    FilterNode::let_all_go();
}

}  // namespace vmm::block
