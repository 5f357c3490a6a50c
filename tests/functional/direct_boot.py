#!/usr/bin/env python3
"""Kernels started without firmware, on the host's own KVM. usage: direct_boot.py PENUMBRA PVH_KERNEL MULTIBOOT_KERNEL SLEEP_KERNEL [test...]

The kernels are tests/guest/pvh.c, multiboot.c and sleep.c; a Linux bzImage takes the 64-bit entry in tests/nested, where its instructions are not interpreted.
"""
import json
import os
import subprocess
import sys
import tempfile

import harness

KERNEL = MULTIBOOT = SLEEP = None


def start(binary, *extra, kernel=None, expect=33):
    argv = [binary, '-machine', 'q35', '-m', '96', '-nodefaults', '-display', 'none', '-kernel', kernel or KERNEL, '-debugcon', 'stdio',
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


def multiboot_kernel_gets_what_was_given(binary):
    with tempfile.NamedTemporaryFile(prefix='penumbra-module.') as first, tempfile.NamedTemporaryFile(prefix='penumbra-module.') as second:
        first.write(b'A' * 5000)
        first.flush()
        second.write(b'B')
        second.flush()
        out, _ = start(binary, '-initrd', f'{first.name} a,,b c,{second.name}', '-append', 'one two', kernel=MULTIBOOT)
        must_have(out, 'magic 0x2badb002', 'cr0 0x1', 'bss 0x0', 'flags 0x4d', 'lower 0x27f', f"command line '{MULTIBOOT} one two'",
                  f"module '{first.name} a,b c'\npage offset 0x0\nbytes 0x1388\nstarts with 0x41",
                  f"module '{second.name}'\npage offset 0x0\nbytes 0x1\nstarts with 0x42", 'ram mib 0x60', 'PASS multiboot')
    out, _ = start(binary, '-smp', '2', '-global', 'kvm-pit.lost_tick_policy=discard', '-device', 'pci-testdev',
                   kernel=MULTIBOOT)
    must_have(out, 'flags 0x45', 'PASS multiboot')
    for irqchip in ('on', 'split', 'off'):  # as a BIOS leaves it
        out, _ = start(binary, '-machine', f'kernel_irqchip={irqchip}', kernel=MULTIBOOT)
        must_have(out, 'interrupt masks 0xb88e\ninterrupts by level 0xc00\nthe timer ticks\n', 'PASS multiboot')


def kernel_sleeps_and_the_alarm_wakes_it(binary):
    for options in [], ['-smp', '2']:
        must_have(start(binary, *options, '-append', 'alarm', kernel=SLEEP)[0], 'sleeps\nW')


def kernel_sleeps_and_the_monitor_wakes_it(binary):
    argv = [binary, '-machine', 'q35', '-m', '96', '-nodefaults', '-display', 'none', '-kernel', SLEEP,
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=1', '-qmp', 'stdio', '-S']
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as vmm:
        def wait_for(name):
            for line in vmm.stdout:
                message = json.loads(line)
                if name in (message.get('event'), *message):
                    return message.get(name)
            raise harness.Failure(f'no {name}')

        def ask(command):
            print(json.dumps({'execute': command}), file=vmm.stdin, flush=True)

        ask('qmp_capabilities')
        ask('cont')  # no event is lost
        wait_for('SUSPEND')
        ask('query-status')
        status = wait_for('return')
        while 'status' not in status:  # that of the capabilities may come after the event
            status = wait_for('return')
        ask('system_wakeup')
        wait_for('WAKEUP')
        vmm.stdin.close()
        if status != {'running': False, 'singlestep': False, 'status': 'suspended'} or vmm.wait(60) != 33:
            raise harness.Failure(f'{status}, exit {vmm.returncode}')


def what_test_runners_look_for(binary):
    """The first line of -h, the list of devices, the message of a kernel that is not there."""
    _, out, _ = harness.run([binary, '-h'], 20)
    words = out.split('\n')[0].split(' ')
    if words[:3] != ['QEMU', 'emulator', 'version'] or len(words[3].split('.')) < 2:
        raise harness.Failure(out[:200])
    _, out, _ = harness.run([binary, '--help'], 20)
    must_have(out, 'QEMU', 'penumbra')
    _, out, _ = harness.run([binary, '-device', '?'], 20)
    must_have(out, 'name "pc-testdev"', 'name "pci-testdev"')
    status, _, err = harness.run([binary, '--no-reboot', '-nodefaults', '-display', 'none', '-kernel', '_NO_FILE_4Uhere_'], 20)
    if status != 1 or 'could not load kernel' not in err or '_NO_FILE_4Uhere_' not in err:
        raise harness.Failure(f'status {status}: {err}')


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
    MULTIBOOT = os.path.abspath(sys.argv.pop(2))
    SLEEP = os.path.abspath(sys.argv.pop(2))
    harness.main([pvh_kernel_gets_what_was_given, pvh_kernel_without_anything, pvh_kernel_on_two_processors_and_split,
                  multiboot_kernel_gets_what_was_given, kernel_sleeps_and_the_alarm_wakes_it,
                  kernel_sleeps_and_the_monitor_wakes_it, what_test_runners_look_for,
                  broken_kernels_are_one_line])
