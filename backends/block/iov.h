// Walks over I/O vectors: copy in and out, clear, cut, ask. Pure. Memory that a guest may change meanwhile is
// read once by each call.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <vector>

namespace vmm::block {

uint64_t iov_bytes(std::span<const iovec> iov);
// The bytes from `skip` on, as many as there are room for; how many.
size_t iov_gather(std::span<const iovec> iov, uint64_t skip, std::span<uint8_t> into);
size_t iov_scatter(std::span<const iovec> iov, uint64_t skip, std::span<const uint8_t> from);
// Zeroes from `skip` to the end.
void iov_clear(std::span<const iovec> iov, uint64_t skip);
bool iov_is_zero(std::span<const iovec> iov);
// Every base and length is a multiple of the power of two.
bool iov_is_aligned(std::span<const iovec> iov, uint32_t alignment);
// `bytes` from `skip` on, appended.
void iov_slice(std::span<const iovec> iov, uint64_t skip, uint64_t bytes, std::vector<iovec>& into);
bool is_zero(std::span<const uint8_t> bytes);

}  // namespace vmm::block
