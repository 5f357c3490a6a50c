#!/usr/bin/env python3
"""Time of conversions, beside a bare loop of the two system calls that each takes, on the same guest. Run it where KVM_X86_SW_PROTECTED_VM is:

  tests/nested/testbed run --timeout 600 -- python3 tests/bench/conversions.py BUILD_DIR
"""
import os
import re
import statistics
import subprocess
import sys

LINE = re.compile(r'CONVERT pages=(\d+) conversions=\d+ median=(\d+)')
ROUNDS = 9


def once(argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
    found = {int(m[1]): int(m[2]) for m in LINE.finditer(done.stdout)}
    if done.returncode != 33 or not found:
        sys.exit(f'{" ".join(argv)}: status {done.returncode}\n{done.stdout}')
    return found


def main():
    build = os.path.abspath(sys.argv[1])
    image = os.path.join(build, 'tests/guest/convert_bench.bin')
    sides = {
        'limit': [os.path.join(build, 'tests/bench/raw_convert'), image, '256'],
        'ours': [os.path.join(build, 'penumbra'), '-machine', 'q35,kernel_irqchip=split,kvm-type=sw-protected-vm', '-m', '256', '-bios', image,
                 '-nodefaults', '-display', 'none', '-chardev', 'stdio,id=d', '-device', 'isa-debugcon,iobase=0xe9,chardev=d',
                 '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
    }
    samples = {name: [] for name in sides}
    for number in range(ROUNDS):
        for name in (sides if number % 2 else reversed(list(sides))):
            samples[name].append(once(sides[name]))
    print(f'{"pages":>8} {"limit kcycles":>14} {"ours kcycles":>14} {"ratio":>7}    (goal <= 1.05; median of {ROUNDS})')
    for pages in sorted(samples['limit'][0]):
        limit = statistics.median(s[pages] for s in samples['limit'])
        ours = statistics.median(s[pages] for s in samples['ours'])
        print(f'{pages:>8} {limit / 1e3:>14.1f} {ours / 1e3:>14.1f} {ours / limit:>7.3f}')


if __name__ == '__main__':
    main()
