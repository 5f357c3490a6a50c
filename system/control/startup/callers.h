// Callers: who started this process may have given it listening sockets (libvirt: the monitor's) and may be
// about to connect to them. A process that fails and ends before that leaves its parent with "connection
// refused" in place of the reason, so it waits a moment for the knock. Main thread.
#pragma once

#include <chrono>
#include <vector>

namespace vmm {

// How long one that failed waits: the parent may be busy for a while before it connects.
inline constexpr std::chrono::milliseconds kLastKnock{250};

class Callers {
  public:
    // The listening sockets that are open now, at the start of the process, before it makes its own.
    static Callers find();
    // Returns when somebody has knocked at one of them and, if standard error is a pipe, has read what is in
    // it and had a moment to write it down (who knocks looks there for the reason), or after that time for
    // each; at once when none is open.
    void await(std::chrono::milliseconds most) const;

  private:
    std::vector<int> listeners_;
};

}  // namespace vmm
