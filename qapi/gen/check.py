"""Expressions to a Schema, refusing every mistake with its place: unknown keys, names, types, wrong unions,
undocumented members."""

import re

from check_commands import check_doc_of, make_command, make_event
from conditions import prune
from lexer import SchemaError
from schema import BUILTINS, Alternate, Array, Enum, Member, Schema, Struct, Union

_TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]*$")
_MEMBER_NAME = re.compile(r"([a-z][a-z0-9_-]*|[A-Z][A-Z0-9_]*)$")
_ENUM_VALUE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*$")
_RESERVED = {"Value", "List", "Dict", "Visitor", "Status", "Error", "Result", "EnumInfo", "StructInfo", "UnionInfo",
             "MemberInfo", "BranchInfo", "Keyval"}
_KEYS = {
    "enum": ({"data"}, {"features"}),
    "struct": ({"data"}, {"base", "features"}),
    "union": ({"data", "base", "discriminator"}, {"features"}),
    "alternate": ({"data"}, {"features"}),
    "command": (set(), {"data", "returns", "boxed", "gen", "success-response", "allow-oob", "allow-preconfig",
                        "features"}),
    "event": (set(), {"data", "boxed", "features"}),
}
_NAMES = {
    "command": (re.compile(r"[a-z][a-z0-9_-]*$"), "a command's name is lower case letters, digits, '-' and '_'"),
    "event": (re.compile(r"[A-Z][A-Z0-9_]*$"), "an event's name is UPPER_CASE"),
}


class Checker:
    def __init__(self, files, defined):
        self.files = files
        self.defined = defined
        self.types = {t.name: t for t in BUILTINS}
        self.exprs = {}
        self.verbs = {}  # commands and events
        self.building = []
        self.alternates = []  # those whose branches wait until all types are made, as they may lead back

    def schema(self):
        for expr in prune(self.files.exprs, self.defined):
            self._declare(expr)
        for name in list(self.exprs):
            self._type(name, self.exprs[name][1].place)
        for alternate, expr in self.alternates:
            self._fill_alternate(alternate, expr)
        for name, (meta, expr) in self.exprs.items():
            self._check_doc(self.types[name], expr)
        defined = {name: self.types[name] for name in self.exprs}
        commands, events = [], []
        for name, (meta, expr) in self.verbs.items():
            made = (make_command if meta == "command" else make_event)(self, name, expr)
            (commands if meta == "command" else events).append(made)
            if made.arguments is not None and made.arguments.implicit:
                if made.arguments.name in self.types:
                    raise SchemaError(expr.place, f"{meta} '{name}': the type '{made.arguments.name}' is already defined")
                defined[made.arguments.name] = self.types[made.arguments.name] = made.arguments
        return Schema(defined, commands, events, self.files)

    # First pass: which names there are.
    def _declare(self, expr):
        place = expr.place
        metas = [m for m in _KEYS if m in expr.keys]
        if len(metas) != 1:
            raise SchemaError(place, "a definition has one of the keys " + ", ".join(_KEYS))
        meta = metas[0]
        name = expr.keys[meta]
        required, allowed = _KEYS[meta]
        pattern, rule = _NAMES.get(meta, (_TYPE_NAME, "a type's name is CamelCase"))
        if not isinstance(name, str) or not pattern.match(name):
            raise SchemaError(place, f"{meta} '{name}': {rule}")
        for key in expr.keys:
            if key != meta and key not in required | allowed:
                raise SchemaError(place, f"{meta} '{name}' has the unknown key '{key}'")
        for key in sorted(required - set(expr.keys)):
            raise SchemaError(place, f"{meta} '{name}' lacks the key '{key}'")
        if name in _RESERVED:
            raise SchemaError(place, f"{meta} '{name}': the name is reserved")
        known = self.verbs if meta in _NAMES else self.exprs
        if name in known:
            raise SchemaError(place, f"'{name}' is already defined at {known[name][1].place}")
        known[name] = (meta, expr)

    # Second pass: build in order of need.
    def _type(self, name, place):
        if name in self.types:
            return self.types[name]
        if name not in self.exprs:
            raise SchemaError(place, f"unknown type '{name}'")
        if name in self.building:
            raise SchemaError(place, f"'{name}' contains itself")
        meta, expr = self.exprs[name]
        self.building.append(name)
        made = getattr(self, "_make_" + meta)(name, expr)
        self.building.pop()
        self.types[name] = made
        return made

    def member_type(self, spec, owner, place):
        if isinstance(spec, list):
            if len(spec) != 1 or not isinstance(spec[0], str):
                raise SchemaError(place, f"{owner}: an array is ['type']")
            if spec[0] not in self.types and spec[0] not in self.exprs:
                raise SchemaError(place, f"unknown type '{spec[0]}'")
            return Array(spec[0], self.types)
        if not isinstance(spec, str):
            raise SchemaError(place, f"{owner}: expected a type's name")
        return self._type(spec, place)

    def common(self, name, expr):
        return {"name": name, "module": expr.module, "place": expr.place, "doc": expr.doc,
                "features": _features(expr.keys.get("features", []), f"'{name}'", expr.place)}

    def members(self, data, name, expr):
        if not isinstance(data, dict):
            raise SchemaError(expr.place, f"'{name}': expected an object of members")
        out = []
        for key, spec in data.items():
            optional = key.startswith("*")
            bare = key[1:] if optional else key
            owner = f"member '{bare}' of '{name}'"
            if not _MEMBER_NAME.match(bare):
                raise SchemaError(expr.place, f"{owner}: names are lower case letters, digits, '-' and '_'")
            features = []
            if isinstance(spec, dict):
                _only(spec, {"type", "features"}, owner, expr.place)
                features = _features(spec.get("features", []), owner, expr.place)
                spec = spec.get("type")
            type_ = self.member_type(spec, owner, expr.place)
            help_ = expr.doc.member(bare) if expr.doc else ""
            out.append(Member(bare, type_, optional, features, help_))
        return out

    def _make_enum(self, name, expr):
        data = expr.keys["data"]
        if not isinstance(data, list) or not data:
            raise SchemaError(expr.place, f"enum '{name}': 'data' is a list of at least one value")
        values, features = [], {}
        for item in data:
            if isinstance(item, dict):
                _only(item, {"name", "features"}, f"a value of '{name}'", expr.place)
                features[item.get("name")] = _features(item.get("features", []), f"a value of '{name}'", expr.place)
                item = item.get("name")
            if not isinstance(item, str) or not _ENUM_VALUE.match(item):
                raise SchemaError(expr.place, f"enum '{name}' has the malformed value '{item}'")
            if item in values:
                raise SchemaError(expr.place, f"enum '{name}' has the value '{item}' twice")
            values.append(item)
        return Enum(values, features, **self.common(name, expr))

    def _base(self, name, expr):
        base = expr.keys.get("base")
        if base is None:
            return None
        made = self._type(base, expr.place)
        if made.kind != "struct":
            raise SchemaError(expr.place, f"'{name}': base '{base}' is not a struct")
        return made

    def no_clash(self, members, name, place):
        seen = set()
        for member in members:
            if member.name.replace("_", "-") in seen:
                raise SchemaError(place, f"'{name}' has the member '{member.name}' twice (its base counts)")
            seen.add(member.name.replace("_", "-"))

    def _make_struct(self, name, expr):
        made = Struct(self._base(name, expr), self.members(expr.keys["data"], name, expr),
                      **self.common(name, expr))
        self.no_clash(made.all_members(), name, expr.place)
        return made

    def _make_union(self, name, expr):
        base, members = None, []
        if isinstance(expr.keys["base"], dict):
            members = self.members(expr.keys["base"], name, expr)
        else:
            base = self._base(name, expr)
        common = (base.all_members() if base else []) + members
        self.no_clash(common, name, expr.place)
        tag = next((m for m in common if m.name == expr.keys["discriminator"]), None)
        if tag is None or tag.type.kind != "enum" or tag.optional:
            raise SchemaError(expr.place, f"union '{name}': the discriminator "
                              f"'{expr.keys['discriminator']}' is not a mandatory enum of its base")
        branches = {}
        for value, spec in expr.keys["data"].items():
            if value not in tag.type.values:
                raise SchemaError(expr.place, f"union '{name}': branch '{value}' is not a value of '{tag.type.name}'")
            if isinstance(spec, dict):
                _only(spec, {"type"}, f"branch '{value}'", expr.place)
                spec = spec.get("type")
            branch = self.member_type(spec, f"branch '{value}' of '{name}'", expr.place)
            if branch.kind != "struct":
                raise SchemaError(expr.place, f"union '{name}': branch '{value}' is not a struct")
            self.no_clash(common + branch.all_members(), f"{name}' with branch '{value}", expr.place)
            branches[value] = branch
        whole = {value: branches.get(value) for value in tag.type.values}
        return Union(tag, whole, base=base, members=members, **self.common(name, expr))

    def _make_alternate(self, name, expr):
        made = Alternate({}, **self.common(name, expr))
        self.alternates.append((made, expr))
        return made

    def _fill_alternate(self, made, expr):
        name, kinds = made.name, {}
        data = expr.keys["data"]
        if not isinstance(data, dict) or not data:
            raise SchemaError(expr.place, f"alternate '{name}': 'data' is an object of at least one branch")
        for key, spec in data.items():
            branch = self.member_type(spec, f"branch '{key}' of '{name}'", expr.place)
            kind = json_kind(branch)
            if kind is None:
                raise SchemaError(expr.place, f"alternate '{name}': branch '{key}' cannot be of type '{branch.name}'")
            if kind in kinds:
                raise SchemaError(expr.place, f"alternate '{name}': branches '{kinds[kind]}' and '{key}' "
                                  "cannot be told apart")
            kinds[kind] = key
            made.branches[key] = branch

    def _check_doc(self, type_, expr):
        if type_.kind == "enum":
            names = type_.values
        elif type_.kind == "alternate":
            names = list(type_.branches)
        else:
            names = [m.name for m in type_.members]
        check_doc_of(type_.name, names, expr)


def json_kind(type_):
    """What an alternate sees of a value of this type."""
    if type_.kind == "builtin":
        return type_.json_kind
    return {"enum": "String", "struct": "Object", "union": "Object", "array": "Array"}.get(type_.kind)


def _only(spec, allowed, owner, place):
    for key in spec:
        if key not in allowed:
            raise SchemaError(place, f"{owner} has the unknown key '{key}'")


def _features(spec, owner, place):
    if not isinstance(spec, list):
        raise SchemaError(place, f"{owner}: 'features' is a list")
    out = []
    for item in spec:
        name = item.get("name") if isinstance(item, dict) else item
        if not isinstance(name, str) or not _MEMBER_NAME.match(name):
            raise SchemaError(place, f"{owner}: malformed feature")
        out.append(name)
    return out


def build(files, defined=()):
    return Checker(files, defined).schema()
