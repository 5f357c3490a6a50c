// What the generator makes, from a schema with one of each thing: reading, writing, equality and the tables;
// and the real schema's object types on the command lines that users write.
#include <gtest/gtest.h>

#include "qapi/convert.h"
#include "qapi/json_parser.h"
#include "qapi/json_writer.h"
#include "qapi/keyval.h"
#include "qapi/types_qom.h"
#include "tests/unit/qapi/types_everything.h"

namespace vmm::qapi {
namespace {

template <typename T>
std::string json_round(std::string_view text) {
    auto value = parse_json(text);
    if (!value) return value.error().message();
    auto object = from_value<T>(*value);
    if (!object) return object.error().message();
    auto again = from_value<T>(to_value(*object));
    EXPECT_TRUE(again && *again == *object);
    return to_json(to_value(*object));
}

template <typename T>
std::string keyval_round(std::string_view text, const KeyvalStyle& style = {}) {
    auto parsed = parse_keyval(text, style);
    if (!parsed) return parsed.error().message();
    auto object = from_keyval<T>(parsed->dict);
    return object ? to_json(to_value(*object)) : object.error().message();
}

TEST(GeneratedTypes, ScalarsGoRound) {
    std::string_view all =
        R"({"private": "x", "i": -1, "i8": -128, "u16": 65535, "u64": 18446744073709551615, "bytes": 4096, )"
        R"("list-of-bytes": [1, 2], "b": true, "n": 1.5, "nothing": null, "whatever": {"a": [1]}, "level": "2m"})";
    EXPECT_EQ(json_round<Scalars>(all), all);
    EXPECT_EQ(json_round<Scalars>("{}"), "{}");
    EXPECT_EQ(
        keyval_round<Scalars>("private=x,i8=-1,list-of-bytes.0=1K,b=on,n=0.5,level=sw-protected"),
        R"({"private": "x", "i8": -1, "list-of-bytes": [1024], "b": true, "n": 0.5, "level": "sw-protected"})");
}

TEST(GeneratedTypes, TypesMayHoldListsOfThemselves) {
    std::string_view tree =
        R"({"name": "a", "children": [{"name": "b", "children": [{"name": "c"}]}, {"name": "d"}]})";
    EXPECT_EQ(json_round<Tree>(tree), tree);
    EXPECT_EQ(json_round<Tree>(R"({"name": "a", "children": [{"nam": "b"}]})"),
              "Parameter 'children[0].name' is missing");
}

TEST(GeneratedTypes, TheDiscriminatorChoosesTheMembers) {
    EXPECT_EQ(json_round<Shape>(R"({"kind": "circle", "label": "x", "radius": 3})"),
              R"({"kind": "circle", "label": "x", "radius": 3})");
    EXPECT_EQ(json_round<Shape>(R"({"radius": 3, "kind": "disc"})"), R"({"kind": "disc", "radius": 3})");
    EXPECT_EQ(json_round<Shape>(R"({"kind": "point"})"), R"({"kind": "point"})");
    EXPECT_EQ(json_round<Shape>(R"({"kind": "point", "radius": 3})"),
              "Parameter 'radius' is unexpected (known: kind, label)");
    EXPECT_EQ(json_round<Shape>(R"({"kind": "square"})"),
              "Parameter 'kind' expects one of circle, disc, point, not 'square'");
    EXPECT_EQ(json_round<Shape>(R"({"kind": "circle"})"), "Parameter 'radius' is missing");
    Shape shape;
    shape.kind = ShapeKind::Disc;
    shape.u = Circle{.radius = 5};
    EXPECT_EQ(to_json(to_value(shape)), R"({"kind": "disc", "radius": 5})");
}

TEST(GeneratedTypes, AnAlternateIsToldByTheKindOfItsValue) {
    for (std::string_view text :
         {R"({"radius": 1, "extra": {"kind": "point"}})", R"({"radius": 1, "extra": "name"})",
          R"({"radius": 1, "extra": 17})", R"({"radius": 1, "extra": null})"})
        EXPECT_EQ(json_round<Derived>(text), text);
    EXPECT_EQ(json_round<Derived>(R"({"radius": 1, "extra": true})"),
              "Parameter 'extra' expects an object or a string or an integer or null, not true");
    EXPECT_EQ(keyval_round<Derived>("radius=1,extra.kind=point"),
              R"({"radius": 1, "extra": {"kind": "point"}})");
    EXPECT_EQ(keyval_round<Derived>("radius=1,extra=5"), R"({"radius": 1, "extra": "5"})");
}

TEST(GeneratedTypes, TablesTellNamesTypesAndHelp) {
    const StructInfo& scalars = info_of(static_cast<Scalars*>(nullptr));
    ASSERT_EQ(scalars.members.size(), 12u);
    EXPECT_EQ(scalars.members[0].name, "private");
    EXPECT_EQ(scalars.members[6].type, "[size]");
    EXPECT_TRUE(scalars.members[6].optional);
    EXPECT_EQ(scalars.members[11].values->values.size(), 3u);
    EXPECT_EQ(scalars.members[11].features[0], "deprecated");
    EXPECT_EQ(kDerivedInfo.members.size(), 2u) << "the base's members count";
    EXPECT_EQ(kCircleInfo.members[0].help, "in metres");
    EXPECT_EQ(kShapeInfo.branches.size(), 3u);
    EXPECT_EQ(kShapeInfo.branches[0].members, &kCircleInfo);
    EXPECT_EQ(kShapeInfo.branches[2].members, nullptr);
    EXPECT_EQ(to_text(Level::V2m), "2m");
}

const KeyvalStyle kObjectStyle{.implied_key = "qom-type", .repeatable = {"host-nodes"}};

TEST(ObjectOptions, CommandLinesOfTheSeriesAreUnderstood) {
    EXPECT_EQ(keyval_round<ObjectOptions>("memory-backend-ram,id=mem0,size=1G,private=on", kObjectStyle),
              R"({"qom-type": "memory-backend-ram", "id": "mem0", "size": 1073741824, "private": true})");
    EXPECT_EQ(keyval_round<ObjectOptions>("sw-protected-vm,id=sp-vm0,default-memory=shared", kObjectStyle),
              R"({"qom-type": "sw-protected-vm", "id": "sp-vm0", "default-memory": "shared"})");
    EXPECT_EQ(keyval_round<ObjectOptions>(
                  "memory-backend-ram,id=m,size=1M,host-nodes=0-1,host-nodes=3,policy=bind", kObjectStyle),
              R"({"qom-type": "memory-backend-ram", "id": "m", "size": 1048576, "host-nodes": [0, 1, 3], )"
              R"("policy": "bind"})");
}

TEST(ObjectOptions, MistakesAreNamed) {
    EXPECT_EQ(keyval_round<ObjectOptions>("memory-backend-ram,id=m,sise=1M", kObjectStyle),
              "Parameter 'size' is missing");
    EXPECT_EQ(keyval_round<ObjectOptions>("memory-backend-ram,id=m,size=1M,prealoc=on", kObjectStyle),
              "Parameter 'prealoc' is unexpected (did you mean 'prealloc'?)");
    EXPECT_EQ(keyval_round<ObjectOptions>("sw-protected-vm,id=m,size=1M", kObjectStyle),
              "Parameter 'size' is unexpected (known: default-memory, id, qom-type)");
}

}  // namespace
}  // namespace vmm::qapi
