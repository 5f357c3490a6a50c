// FakeIrqInput: pins that a test looks at: level now, rises counted, every change in order. FakeMsiSink: the
// messages sent. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "system/irq/line.h"
#include "system/irq/msi.h"

namespace vmm {

class FakeIrqInput final : public IrqInput {
  public:
    void set_pin(unsigned pin, bool level) override {
        bool& now = levels_[pin];
        if (level && !now) ++rises_[pin];
        now = level;
    }
    IrqLine line(unsigned pin = 0) { return IrqLine(*this, pin); }
    bool level(unsigned pin = 0) const {
        auto found = levels_.find(pin);
        return found != levels_.end() && found->second;
    }
    unsigned rises(unsigned pin = 0) const {
        auto found = rises_.find(pin);
        return found == rises_.end() ? 0 : found->second;
    }

  private:
    std::map<unsigned, bool> levels_;
    std::map<unsigned, unsigned> rises_;
};

class FakeMsiSink final : public MsiSink {
  public:
    void send(const MsiMessage& message) override { sent.push_back(message); }
    std::vector<MsiMessage> sent;
};

}  // namespace vmm
