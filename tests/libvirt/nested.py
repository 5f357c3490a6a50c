#!/usr/bin/env python3
"""Linux guests under libvirt in the testbed (docs/testbed.md), one of them protected: nested.py BINARY. The outer run finds the guest's kernel and
starts the testbed; the inner one is root on a machine whose KVM has private memory."""
import os
import shutil
import subprocess
import sys

import scenario
import world as world_of
from domain import Domain
from guest import Console
from scenario import expect, expect_in

TESTBED = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'nested', 'testbed')
KERNEL, INITRD = os.environ.get('LIBVIRT_KERNEL', ''), os.environ.get('LIBVIRT_INITRD', '')
LINUX_BOOT = 600.0  # two emulators deep


def linux(world, xml_name, what, *changes):
    domain = Domain(world, xml_name, ('console=ttyS0', f'console=ttyS0 quiet guest.do={what}'), *changes, start=False)
    os.makedirs(domain.images, exist_ok=True)
    shutil.copyfile(KERNEL, f'{domain.images}/vmlinuz')
    shutil.copyfile(INITRD, f'{domain.images}/initrd.img')
    return domain


def runs_to_its_end(domain, *wanted):
    domain.start('--paused')
    console = Console(domain.say('ttyconsole'))
    domain.virsh('resume')
    said = ''
    for text in wanted:
        said += console.wait(text, LINUX_BOOT) + text
    domain.wait_state('shut off', 120)
    expect('reason', domain.reason(), 'shut off (shutdown)')
    return said


@scenario.scenario
def linux_guest(world):
    with linux(world, 'kernel', 'nothing') as domain:
        runs_to_its_end(domain, 'GUEST hello', 'GUEST done status=0')


@scenario.scenario
def protected_linux_guest(world):
    with linux(world, 'protected', 'convert convert.size_mib=8 convert.rounds=50') as domain:
        said = runs_to_its_end(domain, 'CONVERT result=', 'GUEST done')
        expect_in('CONVERT result=passed', said)


def main():
    binary = os.path.abspath(sys.argv[1])
    if 'PENUMBRA_TESTBED' not in os.environ:
        if not shutil.which('libvirtd') or not os.path.exists(f'{world_of.DRIVERS}/{world_of.QEMU_DRIVER}'):
            world_of.skip('there is no libvirtd (Debian packages libvirt-daemon, libvirt-daemon-driver-qemu)')
        names = {f'LIBVIRT_{kind.upper()}': subprocess.run([TESTBED, 'linux-guest', kind], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
                 for kind in ('kernel', 'initrd')}
        command = [TESTBED, 'run', '--timeout', '1500', *[word for name, value in names.items() for word in ('--env', f'{name}={value}')],
                   '--', sys.executable, '-B', os.path.abspath(__file__), binary, *sys.argv[2:]]
        sys.exit(subprocess.run(command, check=False).returncode)
    world_of.need_everything()
    world_of.enter()
    with world_of.World(binary) as world:
        status = scenario.run_and_report(world, sys.argv[2:], workers=1)
    sys.exit(status)


if __name__ == '__main__':
    main()
