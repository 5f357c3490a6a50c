// Reads a value (from JSON) strictly: numbers must be numbers, booleans true or false, strings strings, and
// every member must be known. See visitor.h.
#pragma once

#include "qapi/value_reader_priv.h"

namespace vmm::qapi {

class InputVisitor final : public ValueReader {
  public:
    using ValueReader::ValueReader;
    Status boolean(std::string_view name, bool& value) override;
    Status integer(std::string_view name, int64_t& value, int64_t min, int64_t max) override;
    Status unsigned_integer(std::string_view name, uint64_t& value, uint64_t max) override;
    Status size(std::string_view name, uint64_t& value) override;
    Status number(std::string_view name, double& value) override;
    Status text(std::string_view name, std::string& value) override;
    Status null(std::string_view name) override;
    Status enumeration(std::string_view name, size_t& index, const EnumInfo& info) override;
    Result<Value::Kind> alternate(std::string_view name, std::span<const Value::Kind> offered) override;

  private:
    Result<const List*> as_list(std::string_view name, const Value& value) override;
};

}  // namespace vmm::qapi
