// Commands end to end without a connection: generated traits, typed arguments and answers, the form of
// requests and replies, events, and that the answer to query-qmp-schema is what it says it is.
#include <gtest/gtest.h>

#include "qapi/commands_introspect.h"
#include "qapi/dispatch.h"
#include "qapi/event_sink.h"
#include "qapi/json_parser.h"
#include "qapi/json_writer.h"
#include "qapi/schema_text.h"
#include "tests/unit/qapi/commands_everything.h"

namespace vmm::qapi {
namespace {

class Nobody final : public Caller {};

class Recorder final : public EventSink {
  public:
    void emit(std::string_view name, Dict data) override {
        text += std::string(name) + " " + to_json(Value(std::move(data))) + "\n";
    }
    std::string text;
};

void add_all(CommandTable& table) {
    table.add<LookCommand>([](const LookArguments& a) -> Result<std::vector<Tree>> {
        if (a.path == "nowhere") return Error::of_class(ErrorClass::DeviceNotFound, "there is no 'nowhere'");
        return std::vector<Tree>{Tree{.name = a.path + (a.deep.value_or(false) ? "/*" : "")}};
    });
    table.add<DrawCommand>([](const Shape& shape, Caller&) -> Status {
        return shape.label ? Status() : Status(Error::make("no label"));
    });
    table.add<CountCommand>([]() -> Result<uint64_t> { return UINT64_MAX; });
    table.add<RawCommand>([](const Dict& dict) -> Result<Value> { return Value(dict); });
}

// Request text to reply text.
std::string ask(const CommandTable& table, std::string_view text) {
    auto sent = parse_json(text);
    if (!sent) return "not JSON";
    std::optional<Value> id = request_id(*sent);
    auto request = check_request(std::move(*sent));
    if (!request) return to_json(make_error_reply(request.error(), id));
    Nobody nobody;
    const CommandTable::Command* command = table.find(request->command);
    if (command == nullptr) return to_json(make_error_reply(command_not_found(request->command), id));
    Result<Value> done = command->handle(request->arguments, nobody);
    return to_json(done ? make_reply(std::move(*done), id) : make_error_reply(done.error(), id));
}

std::string desc(const char* error_class, const std::string& text) {
    return R"({"error": {"class": ")" + std::string(error_class) + R"(", "desc": ")" + text + "\"}}";
}

TEST(CommandTable, ArgumentsAndAnswersHaveTheTypesOfTheSchema) {
    CommandTable table;
    add_all(table);
    EXPECT_EQ(ask(table, "{'execute': 'look', 'arguments': {'path': 'a', 'deep': true}, 'id': [1]}"),
              R"({"return": [{"name": "a/*"}], "id": [1]})");
    EXPECT_EQ(ask(table, "{'execute': 'count', 'id': null}"),
              R"({"return": 18446744073709551615, "id": null})");
    EXPECT_EQ(ask(table, "{'execute': 'draw', 'arguments': {'kind': 'point', 'label': 'x'}}"),
              R"({"return": {}})");
    EXPECT_EQ(ask(table, "{'execute': 'raw', 'arguments': {'anything': [{}]}}"),
              R"({"return": {"anything": [{}]}})");
}

TEST(CommandTable, WrongRequestsGiveOneErrorOfTheRightClass) {
    CommandTable table;
    add_all(table);
    struct Row {
        std::string_view in;
        std::string out;
    } rows[] = {
        {"7", desc("GenericError", "a request must be a JSON object")},
        {"{}", desc("GenericError", "the request lacks the member 'execute'")},
        {"{'execute': 1}", desc("GenericError", "the request's member 'execute' must be a string")},
        {"{'execute': 'x', 'arguments': []}",
         desc("GenericError", "the request's member 'arguments' must be an object")},
        {"{'execute': 'x', 'extra': 1}", desc("GenericError", "the request's member 'extra' is unexpected")},
        {"{'execute': 'x', 'exec-oob': 'x'}",
         desc("GenericError", "the request has both 'execute' and 'exec-oob'")},
        {"{'execute': 'x'}", desc("CommandNotFound", "there is no command 'x'")},
        {"{'execute': ''}", desc("CommandNotFound", "there is no command ''")},
        {"{'execute': 'look'}", desc("GenericError", "Parameter 'path' is missing")},
        {"{'execute': 'look', 'arguments': {'path': 1}}",
         desc("GenericError", "Parameter 'path' expects a string, not 1")},
        {"{'execute': 'look', 'arguments': {'path': 'nowhere'}}",
         desc("DeviceNotFound", "there is no 'nowhere'")},
        {"{'execute': 'count', 'arguments': {'a': 1}}",
         desc("GenericError", "Parameter 'a' is unexpected, the command takes none")},
        {"{'execute': 'draw', 'arguments': {'kind': 'point'}}", desc("GenericError", "no label")},
    };
    for (const Row& row : rows)
        EXPECT_EQ(ask(table, row.in), row.out) << row.in;
}

TEST(CommandTable, TheFlagsComeFromTheSchema) {
    EXPECT_TRUE(LookCommand::kInfo.allow_oob);
    EXPECT_FALSE(LookCommand::kInfo.allow_preconfig);
    EXPECT_TRUE(CountCommand::kInfo.allow_preconfig);
    EXPECT_TRUE(DrawCommand::kInfo.deprecated);
    EXPECT_TRUE(SilentCommand::kInfo.no_success_response);
}

TEST(Conditions, WhatDoesNotHoldIsNotThere) {
    EXPECT_EQ(to_json(to_value(SometimesArguments{.here = true})), R"({"here": true})");
}

TEST(Events, CarryTheSchemasData) {
    Recorder sink;
    emit<PlainEvent>(sink);
    emit<ShapeDrawnEvent>(sink, {.shape = {.kind = ShapeKind::Point}});
    emit<CircleDrawnEvent>(sink, {.radius = 3});
    EXPECT_EQ(sink.text,
              "PLAIN {}\nSHAPE_DRAWN {\"shape\": {\"kind\": \"point\"}}\nCIRCLE_DRAWN {\"radius\": 3}\n");
}

TEST(Introspection, TheAnswerIsOfTheTypeThatItDescribes) {
    auto parsed = parse_json(kSchemaText);
    ASSERT_TRUE(parsed);
    auto infos = from_value<std::vector<SchemaInfo>>(*parsed);
    ASSERT_TRUE(infos) << infos.error().message();
    std::map<std::string, const SchemaInfo*> by_name;
    for (const SchemaInfo& info : *infos)
        EXPECT_TRUE(by_name.emplace(info.name, &info).second) << info.name << " is there twice";
    auto known = [&](const std::string& name) { EXPECT_TRUE(by_name.contains(name)) << name; };
    for (const SchemaInfo& info : *infos) {
        if (const auto* command = std::get_if<SchemaInfoCommand>(&info.u)) {
            known(command->arg_type);
            known(command->ret_type);
        } else if (const auto* object = std::get_if<SchemaInfoObject>(&info.u)) {
            for (const auto& member : object->members)
                known(member.type);
            for (const auto& variant : object->variants.value_or(std::vector<SchemaInfoObjectVariant>()))
                known(variant.type);
        } else if (const auto* array = std::get_if<SchemaInfoArray>(&info.u)) {
            known(array->element_type);
        } else if (const auto* event = std::get_if<SchemaInfoEvent>(&info.u)) {
            known(event->arg_type);
        }
    }
    known("query-qmp-schema");
    known("SHUTDOWN");
}

}  // namespace
}  // namespace vmm::qapi
