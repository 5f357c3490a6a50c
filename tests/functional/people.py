#!/usr/bin/env python3
"""The monitor for people: what its commands say and do, through human-monitor-command. The guest is a test client. people.py PENUMBRA [TEST...]"""
import os
import re
import types

from harness import main
from monitored import Monitored
from qmp_client import Process
from qtest import expect, expect_equal

FIRMWARE = '/usr/share/seabios/bios-256k.bin'
MACHINE = ('-machine', 'q35', '-nodefaults', '-m', '256', '-smp', '2', '-object', 'memory-backend-ram,id=m0,size=128M',
           '-object', 'memory-backend-ram,id=m1,size=128M', '-numa', 'node,nodeid=0,memdev=m0,cpus=0', '-numa', 'node,nodeid=1,memdev=m1,cpus=1',
           '-device', 'pcie-root-port,id=rp,addr=5,chassis=1', '-blockdev', 'driver=null-co,node-name=n0,size=1M,read-only=on',
           '-device', 'virtio-blk-pci,id=disk,drive=n0,addr=6')


def say(q, line, **more):
    return q.qmp.command('human-monitor-command', command_line=line, **more).replace('\r\n', '\n')


def has(text, *patterns):
    """Each pattern is in the text as lines of it, after the one before."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern, re.MULTILINE).search(text, at)
        expect(found, f'no /{pattern}/ after character {at} of:\n{text}')
        at = found.end()


def memory_map(binary):
    """info mtree shows the regions as a tree, -f what the guest meets; RAM, firmware and ports are where they are."""
    with Monitored(binary, *MACHINE) as q:
        tree = say(q, 'info mtree')
        has(tree, r'^address-space: memory', r'00000000fffc0000-00000000ffffffff .*rom', r'^address-space: (I/O|io|ports)')
        has(tree, r'^ +0000000000000000-000000000fffffff .*alias\): ram-below-4g @pc\.ram 0000000000000000-000000000fffffff')
        has(tree, r'^ +0000000000000cf8-0000000000000cfb ')
        flat = say(q, 'info mtree -f')
        has(flat, r'^flat view: memory', r'^  0000000000100000-0000000007ffffff \(prio \d+, ram\): m0', r'^  0000000008000000-000000000fffffff \(prio \d+, ram\): m1', r'^flat view: ')
        last = -1
        for first, end in re.findall(r'^  ([0-9a-f]{16})-([0-9a-f]{16}) ', flat.split('\nflat view')[0], re.MULTILINE):
            expect(last < int(first, 16) <= int(end, 16), f'sections overlap at {first}')
            last = int(end, 16)


def trees(binary):
    """The buses with what is plugged in and its properties; the objects by their paths."""
    with Monitored(binary, *MACHINE) as q:
        has(say(q, 'info qtree'), r'^bus: main-system-bus', r'^ *bus: pcie\.0', r'^ *dev: pcie-root-port, id "rp"', r'^ *chassis = 1', r'^ *bus: rp',
            r'^ *dev: virtio-blk-pci, id "disk"', r'^ *drive = "n0"')
        tree = say(q, 'info qom-tree')
        has(tree, r'^/machine \(.*machine\)|^/ \(', r'^ *//?peripheral \(container\)', r'^ *//?disk \(virtio-blk-pci\)')
        has(say(q, 'qom-list /machine/peripheral'), r'^disk \(child<virtio-blk-pci>\)')
        has(say(q, 'qom-get /machine/peripheral/rp chassis'), r'^1$')


def what_there_is(binary):
    """block, pci, memdev, numa, cpus, roms: the parts of this very machine."""
    with Monitored(binary, *MACHINE) as q:
        has(say(q, 'info block'), r'\(n0\): .*\(null-co, read-only\)', r'Attached to: +/machine/peripheral/disk')
        has(say(q, 'info pci'), r'Bus +0, device +0, function 0', r'8086', r'Bus +0, device +6, function 0', r'1af4', r'Bus +0, device +31, function 0')
        has(say(q, 'info memdev'), r'^memory backend: m0', r'^  size:  134217728$', r'^memory backend: m1')
        has(say(q, 'info numa'), r'^2 nodes', r'^node 0 cpus: 0$', r'^node 0 size: 128 MB', r'^node 1 cpus: 1$', r'^node 1 size: 128 MB')
        cpus = re.findall(r'CPU #(\d+): thread_id=(\d+)', say(q, 'info cpus'))
        expect_equal([number for number, _ in cpus], ['0', '1'], 'the processors')
        for _, thread in cpus:
            expect(os.path.exists(f'/proc/{q.vmm.process.pid}/task/{thread}'), f'{thread} is no thread of the process')
        roms = re.findall(r'mem=rom name="(.*)"', say(q, 'info roms'))
        expect(roms and all('bios' in name for name in roms), f'{roms}')


def memory(binary):
    """x and xp, with the format at the command or after it, in every size and base."""
    with Monitored(binary, *MACHINE) as q:
        q.write(0x1000, bytes(range(0x70, 0x90)))
        for line, wanted in (('xp /4xb 0x1000', '0x70 0x71 0x72 0x73'), ('xp/4xb 0x1000', '0x70 0x71 0x72 0x73'), ('xp/2xh 0x1000', '0x7170 0x7372'),
                             ('xp/1xw 4096', '0x73727170'), ('xp 0x1000', '0x73727170'), ('xp/2xg 0x1000', '0x7776757473727170 0x7f7e7d7c7b7a7978'),
                             ('xp/2db 0x100f', '127 -128'), ('xp/2ub 0x100f', '127 128'),
                             ('xp/2ob 0x1000', '160 161'), ('xp/2cb 0x1000', "'p' 'q'")):
            said = say(q, line)
            address = 0x100f if '0x100f' in line else 0x1000
            expect_equal(said, f'{address:016x}: {wanted}\n', line)
        has(say(q, 'xp/1xb 0x7fffffff00'), r'there is no memory at 0x7fffffff00')
        has(say(q, 'xp/4q 0'), r"^Error: '/4q' is not COUNT")
        for command in ('x', 'xp'):
            has(say(q, f'help {command}'), rf'^{command} \[/FORMAT\] address -- shows .*memory.*count')


def memory_of_a_processor(binary):
    """x, as the processor sees it: the first instruction of the firmware, which is no qtest."""
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        print('not run: memory_of_a_processor needs /dev/kvm')
        return
    with open(FIRMWARE, 'rb') as file:
        wanted = ' '.join(f'0x{byte:02x}' for byte in file.read()[-16:-8])
    with Process(binary, '-S', '-display', 'none', '-cpu', 'qemu64,check=off', '-bios', FIRMWARE) as process:
        q = types.SimpleNamespace(qmp=process.connect().negotiate())
        for line in ('x/8xb 0xfffffff0', 'x /8xb 0xfffffff0', 'x/8bx 0xfffffff0'):
            expect_equal(say(q, line), f'00000000fffffff0: {wanted}\n', line)
        has(say(q, 'x/1xb 0x1000', cpu_index=7), r'^Error: there is no processor 7')
        has(say(q, 'x/1xb 0xd0000000'), r'there is no memory at 0xd0000000')


def running(binary):
    """stop, cont and system_reset do what their words say, and what they do is an event."""
    with Monitored(binary, *MACHINE) as q:
        q.qmp.events.clear()
        expect_equal(say(q, 'info status'), 'VM status: running\n', 'at first')
        expect_equal(say(q, 'stop'), '', 'stop')
        q.qmp.wait_event('STOP')
        expect_equal(say(q, 'info status'), 'VM status: paused\n', 'after stop')
        expect_equal(say(q, 'cont'), '', 'cont')
        q.qmp.wait_event('RESUME')
        expect_equal(say(q, 'info status'), 'VM status: running\n', 'after cont')
        q.outb(0x70, 0x20)
        q.pci('05.0').set_config_byte(0x3c, 0x55)
        expect_equal(say(q, 'system_reset'), '', 'system_reset')
        expect_equal(q.qmp.wait_event('RESET')['data']['reason'], 'host-qmp-system-reset', 'the reason')
        expect_equal(q.pci('05.0').config_byte(0x3c), 0, 'a register after the reset')


def keys(binary):
    """sendkey arrives at the keyboard controller, pressed and let go; a key that is none is refused."""
    with Monitored(binary, *MACHINE) as q:
        q.outb(0x64, 0x60)
        q.outb(0x60, 0x01 | 0x40)  # interrupt on, translated
        q.outb(0x60, 0xf4)
        seen = []

        def drain(least):
            for _ in range(2000):
                while q.inb(0x64) & 1:
                    seen.append(q.inb(0x60))
                if len(seen) >= least:
                    break
                say(q, 'info status')
        drain(1)
        expect_equal(seen, [0xfa], 'the answer to enabling')
        seen.clear()
        expect_equal(say(q, 'sendkey ctrl-a 1'), '', 'sendkey')
        drain(4)
        expect_equal(seen, [0x1d, 0x1e, 0x9e, 0x9d], 'scan codes of Ctrl and A')
        has(say(q, 'sendkey no-such-key'), r"^Error: .*expects one of esc, 1, .*, not 'no'")


def devices(binary):
    """device_add and device_del, and what device_add says when asked."""
    with Monitored(binary, *MACHINE) as q:
        expect_equal(say(q, 'device_add virtio-rng-pci,id=new,bus=rp'), '', 'device_add')
        has(say(q, 'info qtree'), r'^ *bus: rp', r'^ *dev: virtio-rng-pci, id "new"')
        has(say(q, 'device_add virtio-rng-pci,id=new,bus=rp'), r'^Error: .*new')
        has(say(q, 'device_add no-such-device,id=y'), r"^Error: 'no-such-device' is not a valid device model name")
        has(say(q, 'device_add help'), r'^name "virtio-blk-pci", bus PCI')
        has(say(q, 'device_add virtio-blk-pci,help'), r'^virtio-blk-pci options:', r'^  drive=<str>')
        expect_equal(say(q, 'device_del new'), '', 'device_del')
        say(q, 'system_reset')
        expect_equal(q.qmp.wait_event('DEVICE_DELETED')['data'], {'device': 'new', 'path': '/machine/peripheral/new'}, 'the event')
        expect('"new"' not in say(q, 'info qtree'), 'it is still there')
        has(say(q, 'device_del new'), r'^Error: .*new')


def help_lines(binary):
    """Every command and subject that help lists has a line that can be read alone."""
    with Monitored(binary, *MACHINE) as q:
        lines = say(q, 'help').splitlines() + say(q, 'help info').splitlines()
        expect(len(lines) > 60, f'only {len(lines)} lines')
        for line in lines:
            expect(re.match(r'^[a-z_?|-]+( .*)? -- \S.{6,}', line) and 'the same' not in line, f'help: {line}')


if __name__ == '__main__':
    main([memory_map, trees, what_there_is, memory, memory_of_a_processor, running, keys, devices, help_lines])
