// SmallVector: a list of plain values of which the first N need no allocation; for paths that guests drive
// and that almost always have one or two. Header only.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <vector>

namespace vmm {

template <typename T, size_t N>
class SmallVector {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  public:
    void push_back(const T& value) {
        if (heap_.empty() && count_ < N) {
            std::construct_at(&inside_.items[count_++], value);
            return;
        }
        const T copy = value;  // it may be one of ours
        if (heap_.empty()) heap_.assign(begin(), end());
        heap_.push_back(copy);
    }

    size_t size() const { return heap_.empty() ? count_ : heap_.size(); }
    bool empty() const { return size() == 0; }
    T* begin() { return heap_.empty() ? inside_.items : heap_.data(); }
    T* end() { return begin() + size(); }
    const T* begin() const { return heap_.empty() ? inside_.items : heap_.data(); }
    const T* end() const { return begin() + size(); }
    T& operator[](size_t i) { return begin()[i]; }
    const T& operator[](size_t i) const { return begin()[i]; }
    T& back() { return end()[-1]; }
    const T& back() const { return end()[-1]; }

  private:
    union Inside {
        Inside() : none(0) {}
        char none;
        T items[N];
    };
    Inside inside_;
    size_t count_ = 0;     // in inside_, while heap_ is empty
    std::vector<T> heap_;  // all of them, once they are more than N
};

}  // namespace vmm
