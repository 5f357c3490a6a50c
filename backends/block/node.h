// Node: one vertex of the block graph - a file, a format on top of one, a filter. Devices hold a BlockHandle
// (handle.h), which submits to the root; a node submits to its children. BlockGraph (graph.h) makes nodes and
// knows them by name.
//
// Two ways to do I/O, both with a Request:
//   submit()   asynchronous, on the thread of the loop that the graph is bound to. request.done is called on
//              that thread, later, never from inside submit(). No lock of the caller's is needed or held.
//   perform()  blocking, from any thread (a worker of IoContext::run(), set-up before the loop runs), also
//              while others submit. This is what a format driver does metadata with: take an own lock in a
//              worker, call read_sync(*file, ...) and friends, let go.
// A driver implements do_perform(), and do_submit() when it has something better than a worker thread that
// calls do_perform(), which is the default. Requests to the same bytes at the same time have no order.
//
// Everything else (children, permissions, binding, resizing, description) belongs to the main thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/block/io_context.h"
#include "backends/block/request.h"
#include "qapi/value.h"
#include "util/result.h"

namespace vmm::block {

class AlignGate;
class BlockGraph;
class Node;
struct NodeChange;

// What a user of a node does, and what it lets others do.
inline constexpr uint8_t kPermRead = 1;            // and relies on what it reads
inline constexpr uint8_t kPermWrite = 2;           // changes what readers see
inline constexpr uint8_t kPermWriteUnchanged = 4;  // writes what is there already
inline constexpr uint8_t kPermResize = 8;
inline constexpr uint8_t kPermAll = 15;
struct Permissions {
    uint8_t used = 0;
    uint8_t shared = kPermAll;
    bool writes() const { return (used & (kPermWrite | kPermResize)) != 0; }
};

// NodeRef: a counted use of a node, by a parent node, a handle or the user who named it. A node without uses
// goes away (when a graph owns it). Main thread.
class NodeRef {
  public:
    NodeRef() = default;
    // Fails when the permissions conflict with another use, here or further down (a lock on the file).
    // `user` is for messages: "node 'fmt0'", "device 'disk0'"; role: "file", "backing", "root".
    static Result<NodeRef> take(Node& node, std::string user, std::string role, Permissions permissions);
    NodeRef(NodeRef&& other) noexcept;
    NodeRef& operator=(NodeRef&& other) noexcept;
    ~NodeRef() { reset(); }
    void reset();
    Status set_permissions(Permissions permissions);
    // The same use of another node, in its place; on failure of the one that it was. Drained. What the owner
    // took over from the node (its size, a handle's medium) is the caller's to bring up to date.
    Status retarget(Node& to);

    explicit operator bool() const { return node_ != nullptr; }
    Node* get() const { return node_; }
    Node& operator*() const { return *node_; }
    Node* operator->() const { return node_; }
    const std::string& user() const { return user_; }
    const std::string& role() const { return role_; }
    Permissions permissions() const { return permissions_; }

  private:
    friend class Node;
    friend class Reopening;
    Node* node_ = nullptr;
    std::string user_, role_;
    Permissions permissions_;
};

enum class DetectZeroes : uint8_t { Off, On, Unmap };

// The options that every driver has. The graph fills them in from BlockdevOptions.
struct NodeOptions {
    std::string name;      // unique in the graph; made up ("#block003") when the user gave none
    std::string driver;    // "qcow2"
    std::string filename;  // for people and query-block; "" when there is none
    bool read_only = false;
    bool auto_read_only = false;  // opened for writing only where that is possible and wanted
    bool cache_direct = false;    // O_DIRECT below
    bool no_flush = false;        // flushes are not passed on
    bool discard_unmap = false;   // discards are passed on
    bool force_share = false;
    DetectZeroes detect_zeroes = DetectZeroes::Off;
};

// What a node's storage prefers; callers need not obey, it is cheaper when they do. 0: no limit.
struct NodeLimits {
    uint32_t request_alignment = 1;  // of offset and length; a power of two
    uint32_t memory_alignment = 1;   // of buffers
    uint32_t max_transfer = 0;       // bytes of one read or write
    uint32_t discard_alignment = 0;
    uint64_t max_discard = 0;
    uint64_t max_write_zeroes = 0;
};

struct NodeCapabilities {
    bool discard = false;       // discards reach the storage
    bool write_zeroes = false;  // WriteZeroes is cheaper than writing
    bool fua = false;           // kFua is done by the node; otherwise submit() adds a flush
};

// A run of bytes of one kind.
struct Extent {
    enum class Kind : uint8_t { Data, Zero, Unallocated };  // Unallocated: what the backing node has there
    Kind kind = Kind::Data;
    uint64_t bytes = 0;
    std::optional<uint64_t>
        mapped_at;  // where the bytes lie in the file child, when they lie there as they are
};

class Node {
  public:
    Node(NodeOptions options, IoContext& context);
    virtual ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    const std::string& name() const { return options_.name; }
    const std::string& driver() const { return options_.driver; }
    const NodeOptions& options() const { return options_; }
    // Bytes. Grows when a file is written behind its end; readable from any thread.
    uint64_t size() const { return size_.load(std::memory_order_relaxed); }
    bool read_only() const { return read_only_; }
    const NodeLimits& limits() const { return limits_; }
    const NodeCapabilities& capabilities() const { return capabilities_; }

    // See the head of this file. Reading behind the end gives zeroes; writing there grows what can grow and
    // fails with -ENOSPC elsewhere; a handle refuses both before they come here. Flush: what completed before
    // it was submitted is durable. Discard is advice: it succeeds where it can do nothing.
    void submit(Request& request);
    int perform(Request& request);

    // The extent that begins at the offset, at most `bytes` long (> 0, inside the node). Blocking, any
    // thread.
    virtual Result<Extent> extent(uint64_t offset, uint64_t bytes);
    // Changes the size; new bytes read as zeroes. Drained, main thread.
    virtual Status truncate(uint64_t size);
    // Makes what is unallocated in the range this node's own, as it reads (Extent::Kind::Unallocated ends).
    // Blocking, any thread, atomic with respect to requests. For nodes that have a backing child.
    virtual Status populate(uint64_t offset, uint64_t bytes);

    // Changes of the graph. Drained (drain.h), main thread.
    // What shows through; null: nothing.
    virtual Status set_backing(Node* backing);
    // Writes the name of what the image lies on into the image; empty: nothing.
    virtual Status write_backing_name(const std::string& file, const std::string& format);
    // Whether the child in this role may be exchanged for another one of its size.
    virtual bool child_may_change(std::string_view) const { return false; }
    // A job's filter, which people are not shown in the place of what is below it.
    virtual bool implicit_filter() const { return false; }
    // The backing child is written with what is seen through this node anyway (a commit into it).
    Status let_backing_change(bool let);
    // The job that works with this node, "" for none: others and the user keep off.
    const std::string& job() const { return job_; }
    void set_job(std::string job) { job_ = std::move(job); }

    // What the user said of this node when it was made or reopened, without its children; for reopening,
    // where most of it may not change.
    const qapi::Dict& given() const { return given_; }
    void set_given(qapi::Dict given) { given_ = std::move(given); }
    // Whether this node was made along with the other one, as its child, and follows its options.
    bool made_for(const Node& parent) const { return made_for_ != 0 && made_for_ == parent.serial_; }
    void set_made_for(const Node& parent) { made_for_ = parent.serial_; }

    // The loop that submit() belongs to. bind() moves this node and its children; the caller has drained.
    IoContext& context() const { return *context_; }
    void bind(IoContext& context);

    // A drain: requests that this node and those below hold back (throttled, suspended) go on. Loop thread.
    virtual void let_all_go();

    // Children in the order file, backing, others.
    struct Child {
        std::string_view role;
        Node* node;
    };
    virtual std::vector<Child> children() const { return {}; }
    Node* child(std::string_view role) const;
    const std::vector<NodeRef*>& uses() const { return uses_; }
    // The sum of what the users want.
    Permissions wanted() const;

    // ImageInfo's members beyond those every node has (query-named-block-nodes); may be empty.
    virtual qapi::Dict specific_info() const { return {}; }
    virtual std::optional<uint64_t> allocated_bytes() const { return std::nullopt; }
    virtual uint32_t cluster_size() const { return 0; }
    virtual bool encrypted() const { return false; }
    // The file name that opens this node again, "" when only options can say it.
    virtual std::string filename() const { return options_.filename; }
    // The first write that ends behind this offset is an event (BlockEvents) and sets it to 0, which is none.
    // Any thread.
    uint64_t write_threshold() const { return write_threshold_.load(std::memory_order_relaxed); }
    void set_write_threshold(uint64_t bytes) { write_threshold_.store(bytes, std::memory_order_relaxed); }
    // Orders from the debugging driver's users: "break", "resume"... and events ("l2_update"); see
    // blkdebug.h.
    virtual void debug_event(std::string_view) {}

  protected:
    // The driver's own part. Alignment, read-only, options and zero lengths are dealt with by the caller.
    virtual int do_perform(Request& request) = 0;
    virtual void do_submit(Request& request);
    // Ends a request that do_submit() took.
    void finish(Request& request, int result);
    // Limits are set: from now on only whole blocks of request_alignment reach do_perform() and do_submit().
    // Without it alignment is what callers had better keep to (a filter over such a node). A node that passes
    // requests on to a child says so: its requests then take the way of workers.
    enum class Forwards : uint8_t { No, Yes };
    void enforce_alignment(Forwards forwards = Forwards::No);
    // Does a request on a worker, then finish().
    void offload(Request& request, int (*blocking)(Node&, Request&));
    // Before the first bind and after each: per-loop resources.
    virtual void context_changed() {}
    // What is wanted of this child while `mine` is asked of this node. The default, a filter's: the same.
    virtual Permissions child_permissions(std::string_view role, Permissions mine) const;
    // The sum of what users want changed; a file takes its locks here.
    virtual Status permissions_changed(Permissions) { return {}; }
    // The use of the child in this role, also while it is empty and could be filled; null: there is no such
    // role.
    virtual NodeRef* child_ref(std::string_view) { return nullptr; }

    // The driver's part of reopening (reopen.h). Drained, main thread.
    // Everything is written out, while all is as it was.
    virtual Status settle();
    // The options and the children are the new ones, the nodes below have been through this. Afterwards the
    // node works with them, but can go back; a failure leaves it as it was.
    virtual Status apply(const NodeChange&) { return {}; }
    virtual void undo() {}
    virtual void keep() {}
    // A child is another one or has changed: what follows from it (size, limits, what it can do).
    virtual void child_changed() {}

    void set_size(uint64_t size) { size_.store(size, std::memory_order_relaxed); }
    void grow_size(uint64_t at_least);
    void set_limits(const NodeLimits& limits) { limits_ = limits; }
    void set_capabilities(const NodeCapabilities& capabilities) { capabilities_ = capabilities; }
    void set_read_only(bool read_only) { options_.read_only = read_only_ = read_only; }
    // What came of it; an auto-read-only node may be read-only though its options ask for more.
    void set_access(bool read_only) { read_only_ = read_only; }
    void set_behaviour(bool discard_unmap, DetectZeroes detect) {
        options_.discard_unmap = discard_unmap;
        options_.detect_zeroes = detect;
    }

  private:
    friend class NodeRef;
    friend class BlockGraph;
    friend class Reopening;
    std::optional<int> judge(Request& request);
    void tell_threshold(uint64_t end);
    bool misaligned(const Request& request) const;
    void submit_aligned(Request& request);
    void submit_with_flush(Request& request);
    int perform_gated(Request& request);
    int perform_merged(Request& request);
    int perform_part_clear(Request& request);
    Status update_permissions();
    Status check_permissions() const;
    Permissions permissions_for(const Child& child, Permissions mine) const;

    NodeOptions options_;
    qapi::Dict given_;
    uint64_t serial_ = 0;    // in the graph: names can be given to another node later, addresses too
    uint64_t made_for_ = 0;  // the parent's serial; 0: none
    IoContext* context_;
    std::atomic<uint64_t> size_{0};
    std::atomic<uint64_t> write_threshold_{0};
    bool read_only_;
    NodeLimits limits_;
    NodeCapabilities capabilities_;
    std::unique_ptr<AlignGate> gate_;
    bool gate_forwards_ = false;
    std::vector<NodeRef*> uses_;
    BlockGraph* graph_ = nullptr;  // the owner, when there is one
    std::string job_;
    bool backing_may_change_ = false;
};

// Blocking helpers over perform(), from any thread. The error's number() is the errno.
Status read_sync(Node& node, uint64_t offset, std::span<uint8_t> into);
Status write_sync(Node& node, uint64_t offset, std::span<const uint8_t> from, uint8_t flags = 0);
Status flush_sync(Node& node);
Status discard_sync(Node& node, uint64_t offset, uint64_t bytes);
Status write_zeroes_sync(Node& node, uint64_t offset, uint64_t bytes, uint8_t flags = 0);

}  // namespace vmm::block
