// IrqTap: sits on the input pins of a chip and reports every change of level to whoever watches; the levels
// pass on to the chip. Levels count from low at the time the watch begins. Any thread; the watcher is called
// with locks of rank Irq and above held, so it only takes notes.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "system/irq/line.h"
#include "util/mutex.h"

namespace vmm {

class IrqTap final : public IrqInput {
  public:
    using Watcher = std::function<void(unsigned pin, bool level)>;
    // The chip outlives the tap; null: the pins lead nowhere.
    IrqTap(IrqInput* chip, unsigned pins) : chip_(chip), levels_(pins) {}

    unsigned pins() const { return static_cast<unsigned>(levels_.size()); }
    void set_pin(unsigned pin, bool level) override;
    // Replaces the watcher; an empty one ends the watch.
    void watch(Watcher watcher);

  private:
    IrqInput* const chip_;
    Mutex mutex_{LockRank::Clock, "interrupt tap"};
    Watcher watcher_ GUARDED_BY(mutex_);
    std::vector<bool> levels_ GUARDED_BY(mutex_);
};

}  // namespace vmm
