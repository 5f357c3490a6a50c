// From options to nodes; see open.h.
#include "backends/block/options/open.h"

#include <cerrno>

#include "backends/block/blkdebug.h"
#include "backends/block/file.h"
#include "backends/block/null.h"
#include "backends/block/options/open_format_priv.h"
#include "backends/block/raw.h"
#include "backends/block/throttle_node.h"
#include "qapi/convert.h"
#include "util/fd.h"
#include "util/text.h"

namespace vmm::block {

namespace {

constexpr uint64_t kMostRules = 1 << 20;  // bytes of a file of blkdebug rules
constexpr size_t kLongestName = 31;

// A hold on a node until its parent takes it; a node that nobody took goes.
Result<NodeRef> hold(Node& node) {
    return NodeRef::take(node, "the one who opens it", "temporary", {});
}

Status check_name(const std::string& name) {
    bool good =
        !name.empty() && name.size() <= kLongestName && std::isalpha(static_cast<unsigned char>(name[0]));
    for (char c : name)
        good = good && (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_');
    if (good) return {};
    return Error::make("Invalid node-name: %s", qapi::brief(name).c_str())
        .with_hint("a name is at most 31 letters, digits, '-', '.' and '_', a letter first");
}

DetectZeroes detect_zeroes_of(const qapi::BlockdevOptions& options) {
    using In = qapi::BlockdevDetectZeroesOptions;
    switch (options.detect_zeroes.value_or(In::Off)) {
        case In::Off:
            return DetectZeroes::Off;
        case In::On:
            return DetectZeroes::On;
        case In::Unmap:
            return DetectZeroes::Unmap;
    }
    UNREACHABLE();
}

}  // namespace

Result<NodeOptions> node_options(const BlockEnv& env, const qapi::BlockdevOptions& options,
                                 const Inherited& parent) {
    NodeOptions out;
    out.name = options.node_name ? *options.node_name : env.graph.make_name();
    out.driver = std::string(qapi::to_text(options.driver));
    out.read_only = options.read_only.value_or(parent.read_only);
    out.auto_read_only = options.auto_read_only.value_or(parent.auto_read_only && !options.read_only);
    out.force_share = options.force_share.value_or(parent.force_share);
    out.cache_direct = parent.cache_direct;
    out.no_flush = parent.no_flush;
    if (options.cache) {
        out.cache_direct = options.cache->direct.value_or(parent.cache_direct);
        out.no_flush = options.cache->no_flush.value_or(parent.no_flush);
    }
    out.discard_unmap =
        options.discard ? *options.discard == qapi::BlockdevDiscardOptions::Unmap : parent.discard_unmap;
    out.detect_zeroes = detect_zeroes_of(options);
    if (out.detect_zeroes == DetectZeroes::Unmap && !out.discard_unmap)
        return Error::make(
            "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap");
    return out;
}

qapi::Dict own_options(const qapi::BlockdevOptions& options) {
    qapi::Value all = qapi::to_value(options);
    for (const char* child : {"file", "image", "backing"})
        all.if_dict()->erase(child);
    return std::move(*all.if_dict());
}

Inherited for_file(const NodeOptions& parent) {
    return {.read_only = parent.read_only,
            .auto_read_only = parent.auto_read_only,
            .force_share = parent.force_share,
            .cache_direct = parent.cache_direct,
            .no_flush = parent.no_flush,
            .discard_unmap = true};
}

namespace {

FileConfig file_config(const BlockGraph& graph, const qapi::BlockdevOptionsFile& options, bool device) {
    FileConfig config;
    config.descriptors = graph.descriptors();
    config.filename = options.filename;
    config.device = device;
    if (options.locking && *options.locking != qapi::OnOffAuto::Auto)
        config.locking = *options.locking == qapi::OnOffAuto::On;
    if (!options.aio) return config;
    switch (*options.aio) {
        case qapi::BlockdevAioOptions::Threads:
            config.aio = Aio::Threads;
            break;
        case qapi::BlockdevAioOptions::Native:
            config.aio = Aio::Native;
            break;
        case qapi::BlockdevAioOptions::IoUring:
            config.aio = Aio::IoUring;
            break;
    }
    return config;
}

uint8_t kinds_of(const std::optional<qapi::BlkdebugIOType>& type) {
    if (!type) return kIoAll;
    switch (*type) {
        case qapi::BlkdebugIOType::Read:
            return kIoRead;
        case qapi::BlkdebugIOType::Write:
            return kIoWrite;
        case qapi::BlkdebugIOType::WriteZeroes:
            return kIoWriteZeroes;
        case qapi::BlkdebugIOType::Discard:
            return kIoDiscard;
        case qapi::BlkdebugIOType::Flush:
            return kIoFlush;
    }
    UNREACHABLE();
}

Result<BlkdebugConfig> blkdebug_config(const qapi::BlockdevOptionsBlkdebug& options) {
    BlkdebugConfig config;
    if (options.config && !options.config->empty()) {
        auto text = TRY(read_file(*options.config, kMostRules));
        config = TRY(parse_blkdebug_config(std::string(text.begin(), text.end()), *options.config));
    }
    constexpr uint64_t kMostBytes = INT32_MAX;
    for (const std::optional<uint64_t>& bytes : {options.align, options.max_transfer})
        if (bytes.value_or(0) > kMostBytes)
            return Error::make("align= and max-transfer= expect at most %llu bytes",
                               static_cast<unsigned long long>(kMostBytes));
    config.align = static_cast<uint32_t>(options.align.value_or(0));
    config.max_transfer = static_cast<uint32_t>(options.max_transfer.value_or(0));
    for (const auto& rule : options.inject_error.value_or(std::vector<qapi::BlkdebugInjectErrorOptions>())) {
        InjectError error;
        error.event = rule.event;
        error.state = rule.state.value_or(0);
        error.errno_number = rule.errno_.value_or(EIO);
        error.sector = rule.sector.value_or(-1);
        error.once = rule.once.value_or(false);
        error.immediately = rule.immediately.value_or(false);
        error.kinds = kinds_of(rule.iotype);
        config.errors.push_back(error);
    }
    for (const auto& rule : options.set_state.value_or(std::vector<qapi::BlkdebugSetStateOptions>()))
        config.states.push_back({rule.event, rule.state.value_or(0), rule.new_state});
    for (const InjectError& error : config.errors) {
        if (!BlkdebugConfig::known_event(error.event))
            return Error::make("Invalid event name \"%s\"", error.event.c_str());
    }
    for (const SetState& state : config.states) {
        if (!BlkdebugConfig::known_event(state.event))
            return Error::make("Invalid event name \"%s\"", state.event.c_str());
    }
    return config;
}

using MadeNode = Result<std::unique_ptr<Node>>;

// One driver a function: from its options to the node.
struct Maker {
    const BlockEnv& env;
    NodeOptions options;
    const Inherited& parent;
    const qapi::BlockdevOptions& whole;
    bool probed;

    MadeNode operator()(const std::monostate&) { UNREACHABLE(); }
    MadeNode operator()(const qapi::BlockdevOptionsFile& own) {
        options.filename = own.filename;
        bool device = whole.driver == qapi::BlockdevDriver::HostDevice;
        return FileNode::create(std::move(options), env.graph.context(), file_config(env.graph, own, device));
    }
    MadeNode operator()(const qapi::BlockdevOptionsNull& own) {
        options.filename = options.driver + "://";
        NullConfig config;
        config.size = own.size.value_or(config.size);
        config.latency_ns = own.latency_ns.value_or(0);
        config.read_zeroes = own.read_zeroes.value_or(false);
        if (config.size > INT64_MAX) return Error::make("Parameter 'size' is too large");
        return std::unique_ptr<Node>(
            std::make_unique<NullNode>(std::move(options), env.graph.context(), config));
    }
    MadeNode operator()(const qapi::BlockdevOptionsRaw& own) {
        NodeRef file = TRY(open_child(env, own.file, for_file(options)));
        RawConfig config;
        config.offset = own.offset.value_or(0);
        config.size = own.size;
        config.probed = probed;
        return RawNode::create(std::move(options), *file, config);
    }
    MadeNode operator()(const qapi::BlockdevOptionsThrottle& own) {
        ThrottleGroup* group = env.groups.find(own.throttle_group);
        if (group == nullptr)
            return Error::make("Throttle group '%s' does not exist", own.throttle_group.c_str());
        NodeRef file = TRY(open_child(env, own.file, for_file(options)));
        return ThrottleNode::create(std::move(options), *file, *group);
    }
    MadeNode operator()(const qapi::BlockdevOptionsBlkdebug& own) {
        BlkdebugConfig config = TRY(blkdebug_config(own));
        NodeRef image = TRY(open_child(env, own.image, for_file(options)));
        return BlkdebugNode::create(std::move(options), *image, config);
    }
    MadeNode operator()(const qapi::BlockdevOptionsQcow2& own) {
        NodeRef file = TRY(open_child(env, own.file, for_file(options)));
        return open_qcow2(env, std::move(options), *file, own, parent.backing_depth);
    }
};

// Whether a child is one that existed, which its name stands for in the options.
struct GivenByName {
    std::string_view role;
    bool operator()(const qapi::BlockdevOptionsQcow2& own) const {
        if (role == "file") return name(own.file);
        return own.backing && std::holds_alternative<std::string>(own.backing->u);
    }
    bool operator()(const qapi::BlockdevOptionsBlkdebug& own) const { return name(own.image); }
    bool operator()(const qapi::BlockdevOptionsRaw& own) const { return name(own.file); }
    bool operator()(const qapi::BlockdevOptionsThrottle& own) const { return name(own.file); }
    template <typename Childless>
    bool operator()(const Childless&) const {
        return false;
    }
    static bool name(const qapi::BlockdevRef& ref) { return std::holds_alternative<std::string>(ref.u); }
};

}  // namespace

Result<NodeRef> open_node(const BlockEnv& env, const qapi::BlockdevOptions& options, const Inherited& parent,
                          NodeKind kind) {
    if (options.node_name && (env.graph.find(*options.node_name) != nullptr))
        return Error::make("Duplicate nodes with node-name='%s'", options.node_name->c_str());
    if (options.node_name && env.graph.find_drive(*options.node_name) != nullptr)
        return Error::make("node-name=%s is conflicting with a device id", options.node_name->c_str());
    Maker maker{env, TRY(node_options(env, options, parent)), parent, options, kind == NodeKind::ProbedRaw};
    std::unique_ptr<Node> made = TRY(std::visit(maker, options.u));
    Node& node = env.graph.add(std::move(made), kind == NodeKind::Named);
    node.set_given(own_options(options));
    for (const Node::Child& child : node.children()) {
        const bool by_name = std::visit(GivenByName{child.role}, options.u);
        if (!by_name) child.node->set_made_for(node);
    }
    return hold(node);
}

Result<NodeRef> open_child(const BlockEnv& env, const qapi::BlockdevRef& ref, const Inherited& parent) {
    if (const auto* name = std::get_if<std::string>(&ref.u)) {
        Node* node = env.graph.find(*name);
        if (node == nullptr) return Error::make("Cannot find device='' nor node-name='%s'", name->c_str());
        return hold(*node);
    }
    const auto& definition = *std::get_if<qapi::Boxed<qapi::BlockdevOptions>>(&ref.u);
    return open_node(env, *definition, parent, NodeKind::Anonymous);
}

Result<ThrottleGroup*> ThrottleGroups::add(const std::string& name, const ThrottleConfig& config) {
    if (groups_.contains(name)) return Error::make("A group with this name already exists");
    TRY(config.check());
    return (groups_[name] = std::make_unique<ThrottleGroup>(name, config)).get();
}

ThrottleGroup* ThrottleGroups::find(const std::string& name) const {
    auto found = groups_.find(name);
    return found == groups_.end() ? nullptr : found->second.get();
}

Status ThrottleGroups::remove(const std::string& name) {
    auto found = groups_.find(name);
    if (found == groups_.end()) return Error::make("object '%s' not found", name.c_str());
    if (found->second->members() > 0)
        return Error::make("object '%s' is in use, can not be deleted", name.c_str());
    groups_.erase(found);
    return {};
}

Status check_blockdev(const qapi::BlockdevOptions& options, bool name_required) {
    if (name_required && !options.node_name)
        return Error::make("'node-name' must be specified for the root node");
    if (options.node_name) TRY(check_name(*options.node_name));
    if (options.force_share.value_or(false) && !options.read_only.value_or(false) && name_required)
        return Error::make("force-share=on can only be used with read-only images");
    auto inside = [](const qapi::BlockdevRef& ref) -> Status {
        const auto* definition = std::get_if<qapi::Boxed<qapi::BlockdevOptions>>(&ref.u);
        return definition == nullptr ? Status() : check_blockdev(**definition, false);
    };
    if (auto* raw = std::get_if<qapi::BlockdevOptionsRaw>(&options.u)) return inside(raw->file);
    if (auto* throttle = std::get_if<qapi::BlockdevOptionsThrottle>(&options.u))
        return inside(throttle->file);
    if (auto* debug = std::get_if<qapi::BlockdevOptionsBlkdebug>(&options.u)) return inside(debug->image);
    if (auto* qcow2 = std::get_if<qapi::BlockdevOptionsQcow2>(&options.u)) return inside(qcow2->file);
    return {};
}

Result<Node*> add_blockdev(const BlockEnv& env, const qapi::BlockdevOptions& options) {
    TRY(check_blockdev(options, true));
    NodeRef made = TRY(open_node(env, options, {}, NodeKind::Named));
    return made.get();
}

ThrottleConfig throttle_from_limits(const qapi::ThrottleLimits& l) {
    ThrottleConfig config;
    auto set = [&](ThrottleKind kind, const std::optional<uint64_t>& average,
                   const std::optional<uint64_t>& burst, const std::optional<uint64_t>& length) {
        config.limits[static_cast<size_t>(kind)] = {average.value_or(0), burst.value_or(0),
                                                    length.value_or(1)};
    };
    set(ThrottleKind::BytesTotal, l.bps_total, l.bps_total_max, l.bps_total_max_length);
    set(ThrottleKind::BytesRead, l.bps_read, l.bps_read_max, l.bps_read_max_length);
    set(ThrottleKind::BytesWrite, l.bps_write, l.bps_write_max, l.bps_write_max_length);
    set(ThrottleKind::OpsTotal, l.iops_total, l.iops_total_max, l.iops_total_max_length);
    set(ThrottleKind::OpsRead, l.iops_read, l.iops_read_max, l.iops_read_max_length);
    set(ThrottleKind::OpsWrite, l.iops_write, l.iops_write_max, l.iops_write_max_length);
    config.op_size = l.iops_size.value_or(0);
    return config;
}

}  // namespace vmm::block
