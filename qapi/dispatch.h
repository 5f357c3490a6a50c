// From a JSON value that a client sent to the command it names and back to the reply (QMP specification,
// sections 2.3 to 2.5). Knows nothing of connections. Stateless, thread-safe.
#pragma once

#include <optional>
#include <string>

#include "qapi/command_table.h"
#include "qapi/value.h"

namespace vmm::qapi {

// A request whose form is right; whether there is such a command is a later question.
struct Request {
    std::string command;
    Dict arguments;
    bool oob = false;  // "exec-oob"
};

// The member "id" of anything that was sent, so that even an error can be told apart.
std::optional<Value> request_id(const Value& sent);
Result<Request> check_request(Value sent);

// {"return": ...} and {"error": {"class": ..., "desc": ...}}, with the id when there is one.
Value make_reply(Value result, std::optional<Value> id);
Value make_error_reply(const Error& error, std::optional<Value> id);
// The name of a class on the wire.
std::string_view error_class_name(ErrorClass error_class);

Error command_not_found(std::string_view name);

}  // namespace vmm::qapi
