// The options of qcow2 to its node and its backing chain; temporary overlays.
#include <stdlib.h>
#include <unistd.h>

#include "backends/block/file.h"
#include "backends/block/options/open_format_priv.h"
#include "backends/block/qcow2/backing_name.h"
#include "backends/block/qcow2/create.h"
#include "backends/block/qcow2/node_file.h"
#include "qapi/convert.h"
#include "util/fd.h"
#include "util/scope_exit.h"

namespace vmm::block {

Qcow2Config qcow2_config(const BlockEnv& env, const qapi::BlockdevOptionsQcow2& own) {
    Qcow2Config config;
    config.corruption_found = [&events = env.graph.events()](const ImageCorruption& found) {
        events.image_corrupted(found);
    };
    config.lazy_refcounts = own.lazy_refcounts;
    config.pass_discard_request = own.pass_discard_request;
    config.pass_discard_snapshot = own.pass_discard_snapshot.value_or(true);
    config.pass_discard_other = own.pass_discard_other.value_or(false);
    if (own.overlap_check)
        config.overlap_check =
            overlap_template(qapi::to_text(*own.overlap_check)).value_or(config.overlap_check);
    config.cache_size = own.cache_size;
    config.l2_cache_size = own.l2_cache_size;
    config.l2_cache_entry_size = own.l2_cache_entry_size;
    config.refcount_cache_size = own.refcount_cache_size;
    return config;
}

Inherited for_backing(const NodeOptions& parent, unsigned depth) {
    return {.read_only = true,
            .force_share = parent.force_share,
            .cache_direct = parent.cache_direct,
            .no_flush = parent.no_flush,
            .backing_depth = depth};
}

namespace {

// The file that the image names as what it lies on.
Result<NodeRef> open_named_backing(const BlockEnv& env, const Qcow2Node& image, const Inherited& settings) {
    std::string path = TRY(qcow2::backing_path(image.filename(), image.backing_file()));
    auto options = TRY(qapi::from_keyval<qapi::BlockdevOptions>(TRY(parse_filename(path))));
    NodeRef file = TRY(open_node(env, options, settings, NodeKind::Anonymous));
    ImageOver over{*file, image.backing_format(), {}, path, false};
    return open_image_over(env, over, settings);
}

Result<NodeRef> open_backing(const BlockEnv& env, const Qcow2Node& image,
                             const std::optional<qapi::BlockdevRefOrNull>& given, const Inherited& settings) {
    if (!given) return image.backing_file().empty() ? NodeRef() : open_named_backing(env, image, settings);
    if (std::holds_alternative<std::nullptr_t>(given->u)) return NodeRef();
    qapi::BlockdevRef ref;
    if (const auto* name = std::get_if<std::string>(&given->u)) {
        if (name->empty()) return NodeRef();
        ref.u = *name;
    } else {
        ref.u = *std::get_if<qapi::Boxed<qapi::BlockdevOptions>>(&given->u);
    }
    return open_child(env, ref, settings);
}

}  // namespace

Result<std::unique_ptr<Node>> open_qcow2(const BlockEnv& env, NodeOptions options, Node& file,
                                         const qapi::BlockdevOptionsQcow2& own, unsigned backing_depth) {
    if (backing_depth > qcow2::kMostBackingFiles)
        return Error::make("more than %u images lie on each other", qcow2::kMostBackingFiles);
    const Inherited below = for_backing(options, backing_depth + 1);
    auto node = TRY(Qcow2Node::create(std::move(options), file, qcow2_config(env, own)));
    Result<NodeRef> backing = open_backing(env, *node, own.backing, below);
    if (!backing) return std::move(backing).take_error().while_doing("Could not open backing file");
    if (*backing) TRY(node->set_backing(backing->get()));
    return std::unique_ptr<Node>(std::move(node));
}

namespace {

NodeOptions overlay_options(const BlockEnv& env, const char* driver, const std::string& path) {
    NodeOptions options;
    options.name = env.graph.make_name();
    options.driver = driver;
    options.filename = path;
    options.discard_unmap = true;
    options.no_flush = true;  // it does not outlive the process
    return options;
}

}  // namespace

Result<NodeRef> open_snapshot(const BlockEnv& env, Node& image) {
    const char* folder = ::getenv("TMPDIR");
    std::string path = std::string(folder != nullptr ? folder : "/var/tmp") + "/penumbra-XXXXXX";
    Fd made(::mkstemp(path.data()));
    if (!made) return Error::from_errno(errno, "could not make a temporary file '%s'", path.c_str());
    ScopeExit gone([&] { (void)::unlink(path.c_str()); });  // the open file stays
    FileConfig config;
    config.filename = path;
    config.locking = false;
    auto file = TRY(FileNode::create(overlay_options(env, "file", path), env.graph.context(), config));
    Node& storage = env.graph.add(std::move(file), false);
    NodeRef held = TRY(NodeRef::take(storage, "the one who opens it", "temporary", {}));
    NodeImageFile bytes(storage);
    qcow2::CreateOptions create;
    create.size = image.size();
    TRY(qcow2::create_image(bytes, create));
    auto overlay = TRY(Qcow2Node::create(overlay_options(env, "qcow2", path), storage, {}));
    TRY(overlay->set_backing(&image));
    Node& top = env.graph.add(std::move(overlay), false);
    return NodeRef::take(top, "the one who opens it", "temporary", {});
}

}  // namespace vmm::block
