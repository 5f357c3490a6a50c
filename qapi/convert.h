// Generated types to values and back, in one call each. The type is any of the schema's (qapi/types_*.h).
#pragma once

#include "qapi/input_visitor.h"
#include "qapi/keyval_visitor.h"
#include "qapi/output_visitor.h"

namespace vmm::qapi {

// From JSON: strictly typed.
template <typename T>
Result<T> from_value(const Value& value) {
    T object{};
    InputVisitor visitor(value);
    TRY(visit(visitor, "", object));
    return object;
}

// From the command line: scalars are strings.
template <typename T>
Result<T> from_keyval(const Dict& dict) {
    T object{};
    Value value(dict);
    KeyvalVisitor visitor(value);
    TRY(visit(visitor, "", object));
    return object;
}

template <typename T>
Value to_value(const T& object) {
    OutputVisitor visitor;
    Status status = visit(visitor, "", const_cast<T&>(object));  // an output visitor only reads
    CHECK(status, "writing a value failed: %s", status.error().text().c_str());
    return visitor.take();
}

}  // namespace vmm::qapi
