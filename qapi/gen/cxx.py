"""C++ spellings of schema names, and a writer of text."""

import re

from lexer import SchemaError
from schema import boxed

_KEYWORDS = set(
    "alignas alignof and asm auto bool break case catch char class const constexpr continue default delete do double "
    "else enum errno explicit export extern false float for friend goto if inline int long mutable namespace new not "
    "nullptr operator or private protected public register requires return short signed sizeof static struct switch "
    "template this throw true try typedef typename union unsigned using virtual void volatile while xor".split())


def member(name):
    """'prealloc-threads' -> prealloc_threads; 'private' -> private_"""
    spelled = name.replace("-", "_")
    return spelled + "_" if spelled in _KEYWORDS else spelled


def enumerator(value):
    """'sw-protected-vm' -> SwProtectedVm; '2m' -> V2m"""
    spelled = "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_.]", value))
    return "V" + spelled if spelled[:1].isdigit() else spelled


def enumerators(enum):
    """value -> enumerator, refusing a clash."""
    out = {value: enumerator(value) for value in enum.values}
    if len(set(out.values())) != len(out):
        raise SchemaError(enum.place, f"enum '{enum.name}': two values have one C++ name")
    return out


def type_name(type_):
    if type_.kind == "builtin":
        return type_.cxx
    if type_.kind == "array":
        return f"std::vector<{type_name(type_.element)}>"
    return type_.name


def branch_type(alternate, branch):
    """What an alternate holds for a branch."""
    spelled = type_name(branch)
    return f"Boxed<{spelled}>" if boxed(alternate, branch) else spelled


def member_type(member_):
    spelled = type_name(member_.type)
    return f"std::optional<{spelled}>" if member_.optional else spelled


def initialiser(member_):
    """Plain numbers, booleans and enums begin as zero."""
    plain = member_.type.kind == "enum" or (member_.type.kind == "builtin" and member_.type.name not in ("str", "any"))
    return "{}" if plain and not member_.optional else ""


def string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def comment(text, indent=""):
    """Lines of '// ...', wrapped."""
    import textwrap
    out = []
    for paragraph in text.split("\n"):
        out += textwrap.wrap(paragraph, 106 - len(indent))
    return "".join(f"{indent}// {line}\n" for line in out)
