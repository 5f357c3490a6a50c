#!/usr/bin/env python3
"""Every piece of XML that docs/libvirt.md shows of a domain stands, line by line, in a file that the tests run; and every such file is named there."""
import os
import re
import sys


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        text = file.read()
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'domains')
    files = {name: open(os.path.join(folder, name), encoding='utf-8').read() for name in sorted(os.listdir(folder))}
    wrong = [f'{name} is not named' for name in files if f'domains/{name}' not in text]
    pieces = re.findall(r'```xml\n(.*?)```', text, re.DOTALL)
    for piece in pieces:
        if not any(piece in whole for whole in files.values()):
            wrong.append('in no file:\n' + piece)
    print('\n'.join(wrong) or f'{len(pieces)} pieces of {len(files)} files')
    sys.exit(1 if wrong or not pieces else 0)


if __name__ == '__main__':
    main()
