#!/usr/bin/env python3
"""Debian's SeaBIOS on the host's own KVM reaches the end of its boot order. usage: seabios.py PENUMBRA [test...]"""
import os
import re
import sys
import tempfile

import harness

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
import images

BIOS = '/usr/share/seabios/bios-256k.bin'
END = 'No bootable device'
MODELS = ['qemu64', 'Nehalem', 'Haswell', 'Skylake-Server', 'EPYC', 'EPYC-Rome', 'EPYC-Milan', 'EPYC-Genoa']


def boots(binary, *extra):
    argv = [binary, '-machine', 'q35', '-m', '512', '-bios', BIOS, '-display', 'none', '-nodefaults',
            '-chardev', 'stdio,id=debug', '-device', 'isa-debugcon,iobase=0x402,chardev=debug', *extra]
    with harness.Vmm(argv) as vmm:
        return vmm.wait_for(END, 120)


def in_kernel_irqchip(binary):
    out = boots(binary)
    if 'SeaBIOS (version' not in out:
        raise harness.Failure(f'no banner in {out}')


def split_irqchip(binary):
    boots(binary, '-machine', 'kernel_irqchip=split')


def irqchip_off(binary):
    """8259s and IOAPIC here, local APICs in the kernel (docs/adr/0001)."""
    out = boots(binary, '-machine', 'kernel_irqchip=off')
    if 'SeaBIOS (version' not in out:
        raise harness.Failure(f'no banner in {out}')


def two_processors(binary):
    out = boots(binary, '-smp', '2')
    if 'Found 2 cpu(s) max supported 2 cpu(s)' not in out:
        raise harness.Failure(f'SeaBIOS did not find two processors: {out[-1500:]}')


def as_in_the_series(binary):
    """The command line of the mailing-list series, with the console on stdio."""
    with harness.Vmm([binary, '-machine', 'q35', '-m', '512', '-bios', BIOS, '-nographic']) as vmm:
        vmm.wait_for('SeaBIOS', 120)
        vmm.wait_for(END, 120)


def ram_is_a_guest_memfd(binary):
    boots(binary, '-object', 'memory-backend-guest-memfd,id=mem0,size=512M', '-machine', 'memory-backend=mem0')


def ram_is_a_memfd_that_is_a_guest_memfd(binary):
    boots(binary, '-object', 'memory-backend-memfd,id=mem0,size=512M,guest-memfd=on,share=on', '-machine', 'memory-backend=mem0')


def two_processors_on_a_guest_memfd(binary):
    out = boots(binary, '-smp', '2', '-object', 'memory-backend-guest-memfd,id=mem0,size=512M', '-machine', 'memory-backend=mem0')
    if 'Found 2 cpu(s) max supported 2 cpu(s)' not in out:
        raise harness.Failure(f'SeaBIOS did not find two processors: {out[-1500:]}')


def guest_memfds_on_numa_nodes(binary):
    """Two NUMA nodes of the guest, each a guest_memfd bound to a node of the host: to its first two, or both to the one it has."""
    nodes = sorted(int(name[4:]) for name in os.listdir('/sys/devices/system/node') if re.fullmatch(r'node\d+', name))
    places = (nodes[0], nodes[1] if len(nodes) > 1 else nodes[0])
    print(f'     host nodes {places[0]} and {places[1]} of {nodes}')
    backends = []
    for number, node in enumerate(places):
        backends += ['-object', f'memory-backend-guest-memfd,id=mem{number},size=256M,host-nodes={node},policy=bind,prealloc=on',
                     '-numa', f'node,nodeid={number},cpus={number},memdev=mem{number}']
    argv = [binary, '-machine', 'q35', '-m', '512', '-smp', '2', '-bios', BIOS, '-display', 'none', '-nodefaults',
            '-chardev', 'stdio,id=debug', '-device', 'isa-debugcon,iobase=0x402,chardev=debug', *backends]
    with harness.Vmm(argv) as vmm:
        vmm.wait_for(END, 120)
        with open(f'/proc/{vmm.process.pid}/numa_maps') as maps:
            policies = sorted(line.split()[1] for line in maps if 'kvm-gmem' in line or 'guest_memfd' in line)
    if policies != sorted(f'bind:{node}' for node in places):
        raise harness.Failure(f'the policies of the guest_memfds are {policies}')


def every_processor_model(binary):
    """Models of the main vendors run SeaBIOS; every name, versions too, takes a guest to its end."""
    for model in ('max', *MODELS):
        argv = [binary, '-machine', 'q35', '-m', '64', '-cpu', f'{model},check=off', '-bios', BIOS, '-display', 'none', '-nodefaults',
                '-chardev', 'stdio,id=debug', '-device', 'isa-debugcon,iobase=0x402,chardev=debug']
        with harness.Vmm(argv) as vmm:
            vmm.wait_for('SeaBIOS (version', 60)
    listed = [name for name in re.findall(r'^x86 ([\w.-]+)', harness.run([binary, '-cpu', 'help'])[1], re.MULTILINE)]
    if not {'max', 'host', *MODELS} <= set(listed):
        raise harness.Failure(f'-cpu help lacks models: {listed}')
    with tempfile.TemporaryDirectory(prefix='penumbra-models.') as folder:
        image = os.path.join(folder, 'tiny.bin')
        with open(image, 'wb') as out:
            out.write(images.exits_at_once())
        for model in listed:
            status, _, err = harness.run([binary, '-machine', 'q35', '-m', '64', '-cpu', f'{model},check=off', '-bios', image, '-display', 'none', '-nodefaults',
                                          '-device', 'isa-debug-exit,iobase=0xf4,iosize=1'])
            if status != 1 or err:
                raise harness.Failure(f'-cpu {model}: status {status}: {err}')
    print(f'     {len(listed)} models')


if __name__ == '__main__':
    harness.need_kvm()
    harness.need_file(BIOS, 'seabios')
    tests = [in_kernel_irqchip, split_irqchip, irqchip_off, two_processors, as_in_the_series, every_processor_model]
    if harness.has_mappable_guest_memfd():
        tests += [ram_is_a_guest_memfd, ram_is_a_memfd_that_is_a_guest_memfd, two_processors_on_a_guest_memfd, guest_memfds_on_numa_nodes]
    else:
        print('SKIPPED: RAM that is a guest_memfd: this kernel cannot map one')
    harness.main(tests)
