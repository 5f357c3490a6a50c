"""The source of a module, second half: the constant tables that type_info.h describes."""

import cxx
from doc import first_sentence


def infos(types):
    return "".join(_INFOS[t.kind](t) for t in types if t.kind in _INFOS)


def features(types):
    """Tables of feature names; they stand in the unnamed namespace before the rest."""
    out = []
    for type_ in types:
        for m in type_.all_members() if type_.kind in ("struct", "union") else []:
            if m.features:
                names = ", ".join(cxx.string(f) for f in m.features)
                out.append(f"constexpr std::string_view {_features_name(type_, m)}[] = {{{names}}};\n")
    return "".join(out)


def _features_name(type_, m):
    return f"k{type_.name}{cxx.enumerator(m.name)}Features"


def _enum(type_):
    values = "".join(f"    {cxx.string(v)},\n" for v in type_.values)
    return (f"static constexpr std::string_view k{type_.name}Values[] = {{\n{values}}};\n"
            f"constinit const EnumInfo k{type_.name}Info{{{cxx.string(type_.name)}, k{type_.name}Values}};\n\n")


def _row(owner, m):
    listed = _features_name(owner, m) if m.features else "{}"
    values = f"&k{m.type.name}Info" if m.type.kind == "enum" else "nullptr"
    return (f"    {{{cxx.string(m.name)}, {cxx.string(m.type.name)}, {'true' if m.optional else 'false'}, "
            f"{cxx.string(first_sentence(m.help))}, {listed}, {values}}},\n")


def _member_table(type_):
    rows = "".join(_row(type_, m) for m in type_.all_members())
    if not rows:
        return "", "std::span<const MemberInfo>{}"
    return f"static constexpr MemberInfo k{type_.name}Members[] = {{\n{rows}}};\n", f"k{type_.name}Members"


def _struct(type_):
    table, name = _member_table(type_)
    return table + f"constinit const StructInfo k{type_.name}Info{{{cxx.string(type_.name)}, {name}}};\n\n"


def _union(type_):
    table, name = _member_table(type_)
    rows = ""
    for value, branch in type_.branches.items():
        rows += f"    {{{cxx.string(value)}, {f'&k{branch.name}Info' if branch else 'nullptr'}}},\n"
    return (table + f"static constexpr BranchInfo k{type_.name}Branches[] = {{\n{rows}}};\n"
            f"constinit const UnionInfo k{type_.name}Info{{{{{cxx.string(type_.name)}, {name}}}, "
            f"{cxx.string(type_.discriminator.name)}, k{type_.name}Branches}};\n\n")


_INFOS = {"enum": _enum, "struct": _struct, "union": _union}
