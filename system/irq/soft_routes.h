// The interfaces of routes.h without an accelerator behind them: SoftGsiRoutes keeps the table, SoftIrqFds
// watches the descriptors on an event loop and sends the messages of their GSIs, SoftIoEvents finds the
// descriptor of a write. Same answers as the kernel gives: what is attached twice, or detached without being
// attached, is refused.
// Thread: SoftIrqFds the loop's, the others any.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "system/irq/routes.h"
#include "util/event_loop.h"
#include "util/mutex.h"

namespace vmm {

class SoftGsiRoutes final : public GsiRoutes {
  public:
    void set_msi(unsigned gsi, const MsiMessage& message) override;
    void clear(unsigned gsi) override;
    void commit() override {}
    std::optional<unsigned> allocate() override;
    void release(unsigned gsi) override;
    std::optional<MsiMessage> find(unsigned gsi) const;

  private:
    mutable Mutex mutex_{LockRank::Leaf, "soft interrupt routes"};
    std::map<unsigned, MsiMessage> messages_ GUARDED_BY(mutex_);
    std::vector<bool> allocated_ GUARDED_BY(mutex_);  // from kIoApicPins on
};

class SoftIrqFds final : public IrqFds {
  public:
    // All outlive this.
    SoftIrqFds(EventLoop& loop, const SoftGsiRoutes& routes, MsiSink& sink)
        : loop_(loop), routes_(routes), sink_(sink) {}
    Status attach(unsigned gsi, int event_fd) override;
    void detach(unsigned gsi, int event_fd) override;
    bool in_kernel() const override { return false; }

  private:
    void signalled(unsigned gsi, int event_fd);

    EventLoop& loop_;
    const SoftGsiRoutes& routes_;
    MsiSink& sink_;
    std::map<std::pair<unsigned, int>, std::unique_ptr<FdWatch>> watches_;
};

class SoftIoEvents final : public IoEvents {
  public:
    Status attach(const IoEventAddress& address, int event_fd) override;
    void detach(const IoEventAddress& address, int event_fd) override;
    // A write of 1 to 8 bytes: true when it signalled a descriptor, and no device is to see it.
    bool signal(bool port, uint64_t address, uint64_t value, unsigned size);

  private:
    Mutex mutex_{LockRank::Leaf, "soft write events"};
    std::vector<std::pair<IoEventAddress, int>> events_ GUARDED_BY(mutex_);
};

}  // namespace vmm
