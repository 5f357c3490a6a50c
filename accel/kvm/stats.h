// KVM's own counters of a VM or vCPU: a descriptor (KVM_GET_STATS_FD) from which a header, descriptions and
// values are read; see <linux/kvm.h>, struct kvm_stats_header. Reading needs no lock and does not disturb the
// vCPU. What the kernel describes with a kind, unit or base that is not known here is left out.
#pragma once

#include <span>
#include <vector>

#include "accel/kvm/ioctls.h"
#include "system/run/statistic.h"
#include "util/fd.h"
#include "util/result.h"

namespace vmm::kvm {

// What such a file says. An error when it describes what it does not hold.
Result<std::vector<Statistic>> parse_statistics(std::span<const uint8_t> file);

// The counters of one VM or vCPU. Its file holds the VM, so it is let go of with it. Not thread-safe.
class StatsFile {
  public:
    bool is_open() const { return static_cast<bool>(fd_); }
    // `owner`: the descriptor of the VM or vCPU. A vCPU's is asked on its own thread: elsewhere the kernel
    // waits for it to leave the guest.
    Status open(IoctlDoor& door, int owner);
    void close() { fd_.reset(); }
    // Open only.
    Result<std::vector<Statistic>> read() const;

  private:
    Fd fd_;
};

}  // namespace vmm::kvm
