// BlockHandle: what a disk device holds - a drive with or without a medium in it. It checks ranges,
// throttles, counts, keeps the write-cache mode, applies rerror/werror, and stays the same when the medium
// changes or the nodes below move to another loop. DiskClient is the device's side. Threads: submit() from
// any thread; request.complete is called on the loop's thread (context().loop()), never from inside submit()
// and with no lock held. Everything else on the main thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "backends/block/node.h"
#include "backends/block/request.h"
#include "util/result.h"

namespace vmm::block {

class BlockGraph;
class BlockHandle;
class ThrottleGroup;

// A device's request: derive from it. Fill op, flags, offset, bytes, iov and complete; the handle uses
// `done`. Discard, WriteZeroes, Write need the range inside the medium: -EIO otherwise, -ENOMEDIUM without a
// medium, -EACCES for changing a read-only one.
struct DiskRequest : Request {
    void (*complete)(DiskRequest&) = nullptr;  // `result` is 0 or -errno
    unsigned stands_for = 1;                   // requests of the guest, in the counters

    // The handle's.
    BlockHandle* handle = nullptr;
    uint64_t asked_offset = 0;
    uint64_t started_ns = 0;
    Op asked_op = Op::Read;
    uint8_t asked_flags = 0;
};

// What becomes of a failed request.
enum class OnError : uint8_t { Auto, Report, Ignore, Enospc, Stop };

struct IoErrorReport {
    std::string device;    // the drive's id, "" for one made by a node name
    std::string qom_path;  // of the device
    std::string node_name;
    bool is_read;
    OnError action;  // Report, Ignore or Stop
    bool no_space;
    std::string reason;
};

// An image that turned out to be damaged while it was in use.
struct ImageCorruption {
    std::string node_name;
    std::string what;
    bool fatal;  // it was marked, and is to be repaired before it is written again
};

// A write that ended behind its node's threshold, which is none from then on.
struct ThresholdReport {
    std::string node_name;
    uint64_t exceeded = 0;  // bytes of it behind the threshold
    uint64_t threshold = 0;
};

// Upwards: events and the VM's stop. Called on any loop's thread with no lock held;
// write_threshold() on a worker's, too.
class BlockEvents {
  public:
    virtual ~BlockEvents() = default;
    // BLOCK_IO_ERROR; for OnError::Stop the VM stops with run state io-error. The failed requests wait in
    // their handles until BlockGraph::resume_all().
    virtual void io_error(const IoErrorReport& report) = 0;
    virtual void tray_moved(const std::string& device, const std::string& id, bool open) = 0;
    virtual void image_corrupted(const ImageCorruption&) {}
    virtual void write_threshold(const ThresholdReport&) {}
};

// The device's side. All on the main thread, with no lock held; the handle is drained.
class DiskClient {
  public:
    virtual ~DiskClient() = default;
    virtual void resized() {}
    // Devices with a removable medium. The tray is the device's: it answers from its own state.
    virtual bool has_tray() const { return false; }
    virtual bool tray_open() const { return false; }
    virtual bool tray_locked() const { return false; }
    // The user wants the medium out; a locked tray asks the guest (unless `force`) and stays closed.
    virtual void eject_requested(bool /*force*/) {}
    // The tray opens or closes by the user's order; loaded: a medium is in.
    virtual void set_tray(bool /*open*/, bool /*loaded*/) {}
    // A medium was put in or taken out with the tray as it is.
    virtual void medium_changed(bool /*loaded*/) {}
};

struct DiskAttachment {
    std::string qom_path;            // "/machine/peripheral/disk0", for events and query-block
    bool named_by_path = false;      // in queries the path stands for the device, not its id
    std::string device_id;           // "disk0" or ""
    bool writable = true;            // the device will write (a CD does not)
    bool resizable = true;           // the device can cope with block_resize
    bool share_rw = false;           // others may write too
    bool removable = false;          // may be attached without a medium
    OnError rerror = OnError::Auto;  // Auto: the drive's, and report for reads, enospc for writes
    OnError werror = OnError::Auto;
    std::optional<bool> write_cache;  // absent: the drive's (cache=), writeback by default
    IoContext* context = nullptr;     // null: the main loop's
};

struct OpStats {
    uint64_t bytes = 0, operations = 0, failed = 0, invalid = 0, merged = 0, total_ns = 0;
};
struct DiskStats {
    OpStats read, write, flush, unmap;
    int64_t idle_since_ns = 0;  // monotonic; 0: never used
    uint64_t highest_offset = 0;
};

class BlockHandle {
  public:
    // The drive's id ("" when it was made for a node name). One handle has one client.
    const std::string& id() const;
    Node* node() const;  // null: no medium
    bool loaded() const { return node() != nullptr; }
    uint64_t size() const;  // bytes, 0 without a medium; any thread
    bool read_only() const;
    NodeLimits limits() const;
    NodeCapabilities capabilities() const;
    IoContext& context() const;
    // Its I/O happens there from now on; nothing is under way. Main thread.
    Status move_to(IoContext& context);

    void submit(DiskRequest& request);
    // Blocking, for set-up (a partition table, a flash image).
    Status read(uint64_t offset, std::span<uint8_t> into);
    Status write(uint64_t offset, std::span<const uint8_t> from);

    // A write is complete when it is durable (false) or when a later flush makes it so (true). Any thread.
    void set_write_cache(bool on);
    bool write_cache() const;
    OnError rerror() const;
    OnError werror() const;

    // Waits until nothing of this handle is under way; throttled requests are let go, parked ones stay.
    void drain();
    // Ends what waits for a resume after an error: -ECANCELED. A device that is reset calls it.
    void cancel_parked();
    bool has_parked() const;

    // The guest opened or closed the tray: the event, and for query-block.
    void guest_moved_tray(bool open);
    DiskStats stats() const;
    // The device refused a request before it got here (query-blockstats counts these).
    void count_invalid(Op op);

    // The client's side as attach() got it; null: no device.
    const DiskAttachment* attachment() const;
    DiskClient* client() const;
    // Between the two nothing of this handle reaches its nodes: hold() waits for what is under way. They
    // nest.
    void hold();
    void let_go();
    // The root is another node now, or its size or what it allows changed; while held.
    void root_changed();

    // Where a parked error left the drive: "ok", "failed", "nospace".
    const char* io_status() const;

    // Medium and limits; for the commands (commands.h), which check what the user may do.
    Status put_in(Node& node);
    void take_out();
    Status resize(uint64_t bytes);
    // drive_del: it has no name any more and goes with its device.
    void forget_id();
    // Null ends throttling. The group outlives the membership.
    void set_throttle(ThrottleGroup* group);
    ThrottleGroup* throttle() const;
    // The defaults a drive gives its device (-drive rerror=, werror=, cache=).
    void set_defaults(OnError rerror, OnError werror, bool write_cache);

  private:
    friend class BlockGraph;
    struct State;
    struct Token {
        explicit Token() = default;
    };
    NodeRef& root();
    static std::unique_ptr<BlockHandle> create(BlockGraph& graph, std::string id);
    Status attach(DiskClient& client, const DiskAttachment& attachment);
    void detach();
    void resume();

  public:
    BlockHandle(Token, std::unique_ptr<State> state);
    ~BlockHandle();
    BlockHandle(const BlockHandle&) = delete;
    BlockHandle& operator=(const BlockHandle&) = delete;

  private:
    std::unique_ptr<State> state_;
};

// DiskRef: a device's hold on its drive. Drains and detaches when it goes. BlockGraph::attach() makes it.
class DiskRef {
  public:
    DiskRef() = default;
    DiskRef(BlockGraph& graph, BlockHandle& handle) : graph_(&graph), handle_(&handle) {}
    DiskRef(DiskRef&& other) noexcept
        : graph_(std::exchange(other.graph_, nullptr)), handle_(std::exchange(other.handle_, nullptr)) {}
    DiskRef& operator=(DiskRef&& other) noexcept;
    ~DiskRef() { reset(); }
    void reset();
    explicit operator bool() const { return handle_ != nullptr; }
    BlockHandle& operator*() const { return *handle_; }
    BlockHandle* operator->() const { return handle_; }

  private:
    BlockGraph* graph_ = nullptr;
    BlockHandle* handle_ = nullptr;
};

}  // namespace vmm::block
