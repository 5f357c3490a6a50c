// Reporting pin levels; see tap.h.
#include "system/irq/tap.h"

#include <utility>

namespace vmm {

void IrqTap::set_pin(unsigned pin, bool level) {
    {
        Locked l(mutex_);
        // Inside the lock, so that two threads cannot swap their reports.
        if (watcher_ && levels_.at(pin) != level) {
            levels_.at(pin) = level;
            watcher_(pin, level);
        }
    }
    if (chip_ != nullptr) chip_->set_pin(pin, level);
}

void IrqTap::watch(Watcher watcher) {
    Locked l(mutex_);
    watcher_ = std::move(watcher);
    levels_.assign(levels_.size(), false);
}

}  // namespace vmm
