// See property_table.h.
#include "qom/property_table.h"

#include <algorithm>

#include "qapi/input_visitor.h"
#include "qapi/keyval_visitor.h"
#include "qapi/output_visitor.h"

namespace vmm {

namespace {

// Edits that turn one word into the other.
size_t distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t above = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

Error unknown_property(PropertyTable table, std::string_view type, std::string_view name) {
    Error error = Error::make("Property '%.*s.%.*s' not found", static_cast<int>(type.size()), type.data(),
                              static_cast<int>(name.size()), name.data());
    const Property* nearest = nullptr;
    size_t best = 3;  // farther words are no help
    for (const Property& row : table) {
        const size_t edits = distance(row.name, name.substr(0, 64));
        if (edits < best) {
            best = edits;
            nearest = &row;
        }
    }
    if (nearest == nullptr) return error;
    return std::move(error).with_hint("did you mean '%.*s'?", static_cast<int>(nearest->name.size()),
                                      nearest->name.data());
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
