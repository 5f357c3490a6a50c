// io_uring without a library; see uring.h. The ring layout is the kernel's (io_uring_setup(2)).
#include "backends/block/uring.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "util/check.h"

namespace vmm::block {

namespace {

uint32_t load_acquire(const uint32_t* word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
void store_release(uint32_t* word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

template <typename T>
T* at(const MappedRegion& region, uint32_t offset) {
    return static_cast<T*>(static_cast<void*>(region.data() + offset));
}

int setup(unsigned entries, io_uring_params& parameters) {
    // Newer kernels: completions run when we ask, by the one thread that submits; older ones refuse the
    // flags.
    for (uint32_t flags : {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CLAMP, IORING_SETUP_CLAMP}) {
        parameters = {};
        parameters.flags = flags;
        int fd = static_cast<int>(::syscall(SYS_io_uring_setup, entries, &parameters));
        if (fd >= 0) return fd;
        if (errno != EINVAL) return -errno;
    }
    return -EINVAL;
}

long enter_kernel(int fd, unsigned submit, unsigned wait_for, unsigned flags) {
    return ::syscall(SYS_io_uring_enter, fd, submit, wait_for, flags, nullptr, 0ul);
}

}  // namespace

Result<std::unique_ptr<Uring>> Uring::create(unsigned entries, RingEnter enter) {
    io_uring_params parameters;
    int number = setup(entries, parameters);
    if (number < 0) return Error::from_errno(-number, "could not set up an io_uring");
    auto ring = std::make_unique<Uring>(Token());
    ring->fd_ = Fd(number);
    ring->enter_ = enter != nullptr ? enter : enter_kernel;
    constexpr uint32_t kNeeded = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP;
    if ((parameters.features & kNeeded) != kNeeded)
        return Error::from_errno(ENOSYS, "the kernel's io_uring is too old");
    TRY(set_close_on_exec(number));
    const io_sqring_offsets& sq = parameters.sq_off;
    const io_cqring_offsets& cq = parameters.cq_off;
    size_t sq_bytes = sq.array + parameters.sq_entries * sizeof(uint32_t);
    size_t cq_bytes = cq.cqes + parameters.cq_entries * sizeof(io_uring_cqe);
    ring->rings_ = TRY(MappedRegion::map(std::max(sq_bytes, cq_bytes), PROT_READ | PROT_WRITE,
                                         MAP_SHARED | MAP_POPULATE, number, IORING_OFF_SQ_RING));
    ring->entries_ =
        TRY(MappedRegion::map(parameters.sq_entries * sizeof(io_uring_sqe), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_POPULATE, number, IORING_OFF_SQES));
    const MappedRegion& rings = ring->rings_;
    ring->sq_head_ = at<uint32_t>(rings, sq.head);
    ring->sq_tail_ = at<uint32_t>(rings, sq.tail);
    ring->sq_flags_ = at<uint32_t>(rings, sq.flags);
    ring->cq_head_ = at<uint32_t>(rings, cq.head);
    ring->cq_tail_ = at<uint32_t>(rings, cq.tail);
    ring->sq_size_ = parameters.sq_entries;
    ring->sq_mask_ = parameters.sq_entries - 1;
    ring->cq_size_ = parameters.cq_entries;
    ring->cq_mask_ = parameters.cq_entries - 1;
    ring->sqes_ = at<io_uring_sqe>(ring->entries_, 0);
    ring->cqes_ = at<io_uring_cqe>(rings, cq.cqes);
    // Entry i of the queue is always entry i of the array.
    uint32_t* array = at<uint32_t>(rings, sq.array);
    for (uint32_t i = 0; i < parameters.sq_entries; ++i)
        array[i] = i;
    ring->tail_ = load_acquire(ring->sq_tail_);
    return ring;
}

io_uring_sqe* Uring::next_entry() {
    // No more under way than completions have room for: the kernel then never has to keep them aside.
    if (in_flight_ >= cq_size_) return nullptr;
    if (tail_ - load_acquire(sq_head_) >= sq_size_) {
        submit();
        if (tail_ - load_acquire(sq_head_) >= sq_size_) return nullptr;
    }
    io_uring_sqe* entry = &sqes_[tail_ & sq_mask_];
    *entry = {};
    return entry;
}

bool Uring::transfer(UringUser& user, int fd, Request& request, bool write, uint32_t flags) {
    io_uring_sqe* entry = next_entry();
    if (entry == nullptr) return false;
    entry->off = request.offset;
    entry->rw_flags = static_cast<int>(flags);
    if (request.iov.size() == 1 && request.iov[0].iov_len <= UINT32_MAX) {
        entry->addr = std::bit_cast<uint64_t>(request.iov[0].iov_base);
        entry->len = static_cast<uint32_t>(request.iov[0].iov_len);
        return queue(user, request, write ? IORING_OP_WRITE : IORING_OP_READ, fd, flags);
    }
    entry->addr = std::bit_cast<uint64_t>(request.iov.data());
    entry->len = static_cast<uint32_t>(request.iov.size());
    return queue(user, request, write ? IORING_OP_WRITEV : IORING_OP_READV, fd, flags);
}

// Fills in what all operations have; next_entry() has cleared the entry.
bool Uring::queue(UringUser& user, Request& request, uint8_t opcode, int fd, uint32_t flags) {
    io_uring_sqe* entry = &sqes_[tail_ & sq_mask_];
    entry->opcode = opcode;
    entry->fd = fd;
    entry->rw_flags = static_cast<int>(flags);
    entry->user_data = std::bit_cast<uint64_t>(&request);
    request.scratch[0] = std::bit_cast<uint64_t>(&user);
    ++tail_;
    ++queued_;
    ++in_flight_;
    return true;
}

bool Uring::read(UringUser& user, int fd, Request& request) {
    return transfer(user, fd, request, false, 0);
}

bool Uring::write(UringUser& user, int fd, Request& request, bool durable) {
    return transfer(user, fd, request, true, durable ? RWF_DSYNC : 0u);
}

bool Uring::sync_data(UringUser& user, int fd, Request& request) {
    if (next_entry() == nullptr) return false;
    return queue(user, request, IORING_OP_FSYNC, fd, IORING_FSYNC_DATASYNC);
}

void Uring::submit(bool wait) {
    store_release(sq_tail_, tail_);
    while (queued_ > 0 || (wait && !has_done())) {
        unsigned flags = wait ? IORING_ENTER_GETEVENTS : 0u;
        long taken = enter_(fd_.get(), queued_, wait ? 1u : 0u, flags);
        if (taken < 0) {
            if (errno == EINTR) continue;
            // The kernel is short of memory or wants completions reaped: what is queued stays for next time.
            CHECK(errno == EAGAIN || errno == EBUSY, "io_uring_enter: %s", std::strerror(errno));
            return;
        }
        queued_ -= static_cast<uint32_t>(taken);
        if (wait) return;
    }
}

bool Uring::has_done() const {
    if (load_acquire(cq_tail_) != *cq_head_) return true;
    return (load_acquire(sq_flags_) & IORING_SQ_CQ_OVERFLOW) != 0;
}

unsigned Uring::reap() {
    if ((load_acquire(sq_flags_) & IORING_SQ_CQ_OVERFLOW) != 0)
        (void)enter_(fd_.get(), 0u, 0u, IORING_ENTER_GETEVENTS);
    unsigned count = 0;
    // The head moves before each call, so that a call may reap on its own (a drain).
    for (uint32_t end = load_acquire(cq_tail_); static_cast<int32_t>(end - *cq_head_) > 0;) {
        const io_uring_cqe done = cqes_[*cq_head_ & cq_mask_];
        store_release(cq_head_, *cq_head_ + 1);
        --in_flight_;
        ++count;
        Request& request = *std::bit_cast<Request*>(done.user_data);
        std::bit_cast<UringUser*>(request.scratch[0])->ring_done(request, done.res);
    }
    return count;
}

}  // namespace vmm::block
