// blockdev-reopen: from the options of some nodes to the changes that they mean (backends/block/reopen.h). As
// for QEMU, options that are not given fall back to their defaults, and the children that were made along
// with a node follow it: with the options given for them inside the node's, or with their own where they are
// only named.
#include "backends/block/reopen.h"

#include <algorithm>

#include "backends/block/drain.h"
#include "backends/block/jobs/job_filter.h"
#include "backends/block/options/graph_commands.h"
#include "backends/block/options/open_format_priv.h"
#include "backends/block/raw.h"
#include "qapi/convert.h"

namespace vmm::block {

namespace {

using qapi::Dict;
using qapi::Value;

// The options that may change, a driver's and every driver's.
struct Changeable {
    std::string_view driver, option;
};
constexpr std::string_view kEvery;
constexpr Changeable kChangeable[] = {
    {kEvery, "discard"},
    {kEvery, "cache"},
    {kEvery, "read-only"},
    {kEvery, "auto-read-only"},
    {kEvery, "detect-zeroes"},
    {"raw", "offset"},
    {"raw", "size"},
    {"throttle", "throttle-group"},
    {"qcow2", "lazy-refcounts"},
    {"qcow2", "pass-discard-request"},
    {"qcow2", "pass-discard-snapshot"},
    {"qcow2", "pass-discard-other"},
    {"qcow2", "overlap-check"},
    {"qcow2", "cache-size"},
    {"qcow2", "l2-cache-size"},
    {"qcow2", "l2-cache-entry-size"},
    {"qcow2", "refcount-cache-size"},
};

bool may_change(std::string_view driver, std::string_view option) {
    return std::any_of(std::begin(kChangeable), std::end(kChangeable), [&](const Changeable& one) {
        return one.option == option && (one.driver == driver || one.driver == kEvery);
    });
}

// What the options call the child in this role.
const char* key_of(const Node& node, std::string_view role) {
    if (role == "backing") return "backing";
    return node.driver() == "blkdebug" ? "image" : "file";
}

// What is not said anew stays as it was said before.
void fill_in(Dict& options, const Dict& before) {
    for (const Dict::Entry& entry : before) {
        Value* now = options.find(entry.key);
        if (now == nullptr)
            options.append(entry.key, entry.value);
        else if (now->if_dict() != nullptr && entry.value.if_dict() != nullptr)
            fill_in(*now->if_dict(), *entry.value.if_dict());
    }
}

// One node that is to be reopened.
struct Wish {
    Node* node = nullptr;
    Dict own;  // without children
    Inherited parent;
    Node* file = nullptr;
    std::optional<Node*> backing;
};

class Wishes {
  public:
    explicit Wishes(const BlockEnv& env) : env_(env) {}

    // What becomes of options that are not said.
    enum class Unsaid : uint8_t { Default, Kept };
    // The options may have some of the children inside.
    Status add(Node& node, Dict options, const Inherited& parent, Unsaid unsaid);
    Result<std::vector<NodeChange>> changes() const;
    // The nodes say from now on what was said.
    void remember() const {
        for (const Wish& wish : wishes_)
            wish.node->set_given(wish.own);
    }

  private:
    Status add_child(size_t wish, std::string_view role, const std::optional<Value>& said, Unsaid unsaid);
    Status name_child(Wish& wish, std::string_view role, Node* to) const;
    Result<NodeOptions> options_of(const Wish& wish) const;
    Result<qapi::BlockdevOptions> typed(const Wish& wish) const;
    Result<NodeChange> change(const Wish& wish) const;

    const BlockEnv& env_;
    std::vector<Wish> wishes_;
};

std::optional<Value> take(Dict& options, const char* key) {
    const Value* said = options.find(key);
    if (said == nullptr) return std::nullopt;
    Value copy = *said;
    options.erase(key);
    return copy;
}

Error cannot_change(const std::string& option) {
    return Error::make("Cannot change the option '%s'", option.c_str());
}

// Options that stay are as they were, said or unsaid.
Status check_fixed(const Node& node, const Dict& own) {
    for (const Dict::Entry& entry : node.given()) {
        if (entry.key != "node-name" && !may_change(node.driver(), entry.key) && !own.contains(entry.key))
            return Error::make("Option '%s' cannot be reset to its default value", entry.key.c_str());
    }
    for (const Dict::Entry& entry : own) {
        if (may_change(node.driver(), entry.key)) continue;
        const Value* before = node.given().find(entry.key);
        const bool same = entry.key == "node-name" ? entry.value == Value(node.name())
                                                   : before != nullptr && entry.value == *before;
        if (!same) return cannot_change(entry.key);
    }
    return {};
}

// "" where the image names nothing that it lies on.
std::string named_backing(const Node& node) {
    return node.driver() == "qcow2" ? static_cast<const Qcow2Node&>(node).backing_file() : "";
}

Status Wishes::add(Node& node, Dict options, const Inherited& parent, Unsaid unsaid) {
    const std::optional<Value> file = take(options, key_of(node, "file")), backing = take(options, "backing");
    auto found =
        std::find_if(wishes_.begin(), wishes_.end(), [&](const Wish& one) { return one.node == &node; });
    const size_t index = static_cast<size_t>(found - wishes_.begin());
    if (found == wishes_.end()) wishes_.emplace_back().node = &node;
    Wish& wish = wishes_[index];
    wish.parent = parent;
    if (file) wish.file = nullptr;
    if (backing) wish.backing.reset();
    fill_in(options, wish.own);
    if (unsaid == Unsaid::Kept) fill_in(options, node.given());
    wish.own = std::move(options);
    TRY(check_fixed(node, wish.own));
    const bool lies_on_something = node.child("backing") != nullptr || !named_backing(node).empty();
    if (unsaid == Unsaid::Default && !backing && lies_on_something)
        return Error::make("backing is missing for '%s'", node.name().c_str());
    TRY(add_child(index, "file", file, unsaid));
    return add_child(index, "backing", backing, unsaid);
}

Status Wishes::add_child(size_t index, std::string_view role, const std::optional<Value>& said,
                         Unsaid unsaid) {
    Node& node = *wishes_[index].node;
    Node* now = node.child(role);
    if (now != nullptr) now = &skip_filters(*now);
    const bool ours = now != nullptr && now->made_for(node);
    if (said && said->null()) return name_child(wishes_[index], role, nullptr);
    if (said && said->if_string() != nullptr) {
        Node* named = env_.graph.find(*said->if_string());
        if (named == nullptr)
            return Error::make("Cannot find device='' nor node-name='%s'", said->if_string()->c_str());
        if (named != now) return name_child(wishes_[index], role, named);
        unsaid = Unsaid::Kept;
    } else if (said && !ours) {
        return cannot_change(std::string(key_of(node, role)) + ".driver");
    }
    if (!ours) return {};
    const NodeOptions mine = TRY(options_of(wishes_[index]));
    const Dict* inside = said ? said->if_dict() : nullptr;
    return add(*now, inside != nullptr ? *inside : Dict(),
               role == "backing" ? for_backing(mine, 0) : for_file(mine), unsaid);
}

// The child in this role is another one from now on, or none.
Status Wishes::name_child(Wish& wish, std::string_view role, Node* to) const {
    Node& node = *wish.node;
    const Node* now = node.child(role);
    if (now == to) return {};
    if (now != nullptr && now->implicit_filter())
        return Error::make("Cannot replace implicit %s child of %s", std::string(role).c_str(),
                           node.name().c_str());
    if (now != nullptr && !node.job().empty())
        return Error::make("Cannot change frozen '%s' link from '%s' to '%s'", std::string(role).c_str(),
                           node.name().c_str(), now->name().c_str());
    TRY(check_idle(node));
    if (node.driver() == "blkdebug") return cannot_change("image");
    if (role == "file")
        wish.file = to;
    else
        wish.backing = to;
    return {};
}

Result<qapi::BlockdevOptions> Wishes::typed(const Wish& wish) const {
    Dict whole = wish.own;
    whole.set("node-name", wish.node->name());
    if (const Node* file = wish.node->child("file")) whole.set(key_of(*wish.node, "file"), file->name());
    return qapi::from_value<qapi::BlockdevOptions>(Value(whole));
}

Result<NodeOptions> Wishes::options_of(const Wish& wish) const {
    return node_options(env_, TRY(typed(wish)), wish.parent);
}

template <typename T>
std::unique_ptr<DriverConfig> config_as(T config) {
    return std::make_unique<ConfigOf<T>>(std::move(config));
}

Result<NodeChange> Wishes::change(const Wish& wish) const {
    const qapi::BlockdevOptions options = TRY(typed(wish));
    NodeChange change;
    change.node = wish.node;
    change.options = TRY(node_options(env_, options, wish.parent));
    change.file = wish.file;
    change.backing = wish.backing;
    if (const auto* raw = std::get_if<qapi::BlockdevOptionsRaw>(&options.u)) {
        change.own = config_as(RawConfig{.offset = raw->offset.value_or(0), .size = raw->size});
    } else if (const auto* qcow2 = std::get_if<qapi::BlockdevOptionsQcow2>(&options.u)) {
        change.own = config_as(qcow2_config(env_, *qcow2));
    } else if (const auto* throttle = std::get_if<qapi::BlockdevOptionsThrottle>(&options.u)) {
        ThrottleGroup* group = env_.groups.find(throttle->throttle_group);
        if (group == nullptr)
            return Error::make("Throttle group '%s' does not exist", throttle->throttle_group.c_str());
        change.own = config_as(group);
    }
    // A job relies on what it found; the rest it does not notice.
    if (change.options.read_only != wish.node->options().read_only) TRY(check_idle(*wish.node));
    return change;
}

Result<std::vector<NodeChange>> Wishes::changes() const {
    std::vector<NodeChange> all;
    for (const Wish& wish : wishes_)
        all.push_back(TRY(change(wish)));
    return all;
}

Dict as_said(const qapi::BlockdevOptions& options) {
    return *qapi::to_value(options).if_dict();
}

}  // namespace

Status reopen_blockdevs(const BlockEnv& env, const std::vector<qapi::BlockdevOptions>& options) {
    Wishes wishes(env);
    for (const qapi::BlockdevOptions& one : options) {
        if (!one.node_name) return Error::make("node-name not specified");
        Node* node = env.graph.find(*one.node_name);
        if (node == nullptr)
            return Error::make("Failed to find node with node-name='%s'", one.node_name->c_str());
        TRY(wishes.add(*node, as_said(one), {}, Wishes::Unsaid::Default));
    }
    std::vector<NodeChange> changes = TRY(wishes.changes());
    DrainedSection drained(env.graph);
    TRY(reopen_nodes(env.graph, std::move(changes)));
    wishes.remember();
    return {};
}

}  // namespace vmm::block
