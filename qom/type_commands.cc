// Commands about types; see commands.h.
#include "qapi/commands_qdev.h"
#include "qapi/commands_qom.h"
#include "qom/commands.h"

namespace vmm {

namespace {

using Infos = std::vector<qapi::ObjectPropertyInfo>;

qapi::ObjectPropertyInfo describe(const TypeInfo& type, const Property& row) {
    qapi::ObjectPropertyInfo info{.name = std::string(row.name),
                                  .type = std::string(property_type_name(row))};
    if (!row.help.empty()) info.description = std::string(row.help);
    if (type.defaults == nullptr) return info;
    qapi::Value value = write_property(row, type.defaults.get());
    if (!value.null()) info.default_value = std::move(value);
    return info;
}

Infos properties_of(const TypeInfo& type) {
    Infos infos;
    for (const Property& row : type.properties)
        infos.push_back(describe(type, row));
    for (const qapi::MemberInfo& member : type.members)
        infos.push_back({.name = std::string(member.name),
                         .type = std::string(member.type),
                         .description = std::string(member.help)});
    return infos;
}

Error no_such_type(const std::string& name) {
    return Error::of_class(ErrorClass::DeviceNotFound, "there is no type %s",
                           qapi::brief(qapi::Value(name)).c_str());
}

Result<Infos> device_properties(const TypeRegistry& types, const std::string& name) {
    const TypeInfo* type = types.find(name);
    if (type == nullptr) return no_such_type(name);
    if (!types.is_a(name, "device") || type->abstract)
        return Error::make("Parameter 'typename' expects a kind of device that is not abstract, not '%s'",
                           name.c_str());
    return properties_of(*type);
}

Result<Infos> type_properties(const TypeRegistry& types, const std::string& name) {
    const TypeInfo* type = types.find(name);
    if (type == nullptr) return no_such_type(name);
    Infos infos = properties_of(*type);
    infos.insert(infos.begin(), {.name = "type", .type = "string"});
    return infos;
}

std::vector<qapi::ObjectTypeInfo> list_types(const TypeRegistry& types,
                                             const qapi::QomListTypesArguments& asked) {
    std::vector<qapi::ObjectTypeInfo> out;
    for (const TypeInfo* type : types.all()) {
        if (type->abstract && !asked.abstract.value_or(false)) continue;
        if (asked.implements && !types.is_a(type->name, *asked.implements)) continue;
        qapi::ObjectTypeInfo info{.name = type->name};
        if (type->abstract) info.abstract = true;
        if (!type->parent.empty()) info.parent = type->parent;
        out.push_back(std::move(info));
    }
    return out;
}

}  // namespace

void register_type_commands(qapi::CommandTable& table, const TypeRegistry& types) {
    table.add<qapi::QomListTypesCommand>([&types](const qapi::QomListTypesArguments& asked) {
        return Result<std::vector<qapi::ObjectTypeInfo>>(list_types(types, asked));
    });
    table.add<qapi::QomListPropertiesCommand>([&types](const qapi::QomListPropertiesArguments& asked) {
        return type_properties(types, asked.typename_);
    });
    table.add<qapi::DeviceListPropertiesCommand>([&types](const qapi::DeviceListPropertiesArguments& asked) {
        return device_properties(types, asked.typename_);
    });
}

}  // namespace vmm
