"""docs/qmp.md says what the schema says. usage: document.py GENERATOR SCHEMA DOCUMENT"""

import pathlib
import subprocess
import sys
import tempfile


def main():
    generator, schema, document = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder) / "qmp.md"
        subprocess.run([sys.executable, "-B", generator, schema, "--document", str(made)], check=True)
        if made.read_text(encoding="utf-8") == pathlib.Path(document).read_text(encoding="utf-8"):
            return 0
    print("docs/qmp.md is not what the schema says; make it with\n"
          "    qapi/gen/main.py qapi/schema/schema.json --document docs/qmp.md")
    return 1


if __name__ == "__main__":
    sys.exit(main())
