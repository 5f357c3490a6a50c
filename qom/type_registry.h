// TypeRegistry: the names of all types of objects and devices, what each derives from and what properties it
// has. Filled at start, read by anybody afterwards. Nothing is built to answer a question.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "qom/property_table.h"

namespace vmm {

struct TypeInfo {
    std::string name;
    std::string parent;  // empty: a root type
    bool abstract = false;
    // All properties, inherited ones too: rows of a Config, or members of a type of the schema; constant
    // data.
    PropertyTable properties = {};
    std::span<const qapi::MemberInfo> members = {};
    std::shared_ptr<const void> defaults = {};  // a Config as it is when nothing is said; may be null
    std::vector<std::string> interfaces = {};   // types that it implements besides its parent's
};

class TypeRegistry {
  public:
    // Once a name. The parent may come later.
    void add(TypeInfo type);
    const TypeInfo* find(std::string_view name) const;
    // Whether `name` is `ancestor`, derives from it or implements it.
    bool is_a(std::string_view name, std::string_view ancestor) const;
    // In the order of names.
    std::vector<const TypeInfo*> all() const;

  private:
    bool is_a(std::string_view name, std::string_view ancestor, unsigned depth) const;
    std::map<std::string, TypeInfo, std::less<>> types_;
};

}  // namespace vmm
