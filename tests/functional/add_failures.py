#!/usr/bin/env python3
"""Every system call that makes a device, a processor, memory, an object or a back end in a running machine, or gives a block node other options, fails once: the thing is there, or the answer
says why not and nothing is left of it - no descriptor, thread, memory, file, node or object - and the next attempt succeeds.
add_failures.py PENUMBRA [TEST...]

A case's command runs once under strace, which tells its calls; then once for each of them, which strace makes fail; then without a descriptor to spare, with one, with two..."""
import collections
import dataclasses
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
import harness
import images
import qmp_client
from harness import Failure
from injection import Injected, Strace, calls
from qtest import expect, expect_equal

MIB = 1 << 20
MOST_DESCRIPTORS = 20
SIZE = 36 * MIB  # of memory that comes: no other mapping is as large
ERRORS = {'openat': 'EMFILE', 'socket': 'EMFILE', 'eventfd2': 'EMFILE', 'epoll_create1': 'EMFILE', 'memfd_create': 'EMFILE', 'pipe2': 'EMFILE', 'dup': 'EMFILE',
          'timerfd_create': 'EMFILE', 'mmap': 'ENOMEM', 'mprotect': 'ENOMEM', 'madvise': 'ENOMEM', 'ioctl': 'ENOMEM', 'clone3': 'EAGAIN', 'ftruncate': 'ENOSPC',
          'fallocate': 'ENOSPC', 'bind': 'EADDRINUSE', 'unlink': 'EACCES', 'chmod': 'EPERM'}
# What may not fail on Linux as it is used here, what the monitor itself does, and the threads' own beginnings and ends.
NEVER = {'futex', 'poll', 'ppoll', 'epoll_wait', 'epoll_pwait', 'restart_syscall', 'close', 'munmap', 'recvmsg', 'sendto', 'rt_sigprocmask', 'rt_sigreturn', 'rseq',
         'set_robust_list', 'exit', 'sched_yield', 'getpid', 'gettid', 'tgkill', 'clock_nanosleep', 'brk'}
WAKE = re.compile(r'(read|write)\(\d+, .*(<unfinished|, (8|16)\))')  # a loop is woken, by what does not fail: bytes of an event descriptor


@dataclasses.dataclass
class Case:
    """A command that makes something; the ones that take it away."""
    name: str
    command: tuple
    undo: tuple
    files: tuple = ()  # that stay and are the user's
    first: tuple = ()  # what has to be there
    remembered: tuple = ()  # calls whose failure is one for good

    def fresh(self):
        """What was made and taken away may not be made for the first time again: another of its kind."""
        return self


@dataclasses.dataclass
class Processor(Case):
    """KVM keeps a processor for ever, so each place is a new one once only."""
    number: int = 0

    def fresh(self):
        number = self.number + 1
        return Processor('processor', ('device_add', {'driver': 'qemu64-x86_64-cpu', 'id': 'x', 'socket-id': number, 'core-id': 0, 'thread-id': 0}),
                         (('device_del', {'id': 'x'}),), number=number)


def device(driver, **properties):
    return Case(driver, ('device_add', {'driver': driver, 'id': 'x', 'bus': 'rp', **properties}), (('device_del', {'id': 'x'}), ('system_reset', {})))


def made(name, kind, **properties):
    return Case(name, ('object-add', {'qom-type': kind, 'id': 'x', **{key.replace('_', '-'): value for key, value in properties.items()}}),
                (('object-del', {'id': 'x'}),))


def node(name, driver, **options):
    return Case(name, ('blockdev-add', {'driver': driver, 'node-name': 'x', **options}), (('blockdev-del', {'node-name': 'x'}),))


def reopening(folder, name, to, back, **node_options):
    """A qcow2 node gets other options and its old ones again."""
    whole = {'driver': 'qcow2', 'node-name': name, 'file': {'driver': 'file', 'filename': f'{folder}/{name}'}, **node_options}
    command, undo = (('blockdev-reopen', {'options': [whole | changes]}) for changes in (to, back))
    # A flush that failed may have lost what was written: no later one says that all is well.
    return Case(f'{name}: {to}', command, (undo,), first=(('blockdev-add', whole | back),), remembered=('fdatasync',))


def net(name, kind, **options):
    return Case(name, ('netdev_add', {'type': kind, 'id': 'x', **options}), (('netdev_del', {'id': 'x'}),))


def character(name, kind, files=(), **data):
    return Case(name, ('chardev-add', {'id': 'x', 'backend': {'type': kind, 'data': data}}), (('chardev-remove', {'id': 'x'}),), files)


def unix(path):
    return {'type': 'unix', 'path': path}


def devices(_):
    return [device('virtio-blk-pci', drive='n', iothread='t', **{'num-queues': 2}), device('virtio-net-pci', netdev='u'), device('virtio-scsi-pci', num_queues=2, iothread='t'),
            device('virtio-serial-pci', max_ports=2), device('virtio-rng-pci', rng='r'), device('virtio-balloon-pci'), device('virtio-keyboard-pci'), device('pcie-pci-bridge'),
            device('pci-testdev')]


def objects(folder):
    common = {'size': SIZE, 'prealloc': True}
    return [made('memory-backend-ram', 'memory-backend-ram', **common), made('memory-backend-memfd', 'memory-backend-memfd', share=True, **common),
            made('memory-backend-file', 'memory-backend-file', share=True, mem_path=f'{folder}/ram', **common), made('iothread', 'iothread'),
            made('rng-random', 'rng-random', filename='/dev/urandom'), made('secret', 'secret', file=f'{folder}/word'),
            made('throttle-group', 'throttle-group', limits={'iops-total': 100})]


def block_nodes(folder):
    return [node('file', 'file', filename=f'{folder}/raw'), node('null-co', 'null-co'), node('raw', 'raw', file={'driver': 'file', 'filename': f'{folder}/raw'}),
            node('qcow2', 'qcow2', file={'driver': 'file', 'filename': f'{folder}/top'})]


def reopenings(folder):
    read_only, direct = {'read-only': True}, {'cache': {'direct': 'tmpfs' not in file_system(folder), 'no-flush': True}}
    alone = {'backing': None}
    chained = reopening(folder, 'chained', {'backing': 'below', 'lazy-refcounts': True}, alone)
    below = ('blockdev-add', {'driver': 'qcow2', 'node-name': 'below', 'read-only': True, 'file': {'driver': 'file', 'filename': f'{folder}/base'}})
    return [reopening(folder, 'closed', read_only, {}), reopening(folder, 'opened', {}, read_only), reopening(folder, 'direct', direct, {}),
            dataclasses.replace(chained, first=(below, *chained.first))]


def file_system(folder):
    return subprocess.run(['stat', '-f', '-c', '%T', folder], capture_output=True, text=True, check=True).stdout


def net_ends(folder):
    ends = [net('user', 'user', hostfwd=[{'str': 'tcp:127.0.0.1:0-:22'}]), net('socket', 'socket', listen='127.0.0.1:0'),
            net('multicast', 'socket', mcast='230.0.0.1:12345', localaddr='127.0.0.1'),
            net('stream', 'stream', server=True, addr=unix(f'{folder}/stream')),
            net('dgram', 'dgram', local=unix(f'{folder}/dgram'), remote=unix(f'{folder}/other'))]
    if os.access('/dev/net/tun', os.R_OK | os.W_OK) and os.geteuid() == 0:
        ends.append(net('tap', 'tap', ifname='addfail0', script='no', downscript='no'))
    else:
        print('not run: tap needs root and /dev/net/tun')
    return ends


def characters(folder):
    listener = {'type': 'unix', 'data': {'path': f'{folder}/listener'}}
    return [character('unix', 'socket', addr=listener, wait=False), character('file', 'file', (f'{folder}/out', f'{folder}/log'), out=f'{folder}/out', logfile=f'{folder}/log'),
            character('pty', 'pty'),
            character('tcp', 'socket', addr={'type': 'inet', 'data': {'host': '127.0.0.1', 'port': '0'}}, wait=False),
            character('ringbuf', 'ringbuf'), character('pipe', 'pipe', device=f'{folder}/pipe'), character('null', 'null')]


def ejector():
    """Firmware that takes out whatever it is asked to: processors by their registers at 0xcd8, memory by those at 0xa00."""
    def eject(selector, state):
        return b'\x66\x0f\xb7\xc3\xba' + struct.pack('<H', selector) + b'\x66\xef\xba' + struct.pack('<H', state) + b'\xec\xa8\x04\x74\x03\xb0\x08\xee'
    body = eject(0xcd8, 0xcdc) + eject(0xa00, 0xa14) + b'\x43\x83\xe3\x3f'  # bx = (bx + 1) & 63
    return images.image(b'\x31\xdb' + body + b'\xeb' + struct.pack('<b', -len(body) - 2))


class Machine(qmp_client.Process):
    """On KVM and stopped: its processors make no calls of their own."""

    def __init__(self, binary, folder):
        super().__init__(binary, '-S', '-display', 'none', '-machine', 'q35', '-accel', 'kvm', '-m', '64M,slots=4,maxmem=1G', '-cpu', 'qemu64,check=off',
                         '-smp', '1,sockets=64,maxcpus=64', '-bios', f'{folder}/ejector', '-object', f'memory-backend-ram,id=m,size={128 * MIB}', '-device',
                         'pcie-root-port,id=rp,chassis=1', '-blockdev', 'null-co,node-name=n', '-object', 'iothread,id=t', '-netdev', 'user,id=u', '-object',
                         'rng-random,id=r,filename=/dev/urandom')
        self.qmp = self.connect().negotiate()
        self.folder = folder

    def __exit__(self, *_):
        self.qmp.close()
        self.end()

    def ask(self, name, arguments):
        self.qmp.send(name, arguments)
        return self.qmp.reply()

    def do(self, name, arguments):
        answer = self.ask(name, arguments)
        expect('return' in answer, f'{name} {arguments}: {answer}')

    def make(self, case):
        self.do(*case.command)

    def take_away(self, case):
        for name, arguments in case.undo:
            self.do(name, arguments)
        if case.undo[0][0] == 'device_del':  # a reset takes it out, or the guest does
            if case.undo[-1][0] == 'device_del':
                self.do('cont', {})
            self.qmp.wait_event('DEVICE_DELETED')
            self.do('stop', {})
        for path in case.files:
            os.unlink(path)

    def judge(self, case, answer, before, where):
        """Whether it was refused. Nothing is left then, and it can be made at once."""
        refused = 'error' in answer
        if refused:
            expect(len(answer['error']['desc']) > 10, f'{where}: {answer}')
            self.expect_state(before, f'{where}: {answer}')
            self.make(case)
        self.take_away(case)
        self.expect_state(before, f'{where}: {answer}, made and taken away')
        return refused

    def state(self):
        """What an attempt that failed might leave."""
        path = f'/proc/{self.process.pid}'
        # What KVM keeps of a processor stays with us.
        kinds = collections.Counter(re.sub(r'\d+', 'N', os.readlink(f'{path}/fd/{number}')) for number in os.listdir(f'{path}/fd'))
        del kinds['anon_inode:kvm-vcpu:N']
        with open(f'{path}/maps') as maps:
            regions = [(int(line.split('-')[1].split(' ')[0], 16) - int(line.split('-')[0], 16), line.split()[5:]) for line in maps]
        return {'descriptors': kinds, 'files': sorted(os.listdir(self.folder)), 'threads': len(os.listdir(f'{path}/task')),
                'memory': [size for size, name in regions if size == SIZE or 'memfd:' in str(name) or self.folder in str(name)],
                **{what: self.ask(what, {}) for what in ('query-named-block-nodes', 'query-chardev', 'query-memdev', 'query-iothreads', 'query-memory-devices',
                                                         'query-cpus-fast', 'query-hotpluggable-cpus')},
                **{path: self.ask('qom-list', {'path': path}) for path in ('/objects', '/machine/peripheral', '/machine/unattached', '/chardevs')},
                **{line: self.ask('human-monitor-command', {'command-line': line}) for line in ('info network', 'info mtree', 'info qtree')}}

    def expect_state(self, wanted, where):
        """Threads may take a moment to end."""
        end = time.monotonic() + 10
        while (now := self.state()) != wanted:
            if time.monotonic() > end:
                raise Failure(where + ''.join(f'\n  {what}: {now[what]}\n  expected {wanted[what]}' for what in wanted if now[what] != wanted[what]))
            time.sleep(0.01)


def injectable(lines):
    """The calls of the command that may fail, as (name, k)."""
    found = {}
    for name, k, line in calls(lines):
        if name not in NEVER and not WAKE.search(line):
            found[name, k] = line
    return list(found)


def fail_each(machine, case):
    """(failures, refusals)"""
    for name, arguments in case.first:
        machine.do(name, arguments)
    machine.make(case)  # what is made the first time and kept
    machine.take_away(case)
    case, before = case.fresh(), machine.state()
    with Strace(machine.process.pid, machine.folder) as strace:
        machine.make(case)
        time.sleep(0.05)  # new threads begin
    machine.take_away(case)
    machine.expect_state(before, f'{case.name}: made and taken away')
    hits = refusals = 0
    for call, k in injectable(strace.lines):
        if call in case.remembered:
            continue
        error = ERRORS.get(call, 'EIO')
        where = f'{case.name}: {call} {k} {error}'
        case = case.fresh()
        with Injected(machine.process.pid, call, error, k, machine.folder) as injected:
            answer = machine.ask(*case.command)
            if 'error' not in answer:
                time.sleep(0.02)
        hits += bool(injected.hit)
        refusals += machine.judge(case, answer, before, where)
        expect(injected.hit or 'error' not in answer, f'{where}: {answer}')
    return hits, refusals


def at_the_limit(machine, case):
    """The same with no descriptor to spare, with one, with two..."""
    pid, before = machine.process.pid, machine.state()
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    taken = {int(number) for number in os.listdir(f'/proc/{pid}/fd')}
    free = [number for number in range(max(taken) + MOST_DESCRIPTORS + 1) if number not in taken]
    for spare in range(MOST_DESCRIPTORS):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[spare], limits[1]))
        case = case.fresh()
        answer = machine.ask(*case.command)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        if not machine.judge(case, answer, before, f'{case.name}: {spare} descriptors'):
            return spare
    raise Failure(f'{case.name}: not even with {spare} descriptors: {answer}')


def prepare(folder):
    with open(f'{folder}/ejector', 'wb') as out:
        out.write(ejector())
    with open(f'{folder}/word', 'w') as out:
        out.write('word')
    for name, arguments in (('raw', ('-f', 'raw')), ('base', ('-f', 'qcow2')), ('top', ('-f', 'qcow2', '-b', f'{folder}/base', '-F', 'qcow2'))):
        subprocess.run(['qemu-img', 'create', '-q', *arguments, f'{folder}/{name}', '1M'], check=True)
    for name in ('closed', 'opened', 'direct', 'chained'):
        subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', f'{folder}/{name}', '1M'], check=True)
    for end in ('in', 'out'):
        os.mkfifo(f'{folder}/pipe.{end}')
    open(f'{folder}/strace', 'w').close()


def run_cases(binary, cases_of):
    with tempfile.TemporaryDirectory(prefix='add-') as folder:
        prepare(folder)
        total = 0
        with Machine(binary, folder) as machine:
            for case in cases_of(folder):
                hits, refusals = fail_each(machine, case)
                print(f'   {case.name}: {hits} failures, {refusals} refusals; {at_the_limit(machine, case)} descriptors')
                total += hits
        expect(total > 0, 'no call was reached: the injection does not work')


def new_devices(binary):
    run_cases(binary, devices)


def new_objects(binary):
    run_cases(binary, objects)


def new_block_nodes(binary):
    run_cases(binary, block_nodes)


def other_node_options(binary):
    run_cases(binary, reopenings)


def new_net_ends(binary):
    run_cases(binary, net_ends)


def new_characters(binary):
    run_cases(binary, characters)


def new_memory(binary):
    run_cases(binary, lambda _: [Case('pc-dimm', ('device_add', {'driver': 'pc-dimm', 'id': 'x', 'memdev': 'm'}), (('device_del', {'id': 'x'}),))])


def new_processors(binary):
    run_cases(binary, lambda _: [Processor('', (), ()).fresh()])


if __name__ == '__main__':
    for program in ('strace', 'qemu-img'):
        if shutil.which(program) is None:
            harness.skip(f'{program} is not installed')
    harness.need_kvm()
    harness.main([new_devices, new_objects, new_block_nodes, other_node_options, new_net_ends, new_characters, new_memory, new_processors])
