// ImageFile: the host file under a qcow2 image as the format code sees it: blocking, byte-addressed.
// HostFile: the same with what the format code must remember about it: whether anything was written since the
// last sync, and where the file's content ends. An ImageFile may be used from one thread at a time, but
// HostFile::note_write() may be called by any. The errors' number() is an errno.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "util/result.h"

namespace vmm::qcow2 {

class ImageFile {
  public:
    virtual ~ImageFile() = default;
    // Bytes behind the end read as zeroes.
    virtual Status read(uint64_t offset, std::span<uint8_t> into) = 0;
    // Makes the file longer where it has to.
    virtual Status write(uint64_t offset, std::span<const uint8_t> from) = 0;
    virtual Status flush() = 0;
    // Advice: the bytes are of no interest any more.
    virtual Status discard(uint64_t offset, uint64_t bytes) = 0;
    virtual uint64_t size() const = 0;
};

// What a guest reads where an image says nothing. Bytes behind its end are zeroes.
class BackingReader {
  public:
    virtual ~BackingReader() = default;
    virtual uint64_t size() const = 0;
    // The range lies inside size().
    virtual Status read(uint64_t offset, std::span<uint8_t> into) = 0;
};

class HostFile {
  public:
    explicit HostFile(ImageFile& file) : file_(file), end_(file.size()) {}

    Status read(uint64_t offset, std::span<uint8_t> into) { return file_.read(offset, into); }
    Status write(uint64_t offset, std::span<const uint8_t> from) {
        note_write();
        if (offset + from.size() > end_) end_ = offset + from.size();
        return file_.write(offset, from);
    }
    // Makes everything written so far durable; costs nothing when that is nothing.
    Status sync() {
        if (!unsynced_.exchange(false)) return {};
        Status done = file_.flush();
        if (!done) unsynced_ = true;
        return done;
    }
    Status discard(uint64_t offset, uint64_t bytes) { return file_.discard(offset, bytes); }
    // Somebody wrote past this object.
    void note_write() { unsynced_.store(true, std::memory_order_release); }
    // From here on the file has never been written: it reads as zeroes.
    uint64_t end() const { return end_; }

  private:
    ImageFile& file_;
    std::atomic<bool> unsynced_{false};
    uint64_t end_;
};

}  // namespace vmm::qcow2
