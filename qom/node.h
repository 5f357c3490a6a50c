// QomNode: an object of the running machine as qom-list and qom-get see it - a name, a type, properties,
// objects below it. Nodes are made when somebody asks and forgotten afterwards; whoever owns the real objects
// makes them. find_node() finds one by its path. Main thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "qapi/value.h"
#include "util/result.h"

namespace vmm {

struct QomProperty {
    std::string name;
    std::string type;
    std::function<Result<qapi::Value>()> get;
    std::function<Status(const qapi::Value&)> set = {};  // empty: read-only
};

struct QomNode {
    std::string name;
    std::string type;
    std::function<std::vector<QomProperty>()> properties = {};
    std::function<std::vector<QomNode>()> children = {};

    std::vector<QomProperty> list_properties() const {
        return properties ? properties() : std::vector<QomProperty>();
    }
    std::vector<QomNode> list_children() const { return children ? children() : std::vector<QomNode>(); }
};

// A property that never changes.
QomProperty constant_property(std::string name, std::string type, qapi::Value value);
// An object without properties of its own that holds others ("container").
QomNode container(std::string name, std::function<std::vector<QomNode>()> children);

struct FoundNode {
    QomNode node;
    std::string path;  // from the root, "/" for the root itself
};
// From the root ("/machine/peripheral/x"), or by an end of the path that one object alone has ("x").
Result<FoundNode> find_node(const QomNode& root, std::string_view path);

}  // namespace vmm
