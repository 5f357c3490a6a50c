// DumpSink: the file, pipe or socket that a dump goes to. In files that were empty, pages of zeros become
// holes. A reader that never reads holds up only the writing thread, and stop() frees that one. Written by
// one thread; stop() is for any.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "util/eventfd.h"
#include "util/fd.h"

namespace vmm::dump {

class DumpSink {
  public:
    static Result<std::unique_ptr<DumpSink>> create(Fd fd);
    DumpSink(Fd fd, EventFd stop) : fd_(std::move(fd)), stop_(std::move(stop)) {}

    Status write(std::span<const uint8_t> bytes);
    // This many zeros.
    Status zeros(uint64_t count);
    Status finish();
    void stop();

  private:
    void look();
    Status stopped() const;
    Status write_slowly(std::span<const uint8_t> bytes);
    Status leave_hole();

    Fd fd_;
    EventFd stop_;
    std::atomic<bool> stopped_{false};
    bool may_block_ = false;  // a pipe or a socket
    bool sparse_ = false;
    uint64_t hole_ = 0;  // zeros that are not in the file yet
};

}  // namespace vmm::dump
