// Interrupt lines. A chip with input pins is an IrqInput; whoever drives one of its pins holds an IrqLine, a
// small value. Setting a line is a leaf call: allowed under a device's lock, so that two threads cannot swap
// a rise and a fall. Levels: true = asserted. An unconnected line does nothing.
#pragma once

namespace vmm {

class IrqInput {
  public:
    virtual ~IrqInput() = default;
    // Any thread. Takes at most locks of rank IrqRouter and below.
    virtual void set_pin(unsigned pin, bool level) = 0;
};

class IrqLine {
  public:
    IrqLine() = default;
    // The chip is borrowed and outlives the line.
    IrqLine(IrqInput& chip, unsigned pin) : chip_(&chip), pin_(pin) {}
    void set(bool level) const {
        if (chip_ != nullptr) chip_->set_pin(pin_, level);
    }
    void pulse() const {
        set(true);
        set(false);
    }
    bool connected() const { return chip_ != nullptr; }

  private:
    IrqInput* chip_ = nullptr;
    unsigned pin_ = 0;
};

}  // namespace vmm
