#!/usr/bin/env python3
"""A monitor's client that sends garbage, half a message, text without end, or never reads, does not delay a processor: the guest's own counter goes on.
slow_clients.py PENUMBRA [TEST...]

The guest counts in its memory, which is a file, makes an exit before each count, and with every 256th one that is an event for all monitors. In the tests of writes
and reads that last, strace holds the monitor's thread inside the system call, as a call that blocks would: the count goes on meanwhile."""
import contextlib
import mmap
import os
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
import harness
import images
import qmp_client
from harness import Failure, eventually
from injection import Strace
from qtest import expect

COUNTER = 0x1000
# dx = 0x505, al = 2; again: out 0x80, al; count; when its low byte is 0: out dx, al (pvpanic: a crash was loaded, GUEST_CRASHLOADED); again
COUNTS = images.image(b'\xba\x05\x05\xb0\x02' + b'\xe6\x80' + b'\x66\xff\x06' + struct.pack('<H', COUNTER) + b'\x80\x3e' + struct.pack('<H', COUNTER) + b'\x00' +
                      b'\x75\xf2' + b'\xee' + b'\xeb\xef')
MANY = 2000     # counts that must come
HELD = 3        # seconds that a call lasts
PATIENCE = 60   # seconds


class Machine(qmp_client.Process):
    def __init__(self, binary, folder):
        with open(f'{folder}/guest', 'wb') as out:
            out.write(COUNTS)
        super().__init__(binary, '-machine', 'q35,memory-backend=ram', '-m', '64', '-cpu', 'qemu64,check=off', '-display', 'none', '-bios', f'{folder}/guest', '-device',
                         'pvpanic', '-object', f'memory-backend-file,id=ram,size=64M,share=on,mem-path={folder}/ram', '-chardev',
                         f'socket,id=bad,path={folder}/bad,server=on,wait=off', '-mon', 'chardev=bad,mode=control')
        self.bad, self.folder = f'{folder}/bad', folder
        self.qmp = self.connect().negotiate()
        with open(f'{folder}/ram', 'rb') as ram:
            self.memory = mmap.mmap(ram.fileno(), 2 * COUNTER, prot=mmap.PROT_READ)

    def __exit__(self, *_):
        self.memory.close()
        self.qmp.close()
        self.end()

    def count(self):
        return struct.unpack_from('<I', self.memory, COUNTER)[0]

    def bad_client(self):
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.bad)
        return client

    def thread(self, name):
        """The number of the thread of this name; a thread takes its name when it first runs."""
        return eventually(f'no thread {name}', lambda: harness.threads(self.process.pid).get(name))


def with_machine(test):
    def run(binary):
        with tempfile.TemporaryDirectory(prefix='slow-') as folder, Machine(binary, folder) as machine:
            test(machine)
    run.__name__ = test.__name__
    return run


def expect_counting(machine, what):
    """While the block of `what` lasts: MANY more."""
    start, end = machine.count(), time.monotonic() + PATIENCE
    while machine.count() - start < MANY:
        expect(time.monotonic() < end, f'{what}: {machine.count() - start} counts in {PATIENCE} s')
        expect(machine.process.poll() is None, f'{what}: the machine ended')
        time.sleep(0.01)


def standing(machine, task):
    """What tells whether the thread runs: its state, and how often it was taken off a processor."""
    with open(f'/proc/{machine.process.pid}/task/{task}/status', encoding='ascii') as file:
        fields = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
    return fields['State'][0], fields['voluntary_ctxt_switches'], fields['nonvoluntary_ctxt_switches']


def held(machine, task, call, provoke):
    """How many counts come while the thread stands inside one call, whose end is waited for."""
    delay = f'inject={call}:delay_enter={HELD * 1_000_000}:when=1'
    with Strace(machine.process.pid, machine.folder, '-e', f'trace={call}', '-e', delay, thread=task):
        provoke()
        end, since, state, first, counts = time.monotonic() + PATIENCE, 0, None, 0, 0
        while time.monotonic() < end:
            now, count = standing(machine, task), machine.count()
            if now == state and now[0] == 't':
                counts = count - first
            elif counts and time.monotonic() - since > HELD / 2:
                return counts
            else:
                since, state, first, counts = time.monotonic(), now, count, 0
            time.sleep(0.01)
        raise Failure(f'the thread never stood in {call}')


@contextlib.contextmanager
def reader(machine, *enable):
    """A client that takes whatever comes."""
    with machine.bad_client() as client:
        qmp = qmp_client.Connection(client).negotiate(*enable)

        def drain():
            with contextlib.suppress(OSError):
                while client.recv(1 << 16):
                    pass
        thread = threading.Thread(target=drain)
        thread.start()
        try:
            yield qmp
        finally:
            client.shutdown(socket.SHUT_RDWR)
            thread.join()


@with_machine
def a_call_that_lasts(machine):
    """The main thread in a write to a monitor and in a read from it; the thread of out-of-band commands in both."""
    for enable, thread, oob in (((), None, False), (('oob',), 'monitor', True)):
        with reader(machine, *enable) as qmp:
            for call in ('sendto', 'recvmsg'):
                counts = held(machine, machine.thread(thread) if thread else machine.process.pid, call,
                              lambda: qmp.send('penumbra-query-launch', oob=oob))
                expect(counts >= MANY, f'{counts} counts while {thread or "main"} stood in {call}')


def pieces(data, stop, client):
    """Sends it again and again, as fast as it is taken; nothing if there is nothing."""
    if not data:
        return stop.wait()
    client.setblocking(False)
    while not stop.is_set():
        try:
            client.send(data)
        except BlockingIOError:
            time.sleep(0.001)
        except (BrokenPipeError, ConnectionResetError):
            return


def misbehave(machine, first, again):
    with machine.bad_client() as client:
        client.sendall(first)
        stop = threading.Event()
        sender = threading.Thread(target=pieces, args=(again, stop, client))
        sender.start()
        try:
            for _ in range(3):
                expect_counting(machine, repr(first[:40] + again[:40]))
                machine.qmp.command('query-status')
        finally:
            stop.set()
            sender.join()


@with_machine
def clients_that_misbehave(machine):
    greeted = b'{"execute": "qmp_capabilities"}'
    for first, again in ((b'', bytes(range(256)) * 256), (b'{"execute": "qmp_capab', b''), (b'"', b'x' * (1 << 20)), (b'', b'[' * 65536), (greeted, b''),
                         (greeted, b'{"execute": "query-qmp-schema"}' * 100), (greeted, b'{"execute": "nothing"}' * 1000)):
        misbehave(machine, first, again)


if __name__ == '__main__':
    harness.need_kvm()
    if shutil.which('strace') is None:
        harness.skip('strace is not installed')
    harness.main([a_call_that_lasts, clients_that_misbehave])
