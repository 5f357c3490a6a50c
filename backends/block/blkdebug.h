// BlkdebugNode: a filter that fails on order (driver "blkdebug"), for tests. Rules inject errors or change
// the state when an event happens; events are named points in the drivers above ("write_aio", "l2_update"),
// told by Node::debug_event(). Orders can suspend requests at an event ("break") and let them go ("resume").
// Rules come from options or from a file of [inject-error] and [set-state] sections.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "backends/block/filter.h"
#include "util/mutex.h"

namespace vmm::block {

// Bits of InjectError::kinds.
inline constexpr uint8_t kIoRead = 1, kIoWrite = 2, kIoWriteZeroes = 4, kIoDiscard = 8, kIoFlush = 16,
                         kIoAll = 31;

struct InjectError {
    std::string event = "none";  // none: from the start
    int64_t state = 0;           // only in this state; 0: any
    int errno_number = 5;        // EIO
    int64_t sector = -1;         // only requests that touch it; -1: any
    bool once = false;
    bool immediately = false;  // else the failure comes as late as a real one
    uint8_t kinds = kIoAll;
};

struct SetState {
    std::string event;
    int64_t state = 0;  // 0: any
    int64_t new_state = 0;
};

struct BlkdebugConfig {
    std::vector<InjectError> errors;
    std::vector<SetState> states;
    uint32_t align = 0;  // a request alignment to insist on; 0: the file's
    uint32_t max_transfer = 0;
    // Answers a request by events' names only known ones; sorted.
    static std::span<const std::string_view> event_names();
    static bool known_event(std::string_view name);
};

// A configuration file's text; `name` is for messages.
Result<BlkdebugConfig> parse_blkdebug_config(std::string_view text, const std::string& name);

class BlkdebugNode final : public FilterNode {
    struct Token {
        explicit Token() = default;
    };

  public:
    static Result<std::unique_ptr<BlkdebugNode>> create(NodeOptions options, Node& file,
                                                        const BlkdebugConfig& config);
    BlkdebugNode(Token, NodeOptions options, NodeRef file, const BlkdebugConfig& config);

    void debug_event(std::string_view event) override;
    int64_t state() const;

  private:
    struct Rule {
        InjectError error;
        bool active = false;
        bool spent = false;
    };
    void child_changed() override;
    int do_perform(Request& request) override;
    void do_submit(Request& request) override;
    // The errno to fail with, or 0.
    int judge(const Request& request);

    const std::vector<SetState> states_;
    const uint32_t align_, max_transfer_;
    mutable Mutex mutex_{LockRank::Leaf, "blkdebug"};
    std::vector<Rule> rules_ GUARDED_BY(mutex_);
    int64_t state_ GUARDED_BY(mutex_) = 1;
};

}  // namespace vmm::block
