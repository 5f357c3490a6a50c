#include "backends/block/qcow2/fast_path.h"

#include <algorithm>

#include "backends/block/iov.h"

namespace vmm::block {

using qcow2::ClusterKind;
using qcow2::Mapping;

FastPath::FastPath(qcow2::Image& image, Node& owner, Node& file)
    : image_(image), owner_(owner), file_(file) {}

FastPath::~FastPath() {
    while (spares_)
        spares_ = std::move(spares_->next);
}

std::unique_ptr<FastPath::Work> FastPath::spare() {
    if (!spares_) return std::make_unique<Work>();
    std::unique_ptr<Work> work = std::move(spares_);
    spares_ = std::move(work->next);
    return work;
}

void FastPath::give_back(std::unique_ptr<Work> work) {
    work->next = std::move(spares_);
    spares_ = std::move(work);
}

bool FastPath::take(Request& request) {
    if (request.op == Op::Flush) {
        if (image_.metadata_dirty()) return false;
        file_.debug_event("flush_to_os");
        file_.debug_event("flush_to_disk");
        file_.submit(request);
        return true;
    }
    if (request.op != Op::Read && request.op != Op::Write) return false;
    if (request.offset > owner_.size() || request.bytes > owner_.size() - request.offset) return false;

    std::unique_ptr<Work> work = spare();
    work->path = this;
    work->request = &request;
    work->runs_used = work->parts_used = 0;
    work->result = 0;
    bool ours = image_.map().enter(work->range, request.offset, request.bytes);
    // Looked up only when inside: from now on nobody changes what these clusters are.
    if (ours && !look_up(*work)) {
        image_.map().leave(work->range);
        ours = false;
    }
    if (!ours) {
        give_back(std::move(work));
        return false;
    }
    work->waiting = 1;  // ourselves, until all parts are on their way
    for (size_t i = 0; i < work->runs_used; ++i)
        start_run(*work, work->runs[i]);
    if (--work->waiting == 0) {
        image_.map().leave(work->range);
        give_back(std::move(work));
        owner_.context().complete(request, 0);
        return true;
    }
    (void)work.release();  // the last part takes it back
    return true;
}

bool FastPath::look_up(Work& work) const {
    const Request& request = *work.request;
    for (uint64_t at = 0; at < request.bytes;) {
        std::optional<Mapping> mapping = image_.map().peek(request.offset + at, request.bytes - at);
        if (!mapping || work.runs_used == kMostRuns) return false;
        if (mapping->kind == ClusterKind::Compressed || mapping->kind == ClusterKind::Invalid) return false;
        if (request.op == Op::Write && !image_.may_write_in_place(*mapping)) return false;
        work.runs[work.runs_used++] = {*mapping, at};
        at += mapping->bytes;
    }
    return true;
}

void FastPath::start_run(Work& work, const Run& run) {
    uint64_t bytes = run.mapping.bytes;
    if (run.mapping.kind == ClusterKind::Data) {
        file_.debug_event(work.request->op == Op::Read ? "read_aio" : "write_aio");
        return pass_on(work, file_, run.mapping.host, run.at, bytes);
    }
    uint64_t from = work.request->offset + run.at, below = 0;
    if (run.mapping.kind == ClusterKind::Unallocated && backing_ && from < (*backing_)->size())
        below = std::min(bytes, (*backing_)->size() - from);
    if (below > 0) {
        file_.debug_event("read_backing_aio");
        pass_on(work, **backing_, from, run.at, below);
    }
    if (below < bytes) {
        std::vector<iovec>& vectors = next_part(work, run.at + below, bytes - below).vectors;
        iov_clear(vectors, 0);
    }
}

FastPath::Part& FastPath::next_part(Work& work, uint64_t at, uint64_t bytes) {
    if (work.parts_used == work.parts.size()) work.parts.push_back(std::make_unique<Part>());
    Part& part = *work.parts[work.parts_used++];
    part.work = &work;
    part.vectors.clear();
    iov_slice(work.request->iov, at, bytes, part.vectors);
    return part;
}

void FastPath::pass_on(Work& work, Node& node, uint64_t offset, uint64_t at, uint64_t bytes) {
    Part& part = next_part(work, at, bytes);
    part.op = work.request->op;
    part.flags = work.request->flags;
    part.offset = offset;
    part.bytes = bytes;
    part.iov = part.vectors;
    part.done = part_done;
    ++work.waiting;
    node.submit(part);
}

void FastPath::part_done(Request& request) {
    Work& work = *static_cast<Part&>(request).work;
    if (request.result != 0 && work.result == 0) work.result = request.result;
    if (--work.waiting != 0) return;
    std::unique_ptr<Work> mine(&work);
    FastPath& path = *work.path;
    Request& whole = *work.request;
    whole.result = work.result;
    // Before anybody can ask for a flush that has to cover it.
    if (whole.op == Op::Write) path.image_.note_write();
    path.image_.map().leave(work.range);
    path.give_back(std::move(mine));
    whole.done(whole);
}

}  // namespace vmm::block
