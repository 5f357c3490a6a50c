"""The schema as objects that know each other: built-in types, enums, structs, unions, alternates and arrays.
Made by check.py from checked expressions; read by the output modules (cxx_types.py, visits.py, infos.py)."""


class Type:
    kind = "builtin"

    def __init__(self, name, module=None, place=None, doc=None, features=()):
        self.name = name
        self.module = module
        self.place = place
        self.doc = doc
        self.features = list(features)


class Builtin(Type):
    def __init__(self, name, cxx, json_kind):
        super().__init__(name)
        self.cxx = cxx
        self.json_kind = json_kind  # what an alternate sees


class Enum(Type):
    kind = "enum"

    def __init__(self, values, value_features=None, **common):
        super().__init__(**common)
        self.values = values  # names
        self.value_features = value_features or {}  # name -> names


class Array(Type):
    kind = "array"

    def __init__(self, element_name, types):
        super().__init__("[" + element_name + "]")
        self._element_name = element_name
        self._types = types  # the element may be defined later: a type may hold a list of itself

    @property
    def element(self):
        return self._types[self._element_name]


class Member:
    def __init__(self, name, type_, optional, features=(), help_=""):
        self.name = name
        self.type = type_
        self.optional = optional
        self.features = list(features)
        self.help = help_


class Struct(Type):
    kind = "struct"
    implicit = False  # made for the arguments of a command or event

    def __init__(self, base, members, **common):
        super().__init__(**common)
        self.base = base
        self.members = members  # own ones

    def all_members(self):
        return (self.base.all_members() if self.base else []) + self.members


class Union(Struct):
    kind = "union"

    def __init__(self, discriminator, branches, **common):
        super().__init__(**common)
        self.discriminator = discriminator  # a Member
        self.branches = branches  # enum value -> Struct or None

    def branch_structs(self):
        """Each branch type once, in order."""
        return list(dict.fromkeys(b for b in self.branches.values() if b))


class Alternate(Type):
    kind = "alternate"

    def __init__(self, branches, **common):
        super().__init__(**common)
        self.branches = branches  # name -> Type


class Verb:
    """A command or an event: a name with arguments (a struct or union; None without)."""

    def __init__(self, name, module, doc, features, arguments):
        self.name = name
        self.module = module
        self.doc = doc
        self.features = features
        self.arguments = arguments


class Command(Verb):
    def __init__(self, returns, typed, flags, **common):
        super().__init__(**common)
        self.returns = returns  # a Type, or None
        self.typed = typed  # false for 'gen': false: the handler reads and makes values itself
        self.flags = flags  # of 'allow-oob', 'allow-preconfig', 'no-success-response'


class Event(Verb):
    pass


class Schema:
    def __init__(self, types, commands, events, files):
        self.types = types  # name -> Type, definitions in order of appearance
        self.commands = commands
        self.events = events
        self.includes = files.includes
        self.files = files.read

    def of_module(self, module):
        return [t for t in self.types.values() if t.module == module]


def needs_complete(type_):
    """The types whose definition must come before this one's."""
    out = []
    if type_.kind in ("struct", "union"):
        out += [type_.base] if type_.base else []
        out += [m.type for m in type_.members]
    if type_.kind == "union":
        out += type_.branch_structs()
    if type_.kind == "alternate":
        out += [b for b in type_.branches.values() if not boxed(type_, b)]
    return [t.element if t.kind == "array" else t for t in out if t.kind != "array" or t.element.kind == "enum"]


BUILTINS = [
    Builtin("str", "std::string", "String"),
    Builtin("int", "int64_t", "Int"),
    Builtin("int8", "int8_t", "Int"),
    Builtin("int16", "int16_t", "Int"),
    Builtin("int32", "int32_t", "Int"),
    Builtin("int64", "int64_t", "Int"),
    Builtin("uint8", "uint8_t", "Int"),
    Builtin("uint16", "uint16_t", "Int"),
    Builtin("uint32", "uint32_t", "Int"),
    Builtin("uint64", "uint64_t", "Int"),
    Builtin("size", "uint64_t", "Int"),
    Builtin("bool", "bool", "Bool"),
    Builtin("number", "double", "Double"),
    Builtin("null", "std::nullptr_t", "Null"),
    Builtin("any", "Value", None),
]


def boxed(alternate, branch):
    """Whether a branch of an alternate leads back to it, so that it is kept on the heap."""
    seen, queue = set(), [branch]
    while queue:
        type_ = queue.pop()
        type_ = type_.element if type_.kind == "array" else type_
        if type_ is alternate:
            return True
        if type_.name in seen or type_.kind in ("builtin", "enum"):
            continue
        seen.add(type_.name)
        if type_.kind == "alternate":
            queue += type_.branches.values()
            continue
        queue += [m.type for m in type_.members] + ([type_.base] if type_.base else [])
        if type_.kind == "union":
            queue += type_.branch_structs()
    return False
