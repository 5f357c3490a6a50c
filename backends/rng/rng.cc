// Sources of random bytes; see rng.h.
#include "backends/rng/rng.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace vmm {

size_t RngBuiltin::take(std::span<uint8_t> into, RngClient&) {
    // At most 256 bytes are never cut short by a signal.
    const size_t count = std::min<size_t>(into.size(), 256);
    const ssize_t got = getrandom(into.data(), count, 0);
    CHECK(got == static_cast<ssize_t>(count), "getrandom");
    return count;
}

Result<std::unique_ptr<RngRandom>> RngRandom::open(EventLoop& loop, std::string id,
                                                   const std::string& filename) {
    Fd fd = TRY(open_file(filename, O_RDONLY | O_NONBLOCK));
    return std::make_unique<RngRandom>(Token(), loop, std::move(id), std::move(fd));
}

size_t RngRandom::take(std::span<uint8_t> into, RngClient& client) {
    ssize_t got;
    do {
        got = read(fd_.get(), into.data(), into.size());
    } while (got < 0 && errno == EINTR);
    if (got > 0) return static_cast<size_t>(got);
    // A file that has ended, or fails, gives nothing any more.
    if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return 0;
    if (std::find(waiting_.begin(), waiting_.end(), &client) == waiting_.end()) waiting_.push_back(&client);
    watch_ = FdWatch(loop_, fd_.get(), FdWatch::kIn, [this](unsigned) { tell(); });
    return 0;
}

void RngRandom::forget(RngClient& client) {
    std::erase(waiting_, &client);
    if (waiting_.empty()) watch_.end();
}

void RngRandom::tell() {
    std::vector<RngClient*> told;
    std::swap(told, waiting_);
    watch_.end();
    for (RngClient* client : told)
        client->entropy_ready();
}

}  // namespace vmm
