// The answer to query-qmp-schema as JSON text, made by the generator from qapi/schema/schema.json. It is
// parsed when somebody asks.
#pragma once

#include <string_view>

namespace vmm::qapi {

extern const std::string_view kSchemaText;

}  // namespace vmm::qapi
