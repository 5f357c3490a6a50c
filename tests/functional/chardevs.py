#!/usr/bin/env python3
"""Character devices that come and go while the machine is there: chardev-add of every kind, what is in use stays, ring buffers, breaks.
usage: chardevs.py PENUMBRA [test...]"""
import base64
import contextlib
import os
import socket
import sys

import harness
import qmp_client
from harness import Failure


def expect(got, wanted, what):
    if got != wanted:
        raise Failure(f'{what}: {got!r}, expected {wanted!r}')


@contextlib.contextmanager
def machine(binary, *argv):
    with qmp_client.Process(binary, '-S', '-display', 'none', '-machine', 'q35', '-accel', 'qtest', '-m', '64', *argv) as process:
        yield process.connect().negotiate(), process.directory.name


def add(qmp, name, kind, fds=(), **data):
    return qmp.command('chardev-add', id=name, backend={'type': kind, 'data': data}, fds=fds)


def refused(qmp, text, command, **arguments):
    before = qmp.command('query-chardev')
    error = qmp_client.refusal(qmp, command, **arguments)
    if text not in error.desc or error.error_class != 'GenericError':
        raise Failure(f'{command} {arguments}: {error}')
    expect(qmp.command('query-chardev'), before, f'chardevs after {command} {arguments}')


def labels(qmp):
    return {one['label']: one['filename'] for one in qmp.command('query-chardev')}


def every_kind(binary):
    with machine(binary) as (qmp, folder):
        path = f'{folder}/out'
        at_first = labels(qmp)
        expect(add(qmp, 'null', 'null'), {}, 'null')
        expect(add(qmp, 'file', 'file', out=path), {}, 'file')
        expect(os.path.exists(path), True, 'the file')
        os.mkfifo(f'{folder}/pipe.in')
        os.mkfifo(f'{folder}/pipe.out')
        add(qmp, 'pipe', 'pipe', device=f'{folder}/pipe')
        pty = add(qmp, 'pty', 'pty', logfile=f'{folder}/log')['pty']
        expect(labels(qmp)['pty'], f'pty:{pty}', 'the terminal')
        expect(os.path.exists(f'{folder}/log'), True, 'the log')
        add(qmp, 'ring', 'ringbuf', size=4096)
        add(qmp, 'old', 'memory')
        add(qmp, 'unix', 'socket', addr={'type': 'unix', 'data': {'path': f'{folder}/sock'}}, server=True, wait=False)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f'{folder}/sock')
        add(qmp, 'tcp', 'socket', addr={'type': 'inet', 'data': {'host': '127.0.0.1', 'port': '0'}}, wait=False, telnet=False)
        one, other = socket.socketpair()
        with one, other:
            qmp.command('getfd', fdname='pair', fds=[other.fileno()])
            add(qmp, 'fd', 'socket', addr={'type': 'fd', 'data': {'str': 'pair'}}, server=False)
        for name in ('null', 'file', 'pipe', 'pty', 'ring', 'old', 'unix', 'tcp', 'fd'):
            qmp.command('chardev-remove', id=name)
        expect(labels(qmp), at_first, 'chardevs in the end')
        expect(os.path.exists(f'{folder}/sock'), False, 'the socket of a chardev that went')


def refusals(binary):
    with machine(binary, '-chardev', 'null,id=used', '-device', 'isa-serial,chardev=used', '-chardev', 'null,id=free') as (qmp, folder):
        unix = {'type': 'unix', 'data': {'path': f'{folder}/sock'}}
        for text, name, backend in (
                ('already', 'free', {'type': 'null', 'data': {}}), ("'1x'", '1x', {'type': 'null', 'data': {}}),
                ('', 'a', {'type': 'nothing', 'data': {}}), ('data', 'a', {'type': 'null'}), ('out', 'a', {'type': 'file', 'data': {}}),
                ('power of two', 'a', {'type': 'ringbuf', 'data': {'size': 3}}), ('power of two', 'a', {'type': 'ringbuf', 'data': {'size': -8}}),
                ('/no/where', 'a', {'type': 'file', 'data': {'out': '/no/where'}}), ('wait', 'a', {'type': 'socket', 'data': {'addr': unix, 'wait': True}}),
                ('telnet', 'a', {'type': 'socket', 'data': {'addr': unix, 'telnet': True}}),
                ('reconnect', 'a', {'type': 'socket', 'data': {'addr': unix, 'server': False, 'reconnect': -1}}),
                ('', 'a', {'type': 'socket', 'data': {'addr': {'type': 'fd', 'data': {'str': 'none'}}}}),
                ('', 'a', {'type': 'socket', 'data': {'addr': {'type': 'fd', 'data': {'str': '3'}}}}),
                ('', 'a', {'type': 'socket', 'data': {'addr': {'type': 'vsock', 'data': {}}}}),
                ('', 'a', {'type': 'socket', 'data': {'addr': {'type': 'unix', 'data': {'path': f'{folder}/nobody'}}, 'server': False}})):
            refused(qmp, text, 'chardev-add', id=name, backend=backend)
        refused(qmp, 'busy', 'chardev-remove', id='used')
        refused(qmp, 'not found', 'chardev-remove', id='nothing')
        refused(qmp, 'busy', 'chardev-change', id='used', backend={'type': 'null', 'data': {}})
        refused(qmp, 'not found', 'chardev-change', id='nothing', backend={'type': 'null', 'data': {}})
        refused(qmp, '/no/where', 'chardev-change', id='free', backend={'type': 'file', 'data': {'out': '/no/where'}})
        refused(qmp, 'not found', 'chardev-send-break', id='nothing')
        qmp.command('chardev-send-break', id='used')
        qmp.command('chardev-change', id='free', backend={'type': 'ringbuf', 'data': {}})
        expect(labels(qmp)['free'], 'ringbuf', 'what it became')
        # A socket in the place of one at the same path goes on listening there.
        add(qmp, 'sock', 'socket', addr=unix)
        refused(qmp, 'path', 'chardev-change', id='sock', backend={'type': 'socket', 'data': {'addr': unix}})
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f'{folder}/sock')


def ring_buffers(binary):
    with machine(binary, '-chardev', 'null,id=null') as (qmp, _):
        add(qmp, 'ring', 'ringbuf', size=16)
        qmp.command('ringbuf-write', device='ring', data='abc\u00e9')
        expect(qmp.command('ringbuf-read', device='ring', size=2), 'ab', 'the oldest bytes')
        expect(qmp.command('ringbuf-read', device='ring', size=100), 'c\u00e9', 'the rest')
        expect(qmp.command('ringbuf-read', device='ring', size=100), '', 'nothing')
        raw = bytes(range(0xf0, 0x100)) + b'0123'
        qmp.command('ringbuf-write', device='ring', data=base64.b64encode(raw).decode(), format='base64')
        expect(base64.b64decode(qmp.command('ringbuf-read', device='ring', size=6, format='base64')), raw[-16:][:6], 'the newest bytes')
        expect(qmp.command('ringbuf-read', device='ring', size=10), '\ufffd' * 6 + '0123', 'what is no text')
        refused(qmp, 'not a ringbuf', 'ringbuf-read', device='null', size=1)
        refused(qmp, 'not a ringbuf', 'ringbuf-write', device='null', data='x')
        refused(qmp, 'not found', 'ringbuf-read', device='nothing', size=1)
        refused(qmp, 'size', 'ringbuf-read', device='ring', size=0)
        refused(qmp, 'size', 'ringbuf-read', device='ring', size=-1)
        refused(qmp, '', 'ringbuf-write', device='ring', data='!', format='base64')
        refused(qmp, '', 'ringbuf-read', device='ring', size=1, format='latin1')
        hmp = lambda line: qmp.command('human-monitor-command', command_line=line)  # noqa: E731
        expect(hmp('chardev-add null,id=by-hand'), '', 'chardev-add for people')
        expect('by-hand' in hmp('info chardev'), True, 'info chardev')
        expect(hmp('ringbuf_write ring hello'), '', 'ringbuf_write')
        expect(hmp('ringbuf_read ring 100'), 'hello\r\n', 'ringbuf_read')
        expect(hmp('chardev-send-break by-hand'), '', 'chardev-send-break')
        expect(hmp('chardev-remove by-hand'), '', 'chardev-remove')
        expect('not found' in hmp('chardev-remove by-hand'), True, 'twice')


def a_port_on_a_chardev_of_later(binary):
    """What libvirt does to attach a channel."""
    with machine(binary, '-device', 'virtio-serial-pci,id=vs0') as (qmp, folder):
        add(qmp, 'channel', 'socket', addr={'type': 'unix', 'data': {'path': f'{folder}/channel'}}, server=True, wait=False)
        qmp.command('device_add', driver='virtserialport', bus='vs0.0', nr=1, chardev='channel', id='port', name='org.example')
        refused(qmp, 'busy', 'chardev-remove', id='channel')
        qmp.command('device_del', id='port')
        qmp.wait_event('DEVICE_DELETED')
        qmp.command('chardev-remove', id='channel')


if __name__ == '__main__':
    sys.exit(harness.main([every_kind, refusals, ring_buffers, a_port_on_a_chardev_of_later]))
