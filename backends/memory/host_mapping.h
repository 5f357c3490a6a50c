// The host's side of a memory backend: anonymous memory, a memfd or a file, mapped with the right page size
// and protection. Makes no decision about guests.
#pragma once

#include <cstdint>
#include <string>

#include "util/fd.h"
#include "util/mmap.h"
#include "util/result.h"

namespace vmm {

struct HostMapping {
    MappedRegion region;
    Fd fd;                      // empty for anonymous private memory
    uint64_t fd_offset = 0;     // of the mapping's first byte in the descriptor
    uint64_t page_size = 4096;  // huge page size for hugetlb
    bool shared = false;        // MAP_SHARED
    std::string made_file;      // absolute path of the file that was made for it; empty: none was
};

struct AnonymousRequest {
    uint64_t size = 0;
    bool share = false;  // a memfd, so that other processes can map it
    bool reserve = true;
};
Result<HostMapping> map_anonymous(const AnonymousRequest& request);

struct MemfdRequest {
    std::string name;
    uint64_t size = 0;
    bool share = true;
    bool hugetlb = false;
    uint64_t hugetlb_size = 0;  // 0: the host's default huge page
    bool seal = true;           // no growing, no shrinking
    bool reserve = true;
};
Result<HostMapping> map_memfd(const MemfdRequest& request);

struct FileRequest {
    std::string path;   // a file, or a directory in which an unnamed file is made
    uint64_t size = 0;  // 0: as large as the file
    uint64_t offset = 0;
    uint64_t alignment = 0;  // 0: the file system's page size
    bool share = false;
    bool open_readonly = false;  // the file is not changed; a private mapping can still be written
    bool reserve = true;
};
// A file that it makes is gone again when it fails; after that whoever has made_file decides.
Result<HostMapping> map_file(const FileRequest& request);

// Maps all of a descriptor that somebody else owns (a mappable guest_memfd), shared.
Result<MappedRegion> map_descriptor(int fd, uint64_t size);

}  // namespace vmm
