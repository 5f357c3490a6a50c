#!/usr/bin/env python3
"""A command, or a shell, beside a libvirtd of its own that knows penumbra: for trying virsh without touching the machine's libvirt.

usage: shell.py BINARY [COMMAND ...]
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    world.need_everything()
    world.enter()
    command = sys.argv[2:] or [os.environ.get('SHELL', '/bin/bash')]
    with world.World(sys.argv[1]) as here:
        environment = dict(os.environ, LIBVIRT_DEFAULT_URI=world.URI, PENUMBRA=here.binary)
        if not sys.argv[2:]:
            print(f'virsh talks to a libvirtd of this shell alone; {here.binary} is in $PENUMBRA. Domains end with the shell.', flush=True)
        status = subprocess.run(command, env=environment, check=False).returncode
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == '__main__':
    main()
