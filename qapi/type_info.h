// What the generated code tells about a schema type at run time: the rows that property listings, help texts
// and introspection read. All of it is constant data made by the generator.
#pragma once

#include <span>
#include <string_view>

namespace vmm::qapi {

struct EnumInfo {
    std::string_view name;
    std::span<const std::string_view> values;
};

struct MemberInfo {
    std::string_view name;
    std::string_view type;  // the schema's: "size", "OnOffAuto", "[uint16]"
    bool optional = false;
    std::string_view help;  // the first sentence of its documentation
    std::span<const std::string_view> features = {};
    const EnumInfo* values = nullptr;  // when the type is an enumeration
};

struct StructInfo {
    std::string_view name;
    std::span<const MemberInfo> members;  // the base's first; a union's branches are not among them
};

// One value of a union's discriminator and the members that it brings; no members: null.
struct BranchInfo {
    std::string_view value;
    const StructInfo* members = nullptr;
};

struct UnionInfo {
    StructInfo common;
    std::string_view discriminator;
    std::span<const BranchInfo> branches;
};

}  // namespace vmm::qapi
