"""Schema text to tokens: JSON's punctuation, strings in single quotes, true/false, comments and documentation
blocks ('##' to '##'). Knows nothing of what the tokens mean. Errors carry file and line."""

import collections

Token = collections.namedtuple("Token", "kind value line")
# kind: '{' '}' '[' ']' ':' ',' as themselves; 'string', 'bool', 'doc' (value: its lines without '# '), 'end'


class SchemaError(Exception):
    """A mistake in a schema file, at a place."""

    def __init__(self, place, text):
        self.place = place
        self.text = text
        super().__init__(f"{place}: {text}")


class Place:
    """Where something stands: 'file:line'."""

    def __init__(self, path, line):
        self.path = path
        self.line = line

    def __str__(self):
        return f"{self.path}:{self.line}"


def tokens(path, text):
    """All tokens of a file, an 'end' token last."""
    out = []
    lines = text.removesuffix("\n").split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.strip() == "##":
            start = number
            body = []
            while number < len(lines) and lines[number].strip() != "##":
                body.append(_doc_line(path, number + 1, lines[number]))
                number += 1
            if number == len(lines):
                raise SchemaError(Place(path, start), "documentation block without its closing '##'")
            number += 1
            out.append(Token("doc", body, start))
            continue
        out.extend(_line_tokens(path, number, line))
    out.append(Token("end", None, len(lines)))
    return out


def _doc_line(path, number, line):
    if line != "#" and not line.startswith("# "):
        raise SchemaError(Place(path, number), "a line of documentation begins with '# '")
    return line[2:]


def _line_tokens(path, number, line):
    at = 0
    while at < len(line):
        char = line[at]
        if char in " \t\r":
            at += 1
        elif char == "#":
            return
        elif char in "{}[]:,":
            yield Token(char, char, number)
            at += 1
        elif char == "'":
            end = line.find("'", at + 1)
            if end < 0:
                raise SchemaError(Place(path, number), "string without its closing \"'\"")
            value = line[at + 1 : end]
            if "\\" in value or not value.isprintable() or not value.isascii():
                raise SchemaError(Place(path, number), "strings are plain ASCII without escapes")
            yield Token("string", value, number)
            at = end + 1
        elif line.startswith("true", at) or line.startswith("false", at):
            value = line.startswith("true", at)
            yield Token("bool", value, number)
            at += 4 if value else 5
        else:
            raise SchemaError(Place(path, number), f"unexpected character '{char}'")
