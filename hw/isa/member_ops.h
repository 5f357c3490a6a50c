// MemberOps: a second window of one device, its reads and writes given as member functions. A device with one
// window is an IoOps itself. Header only.
//
//     uint64_t read_elcr(uint64_t offset, unsigned size);
//     void write_elcr(uint64_t offset, uint64_t value, unsigned size);
//     MemberOps<&Pic::read_elcr, &Pic::write_elcr> elcr_{*this};
#pragma once

#include "system/memory/region_ops.h"

namespace vmm {

// Most chips of the ISA bus have byte registers; wider accesses are a byte each.
inline constexpr IoSizes kByteRegisters = {
    .accepted_min = 1, .accepted_max = 4, .implemented_min = 1, .implemented_max = 1, .unaligned = true};

template <typename Member>
struct OwnerOf;
template <typename Owner, typename Function>
struct OwnerOf<Function Owner::*> {
    using Type = Owner;
};

template <auto Read, auto Write>
class MemberOps final : public IoOps {
  public:
    using Owner = typename OwnerOf<decltype(Read)>::Type;
    explicit MemberOps(Owner& owner, const IoSizes& sizes = kByteRegisters) : owner_(owner), sizes_(sizes) {}
    uint64_t read(uint64_t offset, unsigned size) override { return (owner_.*Read)(offset, size); }
    void write(uint64_t offset, uint64_t value, unsigned size) override {
        (owner_.*Write)(offset, value, size);
    }
    IoSizes sizes() const override { return sizes_; }

  private:
    Owner& owner_;
    const IoSizes sizes_;
};

}  // namespace vmm
