#!/usr/bin/env python3
"""SeaBIOS from power-on to its boot menu, ours and QEMU's in turn in one run: milliseconds from exec to the line that offers the menu.

usage: seabios.py PENUMBRA [--rounds N]      (goal: 0.7 x QEMU)

Where KVM has no hardware and interprets firmware, that is nearly all of the time and the same for both; boot_instructions.py counts what the VMM has
a say in. On such a host (1055 ms to the menu, QEMU 1107; `info registers` every 3 ms, by address and last message) 46 % of either's samples lay in
one loop of five instructions a byte, the memset that clears the option ROMs' memory (0xea65f, "Scan for VGA option rom"); 11 % were the copy of the
image into shadow RAM (`rep movsb` at 0xfffebaba), 8 % that of the code to the top of memory (0xe81bb), 8 % the walk through the DSDT, 10 % the disk
and keyboard controllers, where two thirds of the samples were in the same memset and the walk of SeaBIOS's own free list (0x1efed39e), not in a wait.
What differs is QEMU's longer start (54 ms to the first message, ours 9) and its kvmvapic.bin, an option ROM that we do not have (50 ms): with all
else interpreted alike the ratio stays near 0.9 (0.86 to 0.90 seen).
"""
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure

BIOS = '/usr/share/seabios/bios-256k.bin'
OPTIONS = ['-machine', 'q35,accel=kvm', '-m', '512', '-bios', BIOS, '-nodefaults', '-display', 'none', '-boot', 'menu=on', '-chardev', 'stdio,id=d',
           '-device', 'isa-debugcon,iobase=0x402,chardev=d']


def once(vmm):
    argv = [vmm, *OPTIONS]
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
