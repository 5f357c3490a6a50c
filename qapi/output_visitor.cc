// Values from objects; see output_visitor.h.
#include "qapi/output_visitor.h"

#include "qapi/type_info.h"

namespace vmm::qapi {

Status OutputVisitor::put(std::string_view name, Value value) {
    if (open_.empty())
        root_ = std::move(value);
    else if (Dict* dict = open_.back().value.if_dict())
        dict->append(std::string(name), std::move(value));
    else
        open_.back().value.if_list()->push_back(std::move(value));
    return {};
}

void OutputVisitor::close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    (void)put(frame.name, std::move(frame.value));
}

Status OutputVisitor::begin_struct(std::string_view name) {
    open_.push_back({std::string(name), Dict()});
    return {};
}
Status OutputVisitor::end_struct() {
    close();
    return {};
}
Status OutputVisitor::begin_list(std::string_view name, size_t&) {
    open_.push_back({std::string(name), List()});
    return {};
}
void OutputVisitor::end_list() {
    close();
}
bool OutputVisitor::has(std::string_view, bool present) {
    return present;
}
Status OutputVisitor::boolean(std::string_view name, bool& value) {
    return put(name, value);
}
Status OutputVisitor::integer(std::string_view name, int64_t& value, int64_t, int64_t) {
    return put(name, value);
}
Status OutputVisitor::unsigned_integer(std::string_view name, uint64_t& value, uint64_t) {
    return put(name, value);
}
Status OutputVisitor::size(std::string_view name, uint64_t& value) {
    return put(name, value);
}
Status OutputVisitor::number(std::string_view name, double& value) {
    return put(name, value);
}
Status OutputVisitor::text(std::string_view name, std::string& value) {
    return put(name, value);
}
Status OutputVisitor::null(std::string_view name) {
    return put(name, nullptr);
}
Status OutputVisitor::any(std::string_view name, Value& value) {
    return put(name, value);
}
Status OutputVisitor::enumeration(std::string_view name, size_t& index, const EnumInfo& info) {
    return put(name, info.values[index]);
}
Result<Value::Kind> OutputVisitor::alternate(std::string_view, std::span<const Value::Kind>) {
    UNREACHABLE();  // the object knows what it holds
}

}  // namespace vmm::qapi
