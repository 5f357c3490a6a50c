"""The source of a module, first half: visit functions."""

import cxx
from check import json_kind

_SIGNATURE = "Status visit(Visitor& visitor, std::string_view name, {0}& value) {{\n"


def visits(types):
    return "".join(_VISITS[t.kind](t) for t in types)


def _call(type_, name, value, visitor="visitor"):
    """An expression that visits one value."""
    if type_.kind == "array":
        each = _call(type_.element, "element", "x", "v")
        return (f"visit_list({visitor}, {name}, {value}, [](Visitor& v, std::string_view element, auto& x) {{\n"
                f"        return {each};\n    }})")
    if type_.name == "size":
        return f"visit_size({visitor}, {name}, {value})"
    return f"visit({visitor}, {name}, {value})"


def _member(m):
    spelled = f"value.{cxx.member(m.name)}"
    if not m.optional:
        return f"    TRY({_call(m.type, cxx.string(m.name), spelled)});\n"
    return (f"    if (visitor.has({cxx.string(m.name)}, {spelled}.has_value())) {{\n"
            f"        if (!{spelled}) {spelled}.emplace();\n"
            f"        TRY({_call(m.type, cxx.string(m.name), '*' + spelled)});\n    }}\n")


def _enum(type_):
    return (_SIGNATURE.format(type_.name)
            + "    size_t index = static_cast<size_t>(value);\n"
            + f"    TRY(visitor.enumeration(name, index, k{type_.name}Info));\n"
            + f"    value = static_cast<{type_.name}>(index);\n    return {{}};\n}}\n\n"
            + f"std::string_view to_text({type_.name} value) {{\n"
            + f"    return k{type_.name}Info.values[static_cast<size_t>(value)];\n}}\n\n")


def _open_members(type_):
    out = f"Status visit_members([[maybe_unused]] Visitor& visitor, [[maybe_unused]] {type_.name}& value) {{\n"
    if type_.base:
        out += f"    TRY(visit_members(visitor, static_cast<{type_.base.name}&>(value)));\n"
    return out + "".join(_member(m) for m in type_.members)


def _whole(type_):
    return (_SIGNATURE.format(type_.name) + "    TRY(visitor.begin_struct(name));\n"
            + "    TRY(visit_members(visitor, value));\n    return visitor.end_struct();\n}\n\n")


def _struct(type_):
    return _open_members(type_) + "    return {};\n}\n\n" + _whole(type_)


def _union(type_):
    tag = type_.discriminator
    spelled = cxx.enumerators(tag.type)
    out = _open_members(type_) + f"    switch (value.{cxx.member(tag.name)}) {{\n"
    for value, branch in type_.branches.items():
        out += f"        case {tag.type.name}::{spelled[value]}:\n"
        if branch is None:
            out += "            value.u.emplace<std::monostate>();\n            return {};\n"
        else:
            out += f"            return visit_branch<{branch.name}>(visitor, value.u);\n"
    return out + "    }\n    UNREACHABLE();\n}\n\n" + _whole(type_)


def _alternate(type_):
    kinds = {name: json_kind(branch) for name, branch in type_.branches.items()}
    listed = ", ".join(f"Value::Kind::{kind}" for kind in kinds.values())
    out = _SIGNATURE.format(type_.name) + "    if (visitor.reading()) {\n"
    out += f"        static constexpr Value::Kind kOffered[] = {{{listed}}};\n"
    out += "        switch (TRY(visitor.alternate(name, kOffered))) {\n"
    for name, branch in type_.branches.items():
        out += (f"            case Value::Kind::{kinds[name]}: value.u.emplace<{cxx.branch_type(type_, branch)}>(); break;\n")
    out += "            default: UNREACHABLE();\n        }\n    }\n"
    done = set()
    for branch in type_.branches.values():
        spelled = cxx.branch_type(type_, branch)
        if spelled not in done:
            inner = "**branch" if spelled.startswith("Boxed<") else "*branch"
            out += (f"    if (auto* branch = std::get_if<{spelled}>(&value.u))\n"
                    f"        return {_call(branch, 'name', inner)};\n")
        done.add(spelled)
    return out + "    return {};\n}\n\n"


_VISITS = {"enum": _enum, "struct": _struct, "union": _union, "alternate": _alternate}

# Used by unions: when reading, the branch is made; when writing, it must be there.
PRELUDE = """template <typename T, typename U>
[[maybe_unused]] Status visit_branch(Visitor& visitor, U& u) {
    if (visitor.reading()) u.template emplace<T>();
    T* branch = std::get_if<T>(&u);
    CHECK(branch != nullptr, "a union's branch does not match its discriminator");
    return visit_members(visitor, *branch);
}
"""
