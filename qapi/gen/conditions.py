"""Conditions ('if'): decided when the code is made. What does not hold is taken out of the expressions before
anything else looks at them, so that neither types, handlers nor introspection know of it."""

import re

from lexer import SchemaError

_NAME = re.compile(r"[A-Z][A-Z0-9_]*$")


def prune(exprs, defined):
    """The expressions that hold, with what does not hold taken out of them."""
    return [e for e in exprs if _keep(e.keys, defined, e.place, _title(e.keys)) and _inside(e, defined)]


def _title(keys):
    meta = next(iter(keys), "")
    return f"{meta} '{keys.get(meta)}'"


def _inside(expr, defined):
    for key in ("data", "base", "features"):
        if isinstance(expr.keys.get(key), (dict, list)):
            expr.keys[key] = _pruned(expr.keys[key], defined, expr.place)
    return True


def _pruned(items, defined, place):
    if isinstance(items, list):
        return [_part(i, defined, place) for i in items if _holds_part(i, defined, place, i)]
    return {name: _part(i, defined, place) for name, i in items.items() if _holds_part(i, defined, place, name)}


def _part(item, defined, place):
    if isinstance(item, dict) and isinstance(item.get("features"), list):
        item["features"] = _pruned(item["features"], defined, place)
    return item


def _holds_part(item, defined, place, name):
    if not isinstance(item, dict):
        return True
    return _keep(item, defined, place, f"'{item.get('name', name)}'")


def _keep(keys, defined, place, title):
    if "if" not in keys:
        return True
    return _holds(keys.pop("if"), defined, place, title)


def _holds(condition, defined, place, title):
    if isinstance(condition, str) and _NAME.match(condition):
        return condition in defined
    if isinstance(condition, dict) and len(condition) == 1:
        ((kind, of),) = condition.items()
        if kind == "not":
            return not _holds(of, defined, place, title)
        if kind in ("all", "any") and isinstance(of, list) and of:
            return (all if kind == "all" else any)([_holds(c, defined, place, title) for c in of])
    raise SchemaError(place, f"{title}: a condition is a NAME, or 'all', 'any' or 'not' of conditions")
