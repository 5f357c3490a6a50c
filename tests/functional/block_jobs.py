#!/usr/bin/env python3
"""Jobs that copy and merge the disk that a test client writes meanwhile; qemu-img judges what comes out.
block_jobs.py PENUMBRA [TEST...]"""
import json
import os
import random
import subprocess
import sys
import tempfile

from block_graph import inserted, node, wait_job
from harness import Failure, main
from monitored import Monitored, refused
from qcow2_disk import SIZE, VirtioDisk, expect_same, mix, qemu_img
from qmp_client import QmpError
from qtest import expect, expect_equal

MIB = 1 << 20
SPEED = 8 * MIB


class World:
    """A disk over images in a folder, the bytes it should have, and a machine that writes it."""

    def __init__(self, binary, chain=1, thread=False, seed=1):
        self.binary, self.thread, self.numbers = binary, thread, random.Random(seed)
        self.directory = tempfile.TemporaryDirectory(prefix='jobs-')
        self.folder = self.directory.name
        self.model = bytearray(SIZE)
        self.names = [f'n{i}' for i in range(chain)]  # the base first
        for i, name in enumerate(self.names):
            self.image(name, *(['-b', f'{self.names[i - 1]}.qcow2', '-F', 'qcow2'] if i else []))
            self.fill(name, i)

    def path(self, name):
        return os.path.join(self.folder, f'{name}.qcow2')

    def image(self, name, *options):
        qemu_img('create', '-q', '-f', 'qcow2', *options, self.path(name), str(SIZE))

    def fill(self, name, number):
        """Something of each image's own, and something that covers what the one below has."""
        for at, size in ((number * 3 * MIB, 2 * MIB), (12 * MIB + number * 65536, 3 * MIB), (20 * MIB + number * 512, 12345)):
            subprocess.run(['qemu-io', '-f', 'qcow2', '-c', f'write -q -P {number + 1} {at} {size}', self.path(name)], check=True)
            self.model[at:at + size] = bytes([number + 1]) * size

    def __enter__(self):
        options = None
        for name in self.names:
            options = node(name, self.path(name), **({'backing': options} if options else {'backing': None}),
                           **({'read-only': True} if name != self.names[-1] else {'discard': 'unmap'}))
        threads = ['-object', 'iothread,id=io'] if self.thread else []
        self.q = Monitored(self.binary, '-machine', 'q35', '-nodefaults', '-m', '64', '-blockdev', json.dumps(options), *threads, '-device',
                           f'virtio-blk-pci,id=d0,drive={self.names[-1]},addr=4,disable-legacy=on' + (',iothread=io' if self.thread else ''))
        self.disk = VirtioDisk(self.q)
        return self

    def __exit__(self, *info):
        self.q.__exit__(*info)
        if info[0] is None:
            return
        self.directory.cleanup()

    def add(self, name, **more):
        self.image(name)
        self.q.qmp.command('blockdev-add', **node(name, self.path(name), backing=None, discard='unmap', **more))

    def write(self, steps=25):
        mix(self.disk, self.model, self.numbers, steps)

    def start(self, command, job='job', **arguments):
        self.q.qmp.command(command, job_id=job, device=self.names[-1], auto_dismiss=False, **arguments)
        wait_job(self.q, job, 'created', 'running')

    def faster(self):
        """No limit any more, for a job that may have ended already."""
        try:
            self.q.qmp.command('block-job-set-speed', device='job', speed=0)
        except QmpError as error:
            expect('concluded' in error.desc or 'pending' in error.desc, error.desc)

    def ready(self, job='job'):
        wait_job(self.q, job, 'ready')
        data = self.q.qmp.wait_event('BLOCK_JOB_READY')['data']
        expect_equal(data['device'], job, 'BLOCK_JOB_READY')

    def over(self, job='job', kind='BLOCK_JOB_COMPLETED'):
        wait_job(self.q, job, 'waiting', 'pending', 'concluded')
        data = self.q.qmp.wait_event(kind)['data']
        expect('error' not in data, f'job {job}: {data}')
        self.q.qmp.command('job-dismiss', id=job)
        wait_job(self.q, job, 'null')

    def judge(self, name, model=None, backing=None):
        """After the machine has ended: the image is sound, has these bytes and lies on this one."""
        qemu_img('check', self.path(name))
        expect_same(self.folder, self.path(name), self.model if model is None else model, f'{name} is not what the guest wrote')
        info = json.loads(qemu_img('info', '--output=json', self.path(name)))
        got = os.path.basename(info.get('backing-filename', ''))
        expect_equal(got, f'{backing}.qcow2' if backing else '', f'what {name} lies on')


def mirror(binary):
    for thread, copy_mode, chain in ((False, 'background', 1), (True, 'background', 2), (True, 'write-blocking', 1)):
        with World(binary, chain, thread) as w:
            w.add('copy')
            w.start('blockdev-mirror', target='copy', sync='full', copy_mode=copy_mode, speed=SPEED)
            w.write()
            refused(w.q, 'busy', 'blockdev-snapshot', node=w.names[-1], overlay='copy')
            refused(w.q, 'busy', 'block_resize', node_name=w.names[-1], size=2 * SIZE)
            refused(w.q, 'cannot accept', 'job-complete', id='job')
            expect_equal(inserted(w.q)['node-name'], w.names[-1], 'the medium')
            w.faster()
            w.ready()
            info = w.q.qmp.command('query-block-jobs')[0]
            expect_equal((info['type'], info['ready'], info['status']), ('mirror', True, 'ready'), 'the job')
            w.write()
            w.q.qmp.command('job-complete', id='job')
            w.write(5)
            w.over()
            expect_equal(inserted(w.q)['node-name'], 'copy', 'the medium')
            w.write()
            w.q.qmp.command('blockdev-del', node_name=w.names[-1])
        w.judge('copy')


def mirror_left(binary):
    """Cancelled: softly the copy is whole, with force the disk goes on; neither takes the disk's place."""
    with World(binary) as w:
        w.add('copy')
        w.add('other')
        w.start('blockdev-mirror', target='copy', sync='full')
        w.ready()
        w.write()
        w.q.qmp.command('block-job-cancel', device='job')
        w.over()
        then = bytes(w.model)
        w.write(10)
        w.start('blockdev-mirror', target='other', sync='full', speed=MIB)
        w.write(10)
        w.q.qmp.command('job-pause', id='job')
        wait_job(w.q, 'job', 'paused')
        refused(w.q, 'paused', 'block-job-cancel', device='job')
        w.q.qmp.command('job-resume', id='job')
        wait_job(w.q, 'job', 'running')
        w.q.qmp.command('job-cancel', id='job')
        wait_job(w.q, 'job', 'aborting', 'concluded')
        w.q.qmp.wait_event('BLOCK_JOB_CANCELLED')
        w.q.qmp.command('job-dismiss', id='job')
        w.write(10)
        expect_equal(inserted(w.q)['node-name'], 'n0', 'the medium')
        w.q.qmp.command('blockdev-del', node_name='other')
    w.judge('n0')
    w.judge('copy', then)


def mirror_top(binary):
    """A shallow copy that then lies on the same base."""
    with World(binary, 2) as w:
        w.add('copy')
        w.start('blockdev-mirror', target='copy', sync='top')
        w.write()
        w.ready()
        w.q.qmp.command('blockdev-add', **node('again', w.path('n0'), backing=None, **{'read-only': True}))
        w.q.qmp.command('blockdev-snapshot', node='again', overlay='copy')
        w.q.qmp.command('job-complete', id='job')
        w.over()
        w.write(10)
        w.q.qmp.command('blockdev-del', node_name='n1')
    qemu_img('rebase', '-u', '-F', 'qcow2', '-b', 'n0.qcow2', w.path('copy'))
    w.judge('copy', backing='n0')


def active_commit(binary):
    for thread in (False, True):
        with World(binary, 3, thread) as w:
            w.start('block-commit', base_node='n0', speed=SPEED)
            w.write()
            w.faster()
            w.ready()
            w.write()
            w.q.qmp.command('job-complete', id='job')
            w.over()
            expect_equal(inserted(w.q)['node-name'], 'n0', 'the medium')
            w.write(10)
            w.q.qmp.command('blockdev-del', node_name='n2')
        w.judge('n0')


def commit(binary):
    for thread in (False, True):
        with World(binary, 4, thread) as w:
            w.start('block-commit', top_node='n2', base_node='n0', speed=SPEED)
            w.write()
            w.faster()
            w.over()
            expect_equal(inserted(w.q)['backing_file_depth'], 1, 'depth')
            w.write()
        w.judge('n3', backing='n0')
        qemu_img('check', w.path('n0'))


def stream(binary):
    for thread, base in ((False, None), (True, None), (True, 'n0')):
        with World(binary, 3, thread) as w:
            w.start('block-stream', speed=SPEED, **({'base_node': base} if base else {}))
            w.write()
            w.faster()
            w.over()
            expect_equal(inserted(w.q)['backing_file_depth'], 1 if base else 0, 'depth')
            w.write()
        w.judge('n2', backing=base)


def backup(binary):
    for thread in (False, True):
        with World(binary, 2, thread) as w:
            w.write()
            w.add('copy')
            then = bytes(w.model)
            w.start('blockdev-backup', target='copy', sync='full', speed=SPEED, auto_finalize=False)
            w.write(60)
            w.faster()
            wait_job(w.q, 'job', 'waiting', 'pending')
            expect_equal(w.q.qmp.wait_event('BLOCK_JOB_PENDING')['data'], {'type': 'backup', 'id': 'job'}, 'BLOCK_JOB_PENDING')
            w.q.qmp.command('job-finalize', id='job')
            wait_job(w.q, 'job', 'concluded')
            w.q.qmp.command('block-job-dismiss', id='job')
            w.write(10)
        w.judge('n1', backing='n0')
        w.judge('copy', then)


def failures(binary):
    """A copy that fails once: the job ends, or waits and tries again; the guest notices nothing."""
    for policy in ('report', 'stop'):
        with World(binary) as w:
            w.image('copy')
            w.q.qmp.command('blockdev-add', **{'driver': 'blkdebug', 'node-name': 'copy', 'image': {
                'driver': 'qcow2', 'backing': None, 'file': {'driver': 'file', 'filename': w.path('copy')}},
                'inject-error': [{'event': 'none', 'iotype': 'write', 'once': True, 'errno': 5}]})
            w.start('blockdev-mirror', target='copy', sync='full', on_target_error=policy)
            data = w.q.qmp.wait_event('BLOCK_JOB_ERROR')['data']
            expect_equal(data, {'device': 'job', 'operation': 'write', 'action': policy}, 'BLOCK_JOB_ERROR')
            w.write(10)
            if policy == 'stop':
                wait_job(w.q, 'job', 'paused')
                expect_equal(w.q.qmp.command('query-block-jobs')[0]['io-status'], 'failed', 'io-status')
                w.q.qmp.command('block-job-resume', device='job')
                wait_job(w.q, 'job', 'running')
                w.ready()
                w.q.qmp.command('block-job-complete', device='job')
                w.over()
            else:
                wait_job(w.q, 'job', 'aborting', 'concluded')
                expect('Input/output error' in w.q.qmp.wait_event('BLOCK_JOB_COMPLETED')['data']['error'], 'the error')
                w.q.qmp.command('job-dismiss', id='job')
            w.write(10)
        w.judge('copy' if policy == 'stop' else 'n0')


def ends_with_the_machine(binary):
    """A machine that ends, and a disk that is unplugged, while jobs run."""
    with World(binary, 2) as w:
        w.add('copy')
        w.start('blockdev-mirror', target='copy', sync='full', speed=MIB)
        w.write(10)
    w.judge('n1', backing='n0')
    with World(binary, 2) as w:
        w.start('block-stream', speed=MIB)
        w.write(10)
    w.judge('n1', backing='n0')


if __name__ == '__main__':
    if subprocess.run(['sh', '-c', 'command -v qemu-img && command -v qemu-io'], stdout=subprocess.DEVNULL, check=False).returncode:
        print('SKIP: qemu-img is not installed')
        sys.exit(77)
    main([mirror, mirror_left, mirror_top, active_commit, commit, stream, backup, failures, ends_with_the_machine])
