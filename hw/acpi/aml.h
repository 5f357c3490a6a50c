// AML terms (ACPI 6.4, chapter 20.2): small functions that each give the bytes of one object, expression or
// statement, to be nested as ASL is. Called by the DSDT builder and by devices that describe themselves. No
// evaluation and no checks of meaning (tests let iasl do that). Pure.
//
//     device("RTC", {name("_HID", eisa_id("PNP0B00")), name("_CRS", resource_template({...}))})
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "hw/acpi/aml_encode.h"

namespace vmm::aml {

struct Term {
    Bytes bytes;
};
using Terms = std::vector<Term>;

// Several terms one after another, as one.
Term block(const Terms& terms);

// --- data ---
Term integer(uint64_t value);
Term string(std::string_view ascii);
Term buffer(std::span<const uint8_t> bytes);
Term package(const Terms& elements);  // at most 255 elements
Term eisa_id(std::string_view id);    // "PNP0A08": three letters, four hex digits
Term uuid(std::string_view text);     // a buffer in the byte order of ToUUID

// --- references ---
Term path(std::string_view name);
Term local(unsigned n);  // 0..7
Term arg(unsigned n);    // 0..6
Term call(std::string_view method, const Terms& arguments);

// --- declarations ---
enum class Serialization { NotSerialized, Serialized };
enum class Space : uint8_t { SystemMemory = 0, SystemIo = 1, PciConfig = 2 };
enum class FieldAccess : uint8_t { Any = 0, Byte = 1, Word = 2, DWord = 3, QWord = 4 };
enum class FieldLock : uint8_t { NoLock = 0, Lock = 1 };
enum class FieldUpdate : uint8_t { Preserve = 0, WriteAsOnes = 1, WriteAsZeros = 2 };
// A named field, or a gap when the name is empty.
struct FieldEntry {
    std::string_view name;
    unsigned bits;
};

Term name(std::string_view path, const Term& value);
Term scope(std::string_view path, const Terms& body);
Term device(std::string_view path, const Terms& body);
Term method(std::string_view path, unsigned arguments, Serialization serialization, const Terms& body);
Term mutex(std::string_view path, uint8_t sync_level);
Term operation_region(std::string_view path, Space space, uint64_t offset, uint64_t length);
Term field(std::string_view region, FieldAccess access, FieldLock lock, FieldUpdate update,
           const std::vector<FieldEntry>& entries);
// A name for 1, 2, 4 or 8 bytes of a buffer, at a byte offset.
Term create_field(unsigned bytes, const Term& buffer, const Term& offset, std::string_view name);

// --- statements ---
Term store(const Term& value, const Term& target);
Term if_then(const Term& condition, const Terms& body);
Term otherwise(const Terms& body);  // follows an if_then
Term while_loop(const Term& condition, const Terms& body);
Term break_loop();
Term return_value(const Term& value);
Term notify(const Term& object, const Term& value);
Term acquire(std::string_view mutex);  // waits for ever
Term release(std::string_view mutex);
Term increment(const Term& target);
Term decrement(const Term& target);

// --- expressions; the three-operand ones may also store their value ---
Term nothing();  // no target
Term add(const Term& a, const Term& b, const Term& target = nothing());
Term subtract(const Term& a, const Term& b, const Term& target = nothing());
Term multiply(const Term& a, const Term& b, const Term& target = nothing());
Term shift_left(const Term& a, const Term& count, const Term& target = nothing());
Term shift_right(const Term& a, const Term& count, const Term& target = nothing());
Term bit_and(const Term& a, const Term& b, const Term& target = nothing());
Term bit_or(const Term& a, const Term& b, const Term& target = nothing());
Term bit_xor(const Term& a, const Term& b, const Term& target = nothing());
Term bit_not(const Term& a, const Term& target = nothing());
Term index(const Term& object, const Term& position, const Term& target = nothing());
Term to_buffer(const Term& value, const Term& target = nothing());
Term to_hex_string(const Term& value, const Term& target = nothing());
Term deref_of(const Term& reference);
Term size_of(const Term& object);
Term logical_and(const Term& a, const Term& b);
Term logical_or(const Term& a, const Term& b);
Term logical_not(const Term& a);
Term equal(const Term& a, const Term& b);
Term not_equal(const Term& a, const Term& b);
Term less(const Term& a, const Term& b);
Term greater(const Term& a, const Term& b);

}  // namespace vmm::aml
