// Reset in three phases over everything that has state: enter (own state only, no effect on others), hold
// (may act on others, e.g. lower pins), exit (leave reset). Runs on the main thread with all vCPUs paused.
#pragma once

#include <cstddef>
#include <vector>

namespace vmm {

class Resettable {
  public:
    virtual ~Resettable() = default;
    // Before the phases: members that come later in the list may leave it now.
    virtual void reset_prepare() {}
    virtual void reset_enter() {}
    virtual void reset_hold() {}
    virtual void reset_exit() {}
};

// The ordered list; members are borrowed and deregister before they die.
class ResetList {
  public:
    void add(Resettable& member) { members_.push_back(&member); }
    void remove(Resettable& member) { std::erase(members_, &member); }
    void reset() {
        for (size_t i = 0; i < members_.size(); ++i)
            members_[i]->reset_prepare();
        for (Resettable* member : members_)
            member->reset_enter();
        for (Resettable* member : members_)
            member->reset_hold();
        for (Resettable* member : members_)
            member->reset_exit();
    }

  private:
    std::vector<Resettable*> members_;
};

}  // namespace vmm
