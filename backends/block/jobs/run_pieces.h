// The loop of jobs that go over a disk once, from its beginning to its end. The job's thread.
#pragma once

#include <cerrno>
#include <functional>

#include "backends/block/jobs/copy.h"
#include "backends/block/jobs/job.h"

namespace vmm::block {

struct Piece {
    uint64_t bytes = 0;   // how far the step came
    bool copied = false;  // and whether that cost anything
};

inline int errno_of(const Error& error) {
    return error.number() != 0 ? error.number() : EIO;
}

// step(offset, at most this much, whether an error is the source's).
inline Status run_pieces(JobThread& job, uint64_t size,
                         const std::function<Result<Piece>(uint64_t, uint64_t, bool&)>& step) {
    std::optional<Error> ignored;
    job.set_progress(0, size);
    for (uint64_t at = 0; at < size && job.go_on();) {
        const uint64_t most = std::min(size - at, Copier::kMostAtOnce);
        bool read = true;
        Result<Piece> piece = step(at, most, read);
        if (!piece) {
            const OnError action = job.failed(read, errno_of(piece.error()));
            if (action == OnError::Report) return std::move(piece).take_error();
            if (action == OnError::Stop) continue;
            if (!ignored) ignored = std::move(piece).take_error();
            at += most;
            continue;
        }
        at += piece->bytes;
        if (piece->copied) job.copied(piece->bytes);
        job.set_progress(at, size);
    }
    if (ignored) return std::move(*ignored);
    return {};
}

}  // namespace vmm::block
