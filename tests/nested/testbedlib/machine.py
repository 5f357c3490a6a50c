"""Starts the emulated machine for one command, carries its streams, and takes the machine down again.

The other end of the port is l1/agent.c, which describes the frames. One machine per run, nothing shared with other
runs but read-only files; all that a run writes lies in a folder of its own that goes away with it."""
import ctypes
import os
import pathlib
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from .common import Failure, say

TIME_LIMIT_STATUS = 124
BROKEN_STATUS = 125
PR_SET_PDEATHSIG = 1
KERNEL_ARGUMENTS = ('console=ttyS0 loglevel=4 panic=-1 oops=panic mitigations=off nokaslr tsc=reliable no_timer_check '
                    'random.trust_cpu=on nowatchdog rcupdate.rcu_cpu_stall_suppress=1 audit=0 apparmor=0 8250.nr_uarts=1')


class Options:
    """What a run can choose; the command line in `testbed` fills it."""
    smp = 2
    memory_mib = 4096
    nodes = 2
    hugepages = 0
    time_limit = 600.0
    outputs = ()
    environment = ()
    stdin = False
    console = False
    kernel_arguments = ''
    machine_arguments = ()


def _escape(path):
    text = str(path).replace('%', '%25').replace(',', '%2C').replace(' ', '%20')
    if not text.isascii() or not text.isprintable() or '"' in text:
        raise Failure(f'the folder {path!r} cannot be shared: use a plain ASCII name')
    return text


def _own_processors(options):
    """The processors that the machine has beside the command's: the first one, unless a single thread emulates them all, as it must to count instructions.

    Restoring x87 state on any processor makes the emulator read, change and write a word of the first one's flags, without a lock. A guest must not
    run there: a nested-paging flag that it has just set or cleared is put back."""
    return 0 if '-icount' in options.machine_arguments else 1


def _numa(options):
    """RAM and the command's vCPUs dealt out evenly; a machine with one vCPU still gets its memory-only second node."""
    per_node, own = options.memory_mib // options.nodes, _own_processors(options)
    argv = []
    for node in range(options.nodes):
        size = per_node if node else options.memory_mib - per_node * (options.nodes - 1)
        argv += ['-object', f'memory-backend-ram,id=ram{node},size={size}M']
        cpus = [c for c in range(own + options.smp) if max(c - own, 0) * options.nodes // options.smp == node]
        chosen = f',cpus={cpus[0]}-{cpus[-1]}' if cpus else ''
        argv += ['-numa', f'node,nodeid={node},memdev=ram{node}{chosen}']
    return argv


def _shares(options):
    argv = ['-fsdev', 'local,id=hostroot,path=/,security_model=none,readonly=on,multidevs=remap',
            '-device', 'virtio-9p-pci,fsdev=hostroot,mount_tag=hostroot']
    words = []
    for number, folder in enumerate(options.outputs):
        folder = pathlib.Path(folder).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        tag = f'out{number}'
        doubled = str(folder).replace(',', ',,')
        argv += ['-fsdev', f'local,id={tag},path={doubled},security_model=none,multidevs=remap',
                 '-device', f'virtio-9p-pci,fsdev={tag},mount_tag={tag}']
        words.append(f'{tag}:{_escape(folder)}')
    return argv, 'testbed.shares=' + ','.join(words) if words else ''


def qemu_argv(kernel, initrd, options, port_fd, console):
    own, (shares, share_words) = _own_processors(options), _shares(options)
    words = [KERNEL_ARGUMENTS, share_words, options.kernel_arguments]
    if options.hugepages:
        words.append(f'hugepages={options.hugepages}')
    if own:
        words.append('isolcpus=0')
    threads = 'multi' if own else 'single'
    return ['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
            '-M', 'q35,usb=off,vmport=off', '-accel', f'tcg,thread={threads}', '-cpu', 'max', '-smp', str(own + options.smp),
            '-m', f'{options.memory_mib}M', *_numa(options),
            '-kernel', str(kernel.vmlinux), '-initrd', str(initrd), '-append', ' '.join(w for w in words if w),
            '-chardev', f'file,id=console,path={console}', '-serial', 'chardev:console',
            '-device', 'virtio-serial-pci', '-chardev', f'socket,id=port,fd={port_fd}',
            '-device', 'virtserialport,chardev=port,name=testbed', *shares, *options.machine_arguments]


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _command_frame(argv, options):
    env = {k: os.environ[k] for k in ('PATH', 'HOME', 'LANG', 'LC_ALL', 'TERM', 'USER') if k in os.environ}
    env['PENUMBRA_TESTBED'] = '1'
    for item in options.environment:
        name, equals, value = item.partition('=')
        if equals or name in os.environ:
            env[name] = value if equals else os.environ[name]
    strings = [os.getcwd(), str(len(argv)), *argv, *(f'{k}={v}' for k, v in env.items())]
    body = b''.join(os.fsencode(s) + b'\0' for s in strings)
    return b'C' + struct.pack('<I', len(body)) + body


class _Frames:
    """Takes bytes as they come and gives whole frames; passes on stream data at once, however much is missing."""

    def __init__(self, handle):
        self._handle = handle
        self._data = b''

    def feed(self, data):
        self._data += data
        while len(self._data) >= 5:
            size = struct.unpack_from('<I', self._data, 1)[0]
            if len(self._data) < 5 + size:
                return
            body, kind = self._data[5:5 + size], self._data[:1]
            self._data = self._data[5 + size:]
            self._handle(kind, body)


def _write_all(stream, data):
    try:
        stream.buffer.write(data)
        stream.buffer.flush()
    except BrokenPipeError:
        pass


class Run:
    """One machine, one command."""

    def __init__(self, kernel, initrd, argv, options):
        self._kernel, self._initrd, self._argv, self._options = kernel, initrd, argv, options
        self.status = None
        self._folder = None
        self._printed = 0
        self._stopped_by = None
        self._heard = False

    def __call__(self):
        with tempfile.TemporaryDirectory(prefix='penumbra-testbed-') as folder:
            self._folder = pathlib.Path(folder)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, self._on_signal)
            status = self._run()
            if status == BROKEN_STATUS and not self._heard and self._stopped_by is None:
                # The emulator can make a kernel die while it boots; the command has not said a word, so nothing is lost.
                say('the machine died before the command said anything; once more')
                status = self._run()
            return status

    def _on_signal(self, number, _frame):
        self._stopped_by = number

    def _console(self):
        return self._folder / 'console'

    def _run(self):
        ours, theirs = socket.socketpair()
        with ours:
            with theirs, open(self._folder / 'qemu', 'wb') as words:
                argv = qemu_argv(self._kernel, self._initrd, self._options, theirs.fileno(), self._console())
                machine = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=words, stderr=words,
                                           pass_fds=[theirs.fileno()], preexec_fn=_die_with_parent,
                                           start_new_session=True)
            try:
                ours.sendall(_command_frame(self._argv, self._options))
                return self._carry(ours, machine)
            except BrokenPipeError:
                return self._broken(machine)
            finally:
                machine.kill()
                machine.wait()
                self._show_console()

    def _carry(self, port, machine):
        deadline = time.monotonic() + self._options.time_limit
        frames = _Frames(self._on_frame)
        with selectors.DefaultSelector() as selector:
            selector.register(port, selectors.EVENT_READ)
            if self._options.stdin:
                selector.register(sys.stdin, selectors.EVENT_READ)
            while self.status is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    say(f'time limit of {self._options.time_limit:g} s reached; the machine was stopped')
                    return TIME_LIMIT_STATUS
                if self._stopped_by is not None:
                    return 128 + self._stopped_by
                for key, _ in selector.select(min(left, 0.25)):
                    if key.fileobj is not port:
                        self._pass_input(port, selector)
                        continue
                    try:
                        data = port.recv(1 << 16)
                    except ConnectionResetError:
                        data = b''
                    if not data:
                        return self._broken(machine)
                    frames.feed(data)
                self._show_console()
        return self.status

    def _pass_input(self, port, selector):
        data = os.read(sys.stdin.fileno(), 16384)
        port.sendall(b'I' + struct.pack('<I', len(data)) + data)
        if not data:
            selector.unregister(sys.stdin)

    def _on_frame(self, kind, body):
        self._heard = True
        if kind == b'O':
            _write_all(sys.stdout, body)
        elif kind == b'E':
            _write_all(sys.stderr, body)
        elif kind == b'M':
            say(body.decode(errors='replace'))
        elif kind == b'X':
            self.status = int(body)

    def _show_console(self):
        if self._options.console and self._console().exists():
            with open(self._console(), 'rb') as text:
                text.seek(self._printed)
                data = text.read()
            self._printed += len(data)
            _write_all(sys.stderr, data)

    def _broken(self, machine):
        """The machine went away without a status: say so, with its last words. One that only let go of the port is stopped."""
        try:
            machine.wait(5)
        except subprocess.TimeoutExpired:
            machine.kill()
            machine.wait()
        for name in ('qemu', 'console'):
            path = self._folder / name
            lines = path.read_text(errors='replace').strip().splitlines() if path.exists() else []
            for line in lines[-40:] if not (name == 'console' and self._options.console) else []:
                say(f'{name}: {line.strip()}')
        status = machine.returncode
        how = f'signal {-status}' if status < 0 else f'status {status}'
        say(f'the machine ended before the command did; the emulator ended with {how}')
        return BROKEN_STATUS
