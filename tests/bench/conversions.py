#!/usr/bin/env python3
"""Time of conversions, beside a bare loop of the two system calls that each takes, on the same guest. Run it where KVM_X86_SW_PROTECTED_VM is:

  tests/nested/testbed run --timeout 600 -- python3 tests/bench/conversions.py BUILD_DIR [ROUNDS]

Each round runs both, one after the other and first the one, then the other first; each run's figure is the median of its conversions. What
counts is the median of the rounds' ratios: what the machine does besides hits both sides of a round, or one round. The quartiles say how far
to trust it. With `--smp 1 --machine-arg=-icount --machine-arg=shift=0,sleep=off` before the `--` the emulated processor takes a nanosecond for
every instruction whatever else goes on, and the figures are the same each time. Then the system calls of a conversion, by strace. QEMU 7.2 has
no figure here: it does not know guest_memfd.
"""
import os
import re
import statistics
import subprocess
import sys
import tempfile

LINE = re.compile(r'CONVERT pages=(\d+) conversions=(\d+) median=(\d+)')
ROUNDS = 15


def once(argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
    found = {int(m[1]): int(m[3]) for m in LINE.finditer(done.stdout)}
    if done.returncode != 33 or not found:
        sys.exit(f'{" ".join(argv)}: status {done.returncode}\n{done.stdout}')
    return found


def calls(argv):
    """System calls that a conversion takes: attributes, and what frees memory."""
    with tempfile.NamedTemporaryFile('r') as log:
        done = subprocess.run(['strace', '-f', '-X', 'raw', '-e', 'trace=ioctl,madvise,fallocate', '-o', log.name, *argv], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
        conversions = sum(int(m[2]) for m in LINE.finditer(done.stdout))
        made = [re.search(r'ioctl\(\w+, 0x4020aed2|madvise\(|fallocate\(', line) is not None for line in log]
    return sum(made) / conversions


def main():
    build = os.path.abspath(sys.argv[1])
    image = os.path.join(build, 'tests/guest/convert_bench.bin')
    sides = {
        'limit': [os.path.join(build, 'tests/bench/raw_convert'), image, '256'],
        'ours': [os.path.join(build, 'penumbra'), '-machine', 'q35,kernel_irqchip=split,kvm-type=sw-protected-vm', '-m', '256', '-bios', image,
                 '-nodefaults', '-display', 'none', '-chardev', 'stdio,id=d', '-device', 'isa-debugcon,iobase=0xe9,chardev=d',
                 '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
    }
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    samples = {name: [] for name in sides}
    for number in range(rounds):
        for name in (sides if number % 2 else reversed(list(sides))):
            samples[name].append(once(sides[name]))
    print(f'{"pages":>8} {"limit kcycles":>14} {"ours kcycles":>14} {"ratio":>7} {"quartiles":>15}    (goal <= 1.05; median of {rounds} rounds)')
    for pages in sorted(samples['limit'][0]):
        limit, ours = ([sample[pages] for sample in samples[name]] for name in ('limit', 'ours'))
        low, middle, high = statistics.quantiles([mine / bare for mine, bare in zip(ours, limit)], n=4, method='inclusive')
        print(f'{pages:>8} {statistics.median(limit) / 1e3:>14.1f} {statistics.median(ours) / 1e3:>14.1f} {middle:>7.3f} {low:>7.3f} {high:>7.3f}')
    for name, argv in sides.items():
        print(f'{name}: {calls(argv):.2f} system calls a conversion (goal: 2, those of the limit)')


if __name__ == '__main__':
    main()
