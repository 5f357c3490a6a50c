// Units by address; see bus.h.
#include "hw/scsi/bus.h"

#include <algorithm>
#include <tuple>

#include "backends/block/io_context.h"
#include "hw/scsi/inquiry.h"
#include "hw/scsi/reply.h"
#include "hw/scsi/unit.h"
#include "util/check.h"
#include "util/run_on.h"

namespace vmm::scsi {

namespace {

auto order(const Address& a) {
    return std::make_tuple(a.channel, a.target, a.lun);
}

// Where a request goes when its target exists but the LUN does not.
class NoLun final : public Unit {
  public:
    explicit NoLun(UnitIdentity identity) : Unit(std::move(identity)) {}

  private:
    void run(Request& request) override { check(request, kLunNotSupported); }
};

}  // namespace

Bus::Bus(std::string name, Device* controller, const BusLimits& limits, BusListener* listener,
         block::IoContext* context)
    : DeviceBus(std::move(name), "SCSI", controller),
      limits_(limits),
      listener_(listener),
      context_(context) {}

Bus::~Bus() {
    CHECK(units_.empty(), "a SCSI bus dies with units on it");
}

Unit* Bus::find(const Address& address) const {
    Locked lock(mutex_);
    for (Unit* unit : units_) {
        if (unit->address() == address) return unit;
    }
    return nullptr;
}

Unit* Bus::find_target(uint32_t channel, uint32_t target) const {
    Locked lock(mutex_);
    for (Unit* unit : units_) {
        if (unit->address().channel == channel && unit->address().target == target) return unit;
    }
    return nullptr;
}

std::vector<Unit*> Bus::units() const {
    Locked lock(mutex_);
    return units_;
}

void Bus::execute(Request& request, const Address& address) {
    if (Unit* unit = find(address)) return unit->execute(request);
    Unit* neighbour = find_target(address.channel, address.target);
    if (neighbour != nullptr) return answer_for_target(request, *neighbour);
    request.outcome = Outcome::NoTarget;
    request.initiator_.completed(request);
}

// SPC-4, 6.6.1: INQUIRY says that nothing is there, REPORT LUNS what is; SAM-5, 5.11: all else is refused.
void Bus::answer_for_target(Request& request, Unit& unit) {
    if (request.cdb[0] == kReportLuns) return unit.execute(request);
    NoLun absent({});
    request.unit_ = &absent;
    absent.requests_.push_back(&request);
    request.aborted_ = false;
    request.sense.clear();
    request.wanted = request.moved = 0;
    if (request.cdb[0] == kInquiry) {
        if ((request.cdb[1] & 3) != 0) return absent.check(request, kInvalidField);
        Reply nothing;
        nothing.u8(0x7f);  // no unit can be here
        nothing.u8(0);
        nothing.u8(unit.identity().spc_version);
        nothing.u8(0x12);
        nothing.u8(36 - 5);
        nothing.fill_to(36);
        return absent.reply(request, std::move(nothing).take(), cdb_allocation(request.cdb));
    }
    if (request.cdb[0] == kRequestSense)
        return absent.reply(request, sense_bytes(kLunNotSupported, SenseFormat::Fixed),
                            cdb_allocation(request.cdb));
    absent.check(request, kLunNotSupported);
}

void Bus::on_its_loop(const std::function<void()>& work) const {
    if (context_ == nullptr) return work();
    run_on(context_->loop(), work);
}

// A free address that fits what the user said, as close to 0 as possible.
Status Bus::place(Unit& unit) {
    const Unit::Place& wanted = unit.place();
    if (wanted.channel >= limits_.channels) return Error::make("bad scsi channel id: %u", wanted.channel);
    if (wanted.target && *wanted.target >= limits_.targets)
        return Error::make("bad scsi device id: %u", *wanted.target);
    if (wanted.lun && *wanted.lun >= limits_.luns) return Error::make("bad scsi device lun: %u", *wanted.lun);
    Address at{wanted.channel, wanted.target.value_or(0), wanted.lun.value_or(0)};
    // Without a target the next target is tried; with one, and without a LUN, the next LUN.
    const bool search_target = !wanted.target;
    const bool search_lun = wanted.target && !wanted.lun;
    while (find(at) != nullptr) {
        if (search_target && at.target + 1 < limits_.targets)
            ++at.target;
        else if (search_lun && at.lun + 1 < limits_.luns)
            ++at.lun;
        else if (search_target || search_lun)
            return Error::make("no free %s on bus '%s'", search_target ? "target" : "lun",
                               bus_name().c_str());
        else
            return Error::make("lun %u of target %u on bus '%s' is in use", at.lun, at.target,
                               bus_name().c_str());
    }
    unit.address_ = at;
    return {};
}

Status Bus::plug_in(Device& device) {
    Unit* unit = device.as_scsi();
    if (unit == nullptr) return Error::make("'%s' is no SCSI device", device.id().c_str());
    TRY(place(*unit));
    if (context_ != nullptr) TRY(unit->disk().move_to(*context_));
    unit->bus_ = this;
    unit->set_change_listener([this](Unit& changed, Sense sense) {
        if (listener_ != nullptr) listener_->unit_changed(changed, sense);
    });
    {
        Locked lock(mutex_);
        units_.push_back(unit);
        std::sort(units_.begin(), units_.end(),
                  [](const Unit* a, const Unit* b) { return order(a->address()) < order(b->address()); });
    }
    if (listener_ != nullptr) listener_->unit_plugged(*unit);
    return {};
}

void Bus::take_out(Device& device) {
    Unit* unit = device.as_scsi();
    if (listener_ != nullptr) listener_->unit_unplugging(*unit);
    unit->set_change_listener(nullptr);
    unit->bus_ = nullptr;
    {
        Locked lock(mutex_);
        std::erase(units_, unit);
    }
    // Whoever found it before has let go of it after this.
    on_its_loop([] {});
}

}  // namespace vmm::scsi
