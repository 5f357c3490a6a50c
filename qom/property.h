// Property rows: one a field of a Config, so that the command line, QMP and introspection all read a type's
// options from the same table and nothing is built to list them. A row knows its name, the type that
// device-list-properties shows, and how a qapi::Visitor reads or writes the field.
//
//     struct Config { uint16_t iobase = 0xe9; std::string chardev; };
//     static constexpr std::array kProps = {prop<Config, &Config::iobase>("iobase", "its first port"),
//                                           prop<Config, &Config::chardev>("chardev", "where bytes go")};
//
// What a field of a type is called and how it is visited is PropertyKind<T>; types of higher storeys (a PCI
// address, a MAC address) specialise it beside themselves. The defaults are those of Config{}.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "qapi/type_info.h"
#include "qapi/visitor.h"

namespace vmm {

struct Property {
    std::string_view name;
    std::string_view type;  // "uint16", "bool", "str", "size", the name of an enumeration
    std::string_view help;
    Status (*visit)(qapi::Visitor& visitor, std::string_view name, void* config);
    // False for an optional field that holds nothing.
    bool (*present)(const void* config);
    const qapi::EnumInfo* (*values)() = nullptr;  // of an enumeration
};

// A number of bytes: "64k" on the command line, an integer in JSON.
struct Size {
    uint64_t bytes = 0;
    constexpr Size() = default;
    constexpr Size(uint64_t value) : bytes(value) {}
    constexpr operator uint64_t() const { return bytes; }
};

namespace property_detail {
template <typename T>
Status visit_by_type(qapi::Visitor& visitor, std::string_view name, T& value) {
    return visit(visitor, name, value);  // found beside the type
}
}  // namespace property_detail

// An enumeration of the schema, and any type with info_of() and visit() beside it.
template <typename T>
struct PropertyKind {
    static constexpr std::string_view kName = {};  // asked of info_of() when listed
    static Status visit(qapi::Visitor& visitor, std::string_view name, T& value) {
        return property_detail::visit_by_type(visitor, name, value);
    }
    static const qapi::EnumInfo* values() { return &info_of(static_cast<const T*>(nullptr)); }
};

template <typename T>
struct ScalarPropertyKind {
    static Status visit(qapi::Visitor& visitor, std::string_view name, T& value) {
        return qapi::visit(visitor, name, value);
    }
    static const qapi::EnumInfo* values() { return nullptr; }
};
template <>
struct PropertyKind<bool> : ScalarPropertyKind<bool> {
    static constexpr std::string_view kName = "bool";
};
template <>
struct PropertyKind<uint8_t> : ScalarPropertyKind<uint8_t> {
    static constexpr std::string_view kName = "uint8";
};
template <>
struct PropertyKind<uint16_t> : ScalarPropertyKind<uint16_t> {
    static constexpr std::string_view kName = "uint16";
};
template <>
struct PropertyKind<uint32_t> : ScalarPropertyKind<uint32_t> {
    static constexpr std::string_view kName = "uint32";
};
template <>
struct PropertyKind<uint64_t> : ScalarPropertyKind<uint64_t> {
    static constexpr std::string_view kName = "uint64";
};
template <>
struct PropertyKind<int32_t> : ScalarPropertyKind<int32_t> {
    static constexpr std::string_view kName = "int32";
};
template <>
struct PropertyKind<int64_t> : ScalarPropertyKind<int64_t> {
    static constexpr std::string_view kName = "int64";
};
template <>
struct PropertyKind<std::string> : ScalarPropertyKind<std::string> {
    static constexpr std::string_view kName = "str";
};
template <>
struct PropertyKind<Size> {
    static constexpr std::string_view kName = "size";
    static Status visit(qapi::Visitor& visitor, std::string_view name, Size& value) {
        return qapi::visit_size(visitor, name, value.bytes);
    }
    static const qapi::EnumInfo* values() { return nullptr; }
};
template <typename T>
struct PropertyKind<std::optional<T>> {
    static constexpr std::string_view kName = PropertyKind<T>::kName;
    static Status visit(qapi::Visitor& visitor, std::string_view name, std::optional<T>& value) {
        T inner = value.value_or(T{});
        TRY(PropertyKind<T>::visit(visitor, name, inner));
        value = std::move(inner);
        return {};
    }
    static const qapi::EnumInfo* values() { return PropertyKind<T>::values(); }
};

namespace property_detail {
template <typename C, auto Member>
auto& field(void* config) {
    return static_cast<C*>(config)->*Member;
}
template <typename T>
constexpr bool has_value(const T&) {
    return true;
}
template <typename T>
constexpr bool has_value(const std::optional<T>& value) {
    return value.has_value();
}
}  // namespace property_detail

// The row of a field of C, or of a base of C.
template <typename C, auto Member>
constexpr Property prop(std::string_view name, std::string_view help = {}) {
    using Field = std::remove_cvref_t<decltype(std::declval<C&>().*Member)>;
    using Kind = PropertyKind<Field>;
    return {.name = name,
            .type = Kind::kName,
            .help = help,
            .visit =
                [](qapi::Visitor& visitor, std::string_view at, void* config) {
                    return Kind::visit(visitor, at, property_detail::field<C, Member>(config));
                },
            .present =
                [](const void* config) {
                    return property_detail::has_value(
                        property_detail::field<C, Member>(const_cast<void*>(config)));
                },
            .values = [] { return Kind::values(); }};
}

// Tables put one after the other.
template <size_t... N>
constexpr auto join_props(const std::array<Property, N>&... tables) {
    std::array<Property, (N + ... + 0)> all{};
    size_t at = 0;
    const auto append = [&](const auto& table) {
        for (const Property& row : table)
            all[at++] = row;
    };
    (append(tables), ...);
    return all;
}

// The type's name as it is listed.
std::string_view property_type_name(const Property& property);

}  // namespace vmm
