#!/usr/bin/env python3
"""A page lives on one side: after each conversion the other side's pages are really free. Counted from outside, on both sides, by the kernel.

usage: both_sides.py BINARY [--images DIR] [--testbed]
The shared side is the process's anonymous memory; the private side, which no process maps, is the machine's unevictable memory. So nothing else may
run on the machine, which is so in the testbed; without --testbed this host is expected to be one."""
import argparse
import functools
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import harness  # noqa: E402
import run_guests  # noqa: E402

AREA = 48 << 20
SLACK = 1 << 20  # stacks, page tables, the program itself
# What the guest says, and how much of the area must then be there on the shared and on the private side.
STEPS = [('start', 0, 0), ('private', 0, AREA), ('to shared', 0, 0), ('shared', AREA, 0), ('to private', 0, 0), ('private again', 0, AREA),
         ('half of them', AREA // 2, AREA // 2)]
BACKENDS = {
    'ram': run_guests.one_backend(128),
    'ram-shared': run_guests.one_backend(128, more=',share=on'),
    'memfd': run_guests.one_backend(128, 'memory-backend-memfd', ',share=on'),
    'two-nodes': run_guests.two_nodes(160),  # the border is inside the area
}


def kib_of(path, key):
    found = re.search(rf'^{key}:\s+(\d+) kB', pathlib.Path(path).read_text(), re.M)
    return int(found.group(1)) << 10


def sides(pid):
    """Bytes on the shared and on the private side, whatever else is in these figures included."""
    mapped = f'/proc/{pid}/smaps_rollup'
    shared = kib_of(mapped, 'Rss')
    return shared, kib_of('/proc/meminfo', 'Unevictable')


def settled(pid, base, wanted):
    """The kernel counts in batches: a figure may come a moment late, and must then stay."""
    for _ in range(20):
        now = [value - start for value, start in zip(sides(pid), base)]
        if all(abs(value - want) <= SLACK for value, want in zip(now, wanted)):
            return None
        time.sleep(0.1)
    return now


def run(binary, images, backend):
    argv = [binary, '-machine', 'q35', '-accel', 'kvm', '-nodefaults', '-display', 'none', '-debugcon', 'file:/dev/stderr', '-serial', 'stdio',
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-bios', str(images / 'convert_sides.bin'), *run_guests.SW_PROTECTED,
            *run_guests.SUMMARY, *backend]
    with harness.Vmm(argv, stdin=subprocess.PIPE) as vmm:
        base = None
        for step, *wanted in STEPS:
            vmm.wait_for(f'{step}\n', 120)
            base = base or sides(vmm.process.pid)
            got = settled(vmm.process.pid, base, wanted)
            if got:
                raise harness.Failure(f'"{step}": bytes on the shared and private side {got}, wanted {wanted}\n{vmm.report()}')
            vmm.out.clear()
            vmm.process.stdin.write(b'\n')
            vmm.process.stdin.flush()
        status = vmm.wait(60)
        messages = vmm.err.decode(errors='replace')
        resident = re.search(r'resident_shared_bytes=(-?\d+) resident_private_bytes=(-?\d+) both_bytes=(-?\d+)', messages)
        if status != run_guests.PASS or not resident or int(resident[3]) != 0:
            raise harness.Failure(f'status {status}\n{vmm.report()}')
        if any(abs(int(resident[side]) - AREA // 2) > SLACK for side in (1, 2)):
            raise harness.Failure(f'penumbra itself counts {resident[0]}')


def in_testbed(args):
    return harness.again_in_testbed(['--smp', '2', '--mem', '2048'], [args.binary, '--images', str(args.images)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('binary', type=os.path.abspath)
    parser.add_argument('--images', type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument('--testbed', action='store_true')
    args = parser.parse_args()
    args.images = args.images or run_guests.default_images(args.binary)
    if args.testbed:
        return in_testbed(args)
    harness.need_kvm()
    return harness.run_all((name, functools.partial(run, args.binary, args.images, backend)) for name, backend in BACKENDS.items())


if __name__ == '__main__':
    sys.exit(main())
