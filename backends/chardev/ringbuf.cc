// Ring buffer chardev; see ringbuf.h.
#include "backends/chardev/ringbuf.h"

#include <algorithm>
#include <bit>

namespace vmm {

namespace {
constexpr uint64_t kMostBytes = uint64_t{1} << 30;
}

Result<std::unique_ptr<RingbufChardev>> RingbufChardev::create(EventLoop& loop, std::string id,
                                                               const ChardevRingbuf& config) {
    if (!std::has_single_bit(config.size) || config.size > kMostBytes)
        return Error::make("chardev '%s': size of a ringbuf must be a power of two, at most 1 GiB",
                           id.c_str());
    return std::make_unique<RingbufChardev>(Token{}, loop, std::move(id), config.size);
}

size_t RingbufChardev::do_write(std::span<const uint8_t> bytes) {
    Locked l(mutex_);
    for (uint8_t byte : bytes)
        bytes_[written_++ % bytes_.size()] = byte;
    if (written_ - read_ > bytes_.size()) read_ = written_ - bytes_.size();
    return bytes.size();
}

std::vector<uint8_t> RingbufChardev::read(size_t most) {
    Locked l(mutex_);
    std::vector<uint8_t> out;
    while (out.size() < most && read_ < written_)
        out.push_back(bytes_[read_++ % bytes_.size()]);
    return out;
}

}  // namespace vmm
