#!/usr/bin/env python3
"""Kernels started without firmware, on the host's own KVM. usage: direct_boot.py PENUMBRA PVH_KERNEL [test...]

The PVH kernel is tests/guest/pvh.c; a Linux bzImage takes the 64-bit entry in tests/nested, where its instructions are not interpreted.
"""
import os
import sys
import tempfile

import harness

KERNEL = None


def start(binary, *extra, expect=33):
    argv = [binary, '-machine', 'q35', '-m', '96', '-nodefaults', '-display', 'none', '-kernel', KERNEL, '-debugcon', 'stdio',
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=1', *extra]
    status, out, err = harness.run(argv, 60)
    if status != expect:
        raise harness.Failure(f'status {status}\n{out}{err}')
    return out, err


def must_have(out, *texts):
    for text in texts:
        if text not in out:
            raise harness.Failure(f'"{text}" is missing in {out}')


def pvh_kernel_gets_what_was_given(binary):
    with tempfile.NamedTemporaryFile(prefix='penumbra-initrd.') as initrd:
        initrd.write(b'Z' * 12345)
        initrd.flush()
        out, _ = start(binary, '-initrd', initrd.name, '-append', 'one two=3,,4')
    must_have(out, 'magic 0x336ec578', 'version 0x1', 'cr0.pg 0x0', "command line 'one two=3,,4'", 'module of 0x3039', 'starts with 0x5a',
              'ram mib 0x60', "rsdp 'RSD PTR '", 'PASS pvh')


def pvh_kernel_without_anything(binary):
    out, _ = start(binary)
    must_have(out, "command line ''", 'PASS pvh')
    if 'module' in out:
        raise harness.Failure(out)


def pvh_kernel_on_two_processors_and_split(binary):
    must_have(start(binary, '-smp', '2', '-machine', 'kernel_irqchip=split')[0], 'PASS pvh')


def broken_kernels_are_one_line(binary):
    whole = open(KERNEL, 'rb').read()
    for name, blob in {'cut': whole[:60], 'empty': b'', 'no note': whole.replace(b'Xen\0', b'Yen\0'), 'noise': os.urandom(5000)}.items():
        with tempfile.NamedTemporaryFile(prefix='penumbra-kernel.') as file:
            file.write(blob)
            file.flush()
            status, _, err = harness.run([binary, '-m', '64', '-cpu', 'qemu64,check=off', '-display', 'none', '-kernel', file.name], 30)
        if status != 1 or err.count('\n') != 1 or file.name not in err:
            raise harness.Failure(f'{name}: status {status}, {err}')


if __name__ == '__main__':
    harness.need_kvm()
    KERNEL = os.path.abspath(sys.argv.pop(2))
    harness.main([pvh_kernel_gets_what_was_given, pvh_kernel_without_anything, pvh_kernel_on_two_processors_and_split,
                  broken_kernels_are_one_line])
