#!/usr/bin/env python3
"""QMP over what else carries it: TCP, a client's connection that is made again, a pseudo-terminal, standard input and output.
usage: qmp_transports.py PENUMBRA [test...]"""
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import time
import tty

import harness
import qmp_client
from qtest import expect, expect_equal

PAUSED = ('-nodefaults', '-S', '-display', 'none', '-cpu', 'qemu64,check=off')


class Stream:
    """Two descriptors, or one of both directions, as the socket that qmp_client wants."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def settimeout(self, _):
        pass

    def recv(self, size):
        if not select.select([self.reader], [], [], 20)[0]:
            raise harness.Failure('no answer within 20 s')
        return os.read(self.reader, size)

    def sendmsg(self, parts, _):
        return os.write(self.writer, b''.join(parts))

    def sendall(self, data):
        while data:
            data = data[os.write(self.writer, data):]

    def close(self):
        os.close(self.writer)


def use(qmp):
    """A conversation: a long answer, a change with its event, an error."""
    qmp.negotiate()
    expect_equal(qmp.command('query-status')['status'], 'prelaunch', 'the state')
    expect(len(qmp.command('query-qmp-schema')) > 300, 'the schema')
    qmp.command('cont')
    qmp.wait_event('RESUME')
    qmp.command('stop')
    qmp.wait_event('STOP')
    qmp.command('system_reset')
    qmp.wait_event('RESET')
    qmp.send('no-such-command', id=7)
    reply = qmp.reply()
    expect_equal((reply['id'], reply['error']['class']), (7, 'CommandNotFound'), 'the error')


def ended(vmm):
    expect_equal(vmm.wait(20), 0, 'the exit status')


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def dial(vmm, port):
    for _ in range(1000):
        try:
            return socket.create_connection(('127.0.0.1', port))
        except ConnectionRefusedError:
            expect(vmm.process.poll() is None, vmm.report())
            vmm.pump(0.02)
    raise harness.Failure(f'nobody listens on {port}')


def tcp(binary):
    """-qmp tcp:, and the same as a chardev; the next client is served when one has gone."""
    port, second = free_port(), free_port()
    with harness.Vmm([binary, *PAUSED, '-qmp', f'tcp:127.0.0.1:{port},server=on,wait=off', '-chardev',
                      f'socket,id=m,host=127.0.0.1,port={second},server=on,wait=off,nodelay=on', '-mon', 'chardev=m,mode=control']) as vmm:
        for number in (port, second, port):
            qmp = qmp_client.Connection(dial(vmm, number))
            use(qmp)
            qmp.close()
        qmp_client.Connection(dial(vmm, port)).negotiate().command('quit')
        ended(vmm)


def waits_for_a_client(binary):
    """wait=on: nothing runs until somebody has connected."""
    port = free_port()
    with harness.Vmm([binary, *PAUSED, '-qmp', f'tcp:127.0.0.1:{port},server=on,wait=on', '-trace', 'kvm_set_user_memory']) as vmm:
        connection = dial(vmm, port)
        qmp = qmp_client.Connection(connection)
        use(qmp)
        qmp.command('quit')
        ended(vmm)


def reconnect(binary):
    """A monitor that dials: it comes again after its server went, and greets anew each time."""
    with tempfile.TemporaryDirectory(prefix='qmp-') as folder:
        path = f'{folder}/server'

        def listen():
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(20)
            return listener
        # Nobody is there at first.
        with harness.Vmm([binary, *PAUSED, '-chardev', f'socket,id=m,path={path},reconnect=1', '-mon', 'chardev=m,mode=control']) as vmm:
            for last in (False, False, True):
                with listen() as listener:
                    qmp = qmp_client.Connection(listener.accept()[0])
                    expect('QMP' in qmp.greeting, f'{qmp.greeting}')
                    use(qmp)
                    if last:
                        qmp.command('quit')
                os.unlink(path)
                qmp.close()
            ended(vmm)


def pty(binary):
    """-qmp pty says where its terminal is; one may leave it and come again."""
    with harness.Vmm([binary, *PAUSED, '-qmp', 'pty']) as vmm:
        for _ in range(200):
            found = re.search(rb'char device redirected to (/dev/pts/\d+)', bytes(vmm.out + vmm.err))
            if found:
                break
            expect(vmm.pump(0.1), vmm.report())
        expect(found, vmm.report())
        path = found[1].decode()
        for last in (False, True):
            terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
            tty.setraw(terminal)
            qmp = qmp_client.Connection(Stream(terminal, terminal))
            use(qmp)
            if last:
                qmp.command('quit')
            qmp.close()
            time.sleep(0.5)  # nobody has it open: who opens it at once again talks on in the same conversation
        ended(vmm)


def stdio(binary):
    """-qmp stdio: the greeting is the first line of the output, and nothing but QMP is in it; the end of the input is no end."""
    for end in ('quit', 'eof'):
        process = subprocess.Popen([binary, *PAUSED, '-qmp', 'stdio'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            qmp = qmp_client.Connection(Stream(process.stdout.fileno(), process.stdin.fileno()))
            use(qmp)
            if end == 'quit':
                qmp.command('quit')
            else:
                process.stdin.close()
                try:
                    process.wait(0.5)
                    raise harness.Failure('the end of the input ended the guest')
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGTERM)
            expect_equal(process.wait(20), 0, 'the exit status')
            for line in (qmp.buffer + process.stdout.read()).splitlines():
                expect(line.startswith(b'{'), f'{line} on standard output')
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr, process.stdin):
                stream.close()


if __name__ == '__main__':
    harness.need_kvm()
    harness.main([tcp, waits_for_a_client, reconnect, pty, stdio])
