// Host mappings; see host_mapping.h.
#include "backends/memory/host_mapping.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "util/align.h"
#include "util/scope_exit.h"
#include "util/size_text.h"
#include "util/text.h"

namespace vmm {

namespace {

// RAM is placed so that the kernel can use its largest common page.
constexpr uint64_t kGenerousAlignment = 2 * kMiB;

struct MapRequest {
    uint64_t size = 0;
    uint64_t alignment = 0;
    uint64_t page_size = kPageSize;
    bool share = false;
    bool reserve = true;
};

Result<HostMapping> map_it(Fd fd, uint64_t offset, const MapRequest& request) {
    HostMapping made;
    int flags = request.share ? MAP_SHARED : MAP_PRIVATE;
    if (!fd) flags |= MAP_ANONYMOUS;
    if (!request.reserve) flags |= MAP_NORESERVE;
    uint64_t alignment = std::max(request.page_size, request.alignment);
    if (alignment == kPageSize && request.size >= kGenerousAlignment) alignment = kGenerousAlignment;
    made.region = TRY(
        MappedRegion::map_aligned(request.size, alignment, PROT_READ | PROT_WRITE, flags, fd.get(), offset));
    made.fd = std::move(fd);
    made.fd_offset = offset;
    made.page_size = request.page_size;
    made.shared = request.share;
    return made;
}

uint64_t descriptor_page_size(int fd) {
    struct statfs info = {};
    if (::fstatfs(fd, &info) == 0 && info.f_type == HUGETLBFS_MAGIC)
        return static_cast<uint64_t>(info.f_bsize);
    return kPageSize;
}

Error no_huge_pages(const MemfdRequest& request, int number) {
    const char* which = request.hugetlb_size == 0 ? "default-sized" : nullptr;
    std::string size = which != nullptr ? which : size_text(request.hugetlb_size);
    return Error::from_errno(number, "%s of huge pages (%s) cannot be mapped",
                             size_text(request.size).c_str(), size.c_str())
        .with_hint(
            "reserve enough in /sys/kernel/mm/hugepages/*/nr_hugepages, or choose another hugetlbsize");
}

Result<Fd> open_backing_file(const FileRequest& request, bool& created) {
    created = false;
    struct stat info = {};
    if (::stat(request.path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
        if (request.open_readonly)
            return Error::make("'%s' is a directory, which cannot back read-only memory",
                               request.path.c_str());
        std::string name = request.path + "/penumbra-ram.XXXXXX";
        int number = ::mkostemp(name.data(), O_CLOEXEC);
        if (number < 0)
            return Error::from_errno(errno, "could not make a file in '%s': mkostemp", request.path.c_str());
        ::unlink(name.c_str());
        return Fd(number);
    }
    if (request.open_readonly) return open_file(request.path, O_RDONLY);
    Result<Fd> fd = open_file(request.path, O_RDWR);
    if (fd || fd.error().number() != ENOENT) return fd;
    Fd made = TRY(open_file(request.path, O_RDWR | O_CREAT | O_EXCL, 0644));
    created = true;
    return made;
}

Result<uint64_t> settle_file_size(const FileRequest& request, int fd, uint64_t page_size) {
    struct stat info = {};
    if (::fstat(fd, &info) < 0)
        return Error::from_errno(errno, "could not examine '%s': fstat", request.path.c_str());
    auto present = S_ISREG(info.st_mode) ? static_cast<uint64_t>(info.st_size) : 0;
    if (request.size == 0) {
        if (present <= request.offset)
            return Error::make("'%s' is empty and no size is given", request.path.c_str());
        return present - request.offset;
    }
    std::optional<uint64_t> end = checked_add(request.offset, request.size);
    if (!end) return Error::make("offset and size do not fit into 64 bits");
    if (present != 0 && present < *end) {
        return Error::make("'%s' has %s, less than the %s that size and offset ask for", request.path.c_str(),
                           size_text(present).c_str(), size_text(*end).c_str())
            .with_hint("lower size, or grow the file with truncate");
    }
    if (present == 0 && !request.open_readonly &&
        ::ftruncate(fd, static_cast<off_t>(align_up(*end, page_size))) < 0)
        return Error::from_errno(errno, "could not give '%s' %s: ftruncate", request.path.c_str(),
                                 size_text(*end).c_str());
    return request.size;
}

}  // namespace

Result<HostMapping> map_anonymous(const AnonymousRequest& request) {
    if (request.share) {
        MemfdRequest memfd;
        memfd.name = "memory-backend-ram";
        memfd.size = request.size;
        memfd.seal = false;
        memfd.reserve = request.reserve;
        return map_memfd(memfd);
    }
    MapRequest map;
    map.size = request.size;
    map.reserve = request.reserve;
    return map_it(Fd(), 0, map);
}

Result<HostMapping> map_memfd(const MemfdRequest& request) {
    unsigned flags = MFD_CLOEXEC;
    if (request.seal) flags |= MFD_ALLOW_SEALING;
    if (request.hugetlb) {
        flags |= MFD_HUGETLB;
        if (request.hugetlb_size != 0)
            flags |= static_cast<unsigned>(__builtin_ctzll(request.hugetlb_size)) << MFD_HUGE_SHIFT;
    }
    int number = ::memfd_create(request.name.c_str(), flags);
    if (number < 0 && request.hugetlb) return no_huge_pages(request, errno);
    if (number < 0) return Error::from_errno(errno, "memfd_create");
    Fd fd(number);
    MapRequest map;
    map.page_size = descriptor_page_size(fd.get());
    map.size = request.size;
    map.share = request.share;
    map.reserve = request.reserve;
    if (!is_aligned(request.size, map.page_size)) {
        return Error::make("size %s is not a multiple of the page size %s", size_text(request.size).c_str(),
                           size_text(map.page_size).c_str());
    }
    if (::ftruncate(fd.get(), static_cast<off_t>(request.size)) < 0)
        return Error::from_errno(errno, "could not give the memfd %s: ftruncate",
                                 size_text(request.size).c_str());
    if (request.seal && ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return Error::from_errno(errno, "could not seal the memfd: fcntl(F_ADD_SEALS)");
    Result<HostMapping> made = map_it(std::move(fd), 0, map);
    if (!made && request.hugetlb) return no_huge_pages(request, made.error().number());
    return made;
}

Result<HostMapping> map_file(const FileRequest& request) {
    bool created = false;
    Fd fd = TRY(open_backing_file(request, created));
    // A file that was made for this backend goes when the backend cannot be; one in a directory has no name
    // any more.
    ScopeExit remove_file([&] {
        if (created) ::unlink(request.path.c_str());
    });
    MapRequest map;
    map.page_size = descriptor_page_size(fd.get());
    map.size = TRY(settle_file_size(request, fd.get(), map.page_size));
    if (!is_aligned(map.size, map.page_size) || !is_aligned(request.offset, map.page_size)) {
        return Error::make("size %s and offset %s must be multiples of the page size %s of '%s'",
                           size_text(map.size).c_str(), size_text(request.offset).c_str(),
                           size_text(map.page_size).c_str(), request.path.c_str());
    }
    if (request.alignment != 0 &&
        (!is_power_of_two(request.alignment) || request.alignment < map.page_size)) {
        return Error::make("align=%s must be a power of two and at least the page size %s",
                           size_text(request.alignment).c_str(), size_text(map.page_size).c_str());
    }
    map.alignment = request.alignment;
    map.share = request.share;
    map.reserve = request.reserve;
    HostMapping made = TRY(map_it(std::move(fd), request.offset, map));
    if (created) made.made_file = std::filesystem::absolute(request.path).string();
    remove_file.release();
    return made;
}

Result<MappedRegion> map_descriptor(int fd, uint64_t size) {
    uint64_t alignment = size >= kGenerousAlignment ? kGenerousAlignment : kPageSize;
    return MappedRegion::map_aligned(size, alignment, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
}

}  // namespace vmm
