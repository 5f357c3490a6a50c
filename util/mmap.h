// MappedRegion: an owned mapping of host memory, unmapped once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "util/result.h"

namespace vmm {

class MappedRegion {
  public:
    MappedRegion() = default;
    // Arguments as of mmap(2); protection is PROT_*, flags are MAP_*.
    static Result<MappedRegion> map(size_t size, int protection, int flags, int fd = -1, uint64_t offset = 0);
    // Anonymous memory whose address is a multiple of alignment (a power of two).
    static Result<MappedRegion> map_aligned(size_t size, size_t alignment, int protection, int flags,
                                            int fd = -1, uint64_t offset = 0);

    MappedRegion(MappedRegion&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    MappedRegion& operator=(MappedRegion&& other) noexcept {
        if (this != &other) {
            reset();
            data_ = std::exchange(other.data_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    ~MappedRegion() { reset(); }

    // Something else of the same size at the same address, in one step; on failure it stays as it was.
    Status replace(int protection, int flags, int fd = -1, uint64_t offset = 0);

    uint8_t* data() const { return data_; }
    size_t size() const { return size_; }
    std::span<uint8_t> bytes() const { return {data_, size_}; }
    explicit operator bool() const { return data_ != nullptr; }
    void reset();

  private:
    MappedRegion(uint8_t* data, size_t size) : data_(data), size_(size) {}
    uint8_t* data_ = nullptr;
    size_t size_ = 0;
};

}  // namespace vmm
