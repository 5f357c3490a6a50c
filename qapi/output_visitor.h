// Makes a value from a C++ object: what QMP answers and what a test compares. Cannot fail. See visitor.h.
#pragma once

#include <vector>

#include "qapi/visitor.h"

namespace vmm::qapi {

class OutputVisitor final : public Visitor {
  public:
    Value take() { return std::move(root_); }

    Status begin_struct(std::string_view name) override;
    Status end_struct() override;
    Status begin_list(std::string_view name, size_t& size) override;
    void end_list() override;
    bool has(std::string_view name, bool present) override;
    Status boolean(std::string_view name, bool& value) override;
    Status integer(std::string_view name, int64_t& value, int64_t min, int64_t max) override;
    Status unsigned_integer(std::string_view name, uint64_t& value, uint64_t max) override;
    Status size(std::string_view name, uint64_t& value) override;
    Status number(std::string_view name, double& value) override;
    Status text(std::string_view name, std::string& value) override;
    Status null(std::string_view name) override;
    Status any(std::string_view name, Value& value) override;
    Status enumeration(std::string_view name, size_t& index, const EnumInfo& info) override;
    Result<Value::Kind> alternate(std::string_view name, std::span<const Value::Kind> offered) override;
    bool reading() const override { return false; }

  private:
    struct Frame {
        std::string name;
        Value value;
    };
    Status put(std::string_view name, Value value);
    void close();

    Value root_;
    std::vector<Frame> open_;
};

}  // namespace vmm::qapi
