// See device_request.h.
#include "hw/core/device_request.h"

#include "qom/id.h"

namespace vmm {

namespace {

// Takes a text member out of the options; empty when it is not there.
Result<std::string> take_text(qapi::Dict& options, std::string_view name) {
    const qapi::Value* value = options.find(name);
    if (value == nullptr) return std::string();
    const std::string* text = value->if_string();
    if (text == nullptr)
        return Error::make("Parameter '%s' expects a string, not %s", std::string(name).c_str(),
                           qapi::brief(*value).c_str());
    std::string taken = *text;
    options.erase(name);
    return taken;
}

}  // namespace

Status apply_defaults(const DeviceInfo& info, PropertyTable properties,
                      const std::vector<PropertyDefault>& defaults, void* config) {
    for (const PropertyDefault& standard : defaults) {
        if (standard.driver != info.name && standard.driver != info.parent &&
            (info.alias.empty() || standard.driver != info.alias))
            continue;
        Status applied =
            read_property(properties, info.name, standard.property, standard.value, Spelling::Text, config);
        if (!applied)
            return std::move(applied).take_error().while_doing("-global %s.%s=%s", standard.driver.c_str(),
                                                               standard.property.c_str(),
                                                               standard.value.c_str());
    }
    return {};
}

Result<DeviceRequest> parse_device(const DeviceTypes& types, const qapi::Dict& options, Spelling spelling,
                                   const std::vector<PropertyDefault>& defaults) {
    qapi::Dict left = options;
    if (!left.contains("driver")) return Error::make("Parameter 'driver' is missing");
    const std::string driver = TRY(take_text(left, "driver"));
    DeviceRequest request;
    request.type = types.find(driver);
    if (request.type == nullptr || !request.type->info.user_creatable)
        return Error::make("'%s' is not a valid device model name", driver.c_str())
            .with_hint("-device help lists those that are there");
    const bool named = left.contains("id");
    request.id = TRY(take_text(left, "id"));
    if (named) TRY(check_id(request.id));
    request.bus = TRY(take_text(left, "bus"));

    const DeviceType& type = *request.type;
    std::shared_ptr<AnyConfig> config = type.make_config();
    TRY(apply_defaults(type.info, type.properties, defaults, config->data()));
    TRY(read_properties(type.properties, type.info.name, left, spelling, config->data()));
    TRY(type.check(config->data()));
    request.config = std::move(config);
    return request;
}

}  // namespace vmm
