"""Documentation blocks: '@Name:' of the definition, its text, '@member: text' for each member, 'Features:' and
'Since:'. Keeps the words; the check that they name what exists is in check.py."""

import re

from lexer import SchemaError

_HEAD = re.compile(r"@([\w-]+):\s*$")
_ARGUMENT = re.compile(r"@([\w-]+):\s+(.*)$")
_TAG = re.compile(r"(Since|Returns|Note|Example):\s*(.*)$")


class Doc:
    def __init__(self, place, lines):
        self.place = place
        self.name = None
        self.text = ""
        self.members = {}
        self.features = {}
        self.since = None
        self.notes = {}  # 'Returns' and its kin
        self._parse(lines)

    def _parse(self, lines):
        body, where = [], self.members
        current = None
        for line in lines:
            if self.name is None and (match := _HEAD.match(line)):
                self.name = match[1]
            elif match := _ARGUMENT.match(line):
                current = match[1]
                if current in where:
                    raise SchemaError(self.place, f"'@{current}' is documented twice")
                where[current] = match[2].strip()
            elif line.strip() == "Features:":
                where, current = self.features, None
            elif match := _TAG.match(line):
                where, current = self.notes, match[1]
                where[current] = match[2].strip()
            elif current is not None and line.startswith(" "):
                where[current] += " " + line.strip()
            elif line.strip() or current is None:
                current = None
                body.append(line.strip())
        self.text = "\n".join(body).strip()
        self.since = self.notes.get("Since")

    def member(self, name):
        return self.members.get(name, "")


def first_sentence(text):
    """Up to the first full stop that ends a sentence."""
    text = " ".join(text.split())
    match = re.match(r"(.*?[.])(\s+[A-Z@]|$)", text)
    return (match[1] if match else text).rstrip(".")
