// Digests beside the measurement; see contents_digest.h.
#include "accel/model/contents_digest.h"

#include <utility>

namespace vmm::model {

void ContentsDigest::start(std::span<const uint8_t> bytes) {
    // Below, a thread costs more than it saves.
    constexpr size_t kLeastForAThread = 256 * 1024;
    if (bytes.size() >= kLeastForAThread) {
        Result<Thread> worker = Thread::start("contents", [this, bytes] { value_ = sha384(bytes); });
        if (worker) {
            worker_ = std::move(*worker);
            return;
        }
    }
    value_ = sha384(bytes);
}

std::optional<Sha384Digest> ContentsDigest::value() {
    worker_.join();
    return value_;
}

}  // namespace vmm::model
