// A disk device's drive, what the main thread changes: its medium, its device, its size and limits; see
// handle.h.
#include <cerrno>

#include "backends/block/handle_state_priv.h"
#include "util/align.h"

namespace vmm::block {

namespace {
constexpr uint64_t kSectorSize = 512;
}

Permissions BlockHandle::State::permissions(const Node& node) const {
    Permissions mine;
    bool write = !node.read_only() && (client == nullptr || attached.writable);
    mine.used = static_cast<uint8_t>(kPermRead | (write ? kPermWrite : 0));
    if (client == nullptr) return mine;
    mine.shared =
        static_cast<uint8_t>(kPermRead | kPermWriteUnchanged | (attached.resizable ? kPermResize : 0) |
                             (attached.share_rw ? kPermWrite : 0));
    return mine;
}

// Back to the main loop, unless another device works on some of the same nodes.
void BlockHandle::State::go_home() {
    if (graph.may_bind(handle, *root, graph.context())) root->bind(graph.context());
}

void BlockHandle::State::medium_known() {
    // Disks have whole sectors: the last one of an odd file reads as zeroes behind its end.
    size.store(root ? align_up(root->size(), kSectorSize) : 0);
    // A disk that was given away as one that is not written stays so while its node becomes writable.
    const bool kept = client != nullptr && attached.writable && root && !root.permissions().writes();
    read_only.store(root && (root->read_only() || kept));
}

Status BlockHandle::put_in(Node& node) {
    State& state = *state_;
    CHECK(!state.root, "drive '%s' has a medium already", state.id.c_str());
    std::string user = state.client != nullptr && !state.attached.device_id.empty()
                           ? "device '" + state.attached.device_id + "'"
                           : "block device '" + state.id + "'";
    TRY(state.graph.may_bind(this, node, *state.context));
    NodeRef root = TRY(NodeRef::take(node, std::move(user), "root", state.permissions(node)));
    state.quiesce();
    if (state.client != nullptr) node.bind(*state.context);
    state.root = std::move(root);
    state.medium_known();
    state.unquiesce();
    return {};
}

void BlockHandle::take_out() {
    State& state = *state_;
    cancel_parked();
    state.quiesce();
    if (state.root) {
        // What the guest wrote to a medium that it can no longer flush.
        if (!state.root->read_only()) (void)static_cast<bool>(flush_sync(*state.root));
        state.go_home();
    }
    state.root.reset();
    state.medium_known();
    state.unquiesce();
}

Status BlockHandle::attach(DiskClient& client, const DiskAttachment& attachment) {
    State& state = *state_;
    if (state.client != nullptr)
        return Error::make("drive '%s' is in use by another device", state.id.c_str());
    if (!state.root && !attachment.removable) return Error::make("Device needs media, but drive is empty");
    IoContext& wanted = attachment.context != nullptr ? *attachment.context : state.graph.context();
    if (state.root) TRY(state.graph.may_bind(this, *state.root, wanted));
    state.quiesce();
    state.client = &client;
    state.attached = attachment;
    Status allowed;
    if (state.root) allowed = state.root.set_permissions(state.permissions(*state.root));
    if (!allowed) {
        state.client = nullptr;
        state.unquiesce();
        return allowed;
    }
    auto choose = [](OnError asked, OnError drive, OnError fallback) {
        return asked != OnError::Auto ? asked : drive != OnError::Auto ? drive : fallback;
    };
    state.rerror = choose(attachment.rerror, state.default_rerror, OnError::Report);
    state.werror = choose(attachment.werror, state.default_werror, OnError::Enospc);
    state.write_cache.store(attachment.write_cache.value_or(state.default_write_cache));
    state.context = &wanted;
    if (state.root) state.root->bind(*state.context);
    if (state.throttle) state.throttle->rebind(*state.context);
    state.medium_known();
    state.unquiesce();
    return {};
}

Status BlockHandle::move_to(IoContext& context) {
    State& state = *state_;
    if (state.context == &context) return {};
    if (state.root) TRY(state.graph.may_bind(this, *state.root, context));
    state.quiesce();
    state.context = &context;
    if (state.root) state.root->bind(context);
    if (state.throttle) state.throttle->rebind(context);
    state.unquiesce();
    return {};
}

void BlockHandle::detach() {
    State& state = *state_;
    cancel_parked();
    state.quiesce();
    state.client = nullptr;
    state.attached = {};
    if (state.root) {
        state.go_home();
        Status more = state.root.set_permissions(state.permissions(*state.root));
        (void)more;  // shares more than the device did; what it cannot write it does not
    }
    state.medium_known();
    state.context = &state.graph.context();
    if (state.throttle) state.throttle->rebind(*state.context);
    state.unquiesce();
}

Status BlockHandle::resize(uint64_t bytes) {
    State& state = *state_;
    if (!state.root)
        return Error::of_class(ErrorClass::DeviceNotFound, "Device '%s' has no medium", state.id.c_str());
    state.quiesce();
    Status done = state.root->truncate(bytes);
    state.medium_known();
    state.unquiesce();
    if (done && state.client != nullptr) state.client->resized();
    return done;
}

void BlockHandle::forget_id() {
    state_->quiesce();
    state_->id.clear();
    state_->unquiesce();
}

void BlockHandle::set_throttle(ThrottleGroup* group) {
    State& state = *state_;
    state.quiesce();
    state.throttle.reset();
    if (group != nullptr) state.throttle = std::make_unique<ThrottleMember>(*group, *state.context, state);
    state.unquiesce();
}

void BlockHandle::set_defaults(OnError rerror, OnError werror, bool write_cache) {
    state_->default_rerror = rerror;
    state_->default_werror = werror;
    state_->default_write_cache = write_cache;
    state_->write_cache.store(write_cache);
}

Status BlockHandle::read(uint64_t offset, std::span<uint8_t> into) {
    if (!loaded()) return Error::from_errno(ENOMEDIUM, "drive '%s'", id().c_str());
    return read_sync(*state_->root, offset, into);
}

Status BlockHandle::write(uint64_t offset, std::span<const uint8_t> from) {
    if (!loaded()) return Error::from_errno(ENOMEDIUM, "drive '%s'", id().c_str());
    return write_sync(*state_->root, offset, from, write_cache() ? 0 : kFua);
}

void BlockHandle::guest_moved_tray(bool open) {
    const State& state = *state_;
    const DiskAttachment& device = state.attached;
    state.graph.events().tray_moved(state.id, device.device_id.empty() ? device.qom_path : device.device_id,
                                    open);
}

}  // namespace vmm::block
