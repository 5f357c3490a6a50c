// guest_memfd pages; see gmem.h.
#include "system/memory/gmem.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <utility>

#include "system/memory/host_pages_priv.h"
#include "util/align.h"
#include "util/check.h"
#include "util/raw_syscall.h"

namespace vmm {

namespace {

Status fallocate_fully(int fd, int mode, GmemRange range, const char* what) {
    CHECK(range.aligned(kPageSize), "guest_memfd range is not aligned to pages");
    long got;
    do {
        got = raw_syscall(SYS_fallocate, static_cast<uint64_t>(fd), static_cast<uint64_t>(mode),
                          range.first().raw(), range.size());
    } while (got == -EINTR);
    if (got < 0) {
        return Error::from_errno(static_cast<int>(-got), "%s 0x%llx bytes of guest_memfd at 0x%llx", what,
                                 static_cast<unsigned long long>(range.size()),
                                 static_cast<unsigned long long>(range.first().raw()));
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<Gmem>> Gmem::create(GmemFactory& factory, const GmemRequest& request) {
    CHECK(request.size != 0 && is_aligned(request.size, kPageSize), "guest_memfd of %llu bytes",
          static_cast<unsigned long long>(request.size));
    Fd fd = TRY(factory.create_guest_memfd(request));
    // The kernel makes it inheritable; a child that kept it would keep the VM alive.
    TRY(set_close_on_exec(fd.get()));
    return std::make_unique<Gmem>(Token(), factory, std::move(fd), request);
}

Gmem::Gmem(Token, GmemFactory& factory, Fd fd, const GmemRequest& request)
    : factory_(factory), fd_(std::move(fd)), size_(request.size), mappable_(request.mappable) {
    factory_.gmem_made(*this);
}

Gmem::~Gmem() {
    factory_.gmem_gone(*this);
}

void Gmem::let_go() {
    CHECK(!mappable_, "a guest_memfd that is mapped cannot be let go of");
    fd_.reset();
}

Status Gmem::renew() {
    CHECK(!mappable_, "a guest_memfd that is mapped cannot be made anew");
    Fd fd = TRY(factory_.create_guest_memfd({.size = size_}));
    TRY(set_close_on_exec(fd.get()));
    fd_ = std::move(fd);
    return {};
}

Status Gmem::punch_again(GmemRange range) {
    return fallocate_fully(fd_.get(), kPunch, range, "freeing");
}

Status Gmem::preallocate(GmemRange range) {
    return fallocate_fully(fd_.get(), FALLOC_FL_KEEP_SIZE, range, "allocating");
}

std::optional<uint64_t> Gmem::resident(GmemRange range) const {
    return resident_in_file(fd_.get(), range.first().raw(), range.size());
}

}  // namespace vmm
