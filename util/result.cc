// Error values; see result.h.
#include "util/result.h"

#include <cstdarg>
#include <cstring>

#include "util/text.h"

namespace vmm {

struct Error::Body {
    ErrorClass error_class = ErrorClass::GenericError;
    int number = 0;
    std::string text;
    std::string hint;
};

Error::Error(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

Error Error::make(const char* format, ...) {
    auto body = std::make_unique<Body>();
    va_list arguments;
    va_start(arguments, format);
    body->text = vstrf(format, arguments);
    va_end(arguments);
    return Error(std::move(body));
}

Error Error::of_class(ErrorClass error_class, const char* format, ...) {
    auto body = std::make_unique<Body>();
    body->error_class = error_class;
    va_list arguments;
    va_start(arguments, format);
    body->text = vstrf(format, arguments);
    va_end(arguments);
    return Error(std::move(body));
}

Error Error::from_errno(int number, const char* format, ...) {
    auto body = std::make_unique<Body>();
    body->number = number;
    va_list arguments;
    va_start(arguments, format);
    body->text = vstrf(format, arguments);
    va_end(arguments);
    body->text += ": ";
    body->text += strerrordesc_np(number) != nullptr ? strerrordesc_np(number) : "unknown error";
    return Error(std::move(body));
}

Error Error::while_doing(const char* format, ...) && {
    va_list arguments;
    va_start(arguments, format);
    std::string context = vstrf(format, arguments);
    va_end(arguments);
    body_->text = context + ": " + body_->text;
    return std::move(*this);
}

Error Error::with_hint(const char* format, ...) && {
    va_list arguments;
    va_start(arguments, format);
    body_->hint = vstrf(format, arguments);
    va_end(arguments);
    return std::move(*this);
}

ErrorClass Error::error_class() const {
    return body_->error_class;
}
int Error::number() const {
    return body_->number;
}
const std::string& Error::text() const {
    return body_->text;
}
const std::string& Error::hint() const {
    return body_->hint;
}

std::string Error::message() const {
    if (body_->hint.empty()) return body_->text;
    return body_->text + " (" + body_->hint + ")";
}

}  // namespace vmm
