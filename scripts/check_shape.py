#!/usr/bin/env python3
"""Check the shape of the tree: no file over 500 lines, no function over 100, no leftover notes, no raw memory.

What is counted is plain text, so the rules stay simple enough to be obeyed without argument.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MAX_FILE = 500
MAX_FUNCTION = 100
NOTES = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')
RAW = re.compile(r'\bnew\s+[A-Za-z_]|\bdelete\s+[a-z_]|\b(malloc|calloc|realloc|free)\s*\(')
OPENS = re.compile(r'^[A-Za-z_~].*[)\w]\s*(const|noexcept|override|->.*)?\s*\{\s*$')
NOT_FUNCTION = re.compile(r'^(namespace|class|struct|enum|union|extern|typedef|template)')


def functions(lines):
    start = None
    for number, line in enumerate(lines):
        if OPENS.match(line) and not NOT_FUNCTION.match(line):
            start = number
        elif line.startswith('}') and start is not None:
            yield start + 1, number - start + 1
            start = None


def complaints(path, lines):
    if len(lines) > MAX_FILE:
        yield f'{path}: {len(lines)} lines, the limit is {MAX_FILE}: split it'
    for start, length in functions(lines):
        if length > MAX_FUNCTION:
            yield f'{path}:{start}: a function of {length} lines, the limit is {MAX_FUNCTION}'
    for number, line in enumerate(lines, 1):
        if NOTES.search(line):
            yield f'{path}:{number}: undone work is an issue, not a note in the source'
        code = line.split('//')[0]
        if RAW.search(re.sub(r'"(?:[^"\\]|\\.)*"', '""', code)) and not path.startswith('tests/'):
            yield f'{path}:{number}: raw memory: {line.strip()}'


def main():
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '*.cc', '*.h'], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split()
    bad = 0
    for path in listed:
        if path.startswith('linux-headers/'):
            continue
        for complaint in complaints(path, open(os.path.join(ROOT, path)).read().split('\n')):
            print(complaint)
            bad += 1
    if bad:
        sys.exit(f'check_shape: {bad} complaints')
    print(f'check_shape: {len(listed)} files in shape')


if __name__ == '__main__':
    main()
