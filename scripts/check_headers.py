#!/usr/bin/env python3
"""Check that every header compiles on its own. usage: check_headers.py BUILD_DIR

A header that is the first include of a source file which the build compiles has passed already; each other one is the only
(and doubled) include of a translation unit made for it. A tree of headers that passed is remembered in BUILD_DIR.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def flags():
    glib = subprocess.run(['pkg-config', '--cflags', 'glib-2.0', 'slirp'], check=True, capture_output=True, text=True).stdout.split()
    return ['-std=c++20', '-fno-exceptions', '-fno-rtti', '-Wall', '-Wextra', '-D_GNU_SOURCE', '-I' + ROOT] + glib


def check(path, build, options):
    result = subprocess.run(['g++', '-fsyntax-only', *options, '-I' + build, '-x', 'c++', '-'], cwd=ROOT, capture_output=True, text=True,
                            input=f'#include "{path}"\n#include "{path}"\n')
    return path, result.returncode, result.stderr


def leads_its_source(path, compiled):
    """Whether the file beside it begins with it; `#pragma once` is what the doubled include would show."""
    source = os.path.join(ROOT, path[:-2] + '.cc')
    if source not in compiled:
        return False
    first = re.search(r'^#include\s+[<"]([^>"]+)', open(source).read(), re.MULTILINE)
    return first is not None and first[1] == path and '#pragma once' in open(os.path.join(ROOT, path)).read()


def main():
    build = os.path.abspath(sys.argv[1])
    options = flags()
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '*.h'], cwd=ROOT, check=True, capture_output=True,
                            text=True).stdout.split()
    listed = [p for p in listed if not p.startswith(('tests/nested', 'tests/guest'))]
    everything = hashlib.sha256(b''.join(open(os.path.join(ROOT, p), 'rb').read() for p in listed)).hexdigest()
    stamp = os.path.join(build, 'headers.stamp')
    if os.path.exists(stamp) and open(stamp).read() == everything:
        print(f'check_headers: {len(listed)} headers, unchanged since they last passed')
        return
    commands = json.load(open(os.path.join(build, 'compile_commands.json')))
    compiled = {os.path.normpath(os.path.join(c['directory'], c['file'])) for c in commands}
    alone = [p for p in listed if not leads_its_source(p, compiled)]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, status, errors in pool.map(lambda p: check(p, build, options), alone):
            if status:
                bad += 1
                print(f'{path}: does not stand alone:\n{errors}')
    if bad:
        sys.exit(f'check_headers: {bad} headers lean on others')
    open(stamp, 'w').write(everything)
    print(f'check_headers: {len(listed)} headers stand alone, {len(listed) - len(alone)} of them first in their source file')


if __name__ == '__main__':
    main()
