// AlignGate: keeps writes of part of a block (read, merge, write back) from undoing other writes to the same
// block. Whole-block writes pass it side by side, a part-block write alone. Only nodes whose storage insists
// on an alignment have one. Thread-safe.
#pragma once

#include "util/mutex.h"

namespace vmm::block {

class AlignGate {
  public:
    // Whole blocks, without waiting: false while a part-block write is there or waits.
    bool try_enter_shared() {
        Locked lock(mutex_);
        if (alone_ || waiting_ > 0) return false;
        ++shared_;
        return true;
    }
    void enter_shared() {
        Locked lock(mutex_);
        while (alone_ || waiting_ > 0)
            changed_.wait(mutex_);
        ++shared_;
    }
    void leave_shared() {
        Locked lock(mutex_);
        if (--shared_ == 0) changed_.notify_all();
    }
    void enter_alone() {
        Locked lock(mutex_);
        ++waiting_;
        while (alone_ || shared_ > 0)
            changed_.wait(mutex_);
        --waiting_;
        alone_ = true;
    }
    void leave_alone() {
        Locked lock(mutex_);
        alone_ = false;
        changed_.notify_all();
    }

  private:
    Mutex mutex_{LockRank::Leaf, "block alignment"};
    Condition changed_;
    unsigned shared_ GUARDED_BY(mutex_) = 0;
    unsigned waiting_ GUARDED_BY(mutex_) = 0;
    bool alone_ GUARDED_BY(mutex_) = false;
};

}  // namespace vmm::block
