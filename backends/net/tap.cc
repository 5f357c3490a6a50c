// A tap interface; see tap.h. Linux: Documentation/networking/tuntap.rst.
#include "backends/net/tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "util/glib_ptr.h"
#include "util/log.h"

namespace vmm::net {

namespace {

constexpr unsigned kAtOnce = 64;  // packets in one turn of the loop

unsigned tun_offloads(const Offloads& wanted) {
    if (!wanted.checksum) return 0;
    return TUN_F_CSUM | (wanted.tso4 ? TUN_F_TSO4 : 0u) | (wanted.tso6 ? TUN_F_TSO6 : 0u) |
           (wanted.ecn && (wanted.tso4 || wanted.tso6) ? TUN_F_TSO_ECN : 0u) | (wanted.ufo ? TUN_F_UFO : 0u);
}

Status set_tun_int(int fd, unsigned long request, int value, const char* what) {
    if (::ioctl(fd, request, &value) < 0) return Error::from_errno(errno, "tap: %s", what);
    return {};
}

// Another queue of the interface when it has a name already.
Result<Fd> open_tap(const TapConfig& config, const std::string& existing) {
    Fd fd = TRY(open_file("/dev/net/tun", O_RDWR | O_NONBLOCK));
    unsigned features = 0;
    if (::ioctl(fd.get(), TUNGETFEATURES, &features) < 0) features = 0;
    const bool can = (features & IFF_VNET_HDR) != 0;
    if (config.vnet_hdr.value_or(false) && !can)
        return Error::make("vnet_hdr=on requested, but the kernel has no IFF_VNET_HDR for tap devices");
    ifreq request = {};
    const bool header = can && config.vnet_hdr.value_or(true);
    if (config.queues > 1 && (features & IFF_MULTI_QUEUE) == 0)
        return Error::make("queues=%u: the kernel has no IFF_MULTI_QUEUE", config.queues);
    request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | (header ? IFF_VNET_HDR : 0) |
                                           (config.queues > 1 ? IFF_MULTI_QUEUE : 0));
    if (config.ifname.size() >= IFNAMSIZ)
        return Error::make("ifname '%s' is too long: at most %d bytes", config.ifname.c_str(), IFNAMSIZ - 1);
    const std::string name = !existing.empty() ? existing : !config.ifname.empty() ? config.ifname : "tap%d";
    std::memcpy(request.ifr_name, name.data(), name.size());
    if (::ioctl(fd.get(), TUNSETIFF, &request) < 0)
        return Error::from_errno(errno, "could not configure /dev/net/tun (%s)", name.c_str());
    return fd;
}

Status run_script(const std::string& script, const std::string& name) {
    char* arguments[] = {const_cast<char*>(script.c_str()), const_cast<char*>(name.c_str()), nullptr};
    int status = 0;
    GError* error = nullptr;
    const bool ran = g_spawn_sync(nullptr, arguments, nullptr, G_SPAWN_CHILD_INHERITS_STDIN, nullptr, nullptr,
                                  nullptr, nullptr, &status, &error) != FALSE;
    if (!ran) {
        Error result = Error::make("could not launch network script: %s", error->message);
        g_error_free(error);
        return result;
    }
    if (status != 0) return Error::make("network script %s failed with status %d", script.c_str(), status);
    return {};
}

}  // namespace

Result<std::unique_ptr<TapClient>> TapClient::create(EventLoop& loop, std::string id,
                                                     const TapConfig& config) {
    std::vector<Fd> given;
    for (int fd : config.fds)
        given.emplace_back(fd);
    std::unique_ptr<TapClient> first;
    const size_t count = given.empty() ? config.queues : given.size();
    for (size_t i = 0; i < count; ++i) {
        Fd fd =
            given.empty() ? TRY(open_tap(config, first == nullptr ? "" : first->name_)) : std::move(given[i]);
        TRY(set_close_on_exec(fd.get()));
        TRY(set_non_blocking(fd.get()));
        auto queue = std::make_unique<TapClient>(Token(), loop, id, std::move(fd));
        TRY(queue->look());
        if (first == nullptr) {
            if (!config.fds.empty() && config.vnet_hdr.value_or(queue->header_) != queue->header_)
                return Error::make("vnet_hdr=%s contradicts how '%s' was opened",
                                   queue->header_ ? "off" : "on", queue->name_.c_str());
            first = std::move(queue);
            continue;
        }
        if (queue->name_ != first->name_ || queue->header_ != first->header_)
            return Error::make("fds= are queues of different interfaces: '%s' and '%s'", first->name_.c_str(),
                               queue->name_.c_str());
        first->add_queue(std::move(queue));
    }
    TRY(first->set_up(config));
    return first;
}

TapClient::TapClient(Token, EventLoop& loop, std::string id, Fd fd)
    : Client(loop, std::move(id)), fd_(std::move(fd)), in_(kMaxPacket) {}

TapClient::~TapClient() {
    in_watch_.end();
    out_watch_.end();
    fd_.reset();
    if (downscript_.empty()) return;
    Status down = run_script(downscript_, name_);
    if (!down) log_warning("netdev %s: %s", id().c_str(), down.error().message().c_str());
}

Status TapClient::look() {
    ifreq request = {};
    if (::ioctl(fd_.get(), TUNGETIFF, &request) < 0)
        return Error::from_errno(errno, "descriptor %d is not a tap device", fd_.get());
    name_.assign(request.ifr_name, ::strnlen(request.ifr_name, IFNAMSIZ));
    header_ = (request.ifr_flags & IFF_VNET_HDR) != 0;
    return {};
}

Status TapClient::set_up(const TapConfig& config) {
    if (header_) {
        TRY(set_tun_int(fd_.get(), TUNSETVNETHDRSZ, static_cast<int>(kHeaderSize), "the header's size"));
        TRY(set_tun_int(fd_.get(), TUNSETVNETLE, 1, "the header's byte order"));
        ufo_ = ::ioctl(fd_.get(), TUNSETOFFLOAD, static_cast<unsigned long>(TUN_F_CSUM | TUN_F_UFO)) == 0;
        set_offloads({});
    }
    if (config.sndbuf && *config.sndbuf != 0)
        TRY(set_tun_int(fd_.get(), TUNSETSNDBUF,
                        static_cast<int>(std::min<uint64_t>(*config.sndbuf, INT32_MAX)), "sndbuf"));
    if (config.fds.empty()) {
        if (!config.script.empty()) TRY(run_script(config.script, name_));
        downscript_ = config.downscript;
    }
    watch();
    for (size_t i = 1; i < queues(); ++i)
        static_cast<TapClient&>(queue(i)).watch();
    return {};
}

void TapClient::use(bool used) {
    if (std::exchange(used_, used) == used) return;
    ifreq request = {};
    request.ifr_flags = static_cast<short>(used ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE);
    // A descriptor that is detached reports an error all the time.
    if (!used) {
        in_watch_.end();
        out_watch_.end();
    }
    if (::ioctl(fd_.get(), TUNSETQUEUE, &request) < 0) {
        log_warning("netdev %s: a queue cannot be %s: %s", id().c_str(), used ? "attached" : "detached",
                    std::strerror(errno));
        return;
    }
    if (used && !paused_) watch();
}

std::string TapClient::info() const {
    return "ifname=" + name_ + ",vnet_hdr=" + (header_ ? "on" : "off") +
           (queues() > 1 ? ",queues=" + std::to_string(queues()) : "");
}

void TapClient::set_offloads(const Offloads& offloads) {
    if (!header_) return;
    if (::ioctl(fd_.get(), TUNSETOFFLOAD, static_cast<unsigned long>(tun_offloads(offloads))) < 0)
        log_warning("netdev %s: the kernel does not take offloads: %s", id().c_str(), std::strerror(errno));
}

void TapClient::watch() {
    in_watch_ = FdWatch(loop(), fd_.get(), FdWatch::kIn, [this](unsigned) { read_some(); });
}

void TapClient::read_some() {
    for (unsigned i = 0; i < kAtOnce; ++i) {
        const ssize_t got = ::read(fd_.get(), in_.data(), in_.size());
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            // The interface was taken away.
            log_warning("netdev %s: reading from %s: %s", id().c_str(), name_.c_str(), std::strerror(errno));
            in_watch_.end();
            return;
        }
        if (!deliver({in_.data(), static_cast<size_t>(got)})) {
            paused_ = true;
            in_watch_.end();
            return;
        }
    }
}

void TapClient::resumed() {
    if (std::exchange(paused_, false) && used_) watch();
}

bool TapClient::do_send(Packet packet) {
    if (!used_) return true;
    ssize_t done = 0;
    do {
        done = ::write(fd_.get(), packet.data(), packet.size());
    } while (done < 0 && errno == EINTR);
    if (done >= 0 || errno != EAGAIN) return true;
    out_watch_ = FdWatch(loop(), fd_.get(), FdWatch::kOut, [this](unsigned) {
        out_watch_.end();
        tell_sendable();
    });
    return false;
}

}  // namespace vmm::net
