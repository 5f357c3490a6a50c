#!/usr/bin/env python3
"""Every start-up system call fails once: the answer must be success or one line that says what failed, and nothing left behind.

usage: startup_failures.py PENUMBRA
For k = 1, 2, 3 ... the k-th call of a kind is made to fail (strace's injection) until a run has no k-th call. A run may end as it
would have (the call was not needed), or with status 1 and exactly one line on stderr; never by a signal, never silently.
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
import images

SKIP = 77
GOOD = 1  # isa-debug-exit of 0
KINDS = [('ioctl', 'ENOMEM'), ('ioctl', 'EINVAL'), ('openat', 'EACCES'), ('memfd_create', 'EMFILE'), ('eventfd2', 'EMFILE'), ('ftruncate', 'ENOSPC'),
         ('fallocate', 'ENOSPC'), ('madvise', 'ENOMEM'), ('pipe2', 'EMFILE')]
MOST = 120


def guest_argv(binary, folder):
    image = os.path.join(folder, 'tiny.bin')
    with open(image, 'wb') as out:
        out.write(images.exits_at_once())
    return [binary, '-machine', 'q35,accel=kvm,kernel_irqchip=split', '-m', '64', '-cpu', 'qemu64,check=off', '-bios', image, '-nodefaults', '-display', 'none',
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=1']


def first_calls_before_main(argv, folder):
    """How many calls of each kind the dynamic loader makes before the program runs: those are not ours to answer for."""
    log = os.path.join(folder, 'loader.log')
    subprocess.run(['strace', '-f', '-o', log, '-e', 'trace=' + ','.join({kind for kind, _ in KINDS}), argv[0], '-version'], check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    counts = {kind: 0 for kind, _ in KINDS}
    for line in open(log):
        match = re.match(r'^\d+\s+([a-z0-9_]+)\(', line)
        if match and match[1] in counts:
            counts[match[1]] += 1
    return counts


def judge(binary, kind, error, k):
    """None when there is no k-th call, else a list of complaints (empty: good)."""
    with tempfile.TemporaryDirectory(prefix='penumbra-startup.') as folder:
        pidfile = os.path.join(folder, 'pid')
        log = os.path.join(folder, 'strace.log')
        argv = guest_argv(binary, folder) + ['-pidfile', pidfile]
        done = subprocess.run(['strace', '-f', '-o', log, '-e', f'trace={kind}', '-e', f'inject={kind}:error={error}:when={k}', *argv],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
        trace = open(log, errors='replace').read()
        if 'INJECTED' not in trace:
            return None
        injected = next(line for line in trace.split('\n') if 'INJECTED' in line)
        if 'KVM_RUN' in injected:
            return None  # start-up is over
        lines = done.stderr.decode(errors='replace').strip().split('\n')
        bad = []
        if os.path.exists(pidfile):
            bad.append('the pid file stayed')
        if done.returncode == GOOD and lines == ['']:
            return bad
        if done.returncode != 1:
            bad.append(f'status {done.returncode}')
        if len(lines) != 1 or not lines[0].startswith('penumbra: ') or len(lines[0]) < 30:
            bad.append(f'stderr {lines}')
        return [f'{kind} #{k} {error}: {complaint}\n    {injected}' for complaint in bad]


def main():
    binary = os.path.abspath(sys.argv[1])
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        print('startup_failures: SKIPPED: no /dev/kvm')
        sys.exit(SKIP)
    with tempfile.TemporaryDirectory(prefix='penumbra-startup.') as folder:
        argv = guest_argv(binary, folder)
        plain = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        if plain.returncode != GOOD:
            sys.exit(f'the guest does not run: status {plain.returncode}: {plain.stdout.decode(errors="replace")}')
        before = first_calls_before_main(argv, folder)
    complaints, runs = [], 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for kind, error in KINDS:
            first = before[kind] + 1
            for result in pool.map(lambda k: judge(binary, kind, error, k), range(first, first + MOST)):
                if result is None:
                    continue
                runs += 1
                complaints += result
    for complaint in complaints:
        print(complaint)
    print(f'startup_failures: {runs} injected failures, {len(complaints)} complaints')
    if runs < 30:
        sys.exit('too few calls were reached: the injection does not work')
    sys.exit(1 if complaints else 0)


if __name__ == '__main__':
    main()
