#!/usr/bin/env python3
"""Debian's Linux on penumbra, in the testbed: it reaches user space and powers off, and converts its memory.

usage: linux_guests.py BINARY [--here --kernel FILE --initrd FILE] [NAME ...]
One boot of the testbed runs all cases; inside it this script runs again with --here, which is also how to run it on a
host whose own KVM offers KVM_X86_SW_PROTECTED_VM."""
import argparse
import os
import pathlib
import re
import socket
import struct
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'functional'))
sys.dont_write_bytecode = True
import emulator  # noqa: E402
import harness  # noqa: E402
from qmp_client import Connection  # noqa: E402

GUEST_SECONDS = 240
PROTECTED = ['-object', 'sw-protected-vm,id=sp-vm0,default-memory=shared', '-object', 'memory-backend-ram,id=mem0,size=512M',
             '-machine', 'kernel_irqchip=split,confidential-guest-support=sp-vm0,memory-backend=mem0']
SIZE_MIB, ROUNDS = 64, 100


def fields(text, start):
    """The key=value words of the last line that starts so."""
    lines = [line for line in text.splitlines() if line.startswith(start)]
    if not lines:
        raise harness.Failure(f'there is no line "{start}..."')
    return dict(re.findall(r'(\w+)=(\S+)', lines[-1]))


def expect(facts, **wanted):
    for key, value in wanted.items():
        if facts.get(key) != str(value):
            raise harness.Failure(f'{key} is {facts.get(key)}, not {value}')


def boot(args, vmm_words, guest_words):
    """(stdout, stderr) of a guest that powered off."""
    argv = [args.binary, '-machine', 'q35', '-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot', '-m', '512', *vmm_words,
            '-kernel', args.kernel, '-initrd', args.initrd, '-append', f'console=ttyS0 panic=-1 {guest_words}']
    with harness.Vmm(argv) as vmm:
        status = vmm.wait(GUEST_SECONDS)
        if status != 0:
            raise harness.Failure(f'status {status}\n{vmm.report()}')
        out, err = vmm.out.decode(errors='replace').replace('\r', ''), vmm.err.decode(errors='replace')
        if 'GUEST hello' not in out:
            raise harness.Failure(f'the guest ended before its first process\n{vmm.report()}')
        try:
            expect(fields(out, 'GUEST done'), status=0)
        except harness.Failure as failure:
            raise harness.Failure(f'{failure}\n{vmm.report()}') from None
        return out, err


def ordinary(irqchip, cpus):
    def run(args):
        out, _ = boot(args, ['-machine', f'kernel_irqchip={irqchip}', '-smp', str(cpus)], 'guest.do=nothing')
        expect(fields(out, 'GUEST hello'), cpus=cpus)
    return run


def device_tree():
    """The smallest flattened device tree: a root with one property."""
    value, names = b'penumbra\0', b'model\0'
    tree = struct.pack('>I', 1) + bytes(4) + struct.pack('>III', 3, len(value), 0) + value.ljust(12, b'\0') + struct.pack('>II', 2, 9)
    head, reserved = 40, bytes(16)
    at = head + len(reserved)
    return struct.pack('>10I', 0xD00DFEED, at + len(tree) + len(names), at, at + len(tree), head, 17, 16, 0, len(names),
                       len(tree)) + reserved + tree + names


def with_device_tree(args):
    """-dtb reaches Linux as setup data of type 2."""
    with tempfile.NamedTemporaryFile(prefix='penumbra-dtb.') as file:
        file.write(device_tree())
        file.flush()
        out, _ = boot(args, ['-machine', 'kernel_irqchip=split', '-dtb', file.name], 'guest.do=nothing')
    expect(fields(out, 'GUEST setup_data'), type='0x2', bytes=len(device_tree()))


def behind_an_iommu(args):
    """Linux turns on the translation of addresses and the remapping of interrupts, and its disk controller and clock work behind it."""
    out, err = boot(args, ['-machine', 'kernel_irqchip=split', '-smp', '2', '-device', 'intel-iommu,intremap=on'],
                    'intel_iommu=on iommu.passthrough=0 loglevel=7 guest.do=nothing')
    for said in ('DMAR: IOMMU enabled', 'DMAR-IR: Enabled IRQ remapping', 'DMAR: Intel(R) Virtualization Technology for Directed I/O'):
        if said not in out:
            raise harness.Failure(f'Linux does not say "{said}"\n{out[-6000:]}\n{err}')
    if 'DMAR: [DMA' in out or 'DMAR: DRHD: handling fault' in out:
        raise harness.Failure(f'faults\n{out[-6000:]}')


def refused_without_private_memory(args):
    """An ordinary VM says at the first conversion that it has none; the guest lives on and says so."""
    argv = ['-smp', '1']
    guest = 'convert.size_mib=16'
    try:
        boot(args, argv, guest)
    except harness.Failure as failure:
        if 'CONVERT result=refused' not in str(failure):
            raise
        return
    raise harness.Failure('the guest was not refused')


def convert(args):
    """What the guest saw, what it asked for and what penumbra counted must agree, and nothing is held twice at the end."""
    out, err = boot(args, [*PROTECTED, '-smp', '2', '-trace', 'machine_*_summary'],
                    f'convert.size_mib={SIZE_MIB} convert.rounds={ROUNDS}')
    expect(fields(out, 'GUEST hello'), cpus=2)
    expect(fields(out, 'CONVERT result'), result='passed')
    expect(fields(out, 'CONVERT lost_words'), lost_words=0, leaked_words=0)
    guest = fields(out, 'CONVERT memory_bytes')
    expect(guest, memory_bytes=SIZE_MIB << 20, private_bytes=0)
    asked = sum(int(n) for n in re.findall(r'^CONVERT phase=.* count=(\d+)', out, re.M))
    calls, memory = fields(err, 'machine_conversion_summary'), fields(err, 'machine_memory_summary')
    expect(calls, failed=0, refused=0, bytes_to_private=guest['made_private_bytes'], bytes_to_shared=guest['made_shared_bytes'])
    expect(memory, shared_bytes=512 << 20, private_bytes=0, resident_private_bytes=0, both_bytes=0)
    if int(calls['to_private']) + int(calls['to_shared']) < asked:
        raise harness.Failure(f'{asked} conversions asked for, done {calls}')


def hotplug(irqchip):
    def run(args):
        """A processor and a memory module come, Linux puts them to work, and lets them go again."""
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f'{folder}/qmp')
            listener.listen(1)
            argv = [args.binary, '-machine', 'q35', '-machine', f'kernel_irqchip={irqchip}', '-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot', '-m',
                    '512,slots=1,maxmem=1G', '-smp', '1,maxcpus=2', '-qmp', f'unix:{folder}/qmp', '-kernel', args.kernel, '-initrd', args.initrd,
                    '-append', 'console=ttyS0 panic=-1 memhp_default_state=online_movable guest.do=hotplug']
            with harness.Vmm(argv) as vmm:
                qmp = Connection(listener.accept()[0], GUEST_SECONDS).negotiate()
                vmm.wait_for('GUEST hotplug ready', GUEST_SECONDS)
                place = next(place for place in qmp.command('query-hotpluggable-cpus') if 'qom-path' not in place)
                qmp.command('device_add', driver=place['type'], id='cpu1', **place['props'])
                qmp.command('object-add', **{'qom-type': 'memory-backend-ram', 'id': 'mem1', 'size': 256 << 20})
                qmp.command('device_add', driver='pc-dimm', id='dimm1', memdev='mem1')
                vmm.wait_for('GUEST plugged', GUEST_SECONDS)
                for device in ('cpu1', 'dimm1'):
                    qmp.command('device_del', id=device)
                    qmp.wait_event('DEVICE_DELETED', GUEST_SECONDS)
                qmp.command('object-del', id='mem1')
                status = vmm.wait(GUEST_SECONDS)
                out = vmm.out.decode(errors='replace').replace('\r', '')
                if status != 0:
                    raise harness.Failure(f'status {status}\n{vmm.report()}')
        try:
            expect(fields(out, 'GUEST plugged'), cpus=2, grown_kib=256 << 10)
            expect(fields(out, 'GUEST unplugged'), cpus=1)
            expect(fields(out, 'GUEST done'), status=0)
        except harness.Failure as failure:
            raise harness.Failure(f'{failure}\n{vmm.report()}') from None
    return run


CASES = {
    'hotplug': hotplug('on'),
    'irqchip-1cpu': ordinary('on', 1),
    'irqchip-2cpu': ordinary('on', 2),
    'split-1cpu': ordinary('split', 1),
    'device-tree': with_device_tree,
    'split-2cpu': ordinary('split', 2),
    'hotplug-split': hotplug('split'),  # its ACPI interrupt is masked while a thread serves it
    'iommu': behind_an_iommu,
    'convert-refused': refused_without_private_memory,
    'convert': convert,
}


def run_here(args):
    harness.need_kvm()

    def once(name):
        return lambda: emulator.once_more(lambda: CASES[name](args), name)
    return harness.run_all((name, once(name)) for name in args.names or CASES)


def run_in_testbed(args):
    return harness.again_in_testbed(['--timeout', '1400'],
                                    [args.binary, '--here', '--kernel', args.kernel, '--initrd', args.initrd, *args.names])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('binary', type=os.path.abspath)
    parser.add_argument('--here', action='store_true')
    parser.add_argument('--kernel')
    parser.add_argument('--initrd')
    parser.add_argument('names', nargs='*', metavar='NAME', help=', '.join(CASES))
    args = parser.parse_intermixed_args()
    unknown = [name for name in args.names if name not in CASES]
    if unknown:
        parser.error(f'no case {unknown[0]}; there are: {", ".join(CASES)}')
    args.kernel = args.kernel or harness.linux_guest('kernel')
    args.initrd = args.initrd or harness.linux_guest('initrd')
    return run_here(args) if args.here else run_in_testbed(args)


if __name__ == '__main__':
    sys.exit(main())
