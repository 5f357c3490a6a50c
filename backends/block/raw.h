// RawNode: the bytes of its file as they are (driver "raw"), or a window of them with offset and size. A raw
// format that was guessed, not asked for, keeps the guest from turning the image into another format.
#pragma once

#include "backends/block/filter.h"

namespace vmm::block {

struct RawConfig {
    uint64_t offset = 0;
    std::optional<uint64_t> size;  // absent: to the end of the file
    bool probed = false;
};

class RawNode final : public FilterNode {
    struct Token {
        explicit Token() = default;
    };

  public:
    static Result<std::unique_ptr<RawNode>> create(NodeOptions options, Node& file, const RawConfig& config);
    RawNode(Token, NodeOptions options, NodeRef file, const RawConfig& config);

    Result<Extent> extent(uint64_t offset, uint64_t bytes) override;
    Status truncate(uint64_t size) override;

  private:
    Status apply(const NodeChange& change) override;
    void undo() override;
    void child_changed() override;
    int do_perform(Request& request) override;
    void do_submit(Request& request) override;
    bool simple(const Request& request) const;
    void tell(const Request& request);
    void place(Request& request);
    int write_guarded(Request& request);
    int perform_at_end(Request& request);

    bool window() const { return config_.offset != 0 || config_.size.has_value(); }

    RawConfig config_, before_;
};

}  // namespace vmm::block
