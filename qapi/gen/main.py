"""The generator's command line: one schema module to one header and one source, and a header of its commands and
events; the whole schema to the answer of query-qmp-schema and to the reference.

    main.py SCHEMA.json --header OUT.h --source OUT.cc [--commands OUT.h] [--depfile OUT.d] [--folder qapi]
    main.py SCHEMA.json --introspection OUT.cc [--depfile OUT.d]
    main.py SCHEMA.json --document OUT.md
    main.py SCHEMA.json --check

--define NAME makes the condition NAME hold.

Errors are one line 'file:line: what' and exit status 1."""

import argparse
import sys

import cxx_types
from check import build
from commands import commands_header
from document import document
from expr import Files, module_name
from infos import features, infos
from introspect import schema_source
from lexer import SchemaError
from visits import PRELUDE, visits


def source(schema, module, folder):
    mine = cxx_types.ordered(schema.of_module(module))
    return (f"// Generated from qapi/schema/{module}.json: visits and tables. Do not edit.\n"
            f'#include "{cxx_types.header_of(module, folder)}"\n\n#include "qapi/visitor.h"\n\nnamespace vmm::qapi {{\n'
            "namespace {\n\n" + features(mine) + PRELUDE + "\n}  // namespace\n\n" + infos(mine) + visits(mine)
            + "}  // namespace vmm::qapi\n")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def outputs(options):
    """What was asked for: the path of each file and its text."""
    files = Files()
    files.load(options.schema)
    schema = build(files, set(options.define))
    module = module_name(options.schema)
    made = {}
    if options.header or options.check:
        made[options.header] = cxx_types.header(schema, module, options.folder)
        made[options.source] = source(schema, module, options.folder)
    if options.commands or options.check:
        made[options.commands] = commands_header(schema, module, options.folder)
    if options.introspection or options.check:
        made[options.introspection] = schema_source(schema)
    if options.document or options.check:
        made[options.document] = document(schema)
    return made, files.read


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("schema")
    for name in ("header", "source", "commands", "introspection", "document", "depfile"):
        parser.add_argument("--" + name)
    parser.add_argument("--folder", default="qapi", help="where the headers are included from")
    parser.add_argument("--define", action="append", default=[], help="a condition that holds")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    try:
        made, read = outputs(options)
    except SchemaError as error:
        print(error, file=sys.stderr)
        return 1
    if options.check:
        return 0
    for path, text in made.items():
        write(path, text)
    if options.depfile:
        write(options.depfile, f"{' '.join(made)}: {' '.join(read)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
