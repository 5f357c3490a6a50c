// Routes, irqfds and ioeventfds in software; see soft_routes.h.
#include "system/irq/soft_routes.h"

#include <unistd.h>

#include <algorithm>

#include "util/check.h"

namespace vmm {

namespace {

constexpr unsigned kMostRoutes = 4096;  // as KVM has them

bool take_signal(int event_fd) {
    uint64_t count = 0;
    return ::read(event_fd, &count, sizeof count) == static_cast<ssize_t>(sizeof count);
}

}  // namespace

void SoftGsiRoutes::set_msi(unsigned gsi, const MsiMessage& message) {
    Locked l(mutex_);
    messages_[gsi] = message;
}

void SoftGsiRoutes::clear(unsigned gsi) {
    Locked l(mutex_);
    messages_.erase(gsi);
}

std::optional<unsigned> SoftGsiRoutes::allocate() {
    Locked l(mutex_);
    const auto free = std::find(allocated_.begin(), allocated_.end(), false);
    const auto number = static_cast<unsigned>(free - allocated_.begin());
    if (kIoApicPins + number >= kMostRoutes) return std::nullopt;
    if (free == allocated_.end()) allocated_.push_back(false);
    allocated_[number] = true;
    return kIoApicPins + number;
}

void SoftGsiRoutes::release(unsigned gsi) {
    Locked l(mutex_);
    CHECK(gsi >= kIoApicPins && gsi - kIoApicPins < allocated_.size() && allocated_[gsi - kIoApicPins],
          "GSI %u was not allocated", gsi);
    allocated_[gsi - kIoApicPins] = false;
    messages_.erase(gsi);
}

std::optional<MsiMessage> SoftGsiRoutes::find(unsigned gsi) const {
    Locked l(mutex_);
    const auto at = messages_.find(gsi);
    if (at == messages_.end()) return std::nullopt;
    return at->second;
}

Status SoftIrqFds::attach(unsigned gsi, int event_fd) {
    auto [at, added] = watches_.try_emplace({gsi, event_fd});
    if (!added) return Error::make("descriptor %d raises GSI %u already", event_fd, gsi);
    at->second = std::make_unique<FdWatch>(loop_, event_fd, FdWatch::kIn,
                                           [this, gsi, event_fd](unsigned) { signalled(gsi, event_fd); });
    return {};
}

void SoftIrqFds::detach(unsigned gsi, int event_fd) {
    CHECK(watches_.erase({gsi, event_fd}) == 1, "descriptor %d does not raise GSI %u", event_fd, gsi);
}

void SoftIrqFds::signalled(unsigned gsi, int event_fd) {
    if (!take_signal(event_fd)) return;
    if (const std::optional<MsiMessage> message = routes_.find(gsi)) sink_.send(*message);
}

Status SoftIoEvents::attach(const IoEventAddress& address, int event_fd) {
    Locked l(mutex_);
    for (const auto& [known, fd] : events_)
        if (known == address)
            return Error::make("writes to 0x%llx have a descriptor already",
                               static_cast<unsigned long long>(address.address));
    events_.emplace_back(address, event_fd);
    return {};
}

void SoftIoEvents::detach(const IoEventAddress& address, int event_fd) {
    Locked l(mutex_);
    CHECK(std::erase(events_, std::pair(address, event_fd)) == 1, "no descriptor for writes to 0x%llx",
          static_cast<unsigned long long>(address.address));
}

bool SoftIoEvents::signal(bool port, uint64_t address, uint64_t value, unsigned size) {
    Locked l(mutex_);
    for (const auto& [known, fd] : events_) {
        if (known.port != port || known.address != address) continue;
        if (known.size != 0 && known.size != size) continue;
        if (known.value && *known.value != value) continue;
        const uint64_t one = 1;
        // A counter that is full is as signalled as can be.
        return ::write(fd, &one, sizeof one) == static_cast<ssize_t>(sizeof one) || errno == EAGAIN;
    }
    return false;
}

}  // namespace vmm
