// Qcow2Node: a qcow2 image in the block graph (driver "qcow2"). Reads and writes of clusters that are in
// place and whose L2 entries are in memory go straight to the file node on the loop's thread (fast_path.h).
// Everything else, which changes the image or waits for its tables, is done by one worker at a time, in the
// order it came. Options: those of BlockdevOptionsQcow2 in Qcow2Config. Missing: encryption, external data
// files, persistent bitmaps, writing internal snapshots. Main thread unless said otherwise; locks: two leaf
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "backends/block/handle.h"
#include "backends/block/node.h"
#include "backends/block/qcow2/fast_path.h"
#include "backends/block/qcow2/image.h"
#include "backends/block/qcow2/node_file.h"
#include "util/mutex.h"

namespace vmm::block {

struct Qcow2Config {
    std::optional<bool> lazy_refcounts;        // absent: as the image says
    std::optional<bool> pass_discard_request;  // absent: as discard= says
    bool pass_discard_snapshot = true;         // accepted: no snapshot is ever deleted here
    bool pass_discard_other = false;
    uint32_t overlap_check = qcow2::kOverlapCached;
    std::optional<uint64_t> cache_size;           // bytes, both caches
    std::optional<uint64_t> l2_cache_size;        // bytes
    std::optional<uint64_t> l2_cache_entry_size;  // bytes; a power of two, 512 to the cluster size
    std::optional<uint64_t> refcount_cache_size;  // bytes
    // On any thread, once an image.
    std::function<void(const ImageCorruption&)> corruption_found;
};

// overlap-check's "none", "constant", "cached", "all".
std::optional<uint32_t> overlap_template(std::string_view name);

class Qcow2Node final : public Node {
    struct Token {
        explicit Token() = default;
    };

  public:
    // Opens the image in the file node; blocks. A damaged image that cannot be used is an error.
    static Result<std::unique_ptr<Qcow2Node>> create(NodeOptions options, Node& file,
                                                     const Qcow2Config& config);
    Qcow2Node(Token, NodeOptions options, NodeRef file);
    ~Qcow2Node() override;

    // What the image says it lies on, "" for nothing; the caller opens it (backing_name.h) and gives it to
    // set_backing().
    const std::string& backing_file() const { return image().header().backing_file; }
    const std::string& backing_format() const { return image().header().backing_format; }
    Status set_backing(Node* backing) override;
    Status write_backing_name(const std::string& file, const std::string& format) override;
    Status populate(uint64_t offset, uint64_t bytes) override;
    bool child_may_change(std::string_view role) const override { return role == "backing"; }

    Result<Extent> extent(uint64_t offset, uint64_t bytes) override;
    Status truncate(uint64_t size) override;
    std::vector<Child> children() const override;
    qapi::Dict specific_info() const override;
    std::optional<uint64_t> allocated_bytes() const override { return file_->allocated_bytes(); }
    uint32_t cluster_size() const override {
        return static_cast<uint32_t>(image().geometry().cluster_size());
    }
    std::string filename() const override { return file_->filename(); }
    const qcow2::Image& image() const { return *open_.image; }

  private:
    int do_perform(Request& request) override;
    void do_submit(Request& request) override;
    void context_changed() override {}
    Status settle() override;
    Status apply(const NodeChange& change) override;
    void undo() override;
    void keep() override { before_.reset(); }
    void child_changed() override;
    Permissions child_permissions(std::string_view role, Permissions mine) const override;
    NodeRef* child_ref(std::string_view role) override;
    static Permissions file_permissions(const NodeOptions& options, Permissions mine);
    void wait_for_workers();

    // The backing node as the format's code wants it.
    class Backing final : public qcow2::BackingReader {
      public:
        // The use is looked at each time: its node may be exchanged.
        explicit Backing(const NodeRef& node) : node_(node) {}
        uint64_t size() const override { return node_->size(); }
        Status read(uint64_t offset, std::span<uint8_t> into) override {
            return read_sync(*node_, offset, into);
        }

      private:
        const NodeRef& node_;
    };

    // The right to use the image: one thread at a time. Not a mutex, because it is held over I/O.
    class Turn;
    struct Worker : Job {
        Qcow2Node* node;
    };

    int carry_out(Request& request);
    int read(Request& request);
    int write(Request& request);
    void queue(Request& request);
    void work();
    bool take_batch();
    int write_joined();

    NodeRef file_, backing_;
    Backing backing_reader_{backing_};
    // The image as it is open; each part refers to the one before it.
    struct Opened {
        Qcow2Config config;
        std::unique_ptr<NodeImageFile> file;
        std::unique_ptr<qcow2::Image> image;
        std::unique_ptr<FastPath> fast;
    };
    Result<Opened> open_image(const Qcow2Config& config);
    void see_backing();
    Opened open_;
    std::optional<Opened> before_;  // for undo()
    std::vector<uint8_t> bounce_;   // whose turn it is

    Mutex turn_mutex_{LockRank::Leaf, "qcow2 turn"};
    Condition turn_over_;
    bool taken_ GUARDED_BY(turn_mutex_) = false;
    Mutex queue_mutex_{LockRank::Leaf, "qcow2 queue"};
    Request* first_ GUARDED_BY(queue_mutex_) = nullptr;
    Request* last_ GUARDED_BY(queue_mutex_) = nullptr;
    bool working_ GUARDED_BY(queue_mutex_) = false;
    std::atomic<unsigned> workers_{0};  // inside work(), or on the way there
    std::vector<Request*> batch_;       // the worker's
    std::vector<iovec> joined_;
};

}  // namespace vmm::block
