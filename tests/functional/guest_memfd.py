#!/usr/bin/env python3
"""RAM that is a guest_memfd, seen from outside: it is mapped once and nothing else holds guest memory; NUMA policies reach its mapping.

usage: guest_memfd.py PENUMBRA [test...]      (needs Linux 6.18's mappable guest_memfd)
"""
import os
import re
import sys
import tempfile

import harness

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
import images

MIB = 1 << 20


def spinning(binary, folder, *extra):
    image = os.path.join(folder, 'spin.bin')
    with open(image, 'wb') as out:
        out.write(images.spins())
    return harness.Vmm([binary, '-machine', 'q35', '-cpu', 'qemu64,check=off', '-bios', image, '-nodefaults', '-display', 'none', *extra])


def mappings(pid):
    """(bytes, what is mapped) of every mapping."""
    for line in open(f'/proc/{pid}/maps'):
        first, last = (int(part, 16) for part in line.split()[0].split('-'))
        yield last - first, ' '.join(line.split()[5:])


def is_the_only_copy(binary):
    with tempfile.TemporaryDirectory(prefix='penumbra-gmem.') as folder, \
            spinning(binary, folder, '-m', '128', '-object', 'memory-backend-guest-memfd,id=m,size=128M,prealloc=on,prealloc-threads=2',
                     '-machine', 'memory-backend=m', '-smp', '2') as vmm:
        vmm.wait_runs(cpus=2)
        large = [what for size, what in mappings(vmm.process.pid) if size >= 100 * MIB]
        if large != ['anon_inode:[kvm-gmem]']:
            raise harness.Failure(f'mappings as large as the RAM: {large}')


def two_backends_are_bound_to_their_nodes(binary):
    with tempfile.TemporaryDirectory(prefix='penumbra-gmem.') as folder:
        backends = []
        for number in range(2):
            backends += ['-object', f'memory-backend-guest-memfd,id=m{number},size=32M,host-nodes=0,policy=bind',
                         '-numa', f'node,nodeid={number},memdev=m{number}']
        with spinning(binary, folder, '-m', '64', *backends) as vmm:
            vmm.wait_runs()
            gmem = [size for size, what in mappings(vmm.process.pid) if 'kvm-gmem' in what]
            bound = re.findall(r'^\S+ bind:0 .*kvm-gmem', open(f'/proc/{vmm.process.pid}/numa_maps').read(), re.M)
            if gmem != [32 * MIB] * 2 or len(bound) != 2:
                raise harness.Failure(f'mappings {gmem}, bound {bound}\n' + open(f'/proc/{vmm.process.pid}/numa_maps').read())


if __name__ == '__main__':
    harness.need_kvm()
    if not harness.has_mappable_guest_memfd():
        harness.skip('this kernel has no guest_memfd that can be mapped')
    harness.main([is_the_only_copy, two_backends_are_bound_to_their_nodes])
