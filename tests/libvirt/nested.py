#!/usr/bin/env python3
"""Linux guests under libvirt in the testbed (docs/testbed.md), an ordinary one and a protected one: nested.py BINARY [SCENARIO...]. The outer run
finds the guest's kernel and starts the testbed; the inner one is root on a machine whose KVM has private memory."""
import os
import shutil
import sys

import linux_guest
import scenario
import scenarios_linux  # noqa: F401
import world as world_of

import harness  # noqa: E402


def main():
    binary = os.path.abspath(sys.argv[1])
    if 'PENUMBRA_TESTBED' not in os.environ:
        if not shutil.which('libvirtd') or not os.path.exists(f'{world_of.DRIVERS}/{world_of.QEMU_DRIVER}'):
            world_of.skip('there is no libvirtd (Debian packages libvirt-daemon, libvirt-daemon-driver-qemu)')
        files = [word for kind in ('kernel', 'initrd') for word in ('--env', f'LIBVIRT_{kind.upper()}={harness.linux_guest(kind)}')]
        options = ['--timeout', '1500', *files]
        sys.exit(harness.again_in_testbed(options, [binary, *sys.argv[2:]]))
    world_of.need_everything()
    world_of.enter()
    with world_of.World(binary, patience=4) as world, linux_guest.LinuxGuests(world) as world.linux:
        status = scenario.run_and_report(world, sys.argv[2:], workers=len(linux_guest.KINDS))
    sys.exit(status)


if __name__ == '__main__':
    main()
