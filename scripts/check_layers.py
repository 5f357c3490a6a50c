#!/usr/bin/env python3
"""Check that #includes only go to the own folder or a lower storey of docs/layers.txt.

Exit status 1 and one line per bad arrow: an include that goes sideways or up, one that a ban line forbids, one of a
folder-private *_priv.h from elsewhere, or a source file that stands in no storey.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')


def read_table(path):
    rank, bans = {}, []
    for number, line in enumerate(open(path)):
        words = line.split('#')[0].split()
        if words[:1] == ['!']:
            bans += [(words[1], banned) for banned in words[2:]]
        else:
            for folder in words:
                rank[folder] = number
    return rank, bans


def under(path, folder):
    return path == folder or path.startswith(folder + '/')


def storey(path, rank):
    """The longest folder of the table that holds the path."""
    return max((folder for folder in rank if under(path, folder)), key=len, default=None)


def complaints(path, text, rank, bans):
    mine = storey(path, rank)
    if mine is None:
        yield f'{path}: stands in no storey of docs/layers.txt'
        return
    for number, line in enumerate(text.split('\n'), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match[1]
        if target.endswith('_priv.h') and os.path.dirname(target) != os.path.dirname(path):
            yield f'{path}:{number}: {target} is private to its folder'
        other = storey(target, rank)
        banned = next((b for a, b in bans if under(path, a) and under(target, b)), None)
        if banned is not None:
            yield f'{path}:{number}: {mine} must not include {banned}'
        elif other is not None and other != mine and rank[other] >= rank[mine]:
            yield f'{path}:{number}: {mine} must not include {other}'


def main():
    rank, bans = read_table(os.path.join(ROOT, 'docs/layers.txt'))
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '*.cc', '*.h'], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split()
    bad = 0
    for path in listed:
        if path.startswith(('tests/', 'linux-headers/')):
            continue
        for complaint in complaints(path, open(os.path.join(ROOT, path)).read(), rank, bans):
            print(complaint)
            bad += 1
    if bad:
        sys.exit(f'check_layers: {bad} forbidden arrows')
    print(f'check_layers: {len(listed)} files, no forbidden arrow')


if __name__ == '__main__':
    main()
