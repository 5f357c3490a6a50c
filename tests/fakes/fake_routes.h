// FakeRoutes: a kernel's interrupt routing table and its descriptors, as tests look at them. For tests of
// what delivers vectors through the kernel. One thread.
#pragma once

#include <map>

#include "system/irq/routes.h"

namespace vmm {

class FakeRoutes final : public GsiRoutes, public IrqFds {
  public:
    void set_msi(unsigned gsi, const MsiMessage& message) override { noted[gsi] = message; }
    void clear(unsigned gsi) override { noted.erase(gsi); }
    void commit() override {
        table = noted;
        ++commits;
    }
    std::optional<unsigned> allocate() override {
        if (room == 0) return std::nullopt;
        --room;
        return next++;
    }
    void release(unsigned) override { ++room; }
    Status attach(unsigned gsi, int event_fd) override {
        attached[gsi] = event_fd;
        return {};
    }
    void detach(unsigned gsi, int) override { attached.erase(gsi); }

    std::map<unsigned, MsiMessage> noted, table;
    std::map<unsigned, int> attached;
    unsigned commits = 0, next = 24, room = 2;
};

}  // namespace vmm
