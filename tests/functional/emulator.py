"""What the emulator under the testbed now and then does to a guest (docs/testbed.md), and how a test tells it from a fault of ours.

It may lose a processor: a flag of its own that says "nested paging" outlives an exit, so that what it saves as the guest's state is that of the machine's
kernel, at the instruction after VMRUN. Nothing that penumbra or a guest does puts a guest there."""
import contextlib
import os
import re
import socket
import time

import harness
from qmp_client import Connection

OOPS = 'Oops: int3'  # it ran a breakpoint that a kernel patching itself has already taken away
ENTRY = '__svm_vcpu_run'  # of the machine's KVM: VMRUN and what stands beside it
ENTRY_BYTES = 0x400
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
    try:
        return run()
    except harness.Failure as failure:
        sign = str(failure) if isinstance(failure, LostProcessor) else next((sign for sign in signs if sign in str(failure)), None)
        if sign is None:
            raise
        print(f'     {name}: {sign}; once more', flush=True)
        return run()
