#!/usr/bin/env python3
"""Figures that do not depend on the machine's speed and must not get worse: system calls to the first KVM_RUN, resident memory beyond guest RAM.

usage: counts.py PENUMBRA [test...]
"""
import os
import sys
import tempfile

import harness

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
import images
import memory
import syscalls

# 56 to 58: whether the main thread waits once more before the vCPU's first run is a race. The rest is for what another kernel or C library
# may add. The loader's calls, which differ from machine to machine (about 40), only count against the goal for all.
MOST_OWN_CALLS = 72
MOST_CALLS = 140
# 19; more where the kernel's lists (of CPUID leaves, of registers) are longer than the first question has room for.
MOST_IOCTLS = 24
MOST_MEMORY = 6 << 20
GUEST_MB = 512


def argv(binary, image, *extra):
    return [binary, '-machine', 'q35,accel=kvm,kernel_irqchip=split', '-m', str(GUEST_MB), '-bios', image, '-nodefaults', '-display', 'none',
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=1', *extra]


def write(folder, blob):
    path = os.path.join(folder, 'guest.bin')
    with open(path, 'wb') as out:
        out.write(blob)
    return path


def system_calls_to_the_first_run(binary):
    with tempfile.TemporaryDirectory(prefix='penumbra-counts.') as folder:
        # check=off: no line about what the host's processor lacks.
        command = argv(binary, write(folder, images.exits_at_once()), '-cpu', 'qemu64,check=off')
        own = syscalls.own_to_first_run(command)
        calls, ioctls = syscalls.to_first_run(command)
    print(f'     {len(own)} system calls of its own (limit {MOST_OWN_CALLS}), {calls} with the loader\'s (limit {MOST_CALLS}), {ioctls} ioctls (limit {MOST_IOCTLS})')
    if len(own) > MOST_OWN_CALLS or calls > MOST_CALLS or ioctls > MOST_IOCTLS:
        raise harness.Failure(f'{calls} system calls, {ioctls} ioctls; its own: {own}')


def memory_beyond_guest_ram(binary):
    with tempfile.TemporaryDirectory(prefix='penumbra-counts.') as folder:
        command = argv(binary, write(folder, images.spins()))
        # The second as test runners set it: every byte that malloc gives is written, so memory that is only asked for counts too.
        for perturb in ('0', '85'):
            resident = memory.beyond_guest_ram(command, GUEST_MB << 20, environment={'MALLOC_PERTURB_': perturb})
            print(f'     {resident / 2**20:.1f} MiB resident beyond guest RAM (limit {MOST_MEMORY / 2**20:.0f}), MALLOC_PERTURB_={perturb}')
            if resident > MOST_MEMORY:
                raise harness.Failure(f'{resident} bytes')


if __name__ == '__main__':
    harness.need_kvm()
    harness.main([system_calls_to_the_first_run, memory_beyond_guest_ram])
