// Bus: the units behind one controller, by channel, target and LUN ("scsi0.0"; -device scsi-hd,bus=,scsi-id=,
// lun=). execute() finds the unit, and answers for targets that lack the LUN, as SAM-5 asks of a target.
// Plugging: main thread. execute(): the controller's loop thread, which is that of its units.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hw/core/bus.h"
#include "hw/scsi/request.h"
#include "util/mutex.h"

namespace vmm::block {
class IoContext;
}

namespace vmm::scsi {

class Unit;

// What the controller wants to know; main thread, no lock held.
class BusListener {
  public:
    virtual ~BusListener() = default;
    virtual void unit_plugged(Unit&) {}
    // Before it goes; nothing of it is under way any more once this has returned.
    virtual void unit_unplugging(Unit&) {}
    // Its medium or its size changed.
    virtual void unit_changed(Unit&, Sense) {}
};

struct BusLimits {
    uint32_t channels = 1;
    uint32_t targets = 256;
    uint32_t luns = 16384;
};

class Bus final : public DeviceBus {
  public:
    // The controller outlives the bus; the listener may be null. `context`: where the controller and its
    // units work; null: the main loop.
    Bus(std::string name, Device* controller, const BusLimits& limits, BusListener* listener,
        block::IoContext* context = nullptr);
    ~Bus() override;

    // The unit with exactly this address; null when there is none.
    Unit* find(const Address& address) const;
    // Any unit of the target, whatever its LUN.
    Unit* find_target(uint32_t channel, uint32_t target) const;
    std::vector<Unit*> units() const;  // in order of addresses

    void execute(Request& request, const Address& address);

    // Has the units' thread do some work and waits for it. Main thread, no lock held.
    void on_its_loop(const std::function<void()>& work) const;

    const BusLimits& limits() const { return limits_; }
    bool hotpluggable() const override { return true; }

  private:
    friend class Unit;
    Status plug_in(Device& device) override;
    void take_out(Device& device) override;
    Status place(Unit& unit);
    void answer_for_target(Request& request, Unit& unit);

    const BusLimits limits_;
    BusListener* const listener_;
    block::IoContext* const context_;
    mutable Mutex mutex_{LockRank::Bus, "SCSI bus"};
    std::vector<Unit*> units_ GUARDED_BY(mutex_);
};

}  // namespace vmm::scsi
