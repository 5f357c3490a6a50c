#!/usr/bin/env python3
"""Preallocation and NUMA policy reach private memory, which cannot be mapped: two backends, each bound to a node of its own, in a protected
VM that has not run yet. usage: private_numa.py BINARY [--here]      (without --here: in the testbed, with two nodes)"""
import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'functional'))
sys.dont_write_bytecode = True
import harness  # noqa: E402

MIB = 1 << 20
SIZE_MIB = 256


def unevictable(node):
    """Bytes of the node's memory that cannot be taken back: a guest_memfd's pages are such."""
    text = open(f'/sys/devices/system/node/node{node}/meminfo').read()
    return int(re.search(r'Unevictable:\s+(\d+) kB', text)[1]) * 1024


def both_nodes_are_filled(binary):
    before = [unevictable(node) for node in range(2)]
    argv = [binary, '-S', '-machine', 'q35,kernel_irqchip=split,kvm-type=sw-protected-vm', '-m', str(2 * SIZE_MIB), '-cpu', 'qemu64,check=off',
            '-nodefaults', '-display', 'none', '-bios', '/usr/share/seabios/bios-256k.bin']
    for node in range(2):
        argv += ['-object', f'memory-backend-ram,id=m{node},size={SIZE_MIB}M,prealloc=on,prealloc-threads=2,host-nodes={node},policy=bind',
                 '-numa', f'node,nodeid={node},memdev=m{node}']
    with harness.Vmm(argv) as vmm:
        deadline = time.monotonic() + 120
        while True:
            grown = [(unevictable(node) - before[node]) // MIB for node in range(2)]
            if all(abs(mib - SIZE_MIB) <= 8 for mib in grown):
                break
            if vmm.process.poll() is not None or time.monotonic() > deadline:
                vmm.pump(1)
                raise harness.Failure(f'unevictable memory grew by {grown} MiB on the two nodes\n{vmm.report()}')
            time.sleep(0.2)
    print(f'     private memory on the two nodes: {grown} MiB of {SIZE_MIB} each')


if __name__ == '__main__':
    if '--here' not in sys.argv:
        sys.exit(harness.again_in_testbed(['--nodes', '2'], [os.path.abspath(sys.argv[1]), '--here']))
    sys.argv.remove('--here')
    harness.main([both_nodes_are_filled])
