// Routes and descriptors that follow the vectors.
#include "hw/pci/vector_events.h"

#include <poll.h>

#include "util/check.h"
#include "util/log.h"

namespace vmm::pci {

VectorEvents::VectorEvents(Msix& msix, GsiRoutes& routes, IrqFds& irq_fds)
    : msix_(msix), routes_(routes), irq_fds_(irq_fds), bound_(msix.vectors()) {
    msix_.set_sink(this);
}

VectorEvents::~VectorEvents() {
    msix_.set_sink(nullptr);
    for (unsigned vector = 0; vector < msix_.vectors(); ++vector)
        unbind(vector);
}

Result<EventFd*> VectorEvents::bind(unsigned vector) {
    EventFd made = TRY(EventFd::create());
    const std::optional<unsigned> gsi = routes_.allocate();
    if (!gsi) return Error::make("the kernel's interrupt routing table is full");
    auto bound = std::make_unique<Bound>(std::move(made), *gsi);
    EventFd* event = &bound->event;
    {
        Locked lock(mutex_);
        CHECK(vector < bound_.size() && bound_[vector] == nullptr, "MSI-X vector %u is bound twice", vector);
        bound_[vector] = std::move(bound);
    }
    msix_.tell_sink(vector);
    return event;
}

void VectorEvents::unbind(unsigned vector) {
    std::unique_ptr<Bound> bound;
    {
        Locked lock(mutex_);
        bound = std::move(bound_[vector]);
        if (bound == nullptr) return;
        detach(*bound);
    }
    if (bound->routed) {
        routes_.clear(bound->gsi);
        routes_.commit();
    }
    routes_.release(bound->gsi);
}

void VectorEvents::detach(Bound& bound) {
    bound.wanted = false;
    if (!bound.attached) return;
    irq_fds_.detach(bound.gsi, bound.event.fd());
    bound.attached = false;
}

void VectorEvents::vector_changed(unsigned vector, const std::optional<MsiMessage>& live) {
    Locked lock(mutex_);
    Bound* bound = bound_[vector].get();
    if (bound == nullptr) return;
    if (!live) return detach(*bound);
    bound->wanted = true;
    if (bound->routed == live) return;
    bound->routed = live;
    routes_.set_msi(bound->gsi, *live);
    routes_changed_ = true;
}

// The table first: a descriptor that is signalled already fires as it is attached.
void VectorEvents::vectors_settled() {
    Locked lock(mutex_);
    if (std::exchange(routes_changed_, false)) routes_.commit();
    for (const std::unique_ptr<Bound>& bound : bound_) {
        if (bound == nullptr || !bound->wanted || bound->attached) continue;
        Status attached = irq_fds_.attach(bound->gsi, bound->event.fd());
        if (!attached) log_error("MSI-X: %s", attached.error().text().c_str());
        bound->attached = static_cast<bool>(attached);
    }
}

bool VectorEvents::waiting(unsigned vector) {
    Locked lock(mutex_);
    const Bound* bound = bound_[vector].get();
    if (bound == nullptr || bound->attached) return false;
    struct pollfd look = {.fd = bound->event.fd(), .events = POLLIN, .revents = 0};
    return ::poll(&look, 1, 0) == 1;
}

}  // namespace vmm::pci
