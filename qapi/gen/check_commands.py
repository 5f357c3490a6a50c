"""Commands and events: their arguments, answers and flags. The arguments written in place become a struct of
their own."""

import re

from lexer import SchemaError
from schema import Command, Event, Struct

_FLAGS = {"boxed": True, "gen": False, "success-response": False, "allow-oob": True, "allow-preconfig": True}


def check_doc_of(name, members, expr):
    """The documentation belongs to the name and has every member, and no other."""
    doc = expr.doc
    if doc is None:
        raise SchemaError(expr.place, f"'{name}' has no documentation")
    if doc.name != name:
        raise SchemaError(doc.place, f"documentation of '@{doc.name}' stands before '{name}'")
    for member in doc.members:
        if member not in members:
            raise SchemaError(doc.place, f"documentation of '{name}': there is no member '{member}'")
    for member in members:
        if not doc.members.get(member):
            raise SchemaError(doc.place, f"member '{member}' of '{name}' is not documented")


def camel(name):
    return "".join(part[:1].upper() + part[1:].lower() for part in re.split(r"[-_]", name))


def make_command(checker, name, expr):
    keys = expr.keys
    _check_flags("command", name, keys, expr.place)
    arguments = _arguments(checker, "command", name, camel(name) + "Arguments", expr)
    returns = None
    if "returns" in keys:
        returns = checker.member_type(keys["returns"], f"command '{name}'", expr.place)
        if returns.kind == "alternate":
            raise SchemaError(expr.place, f"command '{name}': 'returns' cannot be an alternate")
    flags = {flag for flag in ("allow-oob", "allow-preconfig") if keys.get(flag)}
    if "success-response" in keys:
        flags.add("no-success-response")
        if returns is not None:
            raise SchemaError(expr.place, f"command '{name}': 'returns' contradicts 'success-response': false")
    return Command(returns, keys.get("gen", True), flags, arguments=arguments, **_common(checker, name, expr))


def make_event(checker, name, expr):
    _check_flags("event", name, expr.keys, expr.place)
    arguments = _arguments(checker, "event", name, camel(name) + "EventData", expr)
    return Event(arguments=arguments, **_common(checker, name, expr))


def _common(checker, name, expr):
    common = checker.common(name, expr)
    return {key: common[key] for key in ("name", "module", "doc", "features")}


def _check_flags(meta, name, keys, place):
    for flag, only in _FLAGS.items():
        if flag in keys and keys[flag] is not only:
            raise SchemaError(place, f"{meta} '{name}': '{flag}' may only be {str(only).lower()}")


def _arguments(checker, meta, name, type_name, expr):
    data = expr.keys.get("data")
    boxed = expr.keys.get("boxed", False)
    if isinstance(data, dict):
        if boxed:
            raise SchemaError(expr.place, f"{meta} '{name}': 'boxed' needs the name of a type as 'data'")
        members = checker.members(data, name, expr)
        check_doc_of(name, [m.name for m in members], expr)
        made = Struct(None, members, **{**checker.common(name, expr), "name": type_name, "features": []})
        made.implicit = True
        checker.no_clash(members, name, expr.place)
        return made
    check_doc_of(name, [], expr)
    if data is None:
        if boxed:
            raise SchemaError(expr.place, f"{meta} '{name}': 'boxed' needs the name of a type as 'data'")
        return None
    made = checker.member_type(data, f"{meta} '{name}'", expr.place)
    if made.kind not in ("struct", "union"):
        raise SchemaError(expr.place, f"{meta} '{name}': 'data' of type '{made.name}' is not a struct or union")
    if made.kind == "union" and not boxed and expr.keys.get("gen", True):
        raise SchemaError(expr.place, f"{meta} '{name}': a union as 'data' needs 'boxed': true")
    return made
