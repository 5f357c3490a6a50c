// See property_table.h.
#include "qom/property_table.h"

#include "qapi/input_visitor.h"
#include "qapi/keyval_visitor.h"
#include "qapi/output_visitor.h"
#include "util/text.h"

namespace vmm {

namespace {

Error unknown_property(PropertyTable table, std::string_view type, std::string_view name) {
    Error error = Error::make("Property '%.*s.%.*s' not found", static_cast<int>(type.size()), type.data(),
                              static_cast<int>(name.size()), name.data());
    std::vector<std::string_view> names;
    for (const Property& row : table)
        names.push_back(row.name);
    const std::string near(nearest(name.substr(0, 64), names));
    if (near.empty()) {
        const std::string text(type);
        return std::move(error).with_hint("%s,help lists them", text.c_str());
    }
    return std::move(error).with_hint("did you mean '%s'?", near.c_str());
}

template <typename V>
Status visit_one(const Property& row, const qapi::Value& root, void* config) {
    V visitor(root);
    TRY(visitor.begin_struct(""));
    TRY(row.visit(visitor, row.name, config));
    return visitor.end_struct();
}

}  // namespace

std::string_view property_type_name(const Property& property) {
    const qapi::EnumInfo* values = property.values != nullptr ? property.values() : nullptr;
    return property.type.empty() && values != nullptr ? values->name : property.type;
}

const Property* find_property(PropertyTable table, std::string_view name) {
    for (const Property& row : table)
        if (row.name == name) return &row;
    return nullptr;
}

Status read_property(PropertyTable table, std::string_view type, std::string_view name,
                     const qapi::Value& value, Spelling spelling, void* config) {
    const Property* row = find_property(table, name);
    if (row == nullptr) return unknown_property(table, type, name);
    const qapi::Value root(qapi::Dict{{std::string(name), value}});
    return spelling == Spelling::Json ? visit_one<qapi::InputVisitor>(*row, root, config)
                                      : visit_one<qapi::KeyvalVisitor>(*row, root, config);
}

Status read_properties(PropertyTable table, std::string_view type, const qapi::Dict& values,
                       Spelling spelling, void* config) {
    for (const qapi::Dict::Entry& entry : values)
        TRY(read_property(table, type, entry.key, entry.value, spelling, config));
    return {};
}

qapi::Value write_property(const Property& property, const void* config) {
    if (!property.present(config)) return nullptr;
    qapi::OutputVisitor visitor;
    // An output visitor only reads.
    Status written = property.visit(visitor, "", const_cast<void*>(config));
    CHECK(written, "writing a property failed: %s", written.error().text().c_str());
    return visitor.take();
}

}  // namespace vmm
