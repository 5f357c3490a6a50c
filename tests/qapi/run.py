"""Runs the schema generator over good/*.json (accepted) and bad/*.json (each refused with the one line that stands
in its first comment, '# error: LINE: TEXT')."""

import pathlib
import subprocess
import sys


def run(main, schema):
    command = [sys.executable, "-B", str(main), schema.name, "--check"]
    return subprocess.run(command, cwd=schema.parent, capture_output=True, text=True, check=False)


def check_good(main, schema):
    done = run(main, schema)
    return None if done.returncode == 0 and not done.stderr else f"refused: {done.stderr.strip()}"


def check_bad(main, schema):
    first = schema.read_text(encoding="utf-8").split("\n")[0]
    wanted = schema.name + ":" + first.removeprefix("# error: ") + "\n"
    done = run(main, schema)
    if done.returncode == 1 and done.stderr == wanted:
        return None
    return f"status {done.returncode}\n  wanted {wanted}  got    {done.stderr}"


def main():
    generator, here = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(__file__).resolve().parent
    failures = 0
    cases = [(check_good, p) for p in sorted(here.glob("good/*.json"))]
    cases += [(check_bad, p) for p in sorted(here.glob("bad/*.json"))]
    for check, path in cases:
        if problem := check(generator, path):
            failures += 1
            print(f"{path.relative_to(here)}: {problem}")
    print(f"{len(cases)} schemas, {failures} failures")
    return 1 if failures or len(cases) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
