"""The generator's command line: one schema module to one header and one source.

    main.py SCHEMA.json --header OUT.h --source OUT.cc [--depfile OUT.d] [--folder qapi]
    main.py SCHEMA.json --check

Errors are one line 'file:line: what' and exit status 1."""

import argparse
import sys

import cxx_types
from check import build
from expr import Files, module_name
from infos import features, infos
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("schema")
    parser.add_argument("--header")
    parser.add_argument("--source")
    parser.add_argument("--depfile")
    parser.add_argument("--folder", default="qapi", help="where the headers are included from")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    files = Files()
    try:
        files.load(options.schema)
        schema = build(files)
        module = module_name(options.schema)
        head = cxx_types.header(schema, module, options.folder)
        body = source(schema, module, options.folder)
    except SchemaError as error:
        print(error, file=sys.stderr)
        return 1
    if options.check:
        return 0
    write(options.header, head)
    write(options.source, body)
    if options.depfile:
        write(options.depfile, f"{options.header} {options.source}: {' '.join(files.read)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
