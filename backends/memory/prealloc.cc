// Preallocation; see prealloc.h. The range is cut into one run per thread; each thread works in pieces so
// that an error elsewhere stops it soon.
#include "backends/memory/prealloc.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <optional>
#include <vector>

#include "util/align.h"
#include "util/size_text.h"
#include "util/thread.h"

namespace vmm {

namespace {

constexpr uint64_t kPiece = 64 * kMiB;

// Works on [offset, offset + size): 0 or an errno.
using Worker = std::function<int(uint64_t offset, uint64_t size)>;

struct Share {
    uint64_t first = 0;
    uint64_t end = 0;
    int error = 0;
    std::optional<Error> policy_error;
};

void work_through(Share& share, const PreallocPlan& plan, const Worker& worker, std::atomic<bool>& stop) {
    if (plan.policy != nullptr) {
        if (Status bound = plan.policy->bind_this_thread(); !bound) {
            share.policy_error = std::move(bound).take_error();
            stop = true;
            return;
        }
    }
    for (uint64_t at = share.first; at < share.end && !stop;) {
        uint64_t size = std::min(std::max(kPiece, plan.page_size), share.end - at);
        int error = worker(at, size);
        if (error == EINTR || error == EAGAIN) continue;
        if (error != 0) {
            share.error = error;
            stop = true;
            return;
        }
        at += size;
    }
}

Status run(uint64_t size, const PreallocPlan& plan, const char* what, const Worker& worker) {
    uint64_t pages = size / plan.page_size;
    uint64_t count = std::clamp<uint64_t>(plan.threads, 1, std::max<uint64_t>(pages, 1));
    std::vector<Share> shares(count);
    std::atomic<bool> stop{false};
    std::vector<Thread> threads;
    for (uint64_t i = 0; i < count; ++i) {
        shares[i].first = pages * i / count * plan.page_size;
        shares[i].end = i + 1 == count ? size : pages * (i + 1) / count * plan.page_size;
        // Always on a thread of its own: the NUMA policy it takes must not stick to the caller.
        threads.push_back(
            TRY(Thread::start("prealloc", [&, i] { work_through(shares[i], plan, worker, stop); })));
    }
    for (Thread& thread : threads)
        thread.join();
    for (Share& share : shares) {
        if (share.policy_error) return std::move(*share.policy_error);
        if (share.error == 0) continue;
        return Error::from_errno(share.error, "could not preallocate %s with %s (%s pages)",
                                 size_text(size).c_str(), what, size_text(plan.page_size).c_str())
            .with_hint("free memory on the host, reserve more huge pages, or leave prealloc off");
    }
    return {};
}

}  // namespace

Status prealloc_mapping(std::span<uint8_t> mapping, const PreallocPlan& plan) {
    return run(mapping.size(), plan, "MADV_POPULATE_WRITE", [&](uint64_t offset, uint64_t size) {
        return ::madvise(mapping.data() + offset, size, MADV_POPULATE_WRITE) == 0 ? 0 : errno;
    });
}

Status prealloc_descriptor(int fd, uint64_t size, const PreallocPlan& plan) {
    return run(size, plan, "fallocate", [&](uint64_t offset, uint64_t piece) {
        return ::fallocate(fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(piece)) ==
                       0
                   ? 0
                   : errno;
    });
}

}  // namespace vmm
