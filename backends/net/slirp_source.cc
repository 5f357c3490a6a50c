// libslirp's sockets on an event loop; see slirp_source_priv.h.
#include "backends/net/slirp_source_priv.h"

namespace vmm::net {

namespace {

constexpr int64_t kMillisecond = 1'000'000;

struct Source {
    GSource base;
    SlirpSource* owner;
};

SlirpSource& owner_of(GSource* source) {
    return *static_cast<Source*>(static_cast<void*>(source))->owner;
}

constexpr struct {
    int slirp;
    GIOCondition glib;
} kConditions[] = {{SLIRP_POLL_IN, G_IO_IN},
                   {SLIRP_POLL_OUT, G_IO_OUT},
                   {SLIRP_POLL_PRI, G_IO_PRI},
                   {SLIRP_POLL_ERR, G_IO_ERR},
                   {SLIRP_POLL_HUP, G_IO_HUP}};

}  // namespace

// GLib's calls, with C linkage types.
struct SlirpSourceCalls {
    static gboolean prepare(GSource* source, gint* timeout) {
        owner_of(source).prepare(timeout);
        return FALSE;
    }
    static gboolean check(GSource* source) { return owner_of(source).check() ? TRUE : FALSE; }
    static gboolean dispatch(GSource* source, GSourceFunc, gpointer) {
        owner_of(source).dispatch();
        return G_SOURCE_CONTINUE;
    }
    static int add(int fd, int events, void* opaque) {
        return static_cast<SlirpSource*>(opaque)->add(fd, events);
    }
    static int happened(int index, void* opaque) {
        return static_cast<SlirpSource*>(opaque)->happened(index);
    }
};

namespace {

GSourceFuncs source_functions = {.prepare = SlirpSourceCalls::prepare,
                                 .check = SlirpSourceCalls::check,
                                 .dispatch = SlirpSourceCalls::dispatch,
                                 .finalize = nullptr,
                                 .closure_callback = nullptr,
                                 .closure_marshal = nullptr};

}  // namespace

SlirpSource::SlirpSource(EventLoop& loop, const SlirpLibrary& library, Slirp& slirp)
    : library_(library), slirp_(slirp) {
    GSource* source = g_source_new(&source_functions, sizeof(Source));
    static_cast<Source*>(static_cast<void*>(source))->owner = this;
    g_source_set_name(source, "slirp");
    g_source_attach(source, loop.context());
    source_ = LoopSource(source);
}

void SlirpSource::prepare(int* timeout) {
    uint32_t wait = UINT32_MAX;
    used_ = 0;
    library_.pollfds_fill(&slirp_, &wait, SlirpSourceCalls::add, this);
    while (watched_.size() > used_) {
        g_source_remove_unix_fd(source_.get(), watched_.back().tag);
        watched_.pop_back();
    }
    deadline_ = wait == UINT32_MAX ? -1 : monotonic_ns() + wait * kMillisecond;
    *timeout = wait == UINT32_MAX ? -1 : static_cast<int>(wait);
}

int SlirpSource::add(int fd, int events) {
    unsigned conditions = 0;
    for (const auto& one : kConditions)
        if ((events & one.slirp) != 0) conditions |= one.glib;
    const auto wanted = static_cast<GIOCondition>(conditions);
    const size_t at = used_++;
    if (at < watched_.size() && watched_[at].fd == fd) {
        if (watched_[at].conditions != wanted) {
            g_source_modify_unix_fd(source_.get(), watched_[at].tag, wanted);
            watched_[at].conditions = wanted;
        }
        return static_cast<int>(at);
    }
    while (watched_.size() > at) {
        g_source_remove_unix_fd(source_.get(), watched_.back().tag);
        watched_.pop_back();
    }
    watched_.push_back({fd, wanted, g_source_add_unix_fd(source_.get(), fd, wanted)});
    return static_cast<int>(at);
}

bool SlirpSource::check() {
    if (deadline_ >= 0 && monotonic_ns() >= deadline_) return true;
    for (const Watched& one : watched_)
        if (g_source_query_unix_fd(source_.get(), one.tag) != 0) return true;
    return false;
}

void SlirpSource::dispatch() {
    library_.pollfds_poll(&slirp_, 0, SlirpSourceCalls::happened, this);
}

int SlirpSource::happened(int index) const {
    const GIOCondition now = g_source_query_unix_fd(source_.get(), watched_[static_cast<size_t>(index)].tag);
    int events = 0;
    for (const auto& one : kConditions)
        if ((now & one.glib) != 0) events |= one.slirp;
    return events;
}

}  // namespace vmm::net
