#!/usr/bin/env python3
"""Check that every header compiles on its own. usage: check_headers.py BUILD_DIR

Each header is the only (and doubled) include of its own translation unit. A tree of headers that passed is remembered in
BUILD_DIR.
"""
import concurrent.futures
import hashlib
import os
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
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, status, errors in pool.map(lambda p: check(p, build, options), listed):
            if status:
                bad += 1
                print(f'{path}: does not stand alone:\n{errors}')
    if bad:
        sys.exit(f'check_headers: {bad} headers lean on others')
    open(stamp, 'w').write(everything)
    print(f'check_headers: {len(listed)} headers stand alone')


if __name__ == '__main__':
    main()
