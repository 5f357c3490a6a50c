"""A system call of a running process that fails once, by strace; and which calls a process makes."""
import os
import re
import subprocess
import time

from harness import skip
from qtest import expect


class Strace:
    """strace on every thread of the process, or on one of them, while the block runs; `lines` afterwards."""

    def __init__(self, process, folder, *options, thread=None):
        self.log = folder + '/strace'
        open(self.log, 'w').close()
        whom = ['-f', '-p', str(process)] if thread is None else ['-p', str(thread)]
        self.strace = subprocess.Popen(['strace', '-q', *whom, '-o', self.log, *options], stderr=subprocess.PIPE)
        self.process, self.thread, self.lines = process, thread, []

    def __enter__(self):
        end = time.monotonic() + 20
        while not self.attached():
            if self.strace.poll() is not None:
                skip('strace cannot attach: ' + self.strace.stderr.read().decode(errors='replace').strip()[-200:])
            expect(time.monotonic() < end, 'strace did not attach')
            time.sleep(0.005)
        return self

    def attached(self):
        def traced(task):
            try:
                with open(f'/proc/{self.process}/task/{task}/status') as status:
                    return 'TracerPid:\t0\n' not in status.read()
            except (FileNotFoundError, ProcessLookupError):
                return True  # has just ended
        return all(traced(task) for task in (os.listdir(f'/proc/{self.process}/task') if self.thread is None else [self.thread]))

    def __exit__(self, *_):
        self.strace.terminate()
        self.strace.wait(20)
        self.strace.stderr.close()
        with open(self.log, errors='replace') as log:
            self.lines = log.read().splitlines()


class Injected(Strace):
    """The k-th call of the kind fails while the block runs."""

    def __init__(self, process, kind, error, k, folder):
        super().__init__(process, folder, '-e', f'trace={kind}', '-e', f'inject={kind}:error={error}:when={k}')
        self.hit = []

    def __exit__(self, *info):
        super().__exit__(*info)
        self.hit = [line for line in self.lines if 'INJECTED' in line]


def calls(lines):
    """[(name, which of its thread's calls of that name it is, the line)]: strace counts each thread's own."""
    counts, found = {}, []
    for line in lines:
        match = re.match(r'(\d+)\s+([a-z0-9_]+)\(', line)
        if match:
            counts[match.groups()] = counts.get(match.groups(), 0) + 1
            found.append((match[2], counts[match.groups()], line))
    return found
