// The properties of the memory backends, as data. Names and meanings are QEMU's; `private` and `guest-memfd`
// are ours. Absent means: the user did not say, the backend's or the machine's default holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/memory/numa_policy.h"

namespace vmm {

enum class MemoryBackendKind { Ram, Memfd, File, GuestMemfd };
const char* memory_backend_type_name(MemoryBackendKind kind);

struct MemoryBackendConfig {
    MemoryBackendKind kind = MemoryBackendKind::Ram;
    std::string id;

    // Every backend.
    std::optional<uint64_t> size;
    std::optional<bool> share;
    std::optional<bool> merge;
    std::optional<bool> dump;
    std::optional<bool> reserve;
    std::optional<bool> prealloc;
    std::optional<uint32_t> prealloc_threads;
    std::optional<std::string> prealloc_context;
    std::vector<uint16_t> host_nodes;
    HostMemPolicy policy = HostMemPolicy::Default;
    std::optional<bool> private_memory;  // "private": a guest_memfd beside the shared mapping

    // memory-backend-memfd.
    std::optional<bool> hugetlb;
    std::optional<uint64_t> hugetlb_size;
    std::optional<bool> seal;
    std::optional<bool> guest_memfd;  // the RAM is a guest_memfd, as memory-backend-guest-memfd

    // memory-backend-file.
    std::optional<std::string> mem_path;
    std::optional<uint64_t> align;
    std::optional<uint64_t> offset;
    std::optional<bool> discard_data;
    std::optional<bool> pmem;
    std::optional<bool> readonly;
    std::optional<std::string> rom;  // on, off, auto
};

}  // namespace vmm
