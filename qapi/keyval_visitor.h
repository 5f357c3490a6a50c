// Reads what the command line gave: every scalar is a string, spelled as QEMU's users spell it - on/off,
// yes/no, true/false, y/n; decimal, 0x and 0 numbers; sizes with suffixes; lists also as one scalar ("0-3").
// See visitor.h.
#pragma once

#include <list>
#include <optional>

#include "qapi/value_reader_priv.h"

namespace vmm::qapi {

class KeyvalVisitor final : public ValueReader {
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
    // A scalar is a list of one; "0-3", alone or among the elements, is 0, 1, 2, 3.
    Result<const List*> as_list(std::string_view name, const Value& value) override;
    // The string, or an error that says what was wanted.
    Result<const std::string*> take_text(std::string_view name, const std::string& what);

    std::list<List> made_;  // lists that scalars stood for; the walk points into them
};

// "on" and its kin to a boolean; nothing for other words.
std::optional<bool> parse_bool(std::string_view text);

}  // namespace vmm::qapi
