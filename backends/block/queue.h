// Queue: first in, first out, through T::next, without memory of its own. One thread at a time, or under the
// owner's lock.
#pragma once

#include <cstddef>

namespace vmm::block {

template <typename T>
class Queue {
  public:
    bool empty() const { return first_ == nullptr; }
    size_t count() const { return count_; }
    T& front() { return *first_; }
    void push(T& item) {
        item.next = nullptr;
        (first_ == nullptr ? first_ : last_->next) = &item;
        last_ = &item;
        ++count_;
    }
    // Not empty.
    T& pop() {
        T& item = *first_;
        first_ = item.next;
        if (first_ == nullptr) last_ = nullptr;
        item.next = nullptr;
        --count_;
        return item;
    }
    // Everything of the other, behind what is here.
    void take_all(Queue& other) {
        if (other.empty()) return;
        (first_ == nullptr ? first_ : last_->next) = other.first_;
        last_ = other.last_;
        count_ += other.count_;
        other = {};
    }

  private:
    T* first_ = nullptr;
    T* last_ = nullptr;
    size_t count_ = 0;
};

}  // namespace vmm::block
