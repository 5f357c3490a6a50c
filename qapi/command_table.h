// CommandTable: the commands of this program by name. Folders register their handlers with add(), once at
// start; the monitors look up and call. The schema's types are read and written here, by one template for all
// commands: a handler gets checked arguments and gives a typed answer.
//
//     table.add<qapi::QueryNameCommand>([&] { return Result<qapi::NameInfo>(...); });
//     table.add<qapi::QomGetCommand>([&](const qapi::QomGetArguments& a) -> Result<qapi::Value> { ... });
//     table.add<qapi::GetfdCommand>([&](const qapi::GetfdArguments& a, Caller& caller) -> Status { ... });
//
// Filled before it is used, not changed afterwards. Handlers run on the main thread, except those of commands
// with allow-oob, which may run on any monitor's thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <type_traits>

#include "qapi/command_info.h"
#include "qapi/convert.h"
#include "util/fd.h"

namespace vmm::qapi {

// Who sent the command, for the few that concern the connection itself.
class Caller {
  public:
    virtual ~Caller() = default;
    // A descriptor that came with the command, the oldest first.
    virtual std::optional<Fd> take_fd() { return std::nullopt; }
    // qmp_capabilities: out-of-band execution from now on.
    virtual Status negotiate(bool /*oob*/) { return Error::make("this is not a QMP connection"); }
};

// Lists by their elements; anything else is found by its type.
template <typename T>
Status visit(Visitor& visitor, std::string_view name, std::vector<T>& list) {
    return visit_list(visitor, name, list,
                      [](Visitor& v, std::string_view element, T& x) { return visit(v, element, x); });
}

class CommandTable {
  public:
    using Handler = std::function<Result<Value>(const Dict&, Caller&)>;
    struct Command {
        CommandInfo info;
        Handler handle;
    };

    template <typename C, typename F>
    void add(F handler) {
        insert(C::kInfo, [handler = std::move(handler)](const Dict& dict, Caller& caller) -> Result<Value> {
            if constexpr (std::is_same_v<typename C::Return, void>) {
                TRY(call<C>(handler, dict, caller));
                return Value(Dict{});
            } else {
                typename C::Return made = TRY(call<C>(handler, dict, caller));
                return to_value(made);
            }
        });
    }

    // Null when there is none.
    const Command* find(std::string_view name) const;
    // In the order of names.
    const std::map<std::string_view, Command>& all() const { return commands_; }

  private:
    template <typename C, typename F>
    static Result<typename C::Return> call(const F& handler, const Dict& dict, Caller& caller) {
        using Arguments = typename C::Arguments;
        if constexpr (std::is_same_v<Arguments, NoArguments>) {
            TRY(refuse_arguments(dict));
            if constexpr (std::is_invocable_v<F, Caller&>)
                return handler(caller);
            else
                return handler();
        } else if constexpr (std::is_same_v<Arguments, Dict>) {
            return give<F, Arguments>(handler, dict, caller);
        } else {
            Arguments arguments = TRY(from_dict<Arguments>(dict));
            return give<F, Arguments>(handler, arguments, caller);
        }
    }
    template <typename F, typename A>
    static auto give(const F& handler, const A& arguments, Caller& caller) {
        if constexpr (std::is_invocable_v<F, const A&, Caller&>)
            return handler(arguments, caller);
        else
            return handler(arguments);
    }
    template <typename A>
    static Result<A> from_dict(const Dict& dict) {
        Value value(dict);
        return from_value<A>(value);
    }
    static Status refuse_arguments(const Dict& dict);
    void insert(const CommandInfo& info, Handler handler);

    std::map<std::string_view, Command> commands_;
};

}  // namespace vmm::qapi
