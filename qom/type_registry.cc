// See type_registry.h.
#include "qom/type_registry.h"

#include <algorithm>

namespace vmm {

void TypeRegistry::add(TypeInfo type) {
    std::string name = type.name;
    const bool added = types_.emplace(name, std::move(type)).second;
    CHECK(added, "type '%s' is registered twice", name.c_str());
}

const TypeInfo* TypeRegistry::find(std::string_view name) const {
    const auto at = types_.find(name);
    return at == types_.end() ? nullptr : &at->second;
}

bool TypeRegistry::is_a(std::string_view name, std::string_view ancestor) const {
    return is_a(name, ancestor, 0);
}

bool TypeRegistry::is_a(std::string_view name, std::string_view ancestor, unsigned depth) const {
    constexpr unsigned kDeepest = 32;
    CHECK(depth < kDeepest, "type '%s' derives from itself", std::string(name).c_str());
    if (name == ancestor) return true;
    const TypeInfo* type = find(name);
    if (type == nullptr) return false;
    const auto implements = [&](const std::string& interface) {
        return is_a(interface, ancestor, depth + 1);
    };
    if (std::any_of(type->interfaces.begin(), type->interfaces.end(), implements)) return true;
    return !type->parent.empty() && is_a(type->parent, ancestor, depth + 1);
}

std::vector<const TypeInfo*> TypeRegistry::all() const {
    std::vector<const TypeInfo*> list;
    for (const auto& [name, type] : types_)
        list.push_back(&type);
    return list;
}

}  // namespace vmm
