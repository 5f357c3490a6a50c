// See function_config.h.
#include "hw/pci/function_config.h"

namespace vmm {

Status PropertyKind<pci::DevFn>::visit(qapi::Visitor& visitor, std::string_view name, pci::DevFn& value) {
    if (!visitor.reading()) {
        std::string text = value.text();
        return qapi::visit(visitor, name, text);
    }
    constexpr qapi::Value::Kind kKinds[] = {qapi::Value::Kind::String, qapi::Value::Kind::Int};
    if (TRY(visitor.alternate(name, kKinds)) == qapi::Value::Kind::Int) {
        uint8_t number = 0;
        TRY(qapi::visit(visitor, name, number));
        value = pci::DevFn::from_raw(number);
        return {};
    }
    std::string text;
    TRY(qapi::visit(visitor, name, text));
    Result<pci::DevFn> parsed = pci::DevFn::parse(text);
    if (!parsed)
        return std::move(parsed).take_error().while_doing("Parameter '%s'", std::string(name).c_str());
    value = *parsed;
    return {};
}

}  // namespace vmm
