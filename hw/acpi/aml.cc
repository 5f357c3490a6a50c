#include "hw/acpi/aml.h"

#include <string>

#include "util/check.h"
#include "util/endian.h"
#include "util/uuid.h"

namespace vmm::aml {

namespace {

// Opcodes, named as the specification names them (20.3). Two-byte ones start with kExt.
enum : uint8_t {
    kZeroOp = 0x00,
    kOneOp = 0x01,
    kNameOp = 0x08,
    kBytePrefix = 0x0a,
    kWordPrefix = 0x0b,
    kDWordPrefix = 0x0c,
    kStringPrefix = 0x0d,
    kQWordPrefix = 0x0e,
    kScopeOp = 0x10,
    kBufferOp = 0x11,
    kPackageOp = 0x12,
    kMethodOp = 0x14,
    kExt = 0x5b,
    kLocal0Op = 0x60,
    kArg0Op = 0x68,
    kStoreOp = 0x70,
    kAddOp = 0x72,
    kSubtractOp = 0x74,
    kIncrementOp = 0x75,
    kDecrementOp = 0x76,
    kMultiplyOp = 0x77,
    kShiftLeftOp = 0x79,
    kShiftRightOp = 0x7a,
    kAndOp = 0x7b,
    kOrOp = 0x7d,
    kXorOp = 0x7f,
    kNotOp = 0x80,
    kDerefOfOp = 0x83,
    kNotifyOp = 0x86,
    kSizeOfOp = 0x87,
    kIndexOp = 0x88,
    kCreateDWordFieldOp = 0x8a,
    kCreateWordFieldOp = 0x8b,
    kCreateByteFieldOp = 0x8c,
    kCreateQWordFieldOp = 0x8f,
    kLandOp = 0x90,
    kLorOp = 0x91,
    kLnotOp = 0x92,
    kLequalOp = 0x93,
    kLgreaterOp = 0x94,
    kLlessOp = 0x95,
    kToBufferOp = 0x96,
    kToHexStringOp = 0x98,
    kIfOp = 0xa0,
    kElseOp = 0xa1,
    kWhileOp = 0xa2,
    kReturnOp = 0xa4,
    kBreakOp = 0xa5,
    kExtMutex = 0x01,
    kExtAcquire = 0x23,
    kExtRelease = 0x27,
    kExtOpRegion = 0x80,
    kExtField = 0x81,
    kExtDevice = 0x82,
};

void append(Bytes& to, const Bytes& bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

Term joined(std::initializer_list<Bytes> pieces) {
    Term out;
    for (const Bytes& piece : pieces)
        append(out.bytes, piece);
    return out;
}

// <opcode> <length of the rest> <head> <body>.
Term packaged(const Bytes& opcode, const Bytes& head, const Bytes& body) {
    return joined({opcode, package_length(head.size() + body.size()), head, body});
}

Term unary(uint8_t opcode, const Term& a) {
    return joined({{opcode}, a.bytes});
}
Term binary(uint8_t opcode, const Term& a, const Term& b) {
    return joined({{opcode}, a.bytes, b.bytes});
}
Term ternary(uint8_t opcode, const Term& a, const Term& b, const Term& c) {
    return joined({{opcode}, a.bytes, b.bytes, c.bytes});
}

unsigned hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    CHECK(c >= 'A' && c <= 'F', "hex digit '%c'", c);
    return static_cast<unsigned>(c - 'A' + 10);
}

}  // namespace

Term block(const Terms& terms) {
    Term out;
    for (const Term& term : terms)
        append(out.bytes, term.bytes);
    return out;
}

Term integer(uint64_t value) {
    if (value == 0) return {{kZeroOp}};
    if (value == 1) return {{kOneOp}};
    const unsigned width = value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;
    Term out;
    out.bytes.resize(1 + width);
    out.bytes[0] = width == 1   ? kBytePrefix
                   : width == 2 ? kWordPrefix
                   : width == 4 ? kDWordPrefix
                                : kQWordPrefix;
    store_le_sized(&out.bytes[1], value, width);
    return out;
}

Term string(std::string_view ascii) {
    Term out = {{kStringPrefix}};
    for (char c : ascii) {
        CHECK(c > 0 && static_cast<unsigned char>(c) < 0x80, "AML string is not ASCII");
        out.bytes.push_back(static_cast<uint8_t>(c));
    }
    out.bytes.push_back(0);
    return out;
}

Term buffer(std::span<const uint8_t> bytes) {
    return packaged({kBufferOp}, integer(bytes.size()).bytes, Bytes(bytes.begin(), bytes.end()));
}

Term package(const Terms& elements) {
    CHECK(elements.size() <= 255, "AML package of %zu elements", elements.size());
    return packaged({kPackageOp}, {static_cast<uint8_t>(elements.size())}, block(elements).bytes);
}

Term eisa_id(std::string_view id) {
    CHECK(id.size() == 7, "EISA id '%.*s'", static_cast<int>(id.size()), id.data());
    uint32_t packed = 0;
    for (unsigned i = 0; i < 3; ++i) {
        CHECK(id[i] >= 'A' && id[i] <= 'Z', "EISA id '%.*s'", 7, id.data());
        packed = (packed << 5) | static_cast<uint32_t>(id[i] - 'A' + 1);
    }
    for (unsigned i = 3; i < 7; ++i)
        packed = (packed << 4) | hex_digit(id[i]);
    Term out = {{kDWordPrefix, 0, 0, 0, 0}};
    store_be<uint32_t>(&out.bytes[1], packed);
    return out;
}

Term uuid(std::string_view text) {
    Result<Uuid> parsed = Uuid::parse(text);
    CHECK(static_cast<bool>(parsed), "UUID '%.*s'", static_cast<int>(text.size()), text.data());
    return buffer(parsed->mixed_endian());
}

Term path(std::string_view name) {
    return {name_string(name)};
}
Term local(unsigned n) {
    CHECK(n < 8, "Local%u", n);
    return {{static_cast<uint8_t>(kLocal0Op + n)}};
}
Term arg(unsigned n) {
    CHECK(n < 7, "Arg%u", n);
    return {{static_cast<uint8_t>(kArg0Op + n)}};
}
Term call(std::string_view method, const Terms& arguments) {
    return joined({name_string(method), block(arguments).bytes});
}

Term name(std::string_view path, const Term& value) {
    return joined({{kNameOp}, name_string(path), value.bytes});
}
Term scope(std::string_view path, const Terms& body) {
    return packaged({kScopeOp}, name_string(path), block(body).bytes);
}
Term device(std::string_view path, const Terms& body) {
    return packaged({kExt, kExtDevice}, name_string(path), block(body).bytes);
}
Term method(std::string_view path, unsigned arguments, Serialization serialization, const Terms& body) {
    CHECK(arguments <= 7, "method with %u arguments", arguments);
    Bytes head = name_string(path);
    head.push_back(
        static_cast<uint8_t>(arguments | (serialization == Serialization::Serialized ? 0x08u : 0u)));
    return packaged({kMethodOp}, head, block(body).bytes);
}
Term mutex(std::string_view path, uint8_t sync_level) {
    CHECK(sync_level < 16, "mutex level %u", sync_level);
    return joined({{kExt, kExtMutex}, name_string(path), {sync_level}});
}
Term operation_region(std::string_view path, Space space, uint64_t offset, uint64_t length) {
    return joined({{kExt, kExtOpRegion},
                   name_string(path),
                   {static_cast<uint8_t>(space)},
                   integer(offset).bytes,
                   integer(length).bytes});
}
Term field(std::string_view region, FieldAccess access, FieldLock lock, FieldUpdate update,
           const std::vector<FieldEntry>& entries) {
    Bytes head = name_string(region);
    head.push_back(static_cast<uint8_t>(static_cast<unsigned>(access) | static_cast<unsigned>(lock) << 4 |
                                        static_cast<unsigned>(update) << 5));
    Bytes body;
    for (const FieldEntry& entry : entries) {
        append(body, entry.name.empty() ? Bytes{0} : name_segment(entry.name));
        append(body, package_number(entry.bits));
    }
    return packaged({kExt, kExtField}, head, body);
}
Term create_field(unsigned bytes, const Term& buffer, const Term& offset, std::string_view name) {
    CHECK(bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8, "field of %u bytes", bytes);
    const uint8_t opcode = bytes == 1   ? kCreateByteFieldOp
                           : bytes == 2 ? kCreateWordFieldOp
                           : bytes == 4 ? kCreateDWordFieldOp
                                        : kCreateQWordFieldOp;
    return joined({{opcode}, buffer.bytes, offset.bytes, name_string(name)});
}

Term store(const Term& value, const Term& target) {
    return binary(kStoreOp, value, target);
}
Term if_then(const Term& condition, const Terms& body) {
    return packaged({kIfOp}, condition.bytes, block(body).bytes);
}
Term otherwise(const Terms& body) {
    return packaged({kElseOp}, {}, block(body).bytes);
}
Term while_loop(const Term& condition, const Terms& body) {
    return packaged({kWhileOp}, condition.bytes, block(body).bytes);
}
Term break_loop() {
    return {{kBreakOp}};
}
Term return_value(const Term& value) {
    return unary(kReturnOp, value);
}
Term notify(const Term& object, const Term& value) {
    return binary(kNotifyOp, object, value);
}
Term acquire(std::string_view mutex) {
    return joined({{kExt, kExtAcquire}, name_string(mutex), {0xff, 0xff}});
}
Term release(std::string_view mutex) {
    return joined({{kExt, kExtRelease}, name_string(mutex)});
}
Term increment(const Term& target) {
    return unary(kIncrementOp, target);
}
Term decrement(const Term& target) {
    return unary(kDecrementOp, target);
}

Term nothing() {
    return {{0}};
}
Term add(const Term& a, const Term& b, const Term& target) {
    return ternary(kAddOp, a, b, target);
}
Term subtract(const Term& a, const Term& b, const Term& target) {
    return ternary(kSubtractOp, a, b, target);
}
Term multiply(const Term& a, const Term& b, const Term& target) {
    return ternary(kMultiplyOp, a, b, target);
}
Term shift_left(const Term& a, const Term& count, const Term& target) {
    return ternary(kShiftLeftOp, a, count, target);
}
Term shift_right(const Term& a, const Term& count, const Term& target) {
    return ternary(kShiftRightOp, a, count, target);
}
Term bit_and(const Term& a, const Term& b, const Term& target) {
    return ternary(kAndOp, a, b, target);
}
Term bit_or(const Term& a, const Term& b, const Term& target) {
    return ternary(kOrOp, a, b, target);
}
Term bit_xor(const Term& a, const Term& b, const Term& target) {
    return ternary(kXorOp, a, b, target);
}
Term bit_not(const Term& a, const Term& target) {
    return binary(kNotOp, a, target);
}
Term index(const Term& object, const Term& position, const Term& target) {
    return ternary(kIndexOp, object, position, target);
}
Term to_buffer(const Term& value, const Term& target) {
    return binary(kToBufferOp, value, target);
}
Term to_hex_string(const Term& value, const Term& target) {
    return binary(kToHexStringOp, value, target);
}
Term deref_of(const Term& reference) {
    return unary(kDerefOfOp, reference);
}
Term size_of(const Term& object) {
    return unary(kSizeOfOp, object);
}
Term logical_and(const Term& a, const Term& b) {
    return binary(kLandOp, a, b);
}
Term logical_or(const Term& a, const Term& b) {
    return binary(kLorOp, a, b);
}
Term logical_not(const Term& a) {
    return unary(kLnotOp, a);
}
Term equal(const Term& a, const Term& b) {
    return binary(kLequalOp, a, b);
}
Term not_equal(const Term& a, const Term& b) {
    return logical_not(equal(a, b));
}
Term less(const Term& a, const Term& b) {
    return binary(kLlessOp, a, b);
}
Term greater(const Term& a, const Term& b) {
    return binary(kLgreaterOp, a, b);
}

}  // namespace vmm::aml
