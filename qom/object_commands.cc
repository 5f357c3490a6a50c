// Commands about objects; see commands.h.
#include "qapi/commands_qom.h"
#include "qom/commands.h"

namespace vmm {

namespace {

std::vector<qapi::ObjectPropertyInfo> list_node(const QomNode& node) {
    std::vector<qapi::ObjectPropertyInfo> infos{{.name = "type", .type = "string"}};
    for (const QomProperty& property : node.list_properties())
        infos.push_back({.name = property.name, .type = property.type});
    for (const QomNode& child : node.list_children())
        infos.push_back({.name = child.name, .type = "child<" + child.type + ">"});
    return infos;
}

Error no_such_property(const FoundNode& found, const std::string& name) {
    return Error::make("object '%s' has no property %s", found.path.c_str(),
                       qapi::brief(qapi::Value(name)).c_str());
}

Result<qapi::Value> get(const FoundNode& found, const std::string& name) {
    if (name == "type") return qapi::Value(found.node.type);
    for (const QomProperty& property : found.node.list_properties())
        if (property.name == name) return property.get();
    for (const QomNode& child : found.node.list_children())
        if (child.name == name) return qapi::Value((found.path == "/" ? "" : found.path) + "/" + name);
    return no_such_property(found, name);
}

Status set(const FoundNode& found, const std::string& name, const qapi::Value& value) {
    for (const QomProperty& property : found.node.list_properties()) {
        if (property.name != name) continue;
        if (!property.set)
            return Error::make("property '%s' of object '%s' cannot be changed", name.c_str(),
                               found.path.c_str());
        return property.set(value);
    }
    return no_such_property(found, name);
}

}  // namespace

void register_object_commands(qapi::CommandTable& table, std::function<QomNode()> root) {
    table.add<qapi::QomListCommand>(
        [root](const qapi::QomListArguments& asked) -> Result<std::vector<qapi::ObjectPropertyInfo>> {
            FoundNode found = TRY(find_node(root(), asked.path));
            return list_node(found.node);
        });
    table.add<qapi::QomGetCommand>([root](const qapi::QomGetArguments& asked) -> Result<qapi::Value> {
        return get(TRY(find_node(root(), asked.path)), asked.property);
    });
    table.add<qapi::QomSetCommand>([root](const qapi::QomSetArguments& asked) -> Status {
        return set(TRY(find_node(root(), asked.path)), asked.property, asked.value);
    });
}

}  // namespace vmm
