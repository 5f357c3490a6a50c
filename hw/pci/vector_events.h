// VectorEvents: for a function with MSI-X, an event descriptor a vector that the kernel turns into the
// vector's message without this process: it keeps a route of the kernel's table in step with what the guest
// programs, lets go of the descriptor while the vector is masked, and gathers changes so that enabling many
// vectors sets the table once. A signal that comes while the vector is masked stays in the descriptor: it
// shows as pending and is delivered when the mask goes. Made by a device next to its Msix; other ways of
// signalling (Function::signal) go on working beside it.
//
// Missing: MSI (devices with it call Function::signal).
// Thread: any, but no vector is bound or unbound by two at once; the descriptors stay until they are unbound.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "hw/pci/msix.h"
#include "system/irq/msi.h"
#include "system/irq/routes.h"
#include "util/eventfd.h"
#include "util/mutex.h"
#include "util/result.h"

namespace vmm::pci {

class VectorEvents final : private VectorSink {
  public:
    // All outlive this.
    VectorEvents(Msix& msix, GsiRoutes& routes, IrqFds& irq_fds);
    ~VectorEvents() override;
    VectorEvents(const VectorEvents&) = delete;
    VectorEvents& operator=(const VectorEvents&) = delete;

    // The vector's event from here on; a vector is bound once. The error (no room in the table) is for the
    // log: the device signals by itself then.
    Result<EventFd*> bind(unsigned vector);
    void unbind(unsigned vector);

  private:
    struct Bound {
        Bound(EventFd descriptor, unsigned number) : event(std::move(descriptor)), gsi(number) {}
        EventFd event;
        const unsigned gsi;
        std::optional<MsiMessage> routed;  // what the table holds
        bool attached = false;
        bool wanted = false;  // live, and to be attached at the next settling
    };
    void vector_changed(unsigned vector, const std::optional<MsiMessage>& live) override;
    void vectors_settled() override;
    bool waiting(unsigned vector) override;
    void detach(Bound& bound) REQUIRES(mutex_);

    Msix& msix_;
    GsiRoutes& routes_;
    IrqFds& irq_fds_;
    Mutex mutex_{LockRank::Irq, "MSI-X vector events"};
    std::vector<std::unique_ptr<Bound>> bound_ GUARDED_BY(mutex_);  // by vector
    bool routes_changed_ GUARDED_BY(mutex_) = false;
};

}  // namespace vmm::pci
