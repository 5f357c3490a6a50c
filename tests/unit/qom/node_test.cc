// Objects by path, and the commands about types and objects on small tables of each.
#include "qom/node.h"

#include <gtest/gtest.h>

#include "qapi/dispatch.h"
#include "qapi/json_parser.h"
#include "qapi/json_writer.h"
#include "qom/commands.h"

namespace vmm {
namespace {

struct Disk {
    uint32_t queues = 4;
    std::optional<std::string> serial;
};
constexpr std::array kDiskProps = {prop<Disk, &Disk::queues>("queues", "how many"),
                                   prop<Disk, &Disk::serial>("serial", "its number")};

class Nobody final : public qapi::Caller {};

class QomTest : public ::testing::Test {
  protected:
    QomTest() {
        types.add({.name = "object", .abstract = true});
        types.add({.name = "interface", .abstract = true});
        types.add({.name = "user-creatable", .parent = "interface", .abstract = true});
        types.add({.name = "device", .parent = "object", .abstract = true});
        types.add({.name = "disk",
                   .parent = "device",
                   .properties = kDiskProps,
                   .defaults = std::make_shared<Disk>(),
                   .interfaces = {"user-creatable"}});
        types.add({.name = "backend", .parent = "object", .interfaces = {"user-creatable"}});
        register_type_commands(table, types);
        register_object_commands(table, [this] { return root(); });
    }
    QomNode disk(std::string name) {
        return {std::move(name), "disk", [this] {
                    return std::vector<QomProperty>{
                        constant_property("queues", "uint32", 4),
                        {"level", "int", [this] { return Result<qapi::Value>(level); },
                         [this](const qapi::Value& value) -> Status {
                             level = static_cast<int>(value.as_i64().value_or(-1));
                             return {};
                         }}};
                }};
    }
    QomNode root() {
        return container("", [this] {
            return std::vector<QomNode>{container("machine", [this] {
                return std::vector<QomNode>{
                    container("peripheral",
                              [this] {
                                  return std::vector<QomNode>{disk("a"), disk("b")};
                              }),
                    container("unattached", [this] { return std::vector<QomNode>{disk("a")}; })};
            })};
        });
    }
    std::string ask(std::string_view command, std::string_view arguments) {
        Nobody nobody;
        auto parsed = qapi::parse_json(arguments);
        Result<qapi::Value> done = table.find(command)->handle(*parsed->if_dict(), nobody);
        if (done) return qapi::to_json(*done);
        return std::string(qapi::error_class_name(done.error().error_class())) + ": " +
               done.error().message();
    }

    TypeRegistry types;
    qapi::CommandTable table;
    int level = 1;
};

TEST_F(QomTest, PathsFromTheRootAndEndsOfPaths) {
    auto found = find_node(root(), "/machine/peripheral/b");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->node.type, "disk");
    EXPECT_EQ(find_node(root(), "b")->path, "/machine/peripheral/b");
    EXPECT_EQ(find_node(root(), "peripheral/a")->path, "/machine/peripheral/a");
    EXPECT_EQ(find_node(root(), "/")->path, "/");
    EXPECT_EQ(find_node(root(), "a").error().text(), "'a' is the end of several objects' paths");
    for (const char* wrong : {"", "c", "/b", "/machine/b", "peripheral/c", "/machine/peripheral/b/c"})
        EXPECT_EQ(find_node(root(), wrong).error().error_class(), ErrorClass::DeviceNotFound) << wrong;
}

TEST_F(QomTest, ObjectsAreListedReadAndChanged) {
    EXPECT_EQ(ask("qom-list", "{'path': '/machine'}"),
              R"([{"name": "type", "type": "string"}, {"name": "peripheral", "type": "child<container>"}, )"
              R"({"name": "unattached", "type": "child<container>"}])");
    EXPECT_EQ(ask("qom-get", "{'path': 'b', 'property': 'queues'}"), "4");
    EXPECT_EQ(ask("qom-get", "{'path': 'b', 'property': 'type'}"), "\"disk\"");
    EXPECT_EQ(ask("qom-get", "{'path': '/machine', 'property': 'unattached'}"), "\"/machine/unattached\"");
    EXPECT_EQ(ask("qom-set", "{'path': 'b', 'property': 'level', 'value': 9}"), "{}");
    EXPECT_EQ(level, 9);
    EXPECT_EQ(ask("qom-set", "{'path': 'b', 'property': 'queues', 'value': 9}"),
              "GenericError: property 'queues' of object '/machine/peripheral/b' cannot be changed");
    EXPECT_EQ(ask("qom-set", "{'path': '/machine', 'property': 'rtc-time'}"),
              "GenericError: Parameter 'value' is missing");
    EXPECT_EQ(ask("qom-get", "{'path': 'b', 'property': 'size'}"),
              "GenericError: object '/machine/peripheral/b' has no property 'size'");
}

TEST_F(QomTest, TypesAreListedByWhatTheyAre) {
    EXPECT_EQ(ask("qom-list-types", "{'implements': 'device'}"), R"([{"name": "disk", "parent": "device"}])");
    EXPECT_EQ(
        ask("qom-list-types", "{'implements': 'device', 'abstract': true}"),
        R"([{"name": "device", "abstract": true, "parent": "object"}, {"name": "disk", "parent": "device"}])");
    EXPECT_EQ(ask("qom-list-types", "{'implements': 'interface'}"),
              R"([{"name": "backend", "parent": "object"}, {"name": "disk", "parent": "device"}])");
    EXPECT_EQ(ask("qom-list-types", "{'implements': 'nothing'}"), "[]");
}

TEST_F(QomTest, PropertiesOfTypesComeWithTheirDefaults) {
    EXPECT_EQ(ask("device-list-properties", "{'typename': 'disk'}"),
              R"([{"name": "queues", "type": "uint32", "description": "how many", "default-value": 4}, )"
              R"({"name": "serial", "type": "str", "description": "its number"}])");
    EXPECT_TRUE(ask("device-list-properties", "{'typename': 'device'}").starts_with("GenericError"));
    EXPECT_TRUE(ask("device-list-properties", "{'typename': 'backend'}").starts_with("GenericError"));
    EXPECT_TRUE(ask("device-list-properties", "{'typename': 'x'}").starts_with("DeviceNotFound"));
    EXPECT_TRUE(ask("qom-list-properties", "{'typename': 'x'}").starts_with("DeviceNotFound"));
    EXPECT_EQ(ask("qom-list-properties", "{'typename': 'backend'}"),
              R"([{"name": "type", "type": "string"}])");
}

}  // namespace
}  // namespace vmm
