// Changes to the memory tree; see topology.h.
#include "system/memory/topology.h"

#include <algorithm>

#include "system/memory/address_space.h"
#include "util/check.h"

namespace vmm {

Topology::~Topology() {
    CHECK(spaces_.empty(), "topology goes before its address space '%s'", spaces_[0]->name().c_str());
}

void Topology::begin() {
    if (owner_.load(std::memory_order_relaxed) != std::this_thread::get_id()) {
        mutex_.lock();
        owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    }
    ++depth_;
}

void Topology::end() {
    if (depth_ == 1 && changed_) commit();
    if (--depth_ != 0) return;
    owner_.store(std::thread::id(), std::memory_order_relaxed);
    mutex_.unlock();
}

void Topology::commit() {
    changed_ = false;
    for (AddressSpace* space : spaces_)
        space->update();
    CHECK(!changed_, "a memory listener changed the map");
    generation_.fetch_add(1, std::memory_order_release);
}

void Topology::attach(AddressSpace& space) {
    space.root().topology_ = this;
    spaces_.push_back(&space);
}

void Topology::detach(AddressSpace& space) {
    std::erase(spaces_, &space);
}

void Topology::insert_child(MemoryRegion& parent, MemoryRegion& child) {
    auto lower = [&](const MemoryRegion* other) { return other->priority_ <= child.priority_; };
    auto at = std::find_if(parent.children_.begin(), parent.children_.end(), lower);
    parent.children_.insert(at, &child);
    child.parent_ = &parent;
}

void Topology::erase_child(MemoryRegion& child) {
    std::erase(child.parent_->children_, &child);
    child.parent_ = nullptr;
}

void Topology::add(MemoryRegion& parent, MemoryRegion& child, uint64_t offset, int priority) {
    Transaction transaction(*this);
    CHECK(child.parent_ == nullptr, "region '%s' is in '%s' already", child.name_.c_str(),
          child.parent_->name_.c_str());
    CHECK(parent.kind_ == MemoryRegion::Kind::Container, "region '%s' holds no others", parent.name_.c_str());
    for (const MemoryRegion* up = &parent; up != nullptr; up = up->parent_)
        CHECK(up != &child, "region '%s' within itself", child.name_.c_str());
    CHECK(parent.topology_ == nullptr || parent.topology_ == this, "region of another topology");
    CHECK(child.topology_ == nullptr || child.topology_ == this, "region of another topology");
    parent.topology_ = this;
    child.topology_ = this;
    child.offset_ = offset;
    child.priority_ = priority;
    insert_child(parent, child);
    changed_ = true;
}

void Topology::remove(MemoryRegion& child) {
    Transaction transaction(*this);
    if (child.parent_ == nullptr) return;
    erase_child(child);
    changed_ = true;
}

void Topology::forget(MemoryRegion& region) {
    Transaction transaction(*this);
    for (AddressSpace* space : spaces_)
        CHECK(&space->root() != &region, "the root of address space '%s' goes", space->name().c_str());
    for (MemoryRegion* child : region.children_)
        child->parent_ = nullptr;
    changed_ = changed_ || region.parent_ != nullptr;
    region.children_.clear();
    if (region.parent_ != nullptr) erase_child(region);
}

void Topology::set_enabled(MemoryRegion& region, bool enabled) {
    Transaction transaction(*this);
    changed_ = changed_ || region.enabled_ != enabled;
    region.enabled_ = enabled;
}

void Topology::set_offset(MemoryRegion& region, uint64_t offset) {
    Transaction transaction(*this);
    changed_ = changed_ || region.offset_ != offset;
    region.offset_ = offset;
}

void Topology::set_size(MemoryRegion& region, uint64_t size) {
    Transaction transaction(*this);
    CHECK(region.ram_ == nullptr, "region '%s' has the size of its RAM block", region.name_.c_str());
    changed_ = changed_ || region.size_ != size;
    region.size_ = size;
}

void Topology::set_readonly(MemoryRegion& region, bool readonly) {
    Transaction transaction(*this);
    changed_ = changed_ || region.readonly_ != readonly;
    region.readonly_ = readonly;
}

void Topology::set_alias_offset(MemoryRegion& alias, uint64_t offset) {
    Transaction transaction(*this);
    CHECK(alias.kind_ == MemoryRegion::Kind::Alias, "region '%s' is no alias", alias.name_.c_str());
    changed_ = changed_ || alias.alias_offset_ != offset;
    alias.alias_offset_ = offset;
}

void Topology::set_rom_device_mode(MemoryRegion& region, RomDeviceMode mode) {
    Transaction transaction(*this);
    CHECK(region.kind_ == MemoryRegion::Kind::RomDevice, "region '%s' is no rom device",
          region.name_.c_str());
    changed_ = changed_ || region.rom_device_mode_ != mode;
    region.rom_device_mode_ = mode;
}

}  // namespace vmm
