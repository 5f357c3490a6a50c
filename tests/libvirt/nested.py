#!/usr/bin/env python3
"""Linux guests under libvirt in the testbed (docs/testbed.md), an ordinary one and a protected one: nested.py BINARY [SCENARIO...]. The outer run
finds the guest's kernel and starts the testbed; the inner one is root on a machine whose KVM has private memory."""
import os
import shutil
import subprocess
import sys

import linux_guest
import scenario
import scenarios_linux  # noqa: F401
import world as world_of

TESTBED_DIED = 125
TESTBED = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'nested', 'testbed')


def main():
    binary = os.path.abspath(sys.argv[1])
    if 'PENUMBRA_TESTBED' not in os.environ:
        if not shutil.which('libvirtd') or not os.path.exists(f'{world_of.DRIVERS}/{world_of.QEMU_DRIVER}'):
            world_of.skip('there is no libvirtd (Debian packages libvirt-daemon, libvirt-daemon-driver-qemu)')
        names = {f'LIBVIRT_{kind.upper()}': subprocess.run([TESTBED, 'linux-guest', kind], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
                 for kind in ('kernel', 'initrd')}
        command = [TESTBED, 'run', '--timeout', '1500', *[word for name, value in names.items() for word in ('--env', f'{name}={value}')],
                   '--', sys.executable, '-B', os.path.abspath(__file__), binary, *sys.argv[2:]]
        status = subprocess.run(command, check=False).returncode
        if status == TESTBED_DIED:
            print('the testbed died; once more', flush=True)
            status = subprocess.run(command, check=False).returncode
        sys.exit(status)
    world_of.need_everything()
    world_of.enter()
    with world_of.World(binary, patience=4) as world, linux_guest.LinuxGuests(world) as world.linux:
        status = scenario.run_and_report(world, sys.argv[2:], workers=len(linux_guest.KINDS))
    sys.exit(status)


if __name__ == '__main__':
    main()
