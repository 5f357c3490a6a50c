// Boxed<T>: a T of its own on the heap, for generated types that contain themselves; copied and compared as
// the T would be. Never empty but after a move. T may be incomplete where a Boxed<T> is declared.
#pragma once

#include <memory>

namespace vmm::qapi {

template <typename T>
class Boxed {
  public:
    Boxed() : value_(std::make_unique<T>()) {}
    Boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}
    Boxed(const Boxed& other) : value_(std::make_unique<T>(*other.value_)) {}
    Boxed(Boxed&& other) noexcept = default;
    Boxed& operator=(const Boxed& other) {
        if (this != &other) value_ = std::make_unique<T>(*other.value_);
        return *this;
    }
    Boxed& operator=(Boxed&& other) noexcept = default;
    ~Boxed() = default;

    T& operator*() { return *value_; }
    const T& operator*() const { return *value_; }
    const T* operator->() const { return value_.get(); }
    friend bool operator==(const Boxed& a, const Boxed& b) { return *a.value_ == *b.value_; }

  private:
    std::unique_ptr<T> value_;
};

}  // namespace vmm::qapi
