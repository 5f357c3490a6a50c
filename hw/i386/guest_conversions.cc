// The machine's conversions at reset and at changes of the memory map; see guest_conversions.h.
#include "hw/i386/guest_conversions.h"

namespace vmm {

GuestConversions::GuestConversions(AddressSpace& memory, AttributeSink& sink, MachineRequests& requests,
                                   bool faults_ask)
    : memory_(memory),
      model_(sink),
      engine_(memory, sink, model_),
      converter_(engine_, faults_ask),
      requests_(requests) {}

GuestConversions::~GuestConversions() {
    if (following_) memory_.remove_listener(*this, AddressSpace::Farewell::Silent);
}

Status GuestConversions::start() {
    TRY(engine_.sync_status());
    memory_.add_listener(*this);
    following_ = true;
    return {};
}

void GuestConversions::reset_enter() {
    Status done = engine_.reset();
    if (!done) requests_.report_internal_error("reset: " + done.error().message());
}

Status GuestConversions::attempt(const std::function<Status()>& change) {
    attempting_.store(std::this_thread::get_id());
    Status done = change();
    attempting_.store(std::thread::id());
    Status synced = engine_.sync_status();
    if (!done) return done;
    return synced;
}

void GuestConversions::commit(const FlatView&) {
    if (attempting_.load() == std::this_thread::get_id()) return;
    Status synced = engine_.sync_status();
    if (!synced) requests_.report_internal_error("memory map: " + synced.error().message());
}

}  // namespace vmm
