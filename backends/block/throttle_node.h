// ThrottleNode: a filter that limits what passes (driver "throttle"), as a member of a throttle group.
#pragma once

#include "backends/block/filter.h"
#include "backends/block/throttle.h"

namespace vmm::block {

class ThrottleNode final : public FilterNode, ThrottleUser {
    struct Token {
        explicit Token() = default;
    };

  public:
    // The group outlives the node.
    static Result<std::unique_ptr<ThrottleNode>> create(NodeOptions options, Node& file,
                                                        ThrottleGroup& group);
    ThrottleNode(Token, NodeOptions options, NodeRef file, ThrottleGroup& group);

    void let_all_go() override;
    bool child_may_change(std::string_view role) const override { return role == "file"; }

  private:
    Status apply(const NodeChange& change) override;
    void undo() override { member_.change_group(*before_); }
    int do_perform(Request& request) override;
    void do_submit(Request& request) override;
    void let_go(Request& request) override { file().submit(request); }
    void context_changed() override { member_.rebind(context()); }

    ThrottleMember member_;
    ThrottleGroup* before_;
};

}  // namespace vmm::block
