"""The commands and events of a module as C++ traits: what a handler takes and gives, and what the dispatcher and
the event queue need to know. The marshalling is one template for all (qapi/command_table.h)."""

import cxx
from check_commands import camel
from cxx_types import header_of


def commands_header(schema, module, folder):
    commands = [c for c in schema.commands if c.module == module]
    events = [e for e in schema.events if e.module == module]
    out = [f"// Generated from qapi/schema/{module}.json: commands and events. Do not edit.\n#pragma once\n\n"
           '#include "qapi/command_info.h"\n#include "qapi/value.h"\n']
    out.append(f'#include "{header_of(module, folder)}"\n\nnamespace vmm::qapi {{\n')
    out += [_command(c) for c in commands] + [_event(e) for e in events]
    out.append("\n}  // namespace vmm::qapi\n")
    return "".join(out)


def _command(command):
    arguments = cxx.type_name(command.arguments) if command.arguments else "NoArguments"
    returns = cxx.type_name(command.returns) if command.returns else "void"
    if not command.typed:
        arguments, returns = "Dict", "Value"
    flags = [f".{cxx.member(f)} = true" for f in sorted(command.flags)]
    if "deprecated" in command.features:
        flags.append(".deprecated = true")
    fields = ", ".join([f".name = {cxx.string(command.name)}"] + sorted(flags, key=_FIELDS.index_of))
    return ("\n" + cxx.comment(command.doc.text) + f"struct {camel(command.name)}Command {{\n"
            f"    using Arguments = {arguments};\n    using Return = {returns};\n"
            f"    static constexpr CommandInfo kInfo{{{fields}}};\n}};\n")


class _FIELDS:
    """Designated initialisers come in the order of the members."""

    @staticmethod
    def index_of(field):
        return ("allow_oob", "allow_preconfig", "no_success_response", "deprecated").index(field[1:].split(" ")[0])


def _event(event):
    data = cxx.type_name(event.arguments) if event.arguments else "NoArguments"
    return ("\n" + cxx.comment(event.doc.text) + f"struct {camel(event.name)}Event {{\n    using Data = {data};\n"
            f"    static constexpr std::string_view kName = {cxx.string(event.name)};\n}};\n")
