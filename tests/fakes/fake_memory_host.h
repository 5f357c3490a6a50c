// Stand-ins for what the conversion engine calls: the kernel's attributes, its discards, guest_memfds, and
// devices that map guest memory. Each keeps the state the real one would, checks that the calls make sense,
// and fails on demand (FailurePlan). Thread-safe where the real ones are. Header only.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "system/memory/attribute_sink.h"
#include "system/memory/conversion.h"
#include "system/memory/discard_listener.h"
#include "system/memory/ram_block.h"
#include "util/interval_map.h"

namespace vmm {

// Which of the calls to come fail: `count` of them from the `first` on (1 is the next), with one errno.
class FailurePlan {
  public:
    void fail(uint64_t first, uint64_t count, int number) {
        std::lock_guard lock(mutex_);
        first_ = calls_ + first;
        count_ = count;
        number_ = number;
        failed_ = 0;
    }
    void none() { fail(1, 0, 0); }
    uint64_t failed() const { return failed_; }  // since the plan was made
    uint64_t calls() const { return calls_; }
    Status next(const char* what) {
        std::lock_guard lock(mutex_);
        ++calls_;
        if (calls_ < first_ || calls_ >= first_ + count_) return {};
        ++failed_;
        return Error::from_errno(number_, "%s", what);
    }

  private:
    std::mutex mutex_;
    uint64_t calls_ = 0;
    uint64_t first_ = 0;
    uint64_t count_ = 0;
    int number_ = 0;
    uint64_t failed_ = 0;
};

// The kernel's map of private and shared.
class FakeAttributeSink : public AttributeSink {
  public:
    explicit FakeAttributeSink(FailurePlan& plan) : plan_(plan) {}
    Status set_visibility(GpaRange range, Visibility visibility) override {
        TRY(plan_.next("KVM_SET_MEMORY_ATTRIBUTES"));
        std::lock_guard lock(mutex_);
        calls.push_back({range, visibility});
        map_.set(range.first().raw(), range.last().raw(), visibility);
        return {};
    }
    bool has_private_memory() const override { return true; }
    void prefault(GpaRange range) override {
        std::lock_guard lock(mutex_);
        prefaulted.push_back(range);
    }
    Visibility at(Gpa address) const {
        std::lock_guard lock(mutex_);
        return map_.at(address.raw());
    }

    struct Call {
        GpaRange range;
        Visibility visibility;
        bool operator==(const Call&) const = default;
    };
    std::vector<Call> calls;
    std::vector<GpaRange> prefaulted;

  private:
    FailurePlan& plan_;
    mutable std::mutex mutex_;
    IntervalMap<Visibility> map_{Visibility::Shared};
};

// Frees nothing, but knows which pages of which side are there.
class FakePageDropper : public PageDropper {
  public:
    explicit FakePageDropper(FailurePlan& plan) : plan_(plan) {}
    Status drop_shared(RamBlock& block, RamRange range) override {
        return drop(block, range, Visibility::Shared);
    }
    Status drop_private(RamBlock& block, RamRange range) override {
        return drop(block, range, Visibility::Private);
    }
    // A page is there because someone touched it.
    void touch(const RamBlock& block, RamRange range, Visibility side) {
        std::lock_guard lock(mutex_);
        side_of(block, side).set(range.first().raw(), range.last().raw(), true);
    }
    bool present(const RamBlock& block, RamOffset page, Visibility side) {
        std::lock_guard lock(mutex_);
        return side_of(block, side).at(page.raw());
    }
    void forget_all() {
        std::lock_guard lock(mutex_);
        sides_.clear();
    }

    struct Call {
        std::string block;
        RamRange range;
        Visibility side;
        bool operator==(const Call&) const = default;
    };
    std::vector<Call> calls;

  private:
    Status drop(RamBlock& block, RamRange range, Visibility side) {
        TRY(plan_.next(side == Visibility::Private ? "fallocate PUNCH_HOLE" : "madvise DONTNEED"));
        CHECK(range.last().raw() < block.size(), "a discard beyond the block");
        CHECK(range.aligned(side == Visibility::Private ? kPageSize : block.page_size()),
              "a discard of half a host page");
        std::lock_guard lock(mutex_);
        calls.push_back({block.id(), range, side});
        side_of(block, side).set(range.first().raw(), range.last().raw(), false);
        return {};
    }
    IntervalMap<bool>& side_of(const RamBlock& block, Visibility side) {
        return sides_.try_emplace({&block, side}, false).first->second;
    }

    FailurePlan& plan_;
    std::mutex mutex_;
    std::map<std::pair<const RamBlock*, Visibility>, IntervalMap<bool>> sides_;
};

// A device that maps what is populated; a page mapped twice, or unmapped while it is not mapped, is an error.
class FakeDiscardListener : public DiscardListener {
  public:
    explicit FakeDiscardListener(FailurePlan& plan) : plan_(plan) {}
    Status on_populate(RamBlock& block, RamRange range) override {
        TRY(plan_.next("VFIO_IOMMU_MAP_DMA"));
        set(block, range, true);
        return {};
    }
    void on_discard(RamBlock& block, RamRange range) override { set(block, range, false); }
    bool mapped(const RamBlock& block, RamOffset page) {
        std::lock_guard lock(mutex_);
        return of(block).at(page.raw());
    }
    void forget_all() {
        std::lock_guard lock(mutex_);
        blocks_.clear();
    }
    uint64_t mistakes = 0;

  private:
    void set(const RamBlock& block, RamRange range, bool mapped) {
        std::lock_guard lock(mutex_);
        bool all_other = of(block).visit(range.first().raw(), range.last().raw(),
                                         [&](uint64_t, uint64_t, bool now) { return now != mapped; });
        if (!all_other) ++mistakes;
        of(block).set(range.first().raw(), range.last().raw(), mapped);
    }
    IntervalMap<bool>& of(const RamBlock& block) { return blocks_.try_emplace(&block, false).first->second; }

    FailurePlan& plan_;
    std::mutex mutex_;
    std::map<const RamBlock*, IntervalMap<bool>> blocks_;
};

// guest_memfds that are memfds: they have pages, holes and a page cache as the real ones do.
class FakeGmemFactory : public GmemFactory {
  public:
    Result<Fd> create_guest_memfd(const GmemRequest& request) override {
        if (refuse != 0) return Error::from_errno(refuse, "KVM_CREATE_GUEST_MEMFD");
        Fd fd(::memfd_create("guest_memfd", 0));
        if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(request.size)) != 0)
            return Error::from_errno(errno, "memfd_create");
        return fd;
    }
    int refuse = 0;  // an errno: the next calls fail with it
};

// RAM with a private side, anonymous and zeroed. page_size: what the block believes its host pages to be.
inline std::unique_ptr<RamBlock> fake_private_ram(std::string id, uint64_t size,
                                                  Visibility initial = Visibility::Shared,
                                                  uint64_t page_size = kPageSize) {
    static FakeGmemFactory factory;  // the blocks tell it when they go
    RamBlock::Config config;
    config.id = std::move(id);
    config.mapping =
        MappedRegion::map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS).take_value();
    config.page_size = page_size;
    config.gmem = Gmem::create(factory, {.size = size}).take_value();
    config.initial = initial;
    return std::make_unique<RamBlock>(std::move(config));
}

}  // namespace vmm
