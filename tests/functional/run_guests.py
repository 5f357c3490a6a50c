#!/usr/bin/env python3
"""The guests of tests/guest on the real binary: what each prints and with which status it ends.

usage: run_guests.py BINARY [--images DIR] [--protected | --testbed] [NAME ...]
  (nothing)     ordinary guests on this host's KVM
  --protected   guests whose RAM is private: this host must offer KVM_X86_SW_PROTECTED_VM
  --testbed     the same as --protected, inside the nested testbed"""
import argparse
import dataclasses
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import harness  # noqa: E402

PASS, TINY = 33, 1
PATCH_OFFSET = 0xff00


@dataclasses.dataclass
class Case:
    """One run: the image, the words after the common ones, what must be in the output and among the messages."""
    name: str
    image: str
    argv: list
    output: list = dataclasses.field(default_factory=list)
    status: int = PASS
    patch: int = 0
    errors: list = dataclasses.field(default_factory=list)
    once: list = dataclasses.field(default_factory=list)  # of the messages
    timeout: int = 60
    as_written: bool = False  # the command line begins with these words, and none of the common ones says which machine


def backend(name, mib, kind='memory-backend-ram', more=''):
    return ['-object', f'{kind},id={name},size={mib}M{more}']


def one_backend(mib, kind='memory-backend-ram', more=''):
    return backend('mem0', mib, kind, more) + ['-machine', 'memory-backend=mem0', '-m', str(mib)]


def two_nodes(mib, kind='memory-backend-ram', second=''):
    half = mib // 2
    return (backend('mem0', half, kind) + backend('mem1', half, kind, second) +
            ['-m', str(mib), '-numa', 'node,nodeid=0,memdev=mem0', '-numa', 'node,nodeid=1,memdev=mem1'])


GMEM = 'memory-backend-guest-memfd'
MEMFD_GMEM = ('memory-backend-memfd', ',guest-memfd=on,share=on')
LOW_64, LOW_256 = 'below 4 GiB 0x4000000', 'below 4 GiB 0x10000000'

TRIPLE_FAULT = 'guest error: vCPU 0: triple fault, which resets the machine\n'

HOST = [
    Case('tiny', 'tiny', ['-m', '64'], [], TINY),
    Case('pio', 'pio', ['-m', '64'], ['a string of bytes', 'PASS pio']),
    Case('pio-split', 'pio', ['-m', '64', '-machine', 'kernel_irqchip=split'], ['PASS pio']),
    Case('mmio', 'mmio', ['-m', '64'], ['PASS mmio']),
    Case('mmio-split', 'mmio', ['-m', '64', '-machine', 'kernel_irqchip=split'], ['PASS mmio']),
    Case('reset', 'reset', ['-m', '64', '-d', 'guest_errors'], [f'resets {n}\n' for n in range(5)] + ['PASS reset'], once=[TRIPLE_FAULT]),
    Case('reset-smp', 'reset', ['-m', '64', '-smp', '2'], ['resets 4\n', 'PASS reset']),
    Case('no-reboot', 'reset', ['-m', '64', '-no-reboot'], ['resets 0\n'], 0),
    Case('ram', 'ram', ['-m', '64'], [LOW_64, 'PASS ram']),
    Case('ram-smp', 'ram', ['-m', '64', '-smp', '2'], [LOW_64, 'PASS ram'], patch=2),
    Case('ram-above-4g', 'ram', ['-m', '2560M'], ['PASS ram'], timeout=120),
    Case('ram-two-nodes', 'ram', two_nodes(256), [LOW_256, 'PASS ram']),
    Case('ram-memfd', 'ram', one_backend(64, 'memory-backend-memfd', ',share=on'), [LOW_64, 'PASS ram']),
    Case('gmem', 'ram', one_backend(64, GMEM), [LOW_64, 'PASS ram']),
    Case('gmem-smp', 'ram', one_backend(64, GMEM) + ['-smp', '2'], [LOW_64, 'PASS ram'], patch=2),
    Case('gmem-two-nodes', 'ram', two_nodes(256, GMEM), [LOW_256, 'PASS ram']),
    Case('gmem-memfd', 'ram', one_backend(64, *MEMFD_GMEM), [LOW_64, 'PASS ram']),
    Case('gmem-reset', 'reset', one_backend(64, GMEM), ['PASS reset']),
    Case('exit-loop', 'exit_loop', ['-m', '64'], ['PASS exit_loop']),
]

SW_PROTECTED = ['-object', 'sw-protected-vm,id=sp-vm0', '-machine', 'kernel_irqchip=split,confidential-guest-support=sp-vm0']
KVM_TYPE = ['-machine', 'kernel_irqchip=split,kvm-type=sw-protected-vm']


SUMMARY = ['-trace', 'machine_memory_summary']
ONE_SIDE = 'both_bytes=0\n'


CONVERSION_TRACE = ['-trace', 'kvm_hc_map_gpa_range', '-trace', 'kvm_convert_memory']
# What convert_hole asks for first, and the last four pages of RAM, as the events tell it.
CONVERSIONS_TRACED = ['kvm_hc_map_gpa_range gpa 0xfe900000 size 0x4000 attributes 0x0 flags 0x', 'kvm_convert_memory 0xfe900000+0x4000 to shared\n',
                      'kvm_hc_map_gpa_range gpa 0xfffc000 size 0x4000 attributes 0x10 flags 0x', 'kvm_convert_memory 0xfffc000+0x4000 to private\n']
PRIVATE_FAULT = ('penumbra: vCPU 0: guest memory 0xf3000+0x1000 (private access): the guest faults there again and again: '
                 'nothing backs the side it is on\n')


def protected(name, image, memory, output=(), errors=(), **more):
    """A guest with private RAM. In the end no page may be there on both sides."""
    return Case(name, image, SW_PROTECTED + SUMMARY + memory, [f'PASS {image}', *output], errors=[ONE_SIDE, *errors], **more)


PROTECTED = [
    # Page tables are private in this guest, and KVM looks at their shared side when it emulates: one page of zeros comes up there.
    Case('private-ram', 'ram', SW_PROTECTED + one_backend(128), ['PASS ram']),
    Case('private-pio', 'pio_private', SW_PROTECTED + one_backend(128), ['a string of bytes', 'PASS pio']),
    protected('convert-basic', 'convert_basic', one_backend(256)),
    protected('convert-basic-private', 'convert_basic', one_backend(256, more=',private=on')),
    protected('convert-basic-memfd', 'convert_basic', one_backend(256, 'memory-backend-memfd', ',share=on')),
    Case('convert-basic-kvm-type', 'convert_basic', KVM_TYPE + SUMMARY + one_backend(256, more=',private=on'),
         ['PASS convert_basic'], errors=[ONE_SIDE]),
    protected('convert-basic-prealloc', 'convert_basic', one_backend(256, more=',prealloc=on')),
    protected('convert-slots-nodes', 'convert_slots', two_nodes(256), ['middle of low memory 0x8000000']),
    protected('convert-slots-4g', 'convert_slots', one_backend(3072), ['beginning of high memory 0x100000000']),
    protected('convert-hole', 'convert_hole', one_backend(256) + CONVERSION_TRACE, errors=CONVERSIONS_TRACED),
    protected('convert-shadow', 'convert_shadow', one_backend(256)),
    protected('convert-small-device', 'convert_shadow', one_backend(256) + ['-device', 'pvpanic-pci']),
    protected('convert-reset', 'convert_reset', one_backend(256), [f'resets {n}\n' for n in range(5)]),
    protected('convert-reset-smp', 'convert_reset', two_nodes(256) + ['-smp', '2'], ['resets 4\n']),
    # Private RAM behind a write-protected window has no guest_memfd: one report, and the machine ends.
    Case('private-fault', 'private_fault', SW_PROTECTED + ['-trace', 'kvm_memory_fault'] + one_backend(256), ['touching\n'], status=1,
         errors=['kvm_memory_fault gpa 0xf3000 bytes 0x1000 flags 0x8\n', PRIVATE_FAULT], once=[PRIVATE_FAULT]),
    protected('convert-refused', 'convert_refused', two_nodes(256, second=',private=off')),
    # On a busy host the testbed is slow and its clock may run several times too fast; the caller's limit is the real one.
    protected('convert-smp', 'convert_smp', one_backend(256) + ['-smp', '2'], timeout=1500),
    protected('convert-race', 'convert_race', one_backend(128) + ['-smp', '2'], timeout=600),
]

# The command lines of the series that brought private memory, as written there, and what stands for their "...".
WRITTEN = [
    '-object sw-protected-vm,id=sp-vm0 -object memory-backend-ram,id=mem0,size=1G,private=on '
    '-machine q35,kernel_irqchip=split,confidential-guest-support=sp-vm0,memory-backend=mem0',
    '-object memory-backend-ram,id=mem0,size=1G,private=on -machine q35,kvm-type=sw-protected-vm,memory-backend=mem0',
]
PROTECTED += [Case(f'as-written-{number}', 'convert_basic', line.split() + SUMMARY, ['PASS convert_basic'], errors=[ONE_SIDE], as_written=True)
              for number, line in enumerate(WRITTEN, 1)]


def image_of(case, images, scratch):
    """The image's path; a copy with the round count written into it when the case wants that."""
    path = images / f'{case.image}.bin'
    if not path.exists():
        raise harness.Failure(f'{path} is not built')
    if not case.patch:
        return path
    data = bytearray(path.read_bytes())
    data[PATCH_OFFSET:PATCH_OFFSET + 8] = case.patch.to_bytes(8, 'little')
    copy = pathlib.Path(scratch) / f'{case.name}.bin'
    copy.write_bytes(data)
    return copy


def run_case(case, binary, images, scratch):
    common = ['-nodefaults', '-display', 'none', '-debugcon', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4',
              '-bios', str(image_of(case, images, scratch))]
    argv = [binary, *case.argv, *common] if case.as_written else [binary, '-machine', 'q35', '-accel', 'kvm', *common, *case.argv]
    with harness.Vmm(argv) as vmm:
        status = vmm.wait(case.timeout)
        if status != case.status:
            raise harness.Failure(f'status {status}, wanted {case.status}\n{vmm.report()}')
        for stream, everything in ((vmm.out, case.output), (vmm.err, case.errors)):
            text = stream.decode(errors='replace')
            for wanted in everything:
                if wanted not in text:
                    raise harness.Failure(f'"{wanted.strip()}" was not printed\n{vmm.report()}')
        for wanted in case.once:
            if vmm.err.decode(errors='replace').count(wanted) != 1:
                raise harness.Failure(f'"{wanted.strip()}" was not printed once\n{vmm.report()}')


def run_cases(cases, args):
    with tempfile.TemporaryDirectory(prefix='penumbra-guests.') as scratch:
        return harness.run_all((case.name, lambda case=case: run_case(case, args.binary, args.images, scratch))
                               for case in cases if not args.names or case.name in args.names)


def in_testbed(args):
    """This script again, where SW_PROTECTED_VM exists."""
    return harness.again_in_testbed(['--smp', '2', '--mem', '6144'],
                                    [args.binary, '--protected', '--images', str(args.images), *args.names])


def default_images(binary):
    for folder in pathlib.Path(binary).resolve().parents:
        if (folder / 'tests' / 'guest' / 'tiny.bin').exists():
            return folder / 'tests' / 'guest'
    return pathlib.Path('build/tests/guest').resolve()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('binary', type=os.path.abspath)
    parser.add_argument('--images', type=lambda text: pathlib.Path(text).resolve())
    where = parser.add_mutually_exclusive_group()
    where.add_argument('--protected', action='store_true')
    where.add_argument('--testbed', action='store_true')
    parser.add_argument('names', nargs='*')
    args = parser.parse_intermixed_args()
    args.images = args.images or default_images(args.binary)
    if args.testbed:
        return in_testbed(args)
    harness.need_kvm()
    return run_cases(PROTECTED if args.protected else HOST, args)


if __name__ == '__main__':
    sys.exit(main())
