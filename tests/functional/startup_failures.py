#!/usr/bin/env python3
"""Every start-up system call fails once: the answer must be success or one line that names the call and says why, with nothing left behind.

usage: startup_failures.py PENUMBRA [KIND...]
For k = 1, 2, 3 ... the k-th call of a kind is made to fail (strace's injection) until a run has no k-th call. A run may end as it
would have (the call was not needed), or with status 1 and exactly one line on stderr, which holds the call's name (or, for an ioctl, the
request's) and the error's text; never by a signal, never silently. The command line makes files of every kind that start-up can make: the
pid file, a monitor's socket and a RAM file must be gone; what -D and -serial file: opened stays, since it holds what was said until then."""
import concurrent.futures
import dataclasses
import errno
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
import harness
import images

MOST = 150


@dataclasses.dataclass
class Kind:
    """A system call, how it fails, and the words that name it in a message (the library's function where a program calls that)."""
    call: str
    error: str
    names: tuple = ()

    def words(self):
        return self.names or (self.call,)


KINDS = [Kind('ioctl', 'ENOMEM'), Kind('ioctl', 'EINVAL'), Kind('openat', 'EACCES', ('open',)), Kind('memfd_create', 'EMFILE'), Kind('eventfd2', 'EMFILE', ('eventfd',)),
         Kind('ftruncate', 'ENOSPC'), Kind('fallocate', 'ENOSPC'), Kind('madvise', 'ENOMEM'), Kind('mmap', 'ENOMEM', ('mmap', 'pthread_create')),
         Kind('clone3', 'EAGAIN', ('pthread_create',)), Kind('signalfd4', 'EMFILE', ('signalfd',)), Kind('fcntl', 'EINVAL'), Kind('read', 'EIO'),
         Kind('write', 'ENOSPC'), Kind('newfstatat', 'EACCES', ('fstat', 'stat')), Kind('mbind', 'EPERM'), Kind('socket', 'EMFILE'), Kind('bind', 'EACCES'), Kind('listen', 'EACCES')]
DAEMON_KINDS = [Kind('pipe2', 'EMFILE', ('pipe',)), Kind('clone', 'EAGAIN', ('fork',)), Kind('chdir', 'EACCES'), Kind('openat', 'EACCES', ('open',)), Kind('dup2', 'EMFILE')]
# Requests that strace may be too old to know.
REQUESTS = {'_IOC(_IOC_WRITE, 0xae, 0x49,': 'KVM_SET_USER_MEMORY_REGION2', '_IOC(_IOC_READ|_IOC_WRITE, 0xae, 0xd4,': 'KVM_CREATE_GUEST_MEMFD'}
# Made by start-up and gone after it failed, or kept.
REMOVED, KEPT = ('pid', 'monitor', 'ram'), ('log', 'serial')


@dataclasses.dataclass
class Scene:
    """A command line, the calls that fail in it, and how a run ends that goes well."""
    name: str
    words: callable
    kinds: list
    good: int = 1  # isa-debug-exit of 0
    made: tuple = ()

    def argv(self, binary, folder):
        image = os.path.join(folder, 'tiny.bin')
        with open(image, 'wb') as out:
            out.write(images.exits_at_once())
        made = {name: os.path.join(folder, name) for name in REMOVED + KEPT}
        return [binary, '-machine', 'q35,accel=kvm,kernel_irqchip=split', '-m', '64', '-cpu', 'qemu64,check=off', '-bios', image, '-nodefaults', '-display', 'none',
                '-device', 'isa-debug-exit,iobase=0xf4,iosize=1', '-pidfile', made['pid'], *self.words(made)]


def with_files(made):
    return ['-object', f'memory-backend-file,id=mem0,size=64M,share=on,mem-path={made["ram"]}', '-machine', 'memory-backend=mem0', '-D', made['log'],
            '-serial', f'file:{made["serial"]}', '-qmp', f'unix:{made["monitor"]},server=on,wait=off']


def two_backends(kinds):
    first, second = (f'{kind},id=mem{number},size=32M' for number, kind in enumerate(kinds))
    return ['-object', f'{first},host-nodes=0,policy=bind', '-object', f'{second},prealloc=on', '-numa', 'node,nodeid=0,memdev=mem0', '-numa', 'node,nodeid=1,memdev=mem1']


def scenes():
    gmem = 'memory-backend-guest-memfd' if harness.has_mappable_guest_memfd() else 'memory-backend-memfd'
    return [Scene('files', with_files, KINDS, made=('ram', *KEPT)), Scene('memfds', lambda made: two_backends(['memory-backend-memfd', gmem]), KINDS),
            Scene('daemon', lambda made: ['-daemonize'], DAEMON_KINDS, good=0)]


def traced(argv, log, kinds, *options):
    calls = ','.join(sorted({kind.call for kind in kinds} | {'ioctl'}))
    done = subprocess.run(['strace', '-f', '-o', log, '-e', f'trace={calls}', *options, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120, check=False)
    with open(log, errors='replace') as text:
        return done, text.read().split('\n')


def most_calls(lines):
    """{call: the largest number of calls that one thread made}: strace counts each thread's own."""
    counts = {}
    for line in lines:
        match = re.match(r'^(\d+)\s+([a-z0-9_]+)\(', line)
        if match:
            counts[match.groups()] = counts.get(match.groups(), 0) + 1
    most = {}
    for (_, call), count in counts.items():
        most[call] = max(most.get(call, 0), count)
    return most


def injected_at_start(lines):
    """The injected calls before the first KVM_RUN; after that start-up is over, but for how files are looked at when they are removed."""
    found = []
    for line in lines:
        if 'KVM_RUN' in line:
            break
        if 'INJECTED' in line:
            found.append(line)
    return found or [line for line in lines if 'INJECTED' in line and 'newfstatat' in line]


def names_the_call(kind, line, calls):
    """The error's text and the name of the call, or of the request of an ioctl, one of those that failed."""
    if all('KVM_CHECK_EXTENSION' in call for call in calls) and 'KVM: ' in line:
        return True  # its failure is its answer: the kernel does not have what was asked about, which is what the line says
    errors = {kind.error, 'EAGAIN'} if 'pthread_create' in kind.words() else {kind.error}  # pthread_create says EAGAIN whatever it lacked
    if not any(os.strerror(getattr(errno, error)) in line for error in errors):
        return False
    asked = [match[1] for match in (re.search(r'ioctl\(\d+, ([A-Z0-9_]+)', call) for call in calls) if match]
    asked += [name for raw, name in REQUESTS.items() if any(raw in call for call in calls)]
    return any(re.search(rf'\b{word}', line) for word in (asked or kind.words()))


def judge(scene, binary, kind, k):
    """None when there is no k-th call at start, else a list of complaints (empty: good)."""
    with tempfile.TemporaryDirectory(prefix='penumbra-startup.') as folder:
        done, trace = traced(scene.argv(binary, folder), os.path.join(folder, 'strace.log'), [kind], '-e', f'inject={kind.call}:error={kind.error}:when={k}')
        injected = injected_at_start(trace)
        if not injected:
            return None
        lines = done.stderr.decode(errors='replace').strip().split('\n')
        bad = []
        left = set(os.listdir(folder)) - {'tiny.bin', 'strace.log', *KEPT}
        well = done.returncode == scene.good and lines == ['']
        if left - ({'ram'} if well else set()):
            bad.append(f'left behind: {sorted(left)}')
        if not well:
            if done.returncode != 1:
                bad.append(f'status {done.returncode}')
            if len(lines) != 1 or not lines[0].startswith('penumbra: ') or not names_the_call(kind, lines[0], injected):
                bad.append(f'stderr {lines}')
        return [f'{scene.name}: {kind.call} #{k} {kind.error}: {complaint}\n    {injected[0]}' for complaint in bad]


def calls_of(scene, binary):
    """{call: how many one thread makes} of a good run, and of the dynamic loader in it, which is not ours to answer for."""
    with tempfile.TemporaryDirectory(prefix='penumbra-startup.') as folder:
        log = os.path.join(folder, 'strace.log')
        plain, lines = traced(scene.argv(binary, folder), log, scene.kinds)
        if plain.returncode != scene.good:
            sys.exit(f'{scene.name}: the guest does not run: status {plain.returncode}: {plain.stderr.decode(errors="replace")}')
        files = set(os.listdir(folder)) - {'tiny.bin', 'strace.log'}
        if files != set(scene.made):
            sys.exit(f'{scene.name}: after a good run there are {sorted(files)}')
        return most_calls(lines), most_calls(traced([binary, '-version'], log, scene.kinds)[1])


def run_scene(scene, binary, wanted, pool):
    """(complaints, {call: runs})"""
    complaints, runs = [], {}
    last, before = calls_of(scene, binary)
    for kind in scene.kinds:
        if wanted and kind.call not in wanted:
            continue
        turns = range(before.get(kind.call, 0) + 1, min(last.get(kind.call, 0), MOST) + 1)
        results = [result for result in pool.map(lambda k, kind=kind: judge(scene, binary, kind, k), turns) if result is not None]
        runs[kind.call] = runs.get(kind.call, 0) + len(results)
        complaints += [complaint for result in results for complaint in result]
    return complaints, runs


def main():
    binary = os.path.abspath(sys.argv[1])
    harness.need_kvm()
    complaints, total, reached = [], 0, set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for scene in scenes():
            found, runs = run_scene(scene, binary, sys.argv[2:], pool)
            print(f'{scene.name}: ' + ', '.join(f'{call} {count}' for call, count in runs.items() if count))
            complaints += found
            total += sum(runs.values())
            reached |= {call for call, count in runs.items() if count}
    for complaint in complaints:
        print(complaint)
    print(f'startup_failures: {total} injected failures of {len(reached)} calls, {len(complaints)} complaints')
    if not sys.argv[2:] and (total < 120 or len(reached) < 20):
        sys.exit('too few calls were reached: the injection does not work')
    sys.exit(1 if complaints else 0)


if __name__ == '__main__':
    main()
