"""What query-qmp-schema answers: every command and event, and the types that they lead to, as JSON text in a C++
string. Names of types other than the built-in ones are numbers, so that nobody depends on them."""

import json

from check import json_kind

_INTEGERS = ("int", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "size")
_JSON_TYPES = {"str": "string", "int": "int", "number": "number", "bool": "boolean", "null": "null", "any": "value"}
_LINE = 100


def schema_source(schema):
    text = json.dumps(Introspection(schema).entries(), separators=(",", ":"))
    pieces = [text[at:at + _LINE] for at in range(0, len(text), _LINE)]
    lines = "\n".join(f'    R"#({piece})#"' for piece in pieces)
    return ('// Generated: the answer to query-qmp-schema. Do not edit.\n#include "qapi/schema_text.h"\n\n'
            f"namespace vmm::qapi {{\n\nconstinit const std::string_view kSchemaText =\n{lines};\n\n"
            "}  // namespace vmm::qapi\n")


class Introspection:
    def __init__(self, schema):
        self.schema = schema
        self.names = {}  # key of a type -> its name in the answer
        self.queue = []
        self.out = []

    def entries(self):
        for command in self.schema.commands:
            entry = {"name": command.name, "meta-type": "command", "arg-type": self._use(command.arguments),
                     "ret-type": self._use(command.returns)}
            if "allow-oob" in command.flags:
                entry["allow-oob"] = True
            self._put(entry, command.features)
        for event in self.schema.events:
            self._put({"name": event.name, "meta-type": "event", "arg-type": self._use(event.arguments)},
                      event.features)
        while self.queue:
            self._type(self.queue.pop(0))
        return self.out

    def _put(self, entry, features=()):
        if features:
            entry["features"] = list(features)
        self.out.append(entry)

    # The name of a type; it is described when its turn comes.
    def _use(self, type_):
        if type_ is not None and type_.kind == "builtin" and type_.name in _INTEGERS:
            key = name = "int"
        elif type_ is not None and type_.kind == "builtin":
            key = name = type_.name
        elif type_ is not None and type_.kind == "array":
            key = name = "[" + self._use(type_.element) + "]"
        else:
            key = type_.name if type_ is not None else None
            name = str(len([n for n in self.names.values() if n.isdigit()]))
        if key not in self.names:
            self.names[key] = name
            self.queue.append(type_)
        return self.names[key]

    def _type(self, type_):
        if type_ is None:
            self._put({"name": self.names[None], "meta-type": "object", "members": []})
            return
        getattr(self, "_" + type_.kind)(type_)

    def _builtin(self, type_):
        name = self._use(type_)
        self._put({"name": name, "meta-type": "builtin", "json-type": _JSON_TYPES[name]})

    def _array(self, type_):
        self._put({"name": self._use(type_), "meta-type": "array", "element-type": self._use(type_.element)})

    def _enum(self, type_):
        members = []
        for value in type_.values:
            member = {"name": value}
            if type_.value_features.get(value):
                member["features"] = type_.value_features[value]
            members.append(member)
        self._put({"name": self.names[type_.name], "meta-type": "enum", "members": members, "values": type_.values},
                  type_.features)

    def _members(self, type_):
        out = []
        for m in type_.all_members():
            member = {"name": m.name, "type": self._use(m.type)}
            if m.optional:
                member["default"] = None
            if m.features:
                member["features"] = m.features
            out.append(member)
        return out

    def _struct(self, type_):
        self._put({"name": self.names[type_.name], "meta-type": "object", "members": self._members(type_)},
                  type_.features)

    def _union(self, type_):
        variants = [{"case": value, "type": self._use(branch)} for value, branch in type_.branches.items()]
        self._put({"name": self.names[type_.name], "meta-type": "object", "members": self._members(type_),
                   "tag": type_.discriminator.name, "variants": variants}, type_.features)

    def _alternate(self, type_):
        members = [{"type": self._use(branch)} for branch in type_.branches.values() if json_kind(branch)]
        self._put({"name": self.names[type_.name], "meta-type": "alternate", "members": members}, type_.features)
