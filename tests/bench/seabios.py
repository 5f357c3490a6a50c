#!/usr/bin/env python3
"""SeaBIOS from power-on to its boot menu, ours and QEMU's in turn in one run: milliseconds from exec to the line that offers the menu.

usage: seabios.py PENUMBRA [--rounds N]      (goal: 0.7 x QEMU)

Where KVM has no hardware and interprets firmware, that is nearly all of the time and the same for both. (The testbed's -icount is no way out: its
clock jumps over the time that SeaBIOS idles, and rounds differ tenfold.)
"""
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure

BIOS = '/usr/share/seabios/bios-256k.bin'


def once(vmm):
    argv = [vmm, '-machine', 'q35,accel=kvm', '-m', '512', '-bios', BIOS, '-nodefaults', '-display', 'none', '-boot', 'menu=on',
            '-chardev', 'stdio,id=d', '-device', 'isa-debugcon,iobase=0x402,chardev=d']
    start = time.perf_counter()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               preexec_fn=measure.dies_with_us)
    try:
        for line in process.stdout:
            if b'boot menu' in line:
                return time.perf_counter() - start
        raise RuntimeError(f'{" ".join(argv)}: ended without a menu')
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def main():
    arguments = sys.argv[1:]
    rounds = int(arguments[arguments.index('--rounds') + 1]) if '--rounds' in arguments else 9
    if not arguments:
        sys.exit(__doc__)
    sides = {'ours': arguments[0]}
    qemu = measure.which('qemu-system-x86_64')
    if qemu:
        sides['qemu'] = qemu
    samples = {name: [] for name in sides}
    for number in range(rounds):
        for name in (sides if number % 2 else reversed(list(sides))):
            samples[name].append(once(sides[name]))
    rows = [[name, f'{min(s) * 1e3:.1f}', f'{statistics.median(s) * 1e3:.1f}', f'{min(s) / min(samples["qemu"]):.2f}' if qemu else '-']
            for name, s in samples.items()]
    measure.table(f'SeaBIOS, exec to boot menu, {rounds} rounds (goal: 0.7 x QEMU)', rows, ['side', 'best ms', 'median ms', 'x QEMU'])


if __name__ == '__main__':
    main()
