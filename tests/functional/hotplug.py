#!/usr/bin/env python3
"""Processors and memory that come and go, with a test client in the guest's place: it uses the registers as the ACPI tables' methods do.
hotplug.py PENUMBRA [TEST...]"""
import struct
import sys

from harness import Failure, main
from monitored import Monitored, refused
from qtest import expect, expect_equal

CPU, CPU_STATE, CPU_COMMAND, CPU_DATA = 0xcd8, 0xcdc, 0xcdd, 0xce0
CAME, WANTED, EJECT = 2, 4, 8
GPE_STATUS = 0x620
PM = 0x600


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
        kept = {one['slot']: one for one in q.qmp.command('query-acpi-ospm-status')}
        expect_equal(kept['3'], info, 'what is kept of it')
        expect_equal((len(kept), kept['2']['source'], 'device' in kept['2']), (6, 0, False), 'the other slots')
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


MEMORY, MEMORY_STATE = 0xa00, 0xa14
MIB = 1 << 20


def modules(q):
    return {m['data']['id']: m['data'] for m in q.qmp.command('query-memory-devices')}


def memory(binary):
    """The way of a module into the guest and out again."""
    with Monitored(binary, '-machine', 'q35', '-m', '256M,slots=3,maxmem=4G', '-object', 'memory-backend-ram,id=m0,size=256M',
                   '-device', 'pc-dimm,id=d0,memdev=m0') as q:
        turn_on_acpi(q)
        base = 1 << 32
        end, = struct.unpack('<Q', file_of(q, 'etc/reserved-memory-end'))
        expect_equal(end, base + ((4 << 30) - 256 * MIB + (3 << 30) + (1 << 30) - 1) // (1 << 30) * (1 << 30), 'end of the window')
        expect_equal(modules(q)['d0'], {'id': 'd0', 'addr': base, 'size': 256 * MIB, 'slot': 0, 'node': 0, 'memdev': '/objects/m0',
                                        'hotplugged': False, 'hotpluggable': True}, 'the first')
        expect_equal(events(q), 0, 'events')
        q.qmp.command('object-add', **{'qom-type': 'memory-backend-ram', 'id': 'm1', 'size': 128 * MIB})
        q.qmp.command('device_add', driver='pc-dimm', id='d1', memdev='m1', slot=2)
        expect_equal(events(q), 1 << 3, 'event')
        place = base + 256 * MIB
        q.outl(MEMORY, 2)
        expect_equal([q.inl(MEMORY + at) for at in (0, 4, 8, 12, 16)], [place & 0xffffffff, 1, 128 * MIB, 0, 0], 'its registers')
        expect_equal(q.inb(MEMORY_STATE), 1 | CAME, 'its state')
        q.outb(MEMORY_STATE, CAME)
        q.write(place + 4096, b'in the module')
        expect_equal(q.read(place + 4096, 13), b'in the module', 'its memory')
        expect_equal(q.qmp.command('query-memory-size-summary'), {'base-memory': 256 * MIB, 'plugged-memory': 384 * MIB}, 'sizes')
        refused(q, 'in use by', 'object-del', id='m1')
        q.outl(MEMORY + 4, 0x103)
        q.outl(MEMORY + 8, 1)
        info = q.qmp.wait_event('ACPI_DEVICE_OST')['data']['info']
        expect_equal(info, {'device': 'd1', 'slot': '2', 'slot-type': 'DIMM', 'source': 0x103, 'status': 1}, 'what the guest said')
        for _ in range(2):
            q.qmp.command('device_del', id='d1')
            expect_equal(events(q), 1 << 3, 'event')
        expect_equal(q.inb(MEMORY_STATE), 1 | WANTED, 'its state')
        q.outb(MEMORY_STATE, WANTED)
        q.outb(MEMORY_STATE, EJECT)
        q.qmp.wait_event('DEVICE_DELETED')
        expect_equal(q.inb(MEMORY_STATE), 0, 'its state')
        expect_equal(list(modules(q)), ['d0'], 'modules')
        expect_equal(q.read(place + 4096, 13), b'\xff' * 13, 'where it was')
        q.qmp.command('device_add', driver='pc-dimm', id='d1', memdev='m1', addr=place + 512 * MIB)
        expect_equal((modules(q)['d1']['addr'], modules(q)['d1']['slot']), (place + 512 * MIB, 1), 'its new place')
        q.outl(MEMORY, 1)
        q.outb(MEMORY_STATE, EJECT)
        q.qmp.wait_event('DEVICE_DELETED')
        q.qmp.command('object-del', id='m1')


def bad_memory(binary):
    """What cannot be plugged in leaves nothing behind."""
    with Monitored(binary, '-machine', 'q35', '-m', '256M,slots=2,maxmem=1G', '-object', 'memory-backend-ram,id=m0,size=256M',
                   '-object', 'memory-backend-ram,id=odd,size=257M', '-object', 'memory-backend-ram,id=big,size=768M',
                   '-device', 'pc-dimm,id=d0,memdev=m0') as q:
        for text, extra in (('not set', {}), ("no memory backend 'x'", {'memdev': 'x'}), ('busy memdev', {'memdev': 'm0'}),
                            ('multiple of 0x200000', {'memdev': 'odd'}), ('not enough space', {'memdev': 'big'}),
                            ('exceeds the number of numa nodes', {'memdev': 'odd', 'node': 1})):
            refused(q, text, 'device_add', driver='pc-dimm', id='d1', **extra)
        q.qmp.command('object-add', **{'qom-type': 'memory-backend-ram', 'id': 'm1', 'size': 128 * MIB})
        for text, extra in (('slot 0 is busy', {'slot': 0}), ('invalid slot number 2', {'slot': 2}), ("conflicts with memory device id='d0'", {'addr': 1 << 32}),
                            ('aligned', {'addr': (1 << 32) + 4096}), ('usable range', {'addr': 2 << 20})):
            refused(q, text, 'device_add', driver='pc-dimm', id='d1', memdev='m1', **extra)
        expect_equal(list(modules(q)), ['d0'], 'modules')
        q.qmp.command('object-del', id='m1')
    with Monitored(binary, '-machine', 'q35', '-object', 'memory-backend-ram,id=m0,size=128M') as q:
        expect_equal(q.inl(MEMORY), 0xffffffff, 'no registers')
        refused(q, 'not enabled', 'device_add', driver='pc-dimm', id='d1', memdev='m0')


if __name__ == '__main__':
    try:
        main([processors, bad_processors, memory, bad_memory])
    except Failure as failure:
        print(failure)
        sys.exit(1)
