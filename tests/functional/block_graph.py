#!/usr/bin/env python3
"""Snapshots, transactions and blockdev-create under a virtio disk that a test client drives; qemu-img judges the images.
block_graph.py PENUMBRA [TEST...]"""
import json
import os
import subprocess
import sys
import tempfile

from harness import main
from monitored import Monitored, refused
from qcow2_disk import VirtioDisk, qemu_img
from qtest import expect, expect_equal

MIB = 1 << 20


def image(folder, name, *options, size='16M', form='qcow2'):
    path = os.path.join(folder, name)
    qemu_img('create', '-q', '-f', form, *options, path, size)
    return path


def node(name, path, driver='qcow2', **more):
    return {'driver': driver, 'node-name': name, 'file': {'driver': 'file', 'filename': path}, **more}


def machine(binary, path, *more, driver='qcow2', thread=False):
    threads = ['-object', 'iothread,id=io'] if thread else []
    return Monitored(binary, '-machine', 'q35', '-nodefaults', '-m', '64', '-blockdev', json.dumps(node('disk', path, driver, discard='unmap')), *threads,
                     '-device', 'virtio-blk-pci,id=d0,drive=disk,addr=4,disable-legacy=on' + (',iothread=io' if thread else ''), *more)


def same(one, other, form='qcow2'):
    expect('identical' in qemu_img('compare', '-f', 'qcow2', '-F', form, one, other), f'{one} and {other} differ')


def wait_job(q, job, *path):
    """The job goes through these states and no other ones."""
    for wanted in path:
        while True:
            event = q.qmp.wait_event('JOB_STATUS_CHANGE')['data']
            if event['id'] == job:
                break
        expect_equal(event['status'], wanted, f'state of job {job}')


CREATED = ('created', 'running', 'waiting', 'pending', 'concluded')


def inserted(q):
    return q.qmp.command('query-block')[0]['inserted']


def snapshot_by_nodes(binary):
    """As libvirt does it: an image made by a job, opened, put over the disk; twice, then all is read back."""
    for thread in (False, True):
        with tempfile.TemporaryDirectory(prefix='graph-') as folder:
            base = image(folder, 'base.qcow2')
            with machine(binary, base, thread=thread) as q:
                disk = VirtioDisk(q)
                disk.write(0, b'a' * MIB)
                for number in (1, 2):
                    over = os.path.join(folder, f'over{number}.qcow2')
                    q.qmp.command('blockdev-create', job_id='mk', options={'driver': 'file', 'filename': over, 'size': 0})
                    wait_job(q, 'mk', *CREATED)
                    q.qmp.command('job-dismiss', id='mk')
                    wait_job(q, 'mk', 'null')
                    q.qmp.command('blockdev-add', **{'driver': 'file', 'filename': over, 'node-name': f'storage{number}', 'auto-read-only': True})
                    below = 'disk' if number == 1 else 'over1'
                    q.qmp.command('blockdev-create', job_id='mk', options={
                        'driver': 'qcow2', 'file': f'storage{number}', 'size': 16 * MIB, 'backing-fmt': 'qcow2',
                        'backing-file': base if number == 1 else os.path.join(folder, 'over1.qcow2')})
                    wait_job(q, 'mk', *CREATED)
                    jobs = q.qmp.command('query-jobs')
                    expect_equal([(job['id'], job['type'], job['status'], 'error' in job) for job in jobs], [('mk', 'create', 'concluded', False)], 'jobs')
                    q.qmp.command('job-dismiss', id='mk')
                    wait_job(q, 'mk', 'null')
                    q.qmp.command('blockdev-add', **{'driver': 'qcow2', 'file': f'storage{number}', 'node-name': f'over{number}', 'backing': None})
                    q.qmp.command('transaction', actions=[{'type': 'blockdev-snapshot', 'data': {'node': below, 'overlay': f'over{number}'}}])
                    expect_equal(inserted(q)['node-name'], f'over{number}', 'root')
                    expect_equal(inserted(q)['backing_file_depth'], number, 'depth')
                    disk.write(number * 2 * MIB, bytes([number]) * MIB)
                    disk.write(4096, bytes([0x40 + number]) * 512)
                    expect_equal(disk.read(0, 4096), b'a' * 4096, 'what lies below')
                refused(q, 'in use', 'blockdev-del', node_name='disk')
                disk.flush()
                model = disk.read(0, 8 * MIB) + bytes(8 * MIB)
            for name in ('base', 'over1', 'over2'):
                qemu_img('check', f'{folder}/{name}.qcow2')
            raw = os.path.join(folder, 'model.raw')
            with open(raw, 'wb') as out:
                out.write(model)
            same(over, raw, 'raw')
            with open(raw, 'wb') as out:
                out.write(b'a' * MIB + bytes(15 * MIB))
            same(base, raw, 'raw')


def snapshot_by_file(binary):
    """blockdev-snapshot-sync of a drive over raw and over qcow2."""
    with tempfile.TemporaryDirectory(prefix='graph-') as folder:
        base = image(folder, 'base.raw', form='raw')
        with Monitored(binary, '-machine', 'q35', '-nodefaults', '-m', '64', '-drive', f'if=none,id=dr,file={base},format=raw', '-device',
                       'virtio-blk-pci,drive=dr,addr=4,disable-legacy=on') as q:
            disk = VirtioDisk(q)
            disk.write(0, b'a' * MIB)
            q.qmp.command('blockdev-snapshot-sync', device='dr', snapshot_file=f'{folder}/one.qcow2')
            disk.write(MIB, b'b' * MIB)
            q.qmp.command('blockdev-snapshot-sync', device='dr', snapshot_file=f'{folder}/two.qcow2', snapshot_node_name='two')
            disk.write(512, b'c' * 512)
            expect_equal(disk.read(0, 2 * MIB), b'a' * 512 + b'c' * 512 + b'a' * (MIB - 1024) + b'b' * MIB, 'the disk')
            expect_equal(inserted(q)['file'], f'{folder}/two.qcow2', 'root')
            refused(q, 'already in use', 'blockdev-snapshot-sync', device='dr', snapshot_file=f'{folder}/x.qcow2', snapshot_node_name='two')
            refused(q, 'lock', 'blockdev-snapshot-sync', device='dr', snapshot_file=f'{folder}/one.qcow2')
            disk.flush()
        info = json.loads(qemu_img('info', '--output=json', f'{folder}/two.qcow2'))
        expect_equal((info['backing-filename'], info['backing-filename-format']), (f'{folder}/one.qcow2', 'qcow2'), 'backing file')
        for name in ('one', 'two'):
            qemu_img('check', f'{folder}/{name}.qcow2')
        with open(base, 'rb') as file:
            expect(file.read(2 * MIB) == b'a' * MIB + bytes(MIB), 'the base was written')


def transactions(binary):
    """All actions or none: a failure leaves every disk where it was."""
    with tempfile.TemporaryDirectory(prefix='graph-') as folder:
        base, over = image(folder, 'base.qcow2'), image(folder, 'over.qcow2')
        with machine(binary, base) as q:
            disk = VirtioDisk(q)
            disk.write(0, b'a' * 512)
            q.qmp.command('blockdev-add', **node('over', over, backing=None))
            snap = {'type': 'blockdev-snapshot', 'data': {'node': 'disk', 'overlay': 'over'}}
            refused(q, 'Abort action', 'transaction', actions=[snap, {'type': 'abort', 'data': {}}])
            refused(q, 'nosuch', 'transaction', actions=[snap, {'type': 'blockdev-snapshot', 'data': {'node': 'nosuch', 'overlay': 'over'}}])
            refused(q, 'already', 'transaction', actions=[snap, snap])
            expect_equal(inserted(q)['node-name'], 'disk', 'root')
            disk.write(512, b'b' * 512)
            q.qmp.command('blockdev-del', node_name='over')
            expect_equal(disk.read(0, 1024), b'a' * 512 + b'b' * 512, 'the disk')
        with tempfile.NamedTemporaryFile() as raw:
            raw.write(b'a' * 512 + b'b' * 512 + bytes(16 * MIB - 1024))
            raw.flush()
            same(base, raw.name, 'raw')


def refusals(binary):
    with tempfile.TemporaryDirectory(prefix='graph-') as folder:
        base, over, based = image(folder, 'base.qcow2'), image(folder, 'over.qcow2'), image(folder, 'based.qcow2', '-b', 'base.qcow2', '-F', 'qcow2')
        with machine(binary, base) as q:
            q.qmp.command('blockdev-add', **node('over', over, backing=None))
            q.qmp.command('blockdev-add', **node('raw', over + '2', 'raw') | {'file': {'driver': 'null-co'}})
            refused(q, 'support backing', 'blockdev-snapshot', node='disk', overlay='raw')
            refused(q, 'Cannot find', 'blockdev-snapshot', node='disk', overlay='nosuch')
            refused(q, 'already in use', 'blockdev-snapshot', node='over', overlay='disk')
            refused(q, 'cycle', 'blockdev-snapshot', node='over', overlay='over')
            q.qmp.command('blockdev-add', **node('based', based, backing='over'))
            refused(q, 'already has a backing', 'blockdev-snapshot', node='disk', overlay='based')
            refused(q, 'Invalid job ID', 'blockdev-create', job_id='3', options={'driver': 'file', 'filename': 'x', 'size': 0})
            refused(q, 'Job not found', 'job-dismiss', id='no')
            q.qmp.command('blockdev-create', job_id='bad', options={'driver': 'file', 'filename': f'{folder}/no/such', 'size': 0})
            wait_job(q, 'bad', 'created', 'running', 'aborting', 'concluded')
            expect('No such file' in q.qmp.command('query-jobs')[0]['error'], 'the error of a job')
            refused(q, "cannot accept command verb 'pause'", 'job-pause', id='bad')
            refused(q, 'already in use', 'blockdev-create', job_id='bad', options={'driver': 'file', 'filename': 'x', 'size': 0})
            q.qmp.command('job-dismiss', id='bad')


def descriptor_sets(binary):
    """As libvirt hands files over: by number on the command line and by the monitor."""
    with tempfile.TemporaryDirectory(prefix='graph-') as folder:
        base, other = image(folder, 'base.raw', size='1M', form='raw'), os.path.join(folder, 'other.qcow2')
        held = os.open(base, os.O_RDWR)
        with Monitored(binary, '-machine', 'q35', '-nodefaults', '-m', '64', '-add-fd', f'fd={held},set=7,opaque=base', '-blockdev',
                       json.dumps({'driver': 'file', 'node-name': 'disk', 'filename': '/dev/fdset/7'}), '-device',
                       'virtio-blk-pci,id=d0,drive=disk,addr=4,disable-legacy=on', pass_fds=(held,)) as q:
            disk = VirtioDisk(q)
            disk.write(4096, b'x' * 512)
            disk.flush()
            with open(other, 'w+b') as made:
                number = q.qmp.command('add-fd', fds=(made.fileno(),))['fdset-id']
            name = f'/dev/fdset/{number}'
            q.qmp.command('blockdev-create', job_id='mk', options={'driver': 'file', 'filename': name, 'size': 0})
            wait_job(q, 'mk', *CREATED)
            q.qmp.command('job-dismiss', id='mk')
            wait_job(q, 'mk', 'null')
            q.qmp.command('blockdev-add', **{'driver': 'file', 'node-name': 'storage', 'filename': name})
            q.qmp.command('blockdev-create', job_id='mk', options={'driver': 'qcow2', 'file': 'storage', 'size': MIB})
            wait_job(q, 'mk', *CREATED)
            refused(q, 'no such descriptor set', 'blockdev-add', driver='file', node_name='none', filename='/dev/fdset/99')
            with open(other, 'rb') as made:
                number = q.qmp.command('add-fd', fds=(made.fileno(),))['fdset-id']
            refused(q, 'no descriptor of the set is open for reading and writing', 'blockdev-add', driver='file', node_name='none',
                    filename=f'/dev/fdset/{number}')
            q.qmp.command('blockdev-add', **{'driver': 'file', 'node-name': 'ro', 'filename': f'/dev/fdset/{number}', 'read-only': True})
        os.close(held)
        with open(base, 'rb') as done:
            expect_equal(done.read()[4096:4608], b'x' * 512, 'what was written through the set')
        qemu_img('check', other)


def corruption_in_use(binary):
    """An entry that cannot be, met by the guest: an event, a marked image, and the rest of it can still be read."""
    with tempfile.TemporaryDirectory(prefix='graph-') as folder:
        raw, path = os.path.join(folder, 'raw'), os.path.join(folder, 'bad.qcow2')
        with open(raw, 'wb') as out:
            out.write(b'd' * (1 << 18))
        qemu_img('convert', '-f', 'raw', '-O', 'qcow2', raw, path)
        with open(path, 'r+b') as out:
            out.seek(40)
            out.seek(int.from_bytes(out.read(8), 'big'))
            table = int.from_bytes(out.read(8), 'big') & 0x00fffffffffffe00
            out.seek(table)
            entry = int.from_bytes(out.read(8), 'big')
            out.seek(table)
            out.write((entry | 0x200).to_bytes(8, 'big'))  # not at a cluster's beginning
        with machine(binary, path) as q:
            disk = VirtioDisk(q)
            expect_equal(disk.request(0, 128, size=512), b'd' * 512, 'a sound cluster')
            disk.request(0, 0, size=512, wanted=1)
            told = q.qmp.wait_event('BLOCK_IMAGE_CORRUPTED')['data']
            expect_equal((told['device'], told['node-name'], told['fatal']), ('', 'disk', True), 'the event')
            expect('L2 entry' in told['msg'], told['msg'])
            expect_equal(disk.request(0, 128, size=512), b'd' * 512, 'a sound cluster afterwards')
            disk.request(1, 128, b'n' * 512, wanted=1)
        with open(path, 'rb') as after:
            after.seek(79)
            expect_equal(after.read(1)[0] & 2, 2, "the image's mark")


if __name__ == '__main__':
    if subprocess.run(['sh', '-c', 'command -v qemu-img'], stdout=subprocess.DEVNULL, check=False).returncode:
        print('SKIP: qemu-img is not installed')
        sys.exit(77)
    main([snapshot_by_nodes, snapshot_by_file, transactions, refusals, descriptor_sets, corruption_in_use])
