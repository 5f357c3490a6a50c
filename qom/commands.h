// The commands about types and objects. Called once, at start; what they are given outlives the table.
#pragma once

#include <functional>

#include "qapi/command_table.h"
#include "qom/node.h"
#include "qom/type_registry.h"

namespace vmm {

// qom-list-types, qom-list-properties, device-list-properties: from the tables, without building anything.
void register_type_commands(qapi::CommandTable& table, const TypeRegistry& types);

// qom-list, qom-get, qom-set on the tree whose root the function gives.
void register_object_commands(qapi::CommandTable& table, std::function<QomNode()> root);

}  // namespace vmm
