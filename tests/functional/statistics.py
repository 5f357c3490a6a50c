#!/usr/bin/env python3
"""What is counted: KVM's statistics by query-stats, and what the monitor for people shows of interrupts and firmware.
usage: statistics.py PENUMBRA [test...]"""
import sys
import time

import harness
import qmp_client
from harness import Failure

GUEST = ('-display', 'none', '-machine', 'q35', '-m', '64', '-cpu', 'qemu64,check=off', '-smp', '2,maxcpus=4')


def need(condition, text):
    if not condition:
        raise Failure(text)


def people(qmp, line):
    return qmp.command('human-monitor-command', command_line=line)


def by_name(result):
    return {stat['name']: stat['value'] for stat in result['stats']}


def counters(binary):
    """The kernel's counters of the machine and of each processor; they grow while it runs, and filters take away what was not asked for."""
    with qmp_client.Process(binary, *GUEST) as process:
        qmp = process.connect().negotiate()
        machine = qmp.command('query-stats', target='vm')
        if not machine:
            print('this kernel does not tell what it counts: query-stats is empty')
            need(qmp.command('query-stats', target='vcpu') == [] and qmp.command('query-stats-schemas') == [], 'half of it')
            return
        need(len(machine) == 1 and machine[0]['provider'] == 'kvm' and 'qom-path' not in machine[0], f'{machine}')
        paths = [cpu['qom-path'] for cpu in qmp.command('query-cpus-fast')]
        first = qmp.command('query-stats', target='vcpu')
        need([one['qom-path'] for one in first] == paths, f'{first}')
        need(by_name(first[0])['exits'] > 0, 'the boot processor never left the guest')
        time.sleep(0.2)
        people(qmp, 'info registers')
        need(by_name(qmp.command('query-stats', target='vcpu')[0])['exits'] > by_name(first[0])['exits'], 'nothing is counted')
        names = ['halt_poll_fail_ns', 'exits']
        some = qmp.command('query-stats', target='vcpu', vcpus=paths[1:], providers=[{'provider': 'kvm', 'names': names}])
        need(len(some) == 1 and some[0]['qom-path'] == paths[1] and set(by_name(some[0])) == set(names), f'{some}')
        for nothing in ({'vcpus': []}, {'providers': []}, {'providers': [{'provider': 'kvm', 'names': []}]}, {'vcpus': ['/nowhere']},
                        {'providers': [{'provider': 'kvm', 'names': ['nothing']}]}):
            need(qmp.command('query-stats', target='vcpu', **nothing) == [], f'{nothing}')


def meanings(binary):
    """Each counter has its description, and the value that belongs to it."""
    with qmp_client.Process(binary, *GUEST, '-S') as process:
        qmp = process.connect().negotiate()
        described = {one['target']: {stat['name']: stat for stat in one['stats']} for one in qmp.command('query-stats-schemas', provider='kvm')}
        for target in described:
            for result in qmp.command('query-stats', target=target):
                values = by_name(result)
                need(set(values) == set(described[target]), f'{set(values) ^ set(described[target])}')
                for name, value in values.items():
                    about = described[target][name]
                    wanted = bool if about.get('unit') == 'boolean' else list if 'histogram' in about['type'] else int
                    need(type(value) is wanted, f'{name}: {value} and {about}')
                    need(('base' in about) == (about['exponent'] != 0), f'{about}')
        if described:
            wait = described['vcpu']['halt_wait_ns']
            need((wait['type'], wait['unit'], wait['base'], wait['exponent']) == ('cumulative', 'seconds', 10, -9), f'{wait}')


def processors_come_and_go(binary):
    """The counters of one that was plugged are there, those of one that is gone are not; the monitor for people knows which there are."""
    with qmp_client.Process(binary, *GUEST, '-S') as process:
        qmp = process.connect().negotiate()
        free = [place for place in qmp.command('query-hotpluggable-cpus') if 'qom-path' not in place]
        # Not the next one: a place in between stays free.
        place = max(free, key=lambda one: one['props']['socket-id'])
        qmp.command('device_add', driver=place['type'], id='more', **{k.replace('-', '_'): v for k, v in place['props'].items()})
        paths = [cpu['qom-path'] for cpu in qmp.command('query-cpus-fast')]
        need(len(paths) == 3 and '/machine/peripheral/more' in paths, f'{paths}')
        found = qmp.command('query-stats', target='vcpu')
        need(not found or [one['qom-path'] for one in found] == paths, f'{found}')
        said = people(qmp, 'info registers -a')
        need(said.count('CPU#') == 3 and 'CPU#3' in said and 'CPU#2' not in said, said)
        for line in ('info lapic 2', 'info lapic 77', 'info lapic x'):
            need(people(qmp, line).startswith('Error: '), line)
        need('processor 3' in people(qmp, 'info lapic 3'), 'the APIC of the one that was plugged')


def for_people(binary):
    """info stats, lapic, pic, irq and roms, with controllers of the kernel's and of our own."""
    for chip in ('on', 'split'):
        with qmp_client.Process(binary, *GUEST, '-machine', f'kernel_irqchip={chip}') as process:
            qmp = process.connect().negotiate()
            end = time.monotonic() + 50
            while 'irq_base=08' not in (said := people(qmp, 'info pic')):  # the firmware sets it up
                need(time.monotonic() < end, f'{chip}: {said}')
                time.sleep(0.1)
            for part in ('pic0: irr=', 'pic1: irr=', 'ioapic0: id=', '  pin 23 '):
                need(part in said, f'{chip}: {said}')
            said = people(qmp, 'info lapic')
            need('local APIC of processor 0' in said and 'SPIV' in said and 'LVT0' in said, said)
            said = people(qmp, 'info roms')
            need('mem=rom name="' in said and 'fw=etc/acpi/tables' in said, said)
            said = people(qmp, 'info irq')
            need('how often' in said, said)
            said = people(qmp, 'info stats vcpu exits,hypercalls')
            need('nothing is counted' in said or ('exits: ' in said and 'hypercalls' in said and 'pf_taken' not in said), said)
            need(people(qmp, 'info stats').startswith('Error: '), 'info stats without a target')
            need('provider: kvm' in people(qmp, 'info stats vm') or not qmp.command('query-stats', target='vm'), 'info stats vm')


def back_ends_by_people(binary):
    """Objects, network and block back ends by the monitor for people, in the words of the options."""
    drive = ('-drive', 'if=none,id=d0,driver=null-co,size=1M', '-device', 'virtio-blk-pci,drive=d0')
    with qmp_client.Process(binary, *GUEST, '-S', *drive) as process:
        qmp = process.connect().negotiate()
        for line in ('object_add memory-backend-ram,id=m1,size=1M', 'netdev_add socket,id=n1,udp=127.0.0.1:9,localaddr=127.0.0.1:0',
                     'set_link n1 off'):
            need(people(qmp, line) == '', f'{line}: {people(qmp, line)}')
        need('m1' in [one['id'] for one in qmp.command('query-memdev')], 'the object')
        need('n1: ' in people(qmp, 'info network') and 'link=down' in people(qmp, 'info network'), people(qmp, 'info network'))
        for line in ('netdev_del n1', 'object_del m1'):
            need(people(qmp, line) == '', line)
        need('d0: rd_bytes=0 ' in people(qmp, 'info blockstats'), people(qmp, 'info blockstats'))
        need('no migration' in people(qmp, 'info migrate'), people(qmp, 'info migrate'))
        for line in ('object_add', 'object_add nothing,id=x', 'netdev_add socket', 'netdev_del nobody', 'set_link n1 sideways', 'eject nobody',
                     'block_resize d0 much', 'info vm-generation-id'):
            need(people(qmp, line).startswith('Error: '), f'{line}: {people(qmp, line)}')
        need('object_add type,id=ID' in people(qmp, 'help object_add'), people(qmp, 'help object_add'))


if __name__ == '__main__':
    sys.exit(harness.main([counters, meanings, processors_come_and_go, for_people, back_ends_by_people]))
