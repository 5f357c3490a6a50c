// FlashDrive: the drive behind a flash (-drive if=pflash, -machine pflash0=). It is read as a whole when the
// machine is made; what the guest changes is written back in whole sectors, one write at a time, and what
// changes meanwhile goes with the next one. Everything is written and flushed when it dies. changed(): any
// thread; the rest: main thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "backends/block/graph.h"
#include "hw/nvram/pflash_cfi.h"
#include "util/mutex.h"

namespace vmm {

class FlashDrive final : public FlashStore, private block::DiskClient {
    struct Token {};

  public:
    // Attaches to the drive or node and reads it into `contents()`. `name`: "pflash0", for messages.
    static Result<std::unique_ptr<FlashDrive>> open(block::BlockGraph& graph, const std::string& drive,
                                                    const std::string& name);
    FlashDrive(Token, std::string name) : name_(std::move(name)) {}
    ~FlashDrive() override;

    bool readonly() const { return disk_->read_only(); }
    uint64_t size() const { return size_; }
    // The flash's memory.
    RamBlock& contents() { return *contents_; }

    void changed(uint64_t offset, uint64_t bytes) override;

  private:
    struct Write final : block::DiskRequest {
        FlashDrive* drive = nullptr;
        iovec vector = {};
    };
    static constexpr uint64_t kSector = 4096;
    static void completed(block::DiskRequest& request);
    // Starts a write of what is dirty unless one is under way.
    void pump();

    const std::string name_;
    block::DiskRef disk_;
    uint64_t size_ = 0;
    std::unique_ptr<RamBlock> contents_;

    Mutex mutex_{LockRank::Leaf, "flash drive"};
    bool writing_ GUARDED_BY(mutex_) = false;
    uint64_t dirty_first_ GUARDED_BY(mutex_) = UINT64_MAX;  // a run of bytes; empty when it ends before it
    uint64_t dirty_end_ GUARDED_BY(mutex_) = 0;
    Write write_;                    // the one under way
    std::atomic<bool> clean_{true};  // everything is stored
};

}  // namespace vmm
