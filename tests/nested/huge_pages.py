#!/usr/bin/env python3
"""Huge pages, which the testbed reserves: the RAM block's unit test that a host without them skips, and a protected VM whose shared side is
made of them. usage: huge_pages.py SYSTEM_MEMORY_TEST BINARY [--here]"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'functional'))
sys.dont_write_bytecode = True
import harness  # noqa: E402

UNIT_TEST = 'RamBlock.hugePagesAreFreedWhole'


def freed_whole(_):
    done = subprocess.run([sys.argv[1], f'--gtest_filter={UNIT_TEST}'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0 or f'[       OK ] {UNIT_TEST}' not in done.stdout:
        raise harness.Failure(done.stdout)


def conversions_on_huge_pages(binary):
    """tests/guest/convert_basic: the shared side is hugetlb, and each page still shows one side only."""
    image = next(folder / 'tests/guest/convert_basic.bin' for folder in pathlib.Path(binary).parents
                 if (folder / 'tests/guest/convert_basic.bin').exists())
    status, out, err = harness.run(
        [binary, '-machine', 'q35,kernel_irqchip=split,kvm-type=sw-protected-vm,memory-backend=m', '-m', '128', '-cpu', 'qemu64,check=off',
         '-object', 'memory-backend-memfd,id=m,size=128M,hugetlb=on,hugetlbsize=2M', '-bios', str(image), '-nodefaults', '-display', 'none',
         '-debugcon', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'], 120)
    if status != 33 or 'PASS convert_basic' not in out:
        raise harness.Failure(f'status {status}\n{out}{err}')


if __name__ == '__main__':
    if '--here' not in sys.argv:
        sys.exit(harness.again_in_testbed(['--hugepages', '80'], [os.path.abspath(path) for path in sys.argv[1:3]] + ['--here']))
    sys.argv.remove('--here')
    for test in (freed_whole, conversions_on_huge_pages):
        try:
            test(sys.argv[2])
            print(f'ok   {test.__name__}')
        except harness.Failure as failure:
            print(f'FAIL {test.__name__}: {failure}')
            sys.exit(1)
