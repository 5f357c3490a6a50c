// Numbers with a meaning: Strong<Tag> values of different tags do not mix, and arithmetic is what addresses
// need (offset added, difference taken). Header only, as cheap as the number itself.
#pragma once

#include <compare>
#include <cstdint>

namespace vmm {

template <typename Tag, typename Number = uint64_t>
class Strong {
  public:
    constexpr Strong() = default;
    constexpr explicit Strong(Number number) : number_(number) {}
    constexpr Number raw() const { return number_; }

    friend constexpr auto operator<=>(Strong, Strong) = default;
    // Plain wrap-around arithmetic; ranges that must not wrap are made by GpaRange::make and its kin.
    friend constexpr Strong operator+(Strong a, Number offset) {
        return Strong(static_cast<Number>(a.number_ + offset));
    }
    friend constexpr Strong operator-(Strong a, Number offset) {
        return Strong(static_cast<Number>(a.number_ - offset));
    }
    friend constexpr Number operator-(Strong a, Strong b) {
        return static_cast<Number>(a.number_ - b.number_);
    }

  private:
    Number number_ = 0;
};

}  // namespace vmm
