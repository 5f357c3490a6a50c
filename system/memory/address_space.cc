// Published views and who is told of them; see address_space.h.
#include "system/memory/address_space.h"

#include <algorithm>
#include <utility>

#include "system/memory/flat_render.h"
#include "system/memory/listener.h"
#include "system/memory/topology.h"
#include "system/memory/trace.h"
#include "util/check.h"

namespace vmm {

namespace {

// Sections of `from` that are not in `other` just so; both sorted.
std::vector<const FlatSection*> only_in(const FlatView& from, const FlatView& other) {
    std::vector<const FlatSection*> found;
    for (const FlatSection& s : from.sections()) {
        const FlatSection* twin = other.find(s.range.first());
        if (twin == nullptr || *twin != s) found.push_back(&s);
    }
    return found;
}

using Listeners = std::vector<MemoryListener*>;

void tell_removed(const Listeners& listeners, const std::vector<const FlatSection*>& sections) {
    for (size_t i = sections.size(); i-- > 0;)
        for (size_t l = listeners.size(); l-- > 0;)
            listeners[l]->section_removed(*sections[i]);
}

void tell_added(const Listeners& listeners, const std::vector<const FlatSection*>& sections) {
    for (const FlatSection* s : sections)
        for (MemoryListener* listener : listeners)
            listener->section_added(*s);
}

}  // namespace

AddressSpace::AddressSpace(Topology& topology, MemoryRegion& root, std::string name)
    : topology_(topology), root_(root), name_(std::move(name)) {
    Topology::Transaction transaction(topology_);
    publish(std::make_shared<FlatView>(flat_render(root_)));
    topology_.attach(*this);
}

AddressSpace::~AddressSpace() {
    Topology::Transaction transaction(topology_);
    CHECK(listeners_.empty(), "address space '%s' goes before a listener", name_.c_str());
    topology_.detach(*this);
}

FlatViewPtr AddressSpace::view() const {
    Locked lock(view_mutex_);
    return view_;
}

void AddressSpace::publish(FlatViewPtr view) {
    {
        Locked lock(view_mutex_);
        std::swap(view_, view);
    }
    generation_.fetch_add(1, std::memory_order_release);
}

void AddressSpace::update() {
    FlatViewPtr old_view = view();
    FlatViewPtr new_view = std::make_shared<FlatView>(flat_render(root_));
    if (old_view->sections() == new_view->sections()) return;
    trace_memory_region_commit(name_.c_str(), new_view->sections().size(), generation_.load());
    for (MemoryListener* listener : listeners_)
        listener->begin();
    tell_removed(listeners_, only_in(*old_view, *new_view));
    tell_added(listeners_, only_in(*new_view, *old_view));
    publish(new_view);
    for (MemoryListener* listener : listeners_)
        listener->commit(*new_view);
}

void AddressSpace::add_listener(MemoryListener& listener) {
    Topology::Transaction transaction(topology_);
    auto later = [&](const MemoryListener* other) { return other->priority() > listener.priority(); };
    listeners_.insert(std::find_if(listeners_.begin(), listeners_.end(), later), &listener);
    FlatViewPtr now = view();
    listener.begin();
    for (const FlatSection& s : now->sections())
        listener.section_added(s);
    listener.commit(*now);
}

void AddressSpace::remove_listener(MemoryListener& listener, Farewell farewell) {
    Topology::Transaction transaction(topology_);
    CHECK(std::erase(listeners_, &listener) == 1, "listener of '%s' unknown", name_.c_str());
    if (farewell == Farewell::Silent) return;
    FlatViewPtr now = view();
    listener.begin();
    for (size_t i = now->sections().size(); i-- > 0;)
        listener.section_removed(now->sections()[i]);
    listener.commit(FlatView({}));
}

AccessResult AddressSpace::read(Gpa address, std::span<uint8_t> into) const {
    return read_view(*view(), address, into);
}
AccessResult AddressSpace::write(Gpa address, std::span<const uint8_t> from) const {
    return write_view(*view(), address, from);
}
uint64_t AddressSpace::load(Gpa address, unsigned size) const {
    FlatViewPtr now = view();
    return load_view(*now, now->find(address), address, size);
}
void AddressSpace::store(Gpa address, uint64_t value, unsigned size) const {
    FlatViewPtr now = view();
    store_view(*now, now->find(address), address, value, size);
}

// The generation is taken first: a view that comes meanwhile is asked for again.
void AddressSpace::Lookup::renew() {
    const uint64_t generation = space_.generation_.load(std::memory_order_acquire);
    last_ = nullptr;
    view_ = space_.view();
    generation_ = generation;
}

const FlatSection* AddressSpace::Lookup::find_another(const FlatView& now, Gpa address) {
    const FlatSection* found = now.find(address);
    if (found != nullptr) last_ = found;
    return found;
}

AccessResult AddressSpace::Lookup::read(Gpa address, std::span<uint8_t> into) {
    return read_view(view(), address, into);
}
AccessResult AddressSpace::Lookup::write(Gpa address, std::span<const uint8_t> from) {
    return write_view(view(), address, from);
}
uint64_t AddressSpace::Lookup::load(Gpa address, unsigned size) {
    const FlatSection* section = find(address);
    return load_view(*view_, section, address, size);
}
void AddressSpace::Lookup::store(Gpa address, uint64_t value, unsigned size) {
    const FlatSection* section = find(address);
    store_view(*view_, section, address, value, size);
}

}  // namespace vmm
