#!/usr/bin/env python3
"""Commands that people type seldom: that each does what it says. The guest is a test client. qmp_commands.py PENUMBRA [TEST...]"""
import json
import os
import select
import socket
import struct
import subprocess
import tempfile

from block_graph import wait_job
from harness import main
from monitored import Monitored, refused
from qcow2_disk import SIZE, VirtioDisk
from qtest import expect, expect_equal

MIB = 1 << 20
MACHINE = ('-machine', 'q35', '-nodefaults')
MAC = bytes.fromhex('525400a1b2c3')


def events_states(q, pattern):
    return {one['name']: one['state'] for one in q.qmp.command('trace-event-get-state', name=pattern)}


def trace_events(binary):
    """One event, a pattern, what there is not; an event that is on writes lines, one that is off does not."""
    with tempfile.TemporaryDirectory(prefix='trace-') as folder, Monitored(binary, *MACHINE, '-D', f'{folder}/log') as q:
        everything = events_states(q, '*')
        some = events_states(q, 'kvm_*')
        expect(1 < len(some) < len(everything) and all(name.startswith('kvm_') for name in some), f'{some}')
        expect_equal(set(everything.values()), {'disabled'}, 'at first')
        name, = events_states(q, 'kvm_run_exit')
        q.qmp.command('trace-event-set-state', name=name, enable=True)
        expect_equal({key for key, state in events_states(q, '*').items() if state == 'enabled'}, {name}, 'what is on')
        q.qmp.command('trace-event-set-state', name='kvm_*', enable=True)
        expect_equal(set(events_states(q, 'kvm_*').values()), {'enabled'}, 'the pattern')
        q.qmp.command('trace-event-set-state', name='*', enable=False)
        expect_equal(set(events_states(q, '*').values()), {'disabled'}, 'in the end')
        refused(q, 'nothing', 'trace-event-set-state', name='nothing', enable=True)
        refused(q, 'nothing', 'trace-event-get-state', name='nothing')
        q.pci('1f.0').set_config_long(0x40, 0x601)
        q.pci('1f.0').set_config_byte(0x44, 0x80)
        for enable in (False, True):
            q.qmp.command('trace-event-set-state', name='*', enable=enable)
            q.pci('1f.0').set_config_byte(0x44, 0x80 if enable else 0)  # the ports of power management come and go
            q.qmp.command('query-status')
            with open(f'{folder}/log', 'rb') as log:
                expect(bool(log.read()) == enable, f'lines with the events {"on" if enable else "off"}')


def announcements(binary):
    """RARP from the card's address, as often as asked; only by the cards that were named."""
    ends = [socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(2)]
    arguments = []
    for number, (_, theirs) in enumerate(ends):
        arguments += ['-netdev', f'socket,id=n{number},fd={theirs.fileno()}', '-device', f'virtio-net-pci,netdev=n{number},mac=52:54:00:a1:b2:c{3 + number}']
    with Monitored(binary, *MACHINE, *arguments, pass_fds=[theirs.fileno() for _, theirs in ends]) as q:
        def frames(number, wanted, wait):
            found = []
            while select.select([ends[number][0]], [], [], wait if len(found) >= wanted else 10)[0]:
                length, = struct.unpack('>I', ends[number][0].recv(4, socket.MSG_WAITALL))
                found.append(ends[number][0].recv(length, socket.MSG_WAITALL))
            return found
        q.qmp.command('announce-self', initial=10, max=30, rounds=3, step=10, interfaces=['n0'])
        sent = frames(0, 3, 0.3)
        expect_equal(len(sent), 3, 'rounds')
        for frame in sent:
            expect_equal((frame[:6], frame[6:12], frame[12:14]), (b'\xff' * 6, MAC, b'\x80\x35'), 'the frame')
            expect_equal(frame[14:22], struct.pack('>HHBBH', 1, 0x800, 6, 4, 3), 'a reverse request')
            expect_equal((frame[22:28], frame[32:38]), (MAC, MAC), 'whose')
        expect_equal(frames(1, 0, 0.2), [], 'the other card')
        q.qmp.command('announce-self', initial=10, max=10, rounds=1, step=0)
        expect_equal([len(frames(number, 1, 0.2)) for number in (0, 1)], [1, 1], 'both')
    for pair in ends:
        for one in pair:
            one.close()


def what_there_is(binary):
    """Answers without arguments, against this very machine."""
    with Monitored(binary, *MACHINE, '-m', '128,slots=2,maxmem=512M', '-smp', '1,maxcpus=2') as q:
        kinds = {one['name'] for one in q.qmp.command('query-chardev-backends')}
        expect({'file', 'null', 'pipe', 'pty', 'ringbuf', 'socket', 'stdio'} <= kinds, f'{kinds}')
        for kind, data in (('null', {}), ('ringbuf', {'size': 64}), ('memory', {'size': 64}), ('pty', {}), ('file', {'out': '/dev/null'})):
            expect(kind in kinds, f'{kind} is not listed')
            q.qmp.command('chardev-add', id='new', backend={'type': kind, 'data': data})
            q.qmp.command('chardev-remove', id='new')
        expect_equal(q.qmp.command('query-current-machine'), {'wakeup-suspend-support': False}, 'this machine')
        slots = q.qmp.command('query-acpi-ospm-status')
        expect_equal(sorted((one['slot-type'], one['slot']) for one in slots), [('CPU', '0'), ('CPU', '1'), ('DIMM', '0'), ('DIMM', '1')], 'slots')
        expect(all(one['source'] == one['status'] == 0 for one in slots), f'{slots}')


def block_jobs(binary):
    """block-job-pause stops the copying, -resume goes on, -finalize takes the last step that waits for it."""
    with tempfile.TemporaryDirectory(prefix='jobs-') as folder:
        for name in ('a', 'b'):
            with open(f'{folder}/{name}', 'wb') as file:
                file.write((b'data' if name == 'a' else b'\0\0\0\0') * (1 << 20))
        files = [word for name in 'ab' for word in ('-blockdev', f'driver=file,node-name={name},filename={folder}/{name}')]
        with Monitored(binary, *MACHINE, *files, '-device', 'virtio-blk-pci,drive=a,id=d') as q:
            q.qmp.command('blockdev-backup', job_id='j', device='a', target='b', sync='full', speed=1 << 20, auto_finalize=False, auto_dismiss=False)
            wait_job(q, 'j', 'created', 'running')
            q.qmp.command('block-job-pause', device='j')
            wait_job(q, 'j', 'paused')

            def offset():
                one, = q.qmp.command('query-block-jobs')
                expect(one['paused'] and one['status'] == 'paused', f'{one}')
                return one['offset']
            at = offset()
            expect(at < 4 << 20, 'it is over already')
            select.select([], [], [], 0.5)
            expect_equal(offset(), at, 'where a job that pauses is')
            refused(q, 'j', 'block-job-finalize', id='j')
            q.qmp.command('block-job-set-speed', device='j', speed=0)
            q.qmp.command('block-job-resume', device='j')
            wait_job(q, 'j', 'running', 'waiting', 'pending')
            q.qmp.wait_event('BLOCK_JOB_PENDING')
            expect_equal(q.qmp.command('query-block-jobs')[0]['status'], 'pending', 'the job')
            q.qmp.command('block-job-finalize', id='j')
            expect_equal(q.qmp.wait_event('BLOCK_JOB_COMPLETED')['data']['offset'], 4 << 20, 'copied')
            wait_job(q, 'j', 'concluded')
            q.qmp.command('block-job-dismiss', id='j')
            expect_equal(q.qmp.command('query-block-jobs'), [], 'jobs')
            refused(q, 'j', 'block-job-pause', device='j')
        with open(f'{folder}/a', 'rb') as one, open(f'{folder}/b', 'rb') as other:
            expect_equal(one.read(), other.read(), 'the copy')


def another_medium(binary):
    """blockdev-change-medium opens the tray, puts the image in, closes it; what cannot be opened changes nothing."""
    with tempfile.TemporaryDirectory(prefix='media-') as folder:
        for name, size in (('a.iso', 1 << 20), ('b.iso', 2 << 20)):
            with open(f'{folder}/{name}', 'wb') as file:
                file.truncate(size)
        with Monitored(binary, *MACHINE, '-blockdev', f'driver=file,node-name=f,filename={folder}/a.iso,read-only=on', '-device',
                       'ide-cd,drive=f,id=cd') as q:
            def medium():
                one, = q.qmp.command('query-block')
                return one.get('tray_open'), os.path.basename(one['inserted']['file']), one['inserted']['image']['virtual-size'], one['inserted']['ro']
            expect_equal(medium(), (False, 'a.iso', 1 << 20, True), 'at first')
            q.qmp.command('blockdev-change-medium', id='cd', filename=f'{folder}/b.iso', format='raw')
            for opened in (True, False):
                data = q.qmp.wait_event('DEVICE_TRAY_MOVED')['data']
                expect_equal((data['id'], data['tray-open']), ('cd', opened), 'the tray')
            expect_equal(medium(), (False, 'b.iso', 2 << 20, True), 'then')
            refused(q, 'missing.iso', 'blockdev-change-medium', id='cd', filename=f'{folder}/missing.iso')
            refused(q, 'nobody', 'blockdev-change-medium', id='nobody', filename=f'{folder}/a.iso')
            expect_equal(medium(), (False, 'b.iso', 2 << 20, True), 'after what was refused')
            q.qmp.command('blockdev-change-medium', id='cd', filename=f'{folder}/a.iso', read_only_mode='read-only')
            expect_equal(medium(), (False, 'a.iso', 1 << 20, True), 'in the end')


def trays(binary):
    """A CD taken out and another put in, step by step; each step in its turn only."""
    with tempfile.TemporaryDirectory(prefix='trays-') as folder:
        files = []
        for number, name in enumerate(('one', 'two')):
            with open(f'{folder}/{name}', 'wb') as file:
                file.truncate((1 + number) * MIB)
            files += ['-blockdev', f'driver=file,node-name={name},filename={folder}/{name},read-only=on']
        with Monitored(binary, *MACHINE, *files, '-device', 'ide-cd,drive=one,id=cd') as q:
            def inside():
                drive, = q.qmp.command('query-block')
                return drive['tray_open'], drive.get('inserted', {}).get('node-name')
            refused(q, 'not open', 'blockdev-remove-medium', id='cd')
            refused(q, '', 'blockdev-insert-medium', id='cd', node_name='two')
            for command, arguments, opened, wanted in (
                    ('blockdev-open-tray', {}, True, (True, 'one')), ('blockdev-remove-medium', {}, None, (True, None)),
                    ('blockdev-close-tray', {}, False, (False, None)), ('blockdev-open-tray', {'force': True}, True, (True, None)),
                    ('blockdev-insert-medium', {'node-name': 'two'}, None, (True, 'two')), ('blockdev-close-tray', {}, False, (False, 'two')),
                    ('eject', {}, True, (True, None))):
                q.qmp.command(command, id='cd', **arguments)
                if opened is not None:
                    data = q.qmp.wait_event('DEVICE_TRAY_MOVED')['data']
                    expect_equal((data['id'], data['tray-open']), ('cd', opened), f'the event of {command}')
                expect_equal(inside(), wanted, command)
            refused(q, 'nobody', 'blockdev-open-tray', id='nobody')
            refused(q, 'nobody', 'blockdev-insert-medium', id='cd', node_name='nobody')
            expect_equal(inside(), (True, None), 'after what was refused')


def another_backing_file(binary):
    """change-backing-file writes what the image says of the one below; which one that is meanwhile stays."""
    with tempfile.TemporaryDirectory(prefix='backing-') as folder:
        for words in (('base', '1M'), ('-b', 'base', '-F', 'qcow2', 'top')):
            subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', *words], check=True, cwd=folder)
        with Monitored(binary, *MACHINE, '-blockdev', f'driver=qcow2,node-name=n,file.driver=file,file.filename={folder}/top', '-device',
                       'virtio-blk-pci,drive=n,id=d') as q:
            q.qmp.command('change-backing-file', device='n', image_node_name='n', backing_file='./base')
            refused(q, 'nobody', 'change-backing-file', device='n', image_node_name='nobody', backing_file='x')
            below = {one['node-name']: one for one in q.qmp.command('query-named-block-nodes')}['n']
            expect_equal(os.path.basename(below['image']['backing-image']['filename']), 'base', 'what is below')
        info = json.loads(subprocess.run(['qemu-img', 'info', '--output=json', f'{folder}/top'], check=True, stdout=subprocess.PIPE).stdout)
        expect_equal(info['backing-filename'], './base', 'what the image says')


def write_thresholds(binary):
    """The first write behind the offset is an event and ends it; at a file below a format, too; what the guest reads or writes before it is none."""
    with tempfile.TemporaryDirectory(prefix='threshold-') as folder:
        with open(f'{folder}/raw', 'wb') as file:
            file.truncate(SIZE)
        files = ('-blockdev', f'driver=file,node-name=low,filename={folder}/raw', '-blockdev', 'driver=raw,node-name=top,file=low')
        with Monitored(binary, *MACHINE, *files, '-device', 'virtio-blk-pci,drive=top,id=d,addr=4,disable-legacy=on') as q:
            disk = VirtioDisk(q)

            def thresholds():
                return {one['node-name']: one['write_threshold'] for one in q.qmp.command('query-named-block-nodes')}
            for node in ('top', 'low'):
                q.qmp.command('block-set-write-threshold', node_name=node, write_threshold=MIB + 1)
                expect_equal(thresholds()[node], MIB + 1, 'what is set')
                disk.write(0, b'a' * 4096)
                disk.write(MIB - 4096, b'b' * 4096)
                disk.read(2 * MIB, 4096)
                q.qmp.command('query-status')
                expect_equal([event for event in q.qmp.events if event['event'] == 'BLOCK_WRITE_THRESHOLD'], [], 'events so far')
                disk.write(MIB - 4096, b'c' * 8192)
                expect_equal(q.qmp.wait_event('BLOCK_WRITE_THRESHOLD')['data'],
                             {'node-name': node, 'amount-exceeded': 4095, 'write-threshold': MIB + 1}, 'the event')
                expect_equal(thresholds(), {'top': 0, 'low': 0}, 'what is left')
                disk.write(3 * MIB, b'd' * 4096)
                q.qmp.command('block-set-write-threshold', node_name=node, write_threshold=2 * MIB)
                q.qmp.command('block-set-write-threshold', node_name=node, write_threshold=0)
                disk.write(3 * MIB, b'e' * 4096)
                q.qmp.command('query-status')
                expect_equal([event for event in q.qmp.events if event['event'] == 'BLOCK_WRITE_THRESHOLD'], [], 'events in the end')
            refused(q, "'nobody' not found", 'block-set-write-threshold', node_name='nobody', write_threshold=1)
            refused(q, 'write-threshold', 'block-set-write-threshold', node_name='top', write_threshold=-1)


if __name__ == '__main__':
    main([trace_events, announcements, what_there_is, block_jobs, another_medium, trays, another_backing_file, write_thresholds])
