// -drive: from the checked option to the drive; see open.h.
#include "backends/block/options/open_format_priv.h"
#include "backends/block/probe.h"
#include "qapi/convert.h"
#include "util/log.h"

namespace vmm::block {

namespace {

Result<std::string> ask_for_format(const ImageOver& image, bool read_only) {
    std::vector<uint8_t> first(kProbeBytes);
    TRY(read_sync(image.file, 0, first));
    std::string format(probe_format(first));
    bool null = image.file.driver().starts_with("null-");
    if (format == "raw" && image.warn_of_raw && !read_only && !null)
        log_warning(
            "Image format was not specified for '%s' and probing guessed raw. Automatically detecting "
            "the format is dangerous for raw images, write operations on block 0 will be restricted. "
            "Specify the 'raw' format explicitly to remove the restrictions.",
            image.name.c_str());
    if (format != "raw" && format != "qcow2")
        return Error::make("'%s' is an image of format '%s', which is not there in this version",
                           image.name.c_str(), format.c_str())
            .with_hint("qemu-img convert makes a qcow2 image of it");
    return format;
}

Result<NodeRef> open_as(const BlockEnv& env, const DriveConfig& config, const Inherited& settings) {
    if (config.image) return open_node(env, *config.image, settings, NodeKind::Anonymous);
    if (!config.file) return NodeRef();
    NodeRef file = TRY(open_node(env, *config.file, settings, NodeKind::Anonymous));
    ImageOver image{*file, "", config.rest, config.filename};
    Inherited own = settings;
    own.read_only = settings.read_only || file->read_only();
    return open_image_over(env, image, own);
}

// What is said of a drive, whose image may not be written because it is to stay as it is.
DriveConfig without_writes(DriveConfig config) {
    auto forbid = [](std::optional<qapi::BlockdevOptions>& options) {
        if (!options) return;
        options->read_only = true;
        options->auto_read_only.reset();
    };
    forbid(config.image);
    forbid(config.file);
    config.rest.set("read-only", "on");
    config.rest.erase("auto-read-only");
    return config;
}

Status set_throttle(const BlockEnv& env, const DriveConfig& config, BlockHandle& drive) {
    if (!config.throttle.enabled() && config.throttle_group.empty()) return {};
    std::string name = config.throttle_group.empty() ? config.id : config.throttle_group;
    ThrottleGroup* group = env.groups.find(name);
    if (group == nullptr)
        group = TRY(env.groups.add(name, config.throttle));
    else if (config.throttle.enabled())
        group->configure(config.throttle);
    drive.set_throttle(group);
    return {};
}

}  // namespace

Result<NodeRef> open_image(const BlockEnv& env, const DriveConfig& config) {
    if (!config.snapshot) return open_as(env, config, {});
    NodeRef image = TRY(open_as(env, without_writes(config), {.read_only = true}));
    if (!image || config.read_only) return image;
    return open_snapshot(env, *image);
}

Result<NodeRef> open_image_over(const BlockEnv& env, const ImageOver& image, const Inherited& parent) {
    bool guessed = image.format.empty();
    std::string format = guessed ? TRY(ask_for_format(image, parent.read_only)) : image.format;
    qapi::Dict dict = image.rest;
    dict.set("driver", format);
    dict.set("file", image.file.name());
    auto options = TRY(qapi::from_keyval<qapi::BlockdevOptions>(dict));
    NodeKind kind = guessed && format == "raw" ? NodeKind::ProbedRaw : NodeKind::Anonymous;
    NodeRef made = TRY(open_node(env, options, parent, kind));
    image.file.set_made_for(*made);
    return made;
}

Result<BlockHandle*> add_drive(const BlockEnv& env, const DriveConfig& config) {
    NodeRef image = TRY(open_image(env, config));
    BlockHandle* drive = TRY(env.graph.add_drive(config.id, image.get()));
    drive->set_defaults(config.rerror, config.werror, config.write_cache);
    Status throttled = set_throttle(env, config, *drive);
    if (throttled) return drive;
    Status removed = env.graph.remove_drive(config.id);
    (void)removed;
    return std::move(throttled).take_error();
}

}  // namespace vmm::block
