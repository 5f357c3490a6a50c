// See type_registry.h.
#include "qom/type_registry.h"

namespace vmm {

void TypeRegistry::add(const TypeInfo& type) {
    const bool added = types_.emplace(type.name, type).second;
    CHECK(added, "type '%.*s' is registered twice", static_cast<int>(type.name.size()), type.name.data());
}

const TypeInfo* TypeRegistry::find(std::string_view name) const {
    const auto at = types_.find(name);
    return at == types_.end() ? nullptr : &at->second;
}

bool TypeRegistry::is_a(std::string_view name, std::string_view ancestor) const {
    // A cycle among constant rows would be our bug; the depth bounds it.
    for (unsigned depth = 0; depth < 32 && !name.empty(); ++depth) {
        if (name == ancestor) return true;
        const TypeInfo* type = find(name);
        if (type == nullptr) return false;
        name = type->parent;
    }
    return false;
}

std::vector<const TypeInfo*> TypeRegistry::all() const {
    std::vector<const TypeInfo*> list;
    for (const auto& [name, type] : types_)
        list.push_back(&type);
    return list;
}

}  // namespace vmm
