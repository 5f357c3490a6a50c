// Error, Result<T> and Status: the channel for what the host or the user did wrong. An error travels as a
// value up to one clear message; context is put in front as it rises, so the text reads outside-in. Dropping
// one does not compile.
//
//     Result<Fd> open_image(const std::string& path) {
//         Fd fd = TRY(open_file(path));
//         ...
//         return Error::make("'%s' is not an image", path.c_str()).with_hint("convert it with qemu-img");
//     }
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "util/check.h"

namespace vmm {

// The error classes of the QMP protocol; almost everything is GenericError.
enum class ErrorClass { GenericError, CommandNotFound, DeviceNotActive, DeviceNotFound, KvmMissingCap };

class [[nodiscard]] Error {
  public:
    [[gnu::format(printf, 1, 2)]] static Error make(const char* format, ...);
    [[gnu::format(printf, 2, 3)]] static Error of_class(ErrorClass error_class, const char* format, ...);
    // Appends ": <description of the errno>" and remembers the number.
    [[gnu::format(printf, 2, 3)]] static Error from_errno(int number, const char* format, ...);

    Error(Error&&) noexcept;
    Error& operator=(Error&&) noexcept;
    ~Error();

    // Puts "<context>: " in front of the text.
    [[gnu::format(printf, 2, 3)]] Error while_doing(const char* format, ...) &&;
    // What the user can do about it; shown after the text.
    [[gnu::format(printf, 2, 3)]] Error with_hint(const char* format, ...) &&;

    ErrorClass error_class() const;
    int number() const;  // errno, 0 when none
    const std::string& text() const;
    const std::string& hint() const;
    std::string message() const;  // text and hint on one line

  private:
    struct Body;
    explicit Error(std::unique_ptr<Body> body);
    std::unique_ptr<Body> body_;
};

template <typename T>
class [[nodiscard]] Result {
  public:
    using Value = T;
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
    // A Result of a type that converts (unique_ptr<Derived> to unique_ptr<Base>).
    template <typename U>
    requires(std::is_convertible_v<U&&, T> && !std::is_same_v<U, T>) Result(Result<U> other)
        : state_(convert(std::move(other))) {}

    explicit operator bool() const { return state_.index() == 0; }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    T& value() {
        CHECK(state_.index() == 0, "value of a failed result: %s", error_text().c_str());
        return *std::get_if<0>(&state_);
    }
    const T& value() const { return const_cast<Result*>(this)->value(); }
    T take_value() && { return std::move(value()); }
    const Error& error() const {
        CHECK(state_.index() == 1, "error of a good result");
        return *std::get_if<1>(&state_);
    }
    Error take_error() && {
        CHECK(state_.index() == 1, "error of a good result");
        return std::move(*std::get_if<1>(&state_));
    }

  private:
    template <typename U>
    static std::variant<T, Error> convert(Result<U> other) {
        if (other) return std::variant<T, Error>(std::in_place_index<0>, std::move(other).take_value());
        return std::variant<T, Error>(std::in_place_index<1>, std::move(other).take_error());
    }
    std::string error_text() const { return std::get_if<1>(&state_)->text(); }

    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    using Value = void;
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const { return !error_; }
    void take_value() && {}
    const Error& error() const {
        CHECK(error_.has_value(), "error of a good status");
        return *error_;
    }
    Error take_error() && {
        CHECK(error_.has_value(), "error of a good status");
        return std::move(*error_);
    }

  private:
    std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace vmm

#define VMM_PASTE_2(a, b) a##b
#define VMM_PASTE(a, b) VMM_PASTE_2(a, b)
#define VMM_TRY(name, expression)                \
    ({                                           \
        auto&& name = (expression);              \
        if (!name) [[unlikely]]                  \
            return std::move(name).take_error(); \
        std::move(name).take_value();            \
    })
// TRY(expression): the value of a Result, or return its error from the enclosing function. Moves, never
// copies.
#define TRY(expression) VMM_TRY(VMM_PASTE(try_result_, __COUNTER__), (expression))
