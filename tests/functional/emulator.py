"""What the emulator under the testbed now and then does to a guest (docs/testbed.md), and how a test tells it from a fault of ours.

It may lose a processor: a flag of its own that says "nested paging" is not what it was set to. Where it outlives an exit, what is saved as the guest's state
is that of the machine's kernel, at the instruction after VMRUN: nothing that penumbra or a guest does puts a guest there. Where it is lost on entry, the guest's
page tables are looked for in the machine's memory: the instruction that the guest was about to fetch is nowhere then, nor are its interrupt handlers, and the
machine is reset. The exits of the machine's KVM, which are written down for that, show such a guest: it stood still between two exits, the second of which
is a shutdown that began as a page fault."""
import contextlib
import functools
import os
import re
import socket
import subprocess
import sys
import threading
import time

import harness
from qmp_client import Connection

LOST = 'the emulator under the testbed lost the guest'
OOPS = 'Oops: int3'  # it ran a breakpoint that a kernel patching itself has already taken away
ENTRY = '__svm_vcpu_run'  # of the machine's KVM: VMRUN and what stands beside it
ENTRY_BYTES = 0x400
TRACING = '/sys/kernel/tracing'
LONGEST_INSTRUCTION = 15
EXIT = re.compile(r'-(?P<thread>\d+) .* kvm_exit: vcpu \d+ reason (?P<reason>\S+) rip 0x(?P<rip>[0-9a-f]+) .* intr_info 0x(?P<event>[0-9a-f]+) ')
PAGE_FAULT = 0x80000b0e  # EXITINTINFO: valid, with an error code, an exception, vector 14
EVERY = 20  # seconds between two looks


class LostProcessor(harness.Failure):
    """The emulator lost it; the guest cannot go on."""


def entry_address(symbols='/proc/kallsyms'):
    """Where this machine's KVM enters guests; None outside of the testbed."""
    if 'PENUMBRA_TESTBED' not in os.environ:
        return None
    with open(symbols, encoding='ascii') as file:
        return next((int(line.split()[0], 16) for line in file if line.split()[2] == ENTRY), None)


def lost_processor(registers, entry):
    """The line of `info registers -a` with a guest's processor inside the machine's kernel; None if there is none."""
    for line in registers.splitlines():
        found = re.match(r'RIP=([0-9a-f]{16})\b', line)
        if found and entry is not None and 0 <= int(found[1], 16) - entry < ENTRY_BYTES:
            return line
    return None


def lost_translation(trace):
    """The line of KVM's exits with a guest that cannot fetch the instruction that it stood before at the exit before; None if there is none."""
    before = {}
    for line in trace.splitlines():
        found = EXIT.search(line)
        if not found:
            continue
        thread, rip = found['thread'], int(found['rip'], 16)
        if found['reason'] == 'shutdown' and int(found['event'], 16) == PAGE_FAULT and 0 <= rip - before.get(thread, rip + 1) <= LONGEST_INSTRUCTION:
            return line.strip()
        before[thread] = rip
    return None


def tracing(name, text=None):
    with open(f'{TRACING}/{name}', 'r' if text is None else 'w', encoding='utf-8') as file:
        return file.read() if text is None else file.write(text)


class Exits:
    """They are written down until the first shutdown, which is looked at before they are again. Of the testbed's machine; elsewhere there are none."""

    def __init__(self):
        self.lock, self.shutdowns, self.begun = threading.Lock(), [], False

    def mark(self):
        """For since()."""
        with self.lock:
            self.look()
            return len(self.shutdowns)

    def since(self, mark):
        """What was written down before each shutdown since then."""
        with self.lock:
            self.look()
            return self.shutdowns[mark:]

    def look(self):
        if 'PENUMBRA_TESTBED' not in os.environ:
            return
        if not self.begun:
            tracing('buffer_size_kb', '64')
            if 'traceoff' not in tracing('events/kvm/kvm_exit/trigger').split('#')[0]:
                tracing('events/kvm/kvm_exit/trigger', 'traceoff if exit_reason == 0x7f')
            tracing('events/kvm/kvm_exit/enable', '1')
            self.begun = True
        elif tracing('tracing_on').strip() == '0':
            self.shutdowns.append(tracing('trace'))
        else:
            return
        tracing('trace', '')
        tracing('tracing_on', '1')


EXITS = Exits()


class Watched(harness.Vmm):
    """One that is looked at now and then, through a monitor of its own at `path`, while its end is waited for."""

    def __init__(self, argv, path):
        self.entry, self.path = entry_address(), path
        super().__init__(argv if self.entry is None else [*argv, '-chardev', f'socket,id=watch,path={path},server=on,wait=off', '-mon', 'chardev=watch,mode=control'])
        self.next_look = time.monotonic() + EVERY

    def pump(self, timeout):
        more = super().pump(timeout)
        if more and self.entry is not None and time.monotonic() > self.next_look:
            self.look()
            self.next_look = time.monotonic() + EVERY
        return more

    def look(self):
        with contextlib.suppress(OSError, EOFError), socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(EVERY)
            sock.connect(self.path)
            registers = Connection(sock, EVERY).negotiate().command('human-monitor-command', command_line='info registers -a')
            line = lost_processor(registers, self.entry)
            if line is not None:
                raise LostProcessor(f'the emulator under the testbed lost a processor: {line}')


def once_more(run, name, *signs):
    """run(), and once more, aloud, if it failed by a fault of the emulator: a lost processor, or one of these words in the report."""
    mark = EXITS.mark()
    try:
        return run()
    except harness.Failure as failure:
        shutdowns = EXITS.since(mark)
        signs = [*(sign for sign in signs if sign in str(failure)), *(line for line in map(lost_translation, shutdowns) if line)]
        if not signs and not isinstance(failure, LostProcessor):
            last = [f'the last exits before a shutdown:\n{chr(10).join(trace.splitlines()[-20:])}' for trace in shutdowns]
            raise harness.Failure('\n'.join([str(failure), *last])) from None
        print(f'     {name}: {signs[0] if signs else failure}; once more', flush=True)
    return run()


def each_once_more(*tests):
    """The same tests for harness.main(), each tried so."""
    def tried(test):
        @functools.wraps(test)
        def run(*args):
            return once_more(lambda: test(*args), test.__name__, OOPS)
        return run
    return [tried(test) for test in tests]


def main():
    """emulator.py COMMAND...: its status; a line more where the emulator lost its guest."""
    mark = EXITS.mark()
    status = subprocess.run(sys.argv[1:], check=False).returncode
    for line in filter(None, map(lost_translation, EXITS.since(mark))):
        print(f'{LOST}: {line}', flush=True)
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == '__main__':
    main()
