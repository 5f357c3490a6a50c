// TypeRegistry: the names of all types of objects and devices, what each derives from and what properties it
// has. Filled by explicit register_*_types() calls at start, read by anybody afterwards; rows are constant
// data that outlive it. Nothing is built to answer a question.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "qom/property_table.h"

namespace vmm {

struct TypeInfo {
    std::string_view name;
    std::string_view parent;  // empty: a root type
    bool abstract = false;
    PropertyTable properties = {};  // all of them, inherited ones too
};

class TypeRegistry {
  public:
    // Once a name. The parent may come later.
    void add(const TypeInfo& type);
    const TypeInfo* find(std::string_view name) const;
    // Whether `name` is `ancestor` or derives from it.
    bool is_a(std::string_view name, std::string_view ancestor) const;
    // In the order of names.
    std::vector<const TypeInfo*> all() const;

  private:
    std::map<std::string_view, TypeInfo> types_;
};

}  // namespace vmm
