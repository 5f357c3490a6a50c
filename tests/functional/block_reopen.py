#!/usr/bin/env python3
"""blockdev-reopen under a virtio disk that a test client drives: what may change does, all or nothing; what may not is refused and nothing has changed.
block_reopen.py PENUMBRA [TEST...]"""
import copy
import fcntl
import json
import os
import random
import subprocess
import sys
import tempfile

import harness
from block_graph import MIB, image, machine, node, wait_job
from monitored import Monitored, refused
from qcow2_disk import VirtioDisk, expect_same, mix, qemu_img
from qtest import expect, expect_equal

MACHINE = ('-machine', 'q35', '-nodefaults', '-m', '64')


def options_of(number, folder, **more):
    path = os.path.join(folder, f'hd{number}.qcow2')
    return node(f'hd{number}', path, **more) | {'file': {'driver': 'file', 'node-name': f'file{number}', 'filename': path}}


def changed(options, changes):
    """The options with some changed, "file.aio" inside another one's; None takes one away."""
    options = copy.deepcopy(options)
    for path, value in changes.items():
        *folders, key = path.split('.')
        place = options
        for folder in folders:
            place = place[folder]
        if value is DELETED:
            del place[key]
        else:
            place[key] = value
    return options


DELETED = object()


def reopen(q, *nodes):
    q.qmp.command('blockdev-reopen', options=list(nodes))


def guest(binary, drive, *nodes, more=(), device=''):
    words = [word for one in nodes for word in ('-blockdev', json.dumps(one))]
    return Monitored(binary, *MACHINE, *words, '-device', f'virtio-blk-pci,id=d,drive={drive},addr=4,disable-legacy=on' + device, *more)


def graph(q):
    nodes = q.qmp.command('query-named-block-nodes', flat=True)
    for one in nodes:  # what a flush or a job may change
        for key in ('actual-size', 'dirty-flag', *(('virtual-size',) if one['drv'] == 'file' else ())):
            one['image'].pop(key, None)
    return nodes


def named(q, name):
    return next(one for one in graph(q) if one['node-name'] == name)


def descriptors(q, path):
    """{number: flags} of the process's descriptors of a file."""
    pid, found = q.vmm.process.pid, {}
    for number in os.listdir(f'/proc/{pid}/fd'):
        if os.readlink(f'/proc/{pid}/fd/{number}') == os.path.realpath(path):
            with open(f'/proc/{pid}/fdinfo/{number}') as info:
                found[int(number)] = int(dict(line.split(':') for line in info.read().splitlines() if line.startswith('flags'))['flags'], 8)
    return found


def access(q, path):
    """How the file is open, once."""
    (flags,) = descriptors(q, path).values()
    return flags & os.O_ACCMODE


def unchanged(q, text, *nodes):
    """The reopening is refused, says the text, and leaves everything as it was."""
    def state():
        folder = f'/proc/{q.vmm.process.pid}/fd'
        return graph(q), sorted(os.readlink(os.path.join(folder, number)) for number in os.listdir(folder))
    before = state()
    refused(q, text, 'blockdev-reopen', options=list(nodes))
    expect_equal(state(), before, f'after a refusal: {text}')


def under_a_guest(binary):
    """What is not given falls back; the guest writes on, its bytes are where they belong."""
    with tempfile.TemporaryDirectory(prefix='reopen-') as folder:
        direct = 'tmpfs' not in subprocess.run(['stat', '-f', '-c', '%T', folder], capture_output=True, text=True, check=True).stdout
        for thread in (False, True):
            path, numbers = image(folder, f'disk{thread}.qcow2', size='32M'), random.Random(7)
            model = bytearray(32 * MIB)
            with machine(binary, path, thread=thread) as q:
                disk = VirtioDisk(q)
                plain = node('disk', path, discard='unmap')
                for options in ({'detect-zeroes': 'unmap'}, {'cache': {'no-flush': True}}, {'cache': {'direct': direct}}, {'lazy-refcounts': True, 'l2-cache-size': 65536},
                                {'pass-discard-request': True, 'pass-discard-other': True, 'overlap-check': 'all'}, {'cache-size': 1 << 20}, {}):
                    reopen(q, plain | options)
                    mix(disk, model, numbers, 20)
                    now = named(q, 'disk')
                    expect_equal((now['detect_zeroes'], now['cache']['direct'], now['cache']['no-flush']),
                                 (options.get('detect-zeroes', 'off'), options.get('cache', {}).get('direct', False), options.get('cache', {}).get('no-flush', False)), options)
                    expect_equal(bool(next(iter(descriptors(q, path).values())) & os.O_DIRECT), options.get('cache', {}).get('direct', False), f'{options}: O_DIRECT')
                    expect_equal(len(descriptors(q, path)), 1, 'descriptors of the image')
                    unchanged(q, "Read-only block node 'disk' cannot support read-write users", plain | {'read-only': True})
                    said = q.qmp.command('human-monitor-command', command_line='info block')
                    expect('disk' in said and path in said, said)
            qemu_img('check', path)
            expect_same(folder, path, model, 'what the guest wrote')


def rights(binary):
    """To read-only and back: the file's descriptor and its locks follow, in whatever order nodes are named."""
    with tempfile.TemporaryDirectory(prefix='reopen-') as folder:
        path = image(folder, 'hd0.qcow2')
        inside = options_of(0, folder)
        with Monitored(binary, *MACHINE) as q:
            q.qmp.command('blockdev-add', **inside)
            expect_equal(access(q, path), os.O_RDWR, 'at first')
            qemu_img('info', path, good=(1,))
            for _ in range(2):
                reopen(q, inside | {'read-only': True})
                expect_equal((named(q, 'hd0')['ro'], named(q, 'file0')['ro'], access(q, path)), (True, True, os.O_RDONLY), 'read-only')
                qemu_img('info', path)
                reopen(q, inside)
                expect_equal((named(q, 'hd0')['ro'], named(q, 'file0')['ro'], access(q, path)), (False, False, os.O_RDWR), 'writable')
                qemu_img('info', path, good=(1,))
            reopen(q, inside | {'read-only': True})
            with open(path, 'r+b') as other:  # another process writes it: the byte of QEMU's "write" is locked
                fcntl.lockf(other, fcntl.LOCK_SH, 1, 201)
                unchanged(q, 'Failed to get "write" lock', inside)
            reopen(q, inside)
            q.qmp.command('blockdev-del', node_name='hd0')
            apart, file = inside | {'file': 'file0'}, inside['file']
            q.qmp.command('blockdev-add', **file)
            q.qmp.command('blockdev-add', **apart)
            for nodes in ((apart, file), (file, apart)):
                unchanged(q, "Read-only block node 'file0' cannot support read-write users", file | {'read-only': True})
                reopen(q, *(one | {'read-only': True} for one in nodes))
                expect_equal((named(q, 'hd0')['ro'], named(q, 'file0')['ro'], access(q, path)), (True, True, os.O_RDONLY), 'both read-only')
                unchanged(q, "Block node 'file0' is read-only", apart)
                reopen(q, *nodes)
                expect_equal((named(q, 'hd0')['ro'], named(q, 'file0')['ro'], access(q, path)), (False, False, os.O_RDWR), 'both writable')


def only_when_written(binary):
    """auto-read-only: what could not be opened for writing is, once somebody needs it; as libvirt makes its storage nodes."""
    with tempfile.TemporaryDirectory(prefix='reopen-') as folder:
        path = image(folder, 'hd0.qcow2')
        with Monitored(binary, *MACHINE) as q, open(path, 'rb') as reader, open(path, 'r+b') as writer:
            number = q.qmp.command('add-fd', fds=(reader.fileno(),))['fdset-id']
            q.qmp.command('blockdev-add', driver='file', **{'node-name': 'storage', 'filename': f'/dev/fdset/{number}', 'auto-read-only': True})
            top = {'driver': 'qcow2', 'node-name': 'top', 'file': 'storage', 'read-only': True}
            q.qmp.command('blockdev-add', **top)
            expect(named(q, 'storage')['ro'], 'there was no descriptor to write with')
            unchanged(q, 'no descriptor of the set is open for reading and writing', top | {'read-only': False})
            q.qmp.command('add-fd', fds=(writer.fileno(),), fdset_id=number)
            reopen(q, top | {'read-only': False})
            expect_equal((named(q, 'top')['ro'], named(q, 'storage')['ro']), (False, False), 'with one')
            reopen(q, top)
            expect_equal(named(q, 'top')['ro'], True, 'back')


def given_to_a_reader(binary):
    """A disk that a device got as a read-only one stays so for the guest when its node can be written."""
    with tempfile.TemporaryDirectory(prefix='reopen-') as folder:
        path = image(folder, 'hd0.qcow2')
        plain = node('hd0', path)
        with guest(binary, 'hd0', plain | {'read-only': True}) as q:
            disk = VirtioDisk(q)
            disk.request(1, 0, b'x' * 512, wanted=1)
            reopen(q, plain)
            expect_equal(named(q, 'hd0')['ro'], False, 'the node')
            disk.request(1, 0, b'x' * 512, wanted=1)
            expect_equal(disk.read(0, 512), bytes(512), 'the first sector')
            reopen(q, plain | {'read-only': True})


def chains(binary):
    """Backing files come, go and are exchanged under a guest that reads."""
    with tempfile.TemporaryDirectory(prefix='reopen-') as folder:
        for number in range(3):
            image(folder, f'hd{number}.qcow2', size='3M')
            subprocess.run(['qemu-io', '-f', 'qcow2', '-c', f'write -q -P {0xa0 + number} {number}M 1M', f'{folder}/hd{number}.qcow2'], check=True)
        opts = [options_of(number, folder, backing=None) for number in range(3)]
        with guest(binary, 'hd0', *opts, more=('-object', 'iothread,id=io'), device=',iothread=io') as q:
            disk = VirtioDisk(q)

            def reads(*wanted):
                expect_equal([disk.read(i * MIB, 512)[0] for i in range(3)], list(wanted), 'first bytes of each MiB')

            def lie(number, below):
                reopen(q, opts[number] | {'backing': below})
            reads(0xa0, 0, 0)
            lie(0, 'hd1')
            reads(0xa0, 0xa1, 0)
            expect_equal(named(q, 'hd0')['backing_file_depth'], 1, 'depth')
            lie(0, 'hd2')
            reads(0xa0, 0, 0xa2)
            lie(2, 'hd1')
            reads(0xa0, 0xa1, 0xa2)
            unchanged(q, "Making 'hd2' a backing child of 'hd1' would create a cycle", opts[1] | {'backing': 'hd2'})
            unchanged(q, "Making 'hd1' a backing child of 'hd1' would create a cycle", opts[1] | {'backing': 'hd1'})
            unchanged(q, "would create a cycle", opts[2] | {'backing': None}, opts[1] | {'backing': 'hd2'}, opts[2] | {'backing': 'hd1'})
            unchanged(q, "backing is missing for 'hd2'", changed(opts[2], {'backing': DELETED}))
            unchanged(q, "Cannot find device='' nor node-name='nobody'", opts[2] | {'backing': 'nobody'})
            refused(q, 'in use', 'blockdev-del', node_name='hd1')
            # Turned round, in one go: hd0 on hd1 on hd2.
            reopen(q, opts[2], opts[1] | {'backing': 'hd2'}, opts[0] | {'backing': 'hd1'})
            reads(0xa0, 0xa1, 0xa2)
            disk.write(0, b'\x55' * MIB)
            lie(0, None)
            reads(0x55, 0, 0)
            lie(1, None)
            q.qmp.command('blockdev-del', node_name='hd1')
            q.qmp.command('blockdev-del', node_name='hd2')


def loops(binary):
    """A child comes to its parent's iothread, and back when something else goes wrong; it stays where another device needs it."""
    with tempfile.TemporaryDirectory(prefix='reopen-') as folder:
        for number in range(3):
            image(folder, f'hd{number}.qcow2')
        subprocess.run(['qemu-io', '-f', 'qcow2', '-c', 'write -q -P 0xb1 2M 1M', f'{folder}/hd1.qcow2'], check=True)
        opts = [options_of(number, folder, backing=None) for number in range(3)]
        null = {'driver': 'null-co', 'node-name': 'null', 'read-zeroes': True}
        with guest(binary, 'hd0', *opts, null, device=',iothread=io', more=('-object', 'iothread,id=io', '-device', 'virtio-blk-pci,drive=hd2,addr=5')) as q:
            disk = VirtioDisk(q)
            disk.write(0, b'a' * MIB)
            unchanged(q, 'Cannot change iothread of active block backend', opts[0] | {'backing': 'hd2'})
            unchanged(q, 'not in qcow2 format', opts[0] | {'backing': 'hd1'}, opts[1] | {'file': 'null'})
            reopen(q, opts[0] | {'backing': 'hd1'})
            for _ in range(2):
                expect_equal([disk.read(0, 512), disk.read(2 * MIB, 512)], [b'a' * 512, b'\xb1' * 512], 'the disk')
                # Both ways: the one that fails comes after the disk.
                unchanged(q, 'not in qcow2 format', opts[0] | {'backing': None, 'detect-zeroes': 'on'}, opts[2] | {'file': 'null'})
            reopen(q, opts[0])


def filters(binary):
    """A filter comes under a format that is in use, its limits change, and it goes."""
    with tempfile.TemporaryDirectory(prefix='reopen-') as folder:
        path = image(folder, 'hd0.qcow2')
        groups = [word for name in ('one', 'two') for word in ('-object', f'throttle-group,id={name},limits.iops-total=1000000')]
        storage = {'driver': 'file', 'node-name': 'storage', 'filename': path}
        top = {'driver': 'qcow2', 'node-name': 'top', 'file': 'storage'}
        filter_ = {'driver': 'throttle', 'node-name': 'filter', 'throttle-group': 'one', 'file': 'storage'}
        with guest(binary, 'top', storage, top, filter_, more=groups) as q:
            disk = VirtioDisk(q)
            disk.write(0, b'a' * MIB)
            reopen(q, top | {'file': 'filter'})
            disk.write(MIB, b'b' * MIB)
            refused(q, 'in use', 'object-del', id='one')
            reopen(q, filter_ | {'throttle-group': 'two'})
            q.qmp.command('object-del', id='one')
            refused(q, 'in use', 'object-del', id='two')
            unchanged(q, "Throttle group 'one' does not exist", filter_)
            disk.write(2 * MIB, b'c' * MIB)
            reopen(q, top)
            q.qmp.command('blockdev-del', node_name='filter')
            q.qmp.command('object-del', id='two')
            disk.write(3 * MIB, b'd' * MIB)
            expect_equal(b''.join(disk.read(i * MIB, 512)[:1] for i in range(4)), b'abcd', 'the disk')
            unchanged(q, "would create a cycle", top | {'file': 'top'})
            disk.flush()
        qemu_img('check', path)


def windows(binary):
    """A raw node's offset and size, and what its users say to that."""
    with tempfile.TemporaryDirectory(prefix='reopen-') as folder:
        path = os.path.join(folder, 'raw')
        with open(path, 'wb') as out:
            out.write(b'\xa0' * MIB + b'\xa1' * MIB)
        plain = node('raw', path, 'raw')
        with guest(binary, 'raw', plain) as q:
            disk = VirtioDisk(q)
            expect_equal(disk.read(0, 512), b'\xa0' * 512, 'the whole file')
            reopen(q, plain | {'offset': MIB})
            expect_equal((disk.read(0, 512), named(q, 'raw')['image']['virtual-size']), (b'\xa1' * 512, MIB), 'the second half')
            unchanged(q, 'Offset', plain | {'offset': 3 * MIB})
            unchanged(q, 'not multiple of 512', plain | {'size': 1000})
            reopen(q, plain)
            expect_equal((disk.read(0, 512), named(q, 'raw')['image']['virtual-size']), (b'\xa0' * 512, 2 * MIB), 'the whole file again')


def refusals(binary):
    with tempfile.TemporaryDirectory(prefix='reopen-') as folder:
        image(folder, 'hd0.qcow2')
        image(folder, 'hd1.qcow2', '-b', f'{folder}/hd0.qcow2', '-F', 'qcow2')
        image(folder, 'hd2.qcow2')
        with Monitored(binary, *MACHINE, '-object', 'throttle-group,id=group') as q:
            plain, on_it = options_of(2, folder), options_of(1, folder)
            q.qmp.command('blockdev-add', **plain)
            q.qmp.command('blockdev-add', **on_it)
            reopen(q, plain)
            reopen(q, plain | {'file': 'file2'})
            reopen(q)
            for change, text in (({'node-name': 'not-found'}, "Failed to find node with node-name='not-found'"), ({'node-name': ''}, "Failed to find node with node-name=''"),
                                 ({'node-name': DELETED}, 'node-name not specified'), ({'driver': 'raw'}, "Cannot change the option 'driver'"),
                                 ({'file': 'not-found'}, "Cannot find device='' nor node-name='not-found'"), ({'file.node-name': 'new'}, "Cannot change the option 'node-name'"),
                                 ({'file.driver': 'host_device'}, "Cannot change the option 'driver'"), ({'file.filename': f'{folder}/hd0.qcow2'}, "Cannot change the option 'filename'"),
                                 ({'file.aio': 'native'}, "Cannot change the option 'aio'"), ({'file.locking': 'off'}, "Cannot change the option 'locking'"),
                                 ({'force-share': True}, "Cannot change the option 'force-share'"),
                                 ({'detect-zeroes': 'unmap'}, 'setting detect-zeroes to unmap is not allowed without setting discard operation to unmap'),
                                 ({'l2-cache-entry-size': 128 * 1024}, 'L2 cache entry size must be a power of two between 512 and the cluster size'),
                                 ({'l2-cache-size': 1 << 20, 'cache-size': 1 << 19}, 'l2-cache-size may not exceed cache-size'),
                                 ({'backing': {'driver': 'null-co'}}, "Cannot change the option 'backing.driver'"), ({'file': 'hd1'}, 'not in qcow2 format')):
                unchanged(q, text, changed(plain, change))
                unchanged(q, text, on_it | {'backing': None}, changed(plain, change))
            unchanged(q, "backing is missing for 'hd1'", on_it)
            below = next(one['node-name'] for one in graph(q) if one['drv'] == 'qcow2' and one['file'] == f'{folder}/hd0.qcow2')
            reopen(q, on_it | {'backing': below})
            inside = on_it | {'backing': {'driver': 'qcow2', 'file': {'driver': 'file', 'filename': f'{folder}/hd0.qcow2'}}}
            reopen(q, inside)
            for change, text in (({'backing.node-name': 'new'}, 'node-name'), ({'backing.driver': 'raw'}, 'driver'), ({'backing.file.filename': 'x'}, 'filename')):
                unchanged(q, f"Cannot change the option '{text}'", changed(inside, change))
            reopen(q, changed(inside, {'backing.read-only': False}))
            expect_equal(named(q, below)['ro'], False, 'what is below')
            reopen(q, inside)
            expect_equal(named(q, below)['ro'], True, 'what is below')
            q.qmp.command('blockdev-add', driver='null-co', **{'node-name': 'null', 'size': MIB, 'read-zeroes': True})
            unchanged(q, "Cannot change the option 'size'", {'driver': 'null-co', 'node-name': 'null', 'size': 2 * MIB, 'read-zeroes': True})
            unchanged(q, "Option 'size' cannot be reset to its default value", {'driver': 'null-co', 'node-name': 'null', 'read-zeroes': True})
            unchanged(q, 'Image is not in qcow2 format', plain | {'file': 'null'})
            debug = {'driver': 'blkdebug', 'node-name': 'debug', 'config': '/dev/null', 'image': 'null'}
            q.qmp.command('blockdev-add', **debug)
            reopen(q, debug)
            unchanged(q, "Cannot change the option 'image'", debug | {'image': 'file2'})
            unchanged(q, "Option 'config' cannot be reset to its default value", changed(debug, {'config': DELETED}))


def under_jobs(binary):
    """What a job relies on stays; the rest may change."""
    with tempfile.TemporaryDirectory(prefix='reopen-') as folder:
        base = image(folder, 'base.qcow2')
        over, target = image(folder, 'over.qcow2', '-b', base, '-F', 'qcow2'), image(folder, 'target.qcow2')
        with machine(binary, over) as q:
            disk = VirtioDisk(q)
            disk.write(0, b'x' * MIB)
            (below,) = (one['node-name'] for one in graph(q) if one['drv'] == 'qcow2' and one['file'] == base)
            plain = node('disk', over, discard='unmap', backing=below)
            q.qmp.command('blockdev-add', **node('target', target, backing=None))
            q.qmp.command('blockdev-mirror', job_id='m', device='disk', target='target', sync='full', speed=65536)
            unchanged(q, "Cannot change frozen 'backing' link from 'disk' to", plain | {'backing': None})
            unchanged(q, 'busy', node('target', target, backing=None) | {'read-only': True})
            reopen(q, plain | {'detect-zeroes': 'on'})
            disk.write(MIB, b'y' * MIB)
            q.qmp.command('block-job-set-speed', device='m', speed=0)
            wait_job(q, 'm', 'created', 'running', 'ready')
            q.qmp.command('job-complete', id='m')
            wait_job(q, 'm', 'waiting', 'pending', 'concluded')
            expect_equal(disk.read(0, 512) + disk.read(MIB, 512), b'x' * 512 + b'y' * 512, 'the disk')
            reopen(q, plain | {'backing': None})
        qemu_img('check', target)
        qemu_img('compare', '-f', 'qcow2', '-F', 'qcow2', over, target)


if __name__ == '__main__':
    for program in ('qemu-img', 'qemu-io'):
        if subprocess.run(['sh', '-c', f'command -v {program}'], stdout=subprocess.DEVNULL, check=False).returncode:
            harness.skip(f'{program} is not installed')
    harness.main([under_a_guest, rights, only_when_written, given_to_a_reader, chains, loops, filters, windows, refusals, under_jobs])
