#!/usr/bin/env python3
"""The demonstration behind scripts/demo: a protected Linux guest boots before the reader's eyes and converts its memory; then a table.

usage: demo.py BINARY [--testbed]
Exit status 0 only when the guest is content and no page is held twice."""
import argparse
import fcntl
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'functional'))
sys.dont_write_bytecode = True
import emulator  # noqa: E402
import harness  # noqa: E402

MEMORY_MIB, SIZE_MIB, ROUNDS = 1024, 64, 300
KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES, SW_PROTECTED_VM = 0xae03, 235, 1


def why_not_this_host():
    """Empty when the host's own KVM makes protected VMs."""
    if not os.path.exists('/dev/kvm'):
        return 'there is no /dev/kvm'
    try:
        kvm = os.open('/dev/kvm', os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        return f'/dev/kvm does not open: {error.strerror}'
    try:
        types = fcntl.ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES)
    except OSError:
        types = 0
    finally:
        os.close(kvm)
    return '' if types & 1 << SW_PROTECTED_VM else "this host's KVM does not offer KVM_X86_SW_PROTECTED_VM"


def penumbra_words(binary, kernel, initrd):
    return [binary, '-object', 'sw-protected-vm,id=sp-vm0,default-memory=shared',
            '-object', f'memory-backend-ram,id=mem0,size={MEMORY_MIB}M',
            '-machine', 'q35,kernel_irqchip=split,confidential-guest-support=sp-vm0,memory-backend=mem0',
            '-m', str(MEMORY_MIB), '-smp', '2', '-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot',
            '-trace', 'machine_*_summary', '-kernel', kernel, '-initrd', initrd,
            '-append', f'console=ttyS0 convert.size_mib={SIZE_MIB} convert.rounds={ROUNDS}']


def run_and_show(argv):
    """(status, output): everything is shown as it comes, but for the lines for programs."""
    lines = []
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for raw in process.stdout:
            line = raw.decode(errors='replace').rstrip('\r\n')
            lines.append(line)
            if not re.match(r'CONVERT |machine_\w+_summary', line):
                print(line, flush=True)
    return process.returncode, '\n'.join(lines)


def fields(text, start):
    lines = [line for line in text.splitlines() if line.startswith(start)]
    return dict(re.findall(r'(\w+)=(\S+)', lines[-1])) if lines else {}


def mib(count):
    return 'unknown' if int(count) < 0 else f'{int(count) / 2**20:.1f} MiB'


def show_table(text):
    """What penumbra counted; False when it said nothing."""
    calls, memory = fields(text, 'machine_conversion_summary'), fields(text, 'machine_memory_summary')
    if not calls or not memory:
        return False
    done = int(calls['to_private']) + int(calls['to_shared'])
    rows = [('conversions done', f'{done} ({calls["to_private"]} to private, {calls["to_shared"]} to shared)'),
            ('  of these, nothing to do', calls['unchanged']),
            ('  refused, failed', f'{calls["refused"]}, {calls["failed"]}'),
            ('time in the VMM, mean', f'{int(calls["ns"]) / 1000 / max(done, 1):.1f} us per conversion'),
            ('made private', mib(calls['bytes_to_private'])),
            ('made shared', mib(calls['bytes_to_shared'])),
            ('host memory given back', f'{mib(calls["discarded_bytes"])}, the side that each page left'),
            ('at the end: shared', f'{mib(memory["shared_bytes"])}, host memory {mib(memory["resident_shared_bytes"])}'),
            ('            private', f'{mib(memory["private_bytes"])}, host memory {mib(memory["resident_private_bytes"])}'),
            ('            held on both sides', mib(memory['both_bytes']))]
    print('\nWhat penumbra counted:\n')
    for name, value in rows:
        print(f'  {name:<30}  {value}')
    print()
    return True


def verdict(status, text):
    """What is wrong, or nothing."""
    if status != 0:
        return f'the run ended with status {status}'
    if fields(text, 'CONVERT result').get('result') != 'passed':
        return 'the guest did not find its memory as it must be'
    if fields(text, 'GUEST done').get('status') != '0':
        return 'the guest did not end well'
    if not show_table(text):
        return 'penumbra said nothing about its memory'
    both = fields(text, 'machine_memory_summary')['both_bytes']
    return '' if both == '0' else f'bytes held on both sides: {both}'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('binary', type=os.path.abspath)
    parser.add_argument('--testbed', action='store_true', help="use the testbed even where the host's KVM would do")
    args = parser.parse_args()
    why = 'it was asked for' if args.testbed else why_not_this_host()
    print("== using the testbed, an emulated machine: " + why if why else "== using this host's /dev/kvm", flush=True)
    words = penumbra_words(args.binary, harness.linux_guest('kernel'), harness.linux_guest('initrd'))
    print('== ' + ' '.join(words), flush=True)
    start = time.monotonic()
    if why:
        words = [harness.TESTBED, 'run', '--timeout', '900', '--', *words]
    status, text = run_and_show(words)
    if why and (status == harness.TESTBED_BROKEN or emulator.sign_of(text)):
        print('== the emulator died of itself (docs/testbed.md); once more', flush=True)
        status, text = run_and_show(words)
    wrong = verdict(status, text)
    if wrong:
        print(f'demo: FAILED: {wrong}', file=sys.stderr)
        return 1
    print(f'demo: passed in {time.monotonic() - start:.0f} s: no word lost, no word leaked, no page held twice')
    return 0


if __name__ == '__main__':
    sys.exit(main())
