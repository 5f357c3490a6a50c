"""The header of a module: C++ types with the words of their documentation, and the declarations of visits and
information tables."""

import cxx
from schema import boxed, needs_complete


def header_of(module, folder):
    """The include path of a module's header."""
    return f"{folder}/types_{module.replace('-', '_')}.h"


def header(schema, module, folder):
    types = ordered(schema.of_module(module))
    out = [f"// Generated from qapi/schema/{module}.json: types, visits and tables. Do not edit.\n", "#pragma once\n\n"]
    out += [f"#include <{name}>\n" for name in ("cstdint", "optional", "string", "string_view", "variant", "vector")]
    out.append('\n#include "qapi/type_info.h"\n')
    own = {header_of(m, folder) for m in schema.includes[module]}
    out += [f'#include "{name}"\n' for name in sorted(own)]
    if _boxed_names(types):
        out.append('#include "qapi/boxed.h"\n')
    if any(_uses_any(t) for t in types):
        out.append('#include "qapi/value.h"\n')
    out.append('#include "util/result.h"\n\nnamespace vmm::qapi {\n\nclass Visitor;\n')
    out += [f"struct {name};\n" for name in sorted(_boxed_names(types))]
    for type_ in types:
        out.append("\n" + cxx.comment(f"{type_.doc.text}") + _define(type_))
        out.append(_declare(type_))
    out.append("\n}  // namespace vmm::qapi\n")
    return "".join(out)


def ordered(types):
    """Definitions after what they need."""
    out, inside = [], set(types)

    def place(type_):
        if type_ in out or type_ not in inside:
            return
        for need in needs_complete(type_):
            place(need)
        out.append(type_)

    for type_ in types:
        place(type_)
    return out


def _boxed_names(types):
    return {b.name for t in types if t.kind == "alternate" for b in t.branches.values() if boxed(t, b)}


def _uses_any(type_):
    members = type_.members if type_.kind in ("struct", "union") else []
    return any(m.type.name in ("any", "[any]") for m in members)


def _define(type_):
    return {"enum": _enum, "struct": _struct, "union": _union, "alternate": _alternate}[type_.kind](type_)


def _enum(type_):
    out = [f"enum class {type_.name} {{\n"]
    for value, spelled in cxx.enumerators(type_).items():
        out.append(cxx.comment(type_.doc.member(value), "    ") + f"    {spelled},\n")
    return "".join(out) + "};\n"


def _member_lines(members):
    out = []
    for m in members:
        out.append(cxx.comment(m.help, "    "))
        out.append(f"    {cxx.member_type(m)} {cxx.member(m.name)}{cxx.initialiser(m)};\n")
    return "".join(out)


def _equality(name):
    return f"    friend bool operator==(const {name}&, const {name}&) = default;\n"


def _open(type_):
    base = f" : {type_.base.name}" if getattr(type_, "base", None) else ""
    return f"struct {type_.name}{base} {{\n"


def _struct(type_):
    return _open(type_) + _member_lines(type_.members) + _equality(type_.name) + "};\n"


def _union(type_):
    branches = ", ".join(["std::monostate"] + [b.name for b in type_.branch_structs()])
    note = f"    // By '{type_.discriminator.name}'; monostate where a value brings no members.\n"
    return (_open(type_) + _member_lines(type_.members) + note + f"    std::variant<{branches}> u;\n"
            + _equality(type_.name) + "};\n")


def _alternate(type_):
    branches = ", ".join(dict.fromkeys(cxx.branch_type(type_, b) for b in type_.branches.values()))
    return f"struct {type_.name} {{\n    std::variant<{branches}> u;\n{_equality(type_.name)}}};\n"


def _declare(type_):
    name = type_.name
    out = [f"Status visit(Visitor& visitor, std::string_view name, {name}& value);\n"]
    if type_.kind in ("struct", "union"):
        out.append(f"Status visit_members(Visitor& visitor, {name}& value);\n")
    if type_.kind == "enum":
        out.append(f"std::string_view to_text({name} value);\n")
    info = {"enum": "EnumInfo", "struct": "StructInfo", "union": "UnionInfo"}.get(type_.kind)
    if info:
        out.append(f"extern const {info} k{name}Info;\n")
        out.append(f"inline const {info}& info_of(const {name}*) {{\n    return k{name}Info;\n}}\n")
    return "".join(out)
