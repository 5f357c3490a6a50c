// FileNode: an image in a regular file or a block device of the host (drivers "file" and "host_device").
// Reads, writes and flushes go through the loop's io_uring where the kernel has one, else (and for
// aio=threads) to worker threads; what blocks by nature (holes, discards) always does. O_DIRECT with buffers
// that do not fit is bounced. "/dev/fdset/N" is a descriptor of that set. Missing: network file systems' own
// protocols, persistent reservations. Threads: as Node says.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "backends/block/file_lock.h"
#include "backends/block/file_view.h"
#include "backends/block/node.h"
#include "backends/block/uring.h"
#include "util/fd.h"

namespace vmm {
class FdStore;
}

namespace vmm::block {

// Native is the kernel's asynchronous I/O, for which cache.direct is asked as for QEMU; it is done by
// io_uring.
enum class Aio : uint8_t { Best, Threads, Native, IoUring };

struct FileConfig {
    std::string filename;
    Aio aio = Aio::Best;
    std::optional<bool> locking;  // absent: where the file system can
    bool device = false;          // driver host_device
    // Where "/dev/fdset/N" is looked up; outlives the node. Null: it is a name like any other.
    const FdStore* descriptors = nullptr;
};

class FileNode final : public Node, UringUser {
    struct Token {
        explicit Token() = default;
    };

  public:
    static Result<std::unique_ptr<FileNode>> create(NodeOptions options, IoContext& context,
                                                    const FileConfig& config);
    FileNode(Token, NodeOptions options, IoContext& context, const FileConfig& config, Fd fd);
    ~FileNode() override;

    Result<Extent> extent(uint64_t offset, uint64_t bytes) override;
    Status truncate(uint64_t size) override;
    std::optional<uint64_t> allocated_bytes() const override;
    bool device() const { return config_.device; }

  private:
    int do_perform(Request& request) override;
    void do_submit(Request& request) override;
    void ring_done(Request& request, int result) override;
    Status permissions_changed(Permissions wanted) override;
    Status settle() override;
    Status apply(const NodeChange& change) override;
    void undo() override;
    void keep() override { before_.reset(); }

    Status set_up();
    Status probe_alignment();
    Status exchange_descriptor(NodeOptions wanted);
    bool done_at_once(const Request& request) const;
    bool ring_takes(const Request& request) const;
    bool queue(Uring& ring, Request& request);
    bool read_from_view(const Request& request);
    int transfer(const Request& request);
    int transfer_bounced(const Request& request);
    int transfer_part(bool write, std::span<const iovec> iov, uint64_t offset, uint64_t bytes, bool fua);
    int flush();
    int with_holes(const Request& request, int result);
    int discard(const Request& request);
    int write_zeroes(const Request& request);
    int write_zero_buffers(uint64_t offset, uint64_t bytes);

    FileConfig config_;
    Fd fd_;
    std::unique_ptr<FileLock> lock_;
    // What undo() needs while another descriptor is tried.
    struct Before {
        Fd fd;
        std::unique_ptr<FileLock> lock;
        int status;  // of the descriptor's file description, which may be the set's
        NodeLimits limits;
    };
    std::optional<Before> before_;
    bool use_ring_;
    bool in_memory_ = false;  // its file system is: nothing to wait for
    std::unique_ptr<FileView> view_;
    std::atomic<bool> ring_works_{true};
    std::atomic<bool> can_discard_{true}, can_zero_{true}, can_punch_{true};
    // A flush that failed may have lost what it was to make durable: later ones cannot promise it either.
    std::atomic<int> lost_{0};
};

}  // namespace vmm::block
