// Requests and replies; see dispatch.h.
#include "qapi/dispatch.h"

namespace vmm::qapi {

namespace {

Error bad_member(std::string_view name, const char* what) {
    return Error::make("the request's member %s %s", brief(Value(name)).c_str(), what);
}

// "execute" or "exec-oob".
Status take_command(Request& request, const std::string& key, Value& value) {
    if (!request.command.empty()) return Error::make("the request has both 'execute' and 'exec-oob'");
    const std::string* name = value.if_string();
    if (name == nullptr) return bad_member(key, "must be a string");
    if (name->empty()) return command_not_found("");
    request.command = *name;
    request.oob = key == "exec-oob";
    return {};
}

}  // namespace

std::optional<Value> request_id(const Value& sent) {
    const Dict* dict = sent.if_dict();
    const Value* id = dict == nullptr ? nullptr : dict->find("id");
    return id == nullptr ? std::nullopt : std::optional<Value>(*id);
}

Result<Request> check_request(Value sent) {
    Dict* dict = sent.if_dict();
    if (dict == nullptr) return Error::make("a request must be a JSON object");
    Request request;
    for (Dict::Entry& entry : *dict) {
        if (entry.key == "execute" || entry.key == "exec-oob") {
            TRY(take_command(request, entry.key, entry.value));
        } else if (entry.key == "arguments") {
            Dict* arguments = entry.value.if_dict();
            if (arguments == nullptr) return bad_member(entry.key, "must be an object");
            request.arguments = std::move(*arguments);
        } else if (entry.key != "id") {
            return bad_member(entry.key, "is unexpected");
        }
    }
    if (request.command.empty()) return Error::make("the request lacks the member 'execute'");
    return request;
}

Value make_reply(Value result, std::optional<Value> id) {
    Dict reply;
    reply.append("return", std::move(result));
    if (id) reply.append("id", std::move(*id));
    return reply;
}

Value make_error_reply(const Error& error, std::optional<Value> id) {
    Dict reply;
    reply.append("error", Dict{{"class", error_class_name(error.error_class())}, {"desc", error.message()}});
    if (id) reply.append("id", std::move(*id));
    return reply;
}

std::string_view error_class_name(ErrorClass error_class) {
    switch (error_class) {
        case ErrorClass::CommandNotFound:
            return "CommandNotFound";
        case ErrorClass::DeviceNotActive:
            return "DeviceNotActive";
        case ErrorClass::DeviceNotFound:
            return "DeviceNotFound";
        case ErrorClass::KvmMissingCap:
            return "KVMMissingCap";
        case ErrorClass::GenericError:
            break;
    }
    return "GenericError";
}

Error command_not_found(std::string_view name) {
    return Error::of_class(ErrorClass::CommandNotFound, "there is no command %s", brief(Value(name)).c_str());
}

}  // namespace vmm::qapi
