"""Tokens to expressions: each top-level object of a schema file with its place and documentation. Includes are
followed here. Nothing is checked but the grammar."""

import os

from lexer import Place, SchemaError, tokens
from doc import Doc


class Expr:
    """One top-level object: keys to values (dict, list, str, bool)."""

    def __init__(self, keys, place, doc, module):
        self.keys = keys
        self.place = place
        self.doc = doc
        self.module = module


class _Parser:
    def __init__(self, path, text):
        self.path = path
        self.tokens = tokens(path, text)
        self.at = 0

    def peek(self):
        return self.tokens[self.at]

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def place(self, token):
        return Place(self.path, token.line)

    def fail(self, token, text):
        raise SchemaError(self.place(token), text)

    def value(self):
        token = self.take()
        if token.kind in ("string", "bool"):
            return token.value
        if token.kind == "{":
            return self.members()
        if token.kind == "[":
            return self.elements()
        self.fail(token, "expected a value")

    def members(self):
        out = {}
        if self.peek().kind == "}":
            self.take()
            return out
        while True:
            key = self.take()
            if key.kind != "string":
                self.fail(key, "expected a key in single quotes")
            if self.take().kind != ":":
                self.fail(key, f"expected ':' after key '{key.value}'")
            if key.value in out:
                self.fail(key, f"key '{key.value}' occurs twice")
            out[key.value] = self.value()
            end = self.take()
            if end.kind == "}":
                return out
            if end.kind != ",":
                self.fail(end, "expected ',' or '}'")

    def elements(self):
        out = []
        if self.peek().kind == "]":
            self.take()
            return out
        while True:
            out.append(self.value())
            end = self.take()
            if end.kind == "]":
                return out
            if end.kind != ",":
                self.fail(end, "expected ',' or ']'")


def module_name(path):
    return os.path.splitext(os.path.basename(path))[0]


class Files:
    """Reads a schema file and what it includes, each once, in order of need."""

    def __init__(self):
        self.exprs = []
        self.read = []  # paths, for the dependency file
        self.includes = {}  # module -> modules it includes itself
        self._open = []

    def load(self, path, asked_at=None):
        path = os.path.normpath(path)
        if path in self._open:
            raise SchemaError(asked_at, f"'{os.path.basename(path)}' includes itself")
        if path in self.read:
            return
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            raise SchemaError(asked_at or Place(path, 1), f"cannot read '{path}': {error.strerror}") from error
        self.read.append(path)
        self._open.append(path)
        self._parse(path, text)
        self._open.pop()

    def _parse(self, path, text):
        module = module_name(path)
        self.includes[module] = []
        parser = _Parser(path, text)
        doc = None
        while True:
            token = parser.peek()
            if token.kind == "end":
                break
            if token.kind == "doc":
                parser.take()
                doc = Doc(Place(path, token.line), token.value)
                continue
            if token.kind != "{":
                parser.fail(token, "expected '{' or a documentation block")
            parser.take()
            keys = parser.members()
            if "include" in keys:
                self._include(path, parser.place(token), keys, module)
            elif "pragma" not in keys:
                self.exprs.append(Expr(keys, parser.place(token), doc, module))
            doc = None

    def _include(self, path, place, keys, module):
        name = keys["include"]
        if len(keys) != 1 or not isinstance(name, str):
            raise SchemaError(place, "an include is { 'include': 'file.json' }")
        self.includes[module].append(module_name(name))
        self.load(os.path.join(os.path.dirname(path), name), place)
