#!/usr/bin/env python3
"""Every system call that device_add makes fails once: the device is there, or the answer says why not and nothing is left of it - no object, no
descriptor - and the next attempt succeeds. plug_failures.py PENUMBRA [TEST...]

For k = 1, 2, 3 ... the k-th call of a kind is made to fail (strace's injection, attached for one command) until a command has no k-th call."""
import shutil
import tempfile

from harness import Failure, main, skip
from injection import Injected
from monitored import Monitored
from qtest import expect, expect_equal
from unplug import left_behind

KINDS = [('eventfd2', 'EMFILE'), ('openat', 'EMFILE'), ('mmap', 'ENOMEM'), ('io_uring_setup', 'ENOMEM'), ('timerfd_create', 'EMFILE'), ('pipe2', 'EMFILE'),
         ('fallocate', 'ENOSPC'), ('ioctl', 'ENOMEM'), ('dup', 'EMFILE')]
MOST = 60


def ask(q, name, arguments):
    q.qmp.send(name, arguments)
    return q.qmp.reply()


def plug(q, device):
    return ask(q, 'device_add', {'id': 'dut', **device})


def take_out(q):
    """Nobody lets it go: a reset does."""
    q.qmp.command('device_del', id='dut')
    q.qmp.command('system_reset')
    q.qmp.wait_event('DEVICE_DELETED')
    q.qmp.wait_event('RESET')


def failures(binary, device, *arguments):
    hits = refusals = 0
    with tempfile.TemporaryDirectory(prefix='plug-') as folder, \
            Monitored(binary, '-machine', 'q35', '-nodefaults', '-device', 'pcie-root-port,id=rp,chassis=1', *arguments) as q:
        for _ in range(2):  # what is made the first time and kept
            expect_equal(plug(q, device), {'return': {}}, 'device_add')
            take_out(q)
        before = left_behind(q)
        for kind, error in KINDS:
            for k in range(1, MOST):
                with Injected(q.vmm.process.pid, kind, error, k, folder) as injected:
                    answer = plug(q, device)
                if not injected.hit:
                    expect_equal(answer, {'return': {}}, f'device_add without the {k}. {kind}')
                    take_out(q)
                    break
                hits += 1
                where = f'{kind} {k} {error}'
                if 'error' in answer:
                    refusals += 1
                    expect(len(answer['error']['desc']) > 10, f'{where}: {answer}')
                else:
                    take_out(q)
                expect_equal(left_behind(q), before, f'{where}: descriptors and objects')
        expect_equal(plug(q, device), {'return': {}}, 'the last device_add')
    print(f'   {hits} failures, {refusals} refusals')
    if hits == 0:
        raise Failure('no call was reached: the injection does not work')


def virtio_blk(binary):
    failures(binary, {'driver': 'virtio-blk-pci', 'bus': 'rp', 'drive': 'n', 'num-queues': 2, 'iothread': 't'}, '-blockdev', 'null-co,node-name=n',
             '-object', 'iothread,id=t')


def virtio_net(binary):
    failures(binary, {'driver': 'virtio-net-pci', 'bus': 'rp', 'netdev': 'n'}, '-netdev', 'user,id=n')


def virtio_scsi(binary):
    failures(binary, {'driver': 'virtio-scsi-pci', 'bus': 'rp', 'num_queues': 2})


def virtio_serial(binary):
    failures(binary, {'driver': 'virtio-serial-pci', 'bus': 'rp', 'max_ports': 2})


def virtio_rng(binary):
    failures(binary, {'driver': 'virtio-rng-pci', 'bus': 'rp', 'rng': 'r'}, '-object', 'rng-random,id=r,filename=/dev/urandom')


if __name__ == '__main__':
    if shutil.which('strace') is None:
        skip('strace is not installed')
    main([virtio_blk, virtio_net, virtio_scsi, virtio_serial, virtio_rng])
