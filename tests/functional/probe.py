#!/usr/bin/env python3
"""What libvirt asks a binary before anything else, from the tables of answers alone: a daemon without a machine that can be talked to as soon as
its parent has gone, one line an answer, and none of the answers that end a libvirtd. probe.py PENUMBRA [TEST...]"""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

import harness
import qmp_client
from process import expect_gone, kill_if_there
from qtest import expect, expect_equal

# libvirtd 9.0 follows a null pointer when one of these has no properties, or processors cannot be listed; 11.3 when SEV-SNP is there and SEV is not.
MUST_HAVE_PROPERTIES = ('memory-backend-file', 'none-machine', 'memory-backend-memfd', 'max-x86_64-cpu')
LARGEST = 10 << 20


class Probe:
    """The daemon, with a connection."""

    def __init__(self, binary, folder):
        path, self.pidfile = f'{folder}/qmp.monitor', f'{folder}/qmp.pid'
        command = [binary, '-S', '-no-user-config', '-nodefaults', '-nographic', '-machine', 'none,accel=kvm:tcg', '-qmp', f'unix:{path},server=on,wait=off', '-pidfile',
                   self.pidfile, '-daemonize']
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        expect(done.returncode == 0 and not done.stdout and not done.stderr, f'{done}')
        with open(self.pidfile, encoding='ascii') as file:
            self.pid = int(file.read())
        monitor = socket.socket(socket.AF_UNIX)
        monitor.connect(path)  # once: nobody tries again
        self.qmp = qmp_client.Connection(monitor)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.qmp.close()
        kill_if_there(self.pid)


def ask(qmp, name, **arguments):
    """The reply, which is one line, ended as on the wire, and not too long for libvirt."""
    qmp.send(name, {key.replace('_', '-'): value for key, value in arguments.items()})
    line = qmp.line()
    expect(line.endswith(b'}\r\n') and line.count(b'\n') == 1 and len(line) <= LARGEST, f'{name}: {len(line)} bytes, {line[-80:]}')
    return json.loads(line)


def answer(qmp, name, **arguments):
    reply = ask(qmp, name, **arguments)
    expect('return' in reply, f'{name} {arguments}: {reply}')
    return reply['return']


def look(qmp):
    """What is asked of every emulator, with or without a machine."""
    version = answer(qmp, 'query-version')
    expect(isinstance(version['package'], str) and {'major', 'minor', 'micro'} <= set(version['qemu']), f'{version}')
    expect_equal(answer(qmp, 'query-target'), {'arch': 'x86_64'}, 'query-target')
    commands = {one['name'] for one in answer(qmp, 'query-commands')}
    schema = answer(qmp, 'query-qmp-schema')
    expect_equal({one['name'] for one in schema if one['meta-type'] == 'command'}, commands, 'commands in the schema')
    types = {one['name'] for one in answer(qmp, 'qom-list-types')}
    for kind in sorted(types | set(MUST_HAVE_PROPERTIES)):
        rows = ask(qmp, 'qom-list-properties', typename=kind)
        expect(isinstance(rows.get('return'), list) and all('name' in row for row in rows['return']), f'{kind}: {rows}')
    for kind in sorted(one['name'] for one in answer(qmp, 'qom-list-types', implements='device')):
        answer(qmp, 'device-list-properties', typename=kind)
    expect_equal(ask(qmp, 'device-list-properties', typename='nothing')['error']['class'], 'DeviceNotFound', 'a type that is not there')
    models = answer(qmp, 'query-cpu-definitions')
    expect(all({'name', 'typename'} <= set(model) for model in models) and {model['typename'] for model in models} <= types, 'models')
    for name in ('query-machines', 'query-command-line-options', 'query-migrate-capabilities'):
        expect(isinstance(answer(qmp, name), list), name)
    if types & {'sev-snp-guest', 'sev-guest'}:
        expect('sev-guest' in types, 'SEV-SNP without SEV')
        reply = ask(qmp, 'query-sev-capabilities')
        expect('return' in reply or reply['error']['class'] == 'GenericError', f'{reply}')
    expect('tcg-accel' not in types, 'libvirt would ask once more')
    return commands


def probe(binary):
    with tempfile.TemporaryDirectory(prefix='probe-') as folder, Probe(binary, folder) as it:
        it.qmp.negotiate()
        look(it.qmp)
        kvm = answer(it.qmp, 'query-kvm')
        expect_equal(kvm, {'enabled': True, 'present': True}, 'query-kvm')
        for kind, model in (('static', {'name': 'host'}), ('static', {'name': 'host', 'props': {'migratable': False}}),
                            ('full', {'name': 'host', 'props': {'migratable': False, 'hv-passthrough': True}})):
            reply = ask(it.qmp, 'query-cpu-model-expansion', type=kind, model=model)
            expect('props' in reply['return']['model'] if 'return' in reply else reply['error']['class'] == 'GenericError', f'{reply}')
        it.qmp.close()
        begin = time.monotonic()
        os.kill(it.pid, signal.SIGTERM)
        expect_gone(it.pid, 'SIGTERM')
        expect(time.monotonic() - begin < 10, 'libvirt would have killed it')


def several_probes(binary):
    """Each in its own folder, at once, as libvirtd's threads do."""
    with tempfile.TemporaryDirectory(prefix='probe-') as folder:
        running = []
        try:
            for number in range(4):
                os.mkdir(f'{folder}/{number}')
                running.append(Probe(binary, f'{folder}/{number}'))
            for one in running:
                one.qmp.negotiate()
                answer(one.qmp, 'query-qmp-schema')
        finally:
            for one in running:
                one.__exit__()


def with_a_machine(binary):
    """The same answers from one that has a guest."""
    with qmp_client.Process(binary, '-S', '-display', 'none', '-machine', 'q35', '-m', '64') as process:
        look(process.connect().negotiate())


if __name__ == '__main__':
    harness.need_kvm()
    harness.main([probe, several_probes, with_a_machine])
