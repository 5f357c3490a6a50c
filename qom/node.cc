// Paths to nodes; see node.h.
#include "qom/node.h"

#include <algorithm>
#include <span>

#include "util/text.h"

namespace vmm {

namespace {

Error no_such(std::string_view path) {
    return Error::of_class(ErrorClass::DeviceNotFound, "there is no object %s",
                           qapi::brief(qapi::Value(path)).c_str());
}

// The parts of a path; empty ones ("//") do not count.
std::vector<std::string_view> parts_of(std::string_view path) {
    std::vector<std::string_view> parts = split(path, '/');
    std::erase_if(parts, [](std::string_view part) { return part.empty(); });
    return parts;
}

// Walks down; nothing when a part is not there.
std::vector<FoundNode> walk(const FoundNode& from, std::span<const std::string_view> parts) {
    FoundNode at = from;
    for (std::string_view part : parts) {
        std::vector<QomNode> children = at.node.list_children();
        auto child = std::find_if(children.begin(), children.end(),
                                  [&](const QomNode& node) { return node.name == part; });
        if (child == children.end()) return {};
        at = {std::move(*child), (at.path == "/" ? "" : at.path) + "/" + std::string(part)};
    }
    return {std::move(at)};
}

// Every object under which the parts lead somewhere.
void search(const FoundNode& from, std::span<const std::string_view> parts, std::vector<FoundNode>& found,
            unsigned depth) {
    constexpr unsigned kDeepest = 32;
    if (depth > kDeepest || found.size() > 1) return;
    for (FoundNode& node : walk(from, parts))
        found.push_back(std::move(node));
    for (QomNode& child : from.node.list_children()) {
        std::string path = (from.path == "/" ? "" : from.path) + "/" + child.name;
        search({std::move(child), std::move(path)}, parts, found, depth + 1);
    }
}

}  // namespace

QomProperty constant_property(std::string name, std::string type, qapi::Value value) {
    return {std::move(name), std::move(type),
            [value = std::move(value)] { return Result<qapi::Value>(value); }};
}

QomNode container(std::string name, std::function<std::vector<QomNode>()> children) {
    return {std::move(name), "container", {}, std::move(children)};
}

Result<FoundNode> find_node(const QomNode& root, std::string_view path) {
    const std::vector<std::string_view> parts = parts_of(path);
    const FoundNode start{root, "/"};
    std::vector<FoundNode> found;
    if (path.starts_with('/'))
        found = walk(start, parts);
    else if (!parts.empty())
        search(start, parts, found, 0);
    if (found.empty()) return no_such(path);
    if (found.size() > 1)
        return Error::make("%s is the end of several objects' paths", qapi::brief(qapi::Value(path)).c_str())
            .with_hint("give the path from the root");
    return std::move(found[0]);
}

}  // namespace vmm
