"""The reference of commands and events as Markdown, from the words of the schema: docs/qmp.md."""

_HEAD = """# QMP commands and events

Made from `qapi/schema/*.json` by `qapi/gen/main.py --document`; `meson test` compares them. The protocol is QEMU's: one JSON object a
request, replies and events one line each. How the server treats clients is described in [monitor.md](monitor.md).
"""


def document(schema):
    out = [_HEAD]
    modules = list(dict.fromkeys(v.module for v in schema.commands + schema.events))
    for module in modules:
        out.append(f"\n## {module}\n")
        for command in [c for c in schema.commands if c.module == module]:
            flags = "".join(f", {flag}" for flag in sorted(command.flags))
            out.append(f"\n### `{command.name}` (command{flags})\n\n" + _verb(command))
            if command.returns is not None:
                told = command.doc.notes.get("Returns", "")
                out.append(f"\nReturns `{command.returns.name}`" + (f": {told}" if told else "") + "\n")
        for event in [e for e in schema.events if e.module == module]:
            out.append(f"\n### `{event.name}` (event)\n\n" + _verb(event))
    out.append("\n## Types\n" + "".join(_type(t) for t in _used(schema)))
    return "".join(out)


def _verb(verb):
    text = verb.doc.text + "\n"
    if verb.arguments is None:
        return text
    if not verb.arguments.implicit:
        return text + f"\n* arguments: `{verb.arguments.name}`\n"
    return text + "\n" + "".join(_member(m) for m in verb.arguments.members)


def _member(m):
    optional = ", optional" if m.optional else ""
    features = "".join(f", {f}" for f in m.features)
    return f"* `{m.name}`: `{m.type.name}`{optional}{features}: {m.help}\n"


def _used(schema):
    """The named types that commands and events lead to, in the order of names."""
    seen, queue = {}, []
    for verb in schema.commands + schema.events:
        queue += [t for t in (verb.arguments, getattr(verb, "returns", None)) if t is not None]
    while queue:
        type_ = queue.pop()
        if type_.kind == "array":
            queue.append(type_.element)
            continue
        if type_.kind == "builtin" or type_.name in seen:
            continue
        seen[type_.name] = type_
        if type_.kind in ("struct", "union"):
            queue += [m.type for m in type_.all_members()]
        if type_.kind == "union":
            queue += type_.branch_structs()
        if type_.kind == "alternate":
            queue += type_.branches.values()
    return [t for _, t in sorted(seen.items()) if not getattr(t, "implicit", False)]


def _type(type_):
    out = [f"\n### `{type_.name}` ({type_.kind})\n\n{type_.doc.text}\n\n"]
    if type_.kind == "enum":
        out += [f"* `{v}`: {type_.doc.member(v)}\n" for v in type_.values]
    elif type_.kind == "alternate":
        out += [f"* `{b.name}`: {type_.doc.member(n)}\n" for n, b in type_.branches.items()]
    else:
        out += [f"* all of `{type_.base.name}`\n"] if type_.base else []
        out += [_member(m) for m in type_.members]
    if type_.kind == "union":
        out += [f"* when `{type_.discriminator.name}` is `{v}`: `{b.name}`\n" for v, b in type_.branches.items() if b]
    return "".join(out)
