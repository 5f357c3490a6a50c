// blockdev-create: images made by a job; see graph_commands.h.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "backends/block/options/graph_commands.h"
#include "backends/block/options/open_format_priv.h"
#include "backends/block/qcow2/create.h"
#include "backends/block/qcow2/node_file.h"
#include "util/fd.h"
#include "util/fd_store.h"

namespace vmm::block {

namespace {

class CreateFile final : public JobWork {
  public:
    // The store is the graph's: where descriptor sets are, or null.
    CreateFile(qapi::BlockdevCreateOptionsFile options, const FdStore* store)
        : options_(std::move(options)), store_(store) {}
    Status run(JobThread& job) override {
        constexpr int kFlags = O_RDWR | O_CREAT;
        Fd fd = TRY(store_ != nullptr ? store_->open(options_.filename, kFlags, 0644)
                                      : open_file(options_.filename, kFlags, 0644));
        const off_t size = static_cast<off_t>(options_.size);
        // To nothing first: what was in it is not in the new image.
        for (const off_t bytes : {off_t{0}, size})
            if (::ftruncate(fd.get(), bytes) != 0) return cannot(errno);
        switch (options_.preallocation.value_or(qapi::PreallocMode::Off)) {
            case qapi::PreallocMode::Off:
                break;
            case qapi::PreallocMode::Falloc:
                if (int number = size > 0 ? ::posix_fallocate(fd.get(), 0, size) : 0; number != 0)
                    return cannot(number);
                break;
            case qapi::PreallocMode::Full:
                TRY(fill(job, fd.get()));
                break;
        }
        return ::fsync(fd.get()) == 0 ? Status() : cannot(errno);
    }

  private:
    Status cannot(int number) const {
        return Error::from_errno(number, "Could not make '%s'", options_.filename.c_str());
    }
    Status fill(JobThread& job, int fd) const {
        const std::vector<uint8_t> zeroes(std::min<uint64_t>(options_.size, uint64_t{1} << 20));
        for (uint64_t done = 0; done < options_.size && job.go_on();) {
            ssize_t moved =
                ::pwrite(fd, zeroes.data(), std::min<uint64_t>(zeroes.size(), options_.size - done),
                         static_cast<off_t>(done));
            if (moved < 0 && errno == EINTR) continue;
            if (moved <= 0) return cannot(moved < 0 ? errno : ENOSPC);
            done += static_cast<uint64_t>(moved);
            job.set_progress(done, options_.size);
        }
        return {};
    }
    const qapi::BlockdevCreateOptionsFile options_;
    const FdStore* const store_;
};

class CreateQcow2 final : public JobWork {
  public:
    CreateQcow2(NodeRef file, qcow2::CreateOptions options)
        : file_(std::move(file)), options_(std::move(options)) {
        file_->set_job("blockdev-create");
    }
    Status run(JobThread&) override {
        NodeImageFile bytes(*file_);
        return qcow2::create_image(bytes, options_);
    }
    void clean(bool) override {
        if (file_) file_->set_job("");
        file_.reset();
    }

  private:
    NodeRef file_;
    const qcow2::CreateOptions options_;
};

qcow2::CreateOptions create_options(const qapi::BlockdevCreateOptionsQcow2& own) {
    qcow2::CreateOptions out;
    out.size = own.size;
    out.version =
        own.version.value_or(qapi::BlockdevQcow2Version::V3) == qapi::BlockdevQcow2Version::V2 ? 2 : 3;
    out.cluster_size = own.cluster_size.value_or(out.cluster_size);
    const int64_t bits = own.refcount_bits.value_or(16);
    out.refcount_bits = bits > 0 && bits <= 64 ? static_cast<uint32_t>(bits) : 0;
    out.lazy_refcounts = own.lazy_refcounts.value_or(false);
    out.extended_l2 = own.extended_l2.value_or(false);
    if (own.compression_type.value_or(qapi::Qcow2CompressionType::Zlib) == qapi::Qcow2CompressionType::Zstd)
        out.compression = qcow2::Compression::Zstd;
    out.backing_file = own.backing_file.value_or("");
    if (own.backing_fmt) out.backing_format = std::string(qapi::to_text(*own.backing_fmt));
    return out;
}

Result<std::unique_ptr<JobWork>> work_for(const BlockEnv& env, const qapi::BlockdevCreateOptions& options) {
    if (const auto* file = std::get_if<qapi::BlockdevCreateOptionsFile>(&options.u)) {
        if (file->size > INT64_MAX) return Error::make("Parameter 'size' is too large");
        return std::unique_ptr<JobWork>(std::make_unique<CreateFile>(*file, env.graph.descriptors()));
    }
    const auto& own = *std::get_if<qapi::BlockdevCreateOptionsQcow2>(&options.u);
    NodeRef opened = TRY(open_child(env, own.file, {}));
    TRY(check_idle(*opened));
    constexpr uint8_t kUsed = kPermWrite | kPermResize;
    NodeRef file = TRY(NodeRef::take(*opened, "job 'blockdev-create'", "job", {kUsed, 0}));
    opened.reset();
    // What is there is lost. A device keeps its size.
    if (file->driver() == "file") TRY(file->truncate(0));
    return std::unique_ptr<JobWork>(std::make_unique<CreateQcow2>(std::move(file), create_options(own)));
}

}  // namespace

Status create_image(const BlockEnv& env, JobList& jobs, const qapi::BlockdevCreateArguments& options) {
    TRY(jobs.check_id(options.job_id));
    std::unique_ptr<JobWork> work = TRY(work_for(env, options.options));
    JobConfig config;
    config.id = options.job_id;
    (void)TRY(jobs.start(std::move(config), std::move(work)));
    return {};
}

}  // namespace vmm::block
