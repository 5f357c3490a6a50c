// RingbufChardev: keeps the newest bytes that were written to it, by the guest or by ringbuf-write, until
// somebody reads them (ringbuf-read).
#pragma once

#include "backends/chardev/chardev.h"

namespace vmm {

class RingbufChardev final : public Chardev {
    struct Token {};

  public:
    RingbufChardev(Token, EventLoop& loop, std::string id, size_t size)
        : Chardev(loop, std::move(id)), bytes_(size) {}
    static Result<std::unique_ptr<RingbufChardev>> create(EventLoop& loop, std::string id,
                                                          const ChardevRingbuf& config);
    std::string filename() const override { return "ringbuf"; }
    // At most `most` of the oldest bytes kept, taken out. Any thread.
    std::vector<uint8_t> read(size_t most);
    RingbufChardev* as_ringbuf() override { return this; }

  private:
    size_t do_write(std::span<const uint8_t> bytes) override;

    Mutex mutex_{LockRank::Leaf, "ringbuf"};
    std::vector<uint8_t> bytes_ GUARDED_BY(mutex_);
    uint64_t written_ GUARDED_BY(mutex_) = 0;  // ever
    uint64_t read_ GUARDED_BY(mutex_) = 0;     // ever, or overwritten
};

}  // namespace vmm
