// Host memory of the guest; see ram_block.h.
#include "system/memory/ram_block.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "system/memory/host_pages_priv.h"
#include "util/check.h"
#include "util/log.h"
#include "util/raw_syscall.h"

namespace vmm {

namespace {

GmemRange same_in_gmem(RamRange range) {
    return GmemRange::between(GmemOffset(range.first().raw()), GmemOffset(range.last().raw()));
}

[[gnu::hot]] Status advise(uint8_t* at, uint64_t size, int advice, const char* name) {
    long got;
    do {
        got = raw_syscall(SYS_madvise, reinterpret_cast<uintptr_t>(at), size, static_cast<uint64_t>(advice));
    } while (got == -EINTR);
    if (got < 0) return Error::from_errno(static_cast<int>(-got), "madvise %s", name);
    return {};
}

Status punch_file(int fd, uint64_t offset, uint64_t size) {
    int got;
    do {
        got = ::fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, static_cast<off_t>(offset),
                          static_cast<off_t>(size));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return Error::from_errno(errno, "fallocate PUNCH_HOLE");
    return {};
}

}  // namespace

RamBlock::RamBlock(Config config)
    : config_(std::move(config)),
      bytes_(config_.mapping ? config_.mapping.bytes() : config_.borrowed),
      visibility_(config_.initial) {
    CHECK(!bytes_.empty(), "RAM block '%s' without memory", id().c_str());
    CHECK(is_power_of_two(config_.page_size), "RAM block '%s': page size", id().c_str());
    CHECK(config_.initial == Visibility::Shared || has_private_side(), "RAM block '%s': no private side",
          id().c_str());
    CHECK(gmem() == nullptr || gmem()->size() >= size(), "RAM block '%s': guest_memfd too small",
          id().c_str());
}

Result<std::unique_ptr<RamBlock>> RamBlock::anonymous(std::string id, uint64_t size) {
    CHECK(size != 0, "RAM block '%s' of no size", id.c_str());
    std::optional<uint64_t> rounded = checked_align_up(size, kPageSize);
    if (!rounded) return Error::make("'%s': size is too large", id.c_str());
    Config config;
    config.mapping = TRY(MappedRegion::map(*rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS));
    config.id = std::move(id);
    return std::make_unique<RamBlock>(std::move(config));
}

int RamBlock::fd() const {
    if (config_.fd) return config_.fd.get();
    return gmem() != nullptr && gmem()->mappable() ? gmem()->fd() : -1;
}

// An entry that read the epoch just before it changed may count in the old one while it is waited for, or
// after; so both are waited for, one after the other, each while new entries go to the other.
unsigned RamBlock::enter_use() const {
    unsigned epoch = epoch_.load() & 1;
    users_[epoch].fetch_add(1);
    return epoch;
}

void RamBlock::leave_use(unsigned entered) const {
    users_[entered].fetch_sub(1);
}

void RamBlock::wait_for_those() const {
    Locked lock(waiting_);
    for (int round = 0; round < 2; ++round) {
        unsigned old = epoch_.fetch_add(1) & 1;
        while (users_[old].load() != 0)
            std::this_thread::yield();
    }
}

[[gnu::hot]] Status RamBlock::discard_shared(RamRange range) {
    CHECK(range.last().raw() < size() && range.aligned(page_size()), "RAM block '%s': discard of a bad range",
          id().c_str());
    uint8_t* at = data() + range.first().raw();
    Status done = [&]() -> Status {
        if (gmem() != nullptr && gmem()->mappable()) return gmem()->punch(same_in_gmem(range));
        // Nothing of a file behind a private mapping is ever changed: only our copies of its pages go.
        if (sharing() == RamSharing::Private) return advise(at, range.size(), MADV_DONTNEED, "DONTNEED");
        if (config_.fd)
            return punch_file(config_.fd.get(), config_.fd_offset + range.first().raw(), range.size());
        return advise(at, range.size(), MADV_REMOVE, "REMOVE");
    }();
    if (!done) return std::move(done).take_error().while_doing("RAM block '%s'", id().c_str());
    return {};
}

[[gnu::hot]] Status RamBlock::discard_private(RamRange range) {
    if (!has_private_side()) return {};
    Status done = gmem()->punch(same_in_gmem(range));
    if (!done) return std::move(done).take_error().while_doing("RAM block '%s'", id().c_str());
    return {};
}

void RamBlock::retire() {
    Status freed = discard_private(whole());
    void* got = ::mmap(data(), size(), PROT_READ | PROT_WRITE,
                       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!freed || got == MAP_FAILED) log_warning("RAM block '%s': its memory stays", id().c_str());
}

std::optional<uint64_t> RamBlock::resident_shared(RamRange range) const {
    // What a shared file holds counts whether or not it is mapped here; anonymous memory is in the mapping.
    if (fd() >= 0 && sharing() == RamSharing::Shared && page_size() == kPageSize) {
        std::optional<uint64_t> cached =
            resident_in_file(fd(), config_.fd_offset + range.first().raw(), range.size());
        if (cached) return cached;
    }
    return resident_in_mapping(data() + range.first().raw(), range.size());
}

std::optional<uint64_t> RamBlock::resident_private(RamRange range) const {
    if (!has_private_side()) return 0;
    return gmem()->resident(same_in_gmem(range));
}

// Halves the range until one side is empty or full.
std::optional<uint64_t> RamBlock::resident_on_both_sides(RamRange range) const {
    if (!has_private_side()) return 0;
    std::optional<uint64_t> shared_side = resident_shared(range);
    if (!shared_side || *shared_side == 0) return shared_side;
    std::optional<uint64_t> private_side = resident_private(range);
    if (!private_side || *private_side == 0) return private_side;
    if (*shared_side >= range.size()) return private_side;
    if (*private_side >= range.size() || range.size() <= kPageSize) return shared_side;
    uint64_t half = align_up(range.size() / 2, kPageSize);
    std::optional<uint64_t> low = resident_on_both_sides(RamRange::of(range.first(), half));
    std::optional<uint64_t> high =
        resident_on_both_sides(RamRange::between(range.first() + half, range.last()));
    if (!low || !high) return std::nullopt;
    return *low + *high;
}

}  // namespace vmm
