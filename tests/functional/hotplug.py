#!/usr/bin/env python3
"""Processors and memory that come and go, with a test client in the guest's place: it uses the registers as the ACPI tables' methods do.
hotplug.py PENUMBRA [TEST...]"""
import struct
import sys

from harness import Failure, main
from monitored import Monitored
from qmp_client import QmpError
from qtest import expect, expect_equal

CPU, CPU_STATE, CPU_COMMAND, CPU_DATA = 0xcd8, 0xcdc, 0xcdd, 0xce0
CAME, WANTED, EJECT = 2, 4, 8
GPE_STATUS = 0x620
PM = 0x600


def refused(q, text, command, **arguments):
    try:
        q.qmp.command(command, **arguments)
    except QmpError as error:
        expect(text in error.desc, f'{command} {arguments}: {error.desc}')
        return
    raise Failure(f'{command} {arguments}: not refused')


def turn_on_acpi(q):
    bridge = q.pci('1f.0')
    bridge.set_config_long(0x40, PM | 1)
    bridge.set_config_byte(0x44, 0x80)


def events(q):
    """The general-purpose events since the last call."""
    status = q.inb(GPE_STATUS)
    q.outb(GPE_STATUS, status)
    return status


def file_of(q, name):
    """A file of fw_cfg, by its ports."""
    def read(key, count):
        q.outw(0x510, key)
        return bytes(q.inb(0x511) for _ in range(count))
    entries = read(0x19, 4 + 64 * struct.unpack('>I', read(0x19, 4))[0])[4:]
    for at in range(0, len(entries), 64):
        size, key = struct.unpack('>IH', entries[at:at + 6])
        if entries[at + 8:at + 64].rstrip(b'\0').decode() == name:
            return read(key, size)
    raise Failure(f'no file {name}')


def enabled_cpus(q):
    """The APIC ids that the MADT calls enabled."""
    tables = file_of(q, 'etc/acpi/tables')
    start = tables.index(b'APIC')
    length, = struct.unpack('<I', tables[start + 4:start + 8])
    at, found = start + 44, []
    while at < start + length:
        if tables[at] == 0 and tables[at + 4] & 1:
            found.append(tables[at + 3])
        at += tables[at + 1]
    return found


def cpu_state(q, index):
    q.outl(CPU, index)
    return q.inb(CPU_STATE)


def processors(binary):
    """The way of a processor into the guest and out again, and what firmware is told at the next reset."""
    kind = 'Haswell-x86_64-cpu'
    with Monitored(binary, '-machine', 'q35', '-cpu', 'Haswell', '-smp', '1,sockets=1,cores=3,threads=2,maxcpus=6') as q:
        turn_on_acpi(q)
        expect_equal(q.inb(CPU), 1, 'the bitmap')
        q.outl(CPU, 0)
        places = q.qmp.command('query-hotpluggable-cpus')
        expect_equal(len(places), 6, 'places')
        expect_equal(sum('qom-path' in place for place in places), 1, 'processors')
        for place in places:
            expect_equal((place['type'], place['vcpus-count']), (kind, 1), 'kind and count')
        place = {'socket-id': 0, 'core-id': 1, 'thread-id': 1}
        q.qmp.command('device_add', driver=kind, id='new', **place)
        expect_equal(events(q), 1 << 2, 'event')
        q.outb(CPU_COMMAND, 0)
        expect_equal(q.inl(CPU_DATA), 3, 'who came')
        expect_equal(q.inb(CPU_STATE), 1 | CAME, 'its state')
        q.outb(CPU_STATE, CAME)
        q.outb(CPU_COMMAND, 1)
        q.outl(CPU_DATA, 1)
        q.outb(CPU_COMMAND, 2)
        q.outl(CPU_DATA, 0)
        info = q.qmp.wait_event('ACPI_DEVICE_OST')['data']['info']
        expect_equal(info, {'device': 'new', 'slot': '3', 'slot-type': 'CPU', 'source': 1, 'status': 0}, 'what the guest said')
        fast = {cpu['cpu-index']: cpu['qom-path'] for cpu in q.qmp.command('query-cpus-fast')}
        expect_equal(fast[3], '/machine/peripheral/new', 'path')
        refused(q, 'CPU[3] with APIC ID 3 exists', 'device_add', driver=kind, **place)
        expect_equal(enabled_cpus(q), [0], 'processors before the reset')
        q.qmp.command('system_reset')
        q.qmp.wait_event('RESET')
        expect_equal(enabled_cpus(q), [0, 3], 'processors after the reset')
        q.outw(0x510, 5)
        expect_equal(q.inb(0x511), 2, 'their number')
        q.outb(0x70, 0x5f)
        expect_equal(q.inb(0x71), 1, 'those besides the first')
        turn_on_acpi(q)
        expect_equal(q.inb(CPU), 0b1001, 'the bitmap')
        q.outl(CPU, 0)
        for _ in range(2):  # may be asked again: the guest may not have listened
            q.qmp.command('device_del', id='new')
            expect_equal(events(q), 1 << 2, 'event')
        expect_equal(cpu_state(q, 3), 1 | WANTED, 'its state')
        q.outb(CPU_STATE, WANTED)
        q.outb(CPU_STATE, EJECT)
        q.qmp.wait_event('DEVICE_DELETED')
        expect_equal(cpu_state(q, 3), 0, 'its state')
        expect_equal(len(q.qmp.command('query-cpus-fast')), 1, 'processors')
        q.qmp.command('device_add', driver=kind, id='new', **place)
        expect_equal(cpu_state(q, 3), 1 | CAME, 'once more')


def bad_processors(binary):
    """What cannot be plugged in leaves nothing behind."""
    kind = 'qemu64-x86_64-cpu'
    with Monitored(binary, '-machine', 'q35', '-smp', '1,sockets=2,maxcpus=2', '-device', f'{kind},id=cold,socket-id=1,core-id=0,thread-id=0') as q:
        q.outl(CPU, 0)
        expect_equal(cpu_state(q, 1), 1, 'a processor from the start')
        expect_equal(len(q.qmp.command('query-cpus-fast')), 2, 'processors')
        refused(q, 'CPU[1] with APIC ID 1 exists', 'device_add', driver=kind, id='x', **{'socket-id': 1, 'core-id': 0, 'thread-id': 0})
        refused(q, "Invalid CPU type, expected cpu type: 'qemu64-x86_64-cpu'", 'device_add', driver='Haswell-x86_64-cpu', id='x',
                **{'socket-id': 1, 'core-id': 0, 'thread-id': 0})
        refused(q, 'socket-id', 'device_add', driver=kind, id='x', **{'socket-id': 2, 'core-id': 0, 'thread-id': 0})
        expect_equal([d['name'] for d in q.qmp.command('qom-list', path='/machine/peripheral')].count('x'), 0, 'devices named x')
        expect_equal(events(q) if turn_on_acpi(q) else 0, 0, 'events')


if __name__ == '__main__':
    try:
        main([processors, bad_processors])
    except Failure as failure:
        print(failure)
        sys.exit(1)
