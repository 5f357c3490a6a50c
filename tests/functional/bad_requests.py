#!/usr/bin/env python3
"""Requests that are wrong: each gets exactly one error of the right class, and nothing changes. Most are made from query-qmp-schema: every
command without a mandatory argument, with one it does not know, with each argument of every wrong type. usage: bad_requests.py PENUMBRA [test...]"""
import json
import os
import socket
import sys
import tempfile

import harness
import qmp_client
from harness import Failure

LEAST = 500
WRONG = {'string': [5, True, [], {}], 'int': ['x', 1.5, [], {}, False], 'number': ['x', [], {}], 'boolean': ['yes', 1, []], 'object': [[], 'x', 7],
         'array': [{}, 'x', 7], 'enum': ['no such value', 3, []], 'alternate': []}
# Of these an argument of another type is an answer of its own, not a wrong type.
FREE = {'device_add'}


def snapshot(qmp):
    """What a request that failed may not have changed."""
    queries = ('query-status', 'query-block', 'query-named-block-nodes', 'query-memdev', 'query-fdsets', 'query-iothreads',
               'query-migrate-capabilities', 'query-name', 'query-cpus-fast')
    state = {name: qmp.command(name) for name in queries}
    state['chardevs'] = [(one['label'], one['filename']) for one in qmp.command('query-chardev')]
    for path in ('/machine/peripheral', '/machine/peripheral-anon', '/objects', '/chardevs'):
        state[path] = qmp.command('qom-list', path=path)
    return state


class Schema:
    def __init__(self, entries):
        self.entries = {entry['name']: entry for entry in entries}
        self.commands = sorted(name for name, entry in self.entries.items() if entry['meta-type'] == 'command')

    def kind(self, name):
        entry = self.entries[name]
        if entry['meta-type'] == 'builtin':
            return entry['json-type']
        return entry['meta-type']

    def members(self, command):
        return self.entries[self.entries[command]['arg-type']].get('members', [])


def generated(schema):
    """(request, error class) of requests that no command may take."""
    for name in schema.commands:
        if name == 'qmp_capabilities':
            continue
        members = schema.members(name)
        if name not in FREE:
            yield {'execute': name, 'arguments': {'no-such-argument': 1}}, 'GenericError'
        yield {'execute': name, 'arguments': []}, 'GenericError'
        yield {'execute': name, 'no-such-member': 1}, 'GenericError'
        if any('default' not in member for member in members):
            yield {'execute': name}, 'GenericError'
        for member in members:
            for value in WRONG.get(schema.kind(member['type']), []):
                yield {'execute': name, 'arguments': {member['name']: value}}, 'GenericError'


WRITTEN = [
    ({'execute': 'no-such-command'}, 'CommandNotFound'),
    ({'execute': ''}, 'CommandNotFound'),
    ({'execute': 'QUERY-STATUS'}, 'CommandNotFound'),
    ({'execute': 'query-status '}, 'CommandNotFound'),
    ({'execute': 'x' * 100000}, 'CommandNotFound'),
    ({'execute': 'qmp_capabilities'}, 'CommandNotFound'),
    ({'execute': 5}, 'GenericError'),
    ({'execute': None}, 'GenericError'),
    ({'execute': ['query-status']}, 'GenericError'),
    ({}, 'GenericError'),
    ({'id': 1}, 'GenericError'),
    ({'arguments': {}}, 'GenericError'),
    ({'execute': 'query-status', 'exec-oob': 'query-status'}, 'GenericError'),
    ({'exec-oob': 'query-status'}, 'GenericError'),
    ([], 'GenericError'),
    ([{'execute': 'stop'}], 'GenericError'),
    ('stop', 'GenericError'),
    (1, 'GenericError'),
    (None, 'GenericError'),
    (True, 'GenericError'),
    # The wrong state.
    ({'execute': 'x-exit-preconfig'}, 'GenericError'),
    ({'execute': 'system_wakeup'}, 'GenericError'),
    ({'execute': 'set-numa-node', 'arguments': {'type': 'node'}}, 'GenericError'),
    ({'execute': 'getfd', 'arguments': {'fdname': 'none-came'}}, 'GenericError'),
    ({'execute': 'closefd', 'arguments': {'fdname': 'nobody'}}, 'GenericError'),
    ({'execute': 'remove-fd', 'arguments': {'fdset-id': 77}}, 'GenericError'),
    ({'execute': 'query-balloon'}, 'DeviceNotActive'),
    ({'execute': 'balloon', 'arguments': {'value': 1 << 20}}, 'DeviceNotActive'),
    ({'execute': 'penumbra-query-conversions'}, 'GenericError'),
    ({'execute': 'penumbra-query-memory-visibility'}, 'GenericError'),
    # Things that are not there, or cannot be.
    ({'execute': 'device_del', 'arguments': {'id': 'nobody'}}, 'DeviceNotFound'),
    ({'execute': 'device_add', 'arguments': {'driver': 'no-such-device'}}, 'GenericError'),
    ({'execute': 'device_add', 'arguments': {'driver': 'virtio-rng-pci', 'bus': 'nowhere'}}, 'GenericError'),
    ({'execute': 'device_add', 'arguments': {'driver': 'virtio-blk-pci', 'drive': 'nothing', 'id': 'd'}}, 'GenericError'),
    ({'execute': 'device_add', 'arguments': {'driver': 'isa-serial'}}, 'GenericError'),
    ({'execute': 'object-add', 'arguments': {'qom-type': 'nothing', 'id': 'x'}}, 'GenericError'),
    ({'execute': 'object-add', 'arguments': {'qom-type': 'iothread', 'id': '9x'}}, 'GenericError'),
    ({'execute': 'object-add', 'arguments': {'qom-type': 'iothread', 'id': 'x', 'poll-max-ns': -1}}, 'GenericError'),
    ({'execute': 'object-add', 'arguments': {'qom-type': 'memory-backend-ram', 'id': 'x', 'size': 0}}, 'GenericError'),
    ({'execute': 'object-add', 'arguments': {'qom-type': 'memory-backend-file', 'id': 'x', 'size': 4096, 'mem-path': '/no/where'}}, 'GenericError'),
    ({'execute': 'object-add', 'arguments': {'qom-type': 'secret', 'id': 'x'}}, 'GenericError'),
    ({'execute': 'object-add', 'arguments': {'qom-type': 'sw-protected-vm', 'id': 'x'}}, 'GenericError'),
    ({'execute': 'object-del', 'arguments': {'id': 'nobody'}}, 'GenericError'),
    ({'execute': 'object-del', 'arguments': {'id': 'pc.ram'}}, 'GenericError'),
    ({'execute': 'netdev_add', 'arguments': {'type': 'user'}}, 'GenericError'),
    ({'execute': 'netdev_add', 'arguments': {'type': 'tap', 'id': 'n', 'fd': 'nobody'}}, 'GenericError'),
    ({'execute': 'netdev_del', 'arguments': {'id': 'nobody'}}, 'DeviceNotFound'),
    ({'execute': 'set_link', 'arguments': {'name': 'nobody', 'up': True}}, 'DeviceNotFound'),
    ({'execute': 'blockdev-add', 'arguments': {'driver': 'file', 'node-name': 'n', 'filename': '/no/where'}}, 'GenericError'),
    ({'execute': 'blockdev-add', 'arguments': {'driver': 'raw', 'node-name': 'n', 'file': 'nobody'}}, 'GenericError'),
    ({'execute': 'blockdev-add', 'arguments': {'driver': 'null-co'}}, 'GenericError'),
    ({'execute': 'blockdev-del', 'arguments': {'node-name': 'nobody'}}, 'GenericError'),
    ({'execute': 'blockdev-reopen', 'arguments': {'options': [{'driver': 'null-co', 'node-name': 'nobody'}]}}, 'GenericError'),
    ({'execute': 'blockdev-reopen', 'arguments': {'options': [{'driver': 'null-co'}]}}, 'GenericError'),
    ({'execute': 'blockdev-reopen', 'arguments': {'options': ['null-co']}}, 'GenericError'),
    ({'execute': 'blockdev-reopen', 'arguments': {'options': [{'driver': 'raw', 'node-name': 'nobody'}]}}, 'GenericError'),
    ({'execute': 'block_resize', 'arguments': {'node-name': 'nobody', 'size': 4096}}, 'GenericError'),
    ({'execute': 'eject', 'arguments': {'id': 'nobody'}}, 'GenericError'),
    ({'execute': 'qom-get', 'arguments': {'path': '/machine', 'property': 'nothing'}}, 'GenericError'),
    ({'execute': 'qom-get', 'arguments': {'path': '/nowhere', 'property': 'type'}}, 'DeviceNotFound'),
    ({'execute': 'qom-set', 'arguments': {'path': '/machine', 'property': 'hpet', 'value': False}}, 'GenericError'),
    ({'execute': 'qom-list', 'arguments': {'path': '/nowhere'}}, 'DeviceNotFound'),
    ({'execute': 'qom-list', 'arguments': {'path': '/' * 5000 + 'nowhere'}}, 'DeviceNotFound'),
    ({'execute': 'migrate-incoming', 'arguments': {'uri': 'defer'}}, 'CommandNotFound'),
    ({'execute': 'query-stats', 'arguments': {'target': 'vm', 'vcpus': []}}, 'GenericError'),
    ({'execute': 'query-stats', 'arguments': {'target': 'vcpu', 'providers': [{'provider': 'nobody'}]}}, 'GenericError'),
    ({'execute': 'query-stats', 'arguments': {'target': 'vcpu', 'providers': [{'names': []}]}}, 'GenericError'),
    ({'execute': 'penumbra-query-launch'}, 'GenericError'),
    ({'execute': 'penumbra-set-conversion-limit', 'arguments': {'rate': 5}}, 'GenericError'),
    ({'execute': 'device-list-properties', 'arguments': {'typename': 'nothing'}}, 'DeviceNotFound'),
    ({'execute': 'qom-list-properties', 'arguments': {'typename': 'nothing'}}, 'DeviceNotFound'),
    ({'execute': 'trace-event-get-state', 'arguments': {'name': 'nothing'}}, 'GenericError'),
    ({'execute': 'memsave', 'arguments': {'val': 0, 'size': 1, 'filename': '/no/where'}}, 'GenericError'),
    ({'execute': 'memsave', 'arguments': {'val': 0, 'size': 1, 'filename': '/dev/null', 'cpu-index': 9}}, 'GenericError'),
    ({'execute': 'pmemsave', 'arguments': {'val': 1 << 63, 'size': 1 << 63, 'filename': '/dev/null'}}, 'GenericError'),
    ({'execute': 'pmemsave', 'arguments': {'val': 1, 'size': (1 << 64) - 1, 'filename': '/dev/null'}}, 'GenericError'),
    ({'execute': 'query-cpu-model-expansion', 'arguments': {'type': 'full', 'model': {'name': 'nothing'}}}, 'GenericError'),
    ({'execute': 'query-cpu-model-expansion', 'arguments': {'type': 'full', 'model': {'name': 'max', 'props': 7}}}, 'GenericError'),
    ({'execute': 'query-cpu-model-expansion', 'arguments': {'type': 'full', 'model': {'name': 'max', 'props': {'fpu': []}}}}, 'GenericError'),
    ({'execute': 'send-key', 'arguments': {'keys': []}}, 'GenericError'),
    ({'execute': 'send-key', 'arguments': {'keys': [{'type': 'number', 'data': 0}]}}, 'GenericError'),
    ({'execute': 'send-key', 'arguments': {'keys': [{'type': 'number', 'data': 30}] * 17}}, 'GenericError'),
    ({'execute': 'send-key', 'arguments': {'keys': [{'type': 'qcode', 'data': 'nothing'}]}}, 'GenericError'),
    ({'execute': 'send-key', 'arguments': {'keys': [{'type': 'number', 'data': 30}], 'hold-time': -1}}, 'GenericError'),
    ({'execute': 'migrate', 'arguments': {'uri': 'tcp:0:1'}}, 'GenericError'),
    ({'execute': 'watchdog-set-action', 'arguments': {'action': 'bark'}}, 'GenericError'),
]

def one_error(qmp, raw, error_class, what):
    qmp.send_raw(raw)
    reply = qmp.reply()
    if 'error' not in reply:
        raise Failure(f'{what} was taken: {reply}')
    error = reply['error']
    if error_class and error['class'] != error_class:
        raise Failure(f'{what}: {error}, wanted {error_class}')
    if set(error) != {'class', 'desc'} or '\n' in error['desc'] or not error['desc'] or len(error['desc']) > 2000:
        raise Failure(f'{what}: the error has a strange form: {str(error)[:300]}')
    # Nothing else comes: the next reply is that of the next request.
    qmp.send('query-name', id='sync')
    after = qmp.reply()
    if after.get('id') != 'sync' or 'return' not in after:
        raise Failure(f'{what}: more than one reply: {after}')


def start(binary, *more):
    return qmp_client.Process(binary, '-S', '-display', 'none', '-machine', 'q35', '-m', '64', '-cpu', 'qemu64,check=off', *more)


def resident(pid):
    with open(f'/proc/{pid}/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def unchanged(qmp, before, what):
    after = snapshot(qmp)
    if after != before:
        raise Failure(f'{what} changed {[(name, before[name], after[name]) for name in before if before[name] != after[name]]}')


def wrong_requests(binary):
    with start(binary) as process:
        qmp = process.connect().negotiate()
        schema = Schema(qmp.command('query-qmp-schema'))
        before = snapshot(qmp)
        cases = [*WRITTEN, *generated(schema)]
        for count, (request, error_class) in enumerate(cases):
            what = json.dumps(request)[:300]
            if isinstance(request, dict) and 'id' not in request:
                request = {**request, 'id': count}
            one_error(qmp, json.dumps(request).encode() + b'\n', error_class, what)
            unchanged(qmp, before, what)
        different = len({json.dumps(request, sort_keys=True) for request, error_class in cases if error_class})
        print(f'{different} different wrong requests: each had one error of its class, and the state was the same after each')
        if different < LEAST:
            raise Failure(f'only {different} requests')


def truncated(binary):
    """A client that goes in the middle of a request leaves nothing behind."""
    request = json.dumps({'execute': 'object-add', 'arguments': {'qom-type': 'iothread', 'id': 'half'}}).encode()
    with start(binary) as process:
        qmp = process.connect().negotiate()
        before = snapshot(qmp)
        qmp.close()
        for end in range(1, len(request)):
            half = process.connect().negotiate()
            half.send_raw(request[:end])
            half.close()
        qmp = process.connect().negotiate()
        unchanged(qmp, before, 'half a request')


def too_much(binary):
    """Depth, size and number of values have limits, each with one error; memory stays as it was."""
    with start(binary) as process:
        qmp = process.connect().negotiate()
        before = resident(process.process.pid)
        for raw in (b'[' * 5000, b'{"a":' * 5000, b'"' + b'x' * (20 << 20), b'[' + b'1,' * 600000, b'1' * (20 << 20)):
            try:
                qmp.send_raw(raw + b'\n')
                qmp.send_raw(b'"\'\n"\n\n')
                qmp.send('query-name', id='sync')
                errors = 0
                while (reply := qmp.reply()).get('id') != 'sync':
                    errors += 'error' in reply
            except (BrokenPipeError, ConnectionResetError, EOFError):
                qmp = process.connect().negotiate()
                errors = 1
            if errors == 0:
                raise Failure(f'{raw[:20]}... was taken')
        grown = resident(process.process.pid) - before
        if grown > 64 << 20:
            raise Failure(f'{grown >> 20} MiB more are resident')


def a_gigabyte_without_an_end(binary):
    """One client sends a string that never ends; the other is served meanwhile, and memory stays as it was."""
    total, piece = 1 << 30, b'x' * (1 << 20)
    with tempfile.TemporaryDirectory() as folder:
        second = ['-chardev', f'socket,id=second,path={folder}/second,server=on,wait=off', '-mon', 'chardev=second,mode=control']
        with start(binary, *second) as process:
            qmp = process.connect().negotiate()
            with socket.socket(socket.AF_UNIX) as sender:
                sender.connect(f'{folder}/second')
                sender.sendall(b'"')
                before, sent, served, most = resident(process.process.pid), 0, 0, 0
                sender.setblocking(False)
                while sent < total:
                    try:
                        sent += sender.send(piece)
                    except BlockingIOError:
                        served += qmp.command('query-status')['status'] == 'prelaunch'
                        most = max(most, resident(process.process.pid))
                if served == 0:
                    raise Failure('the other client was never served')
                if most - before > 64 << 20:
                    raise Failure(f'{most - before >> 20} MiB more were resident')
            # Gone in the middle of it; the next one finds a monitor.
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(f'{folder}/second')
                qmp_client.Connection(sock).negotiate().command('query-status')


if __name__ == '__main__':
    sys.exit(harness.main([wrong_requests, truncated, too_much, a_gigabyte_without_an_end]))
