"""What functional tests share: running penumbra with a time limit, waiting for its output, skipping with a reason."""
import contextlib
import fcntl
import functools
import os
import selectors
import subprocess
import sys
import time

SKIP = 77


def skip(why):
    print(f'SKIPPED: {why}')
    sys.exit(SKIP)


def need_kvm():
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        skip('no /dev/kvm that this user may open')


def kvm_capability(number):
    """What KVM_CHECK_EXTENSION says on an ordinary VM of this host."""
    kvm = os.open('/dev/kvm', os.O_RDWR | os.O_CLOEXEC)
    try:
        vm = fcntl.ioctl(kvm, 0xAE01, 0)  # KVM_CREATE_VM
        try:
            return fcntl.ioctl(vm, 0xAE03, number)  # KVM_CHECK_EXTENSION
        finally:
            os.close(vm)
    finally:
        os.close(kvm)


def has_mappable_guest_memfd():
    """KVM_CAP_GUEST_MEMFD_FLAGS with MMAP and INIT_SHARED: Linux 6.18."""
    return kvm_capability(244) & 3 == 3


def need_file(path, package):
    if not os.path.exists(path):
        skip(f'{path} is missing (Debian package {package})')


class Failure(Exception):
    """A test that did not go as it must; the text says how."""


def eventually(what, check, timeout=20.0, step=0.05):
    """What check() gives, once that is something."""
    end = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f'{what}: not within {timeout} s')
        time.sleep(step)


def threads(pid):
    """{name: number} of the process's threads, of those of the same name one."""
    named = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # one that ended meanwhile
        for task in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{task}/comm', encoding='ascii') as comm:
                named[comm.read().strip()] = int(task)
    return named


class Vmm:
    """A running penumbra. Its stdout and stderr are gathered separately; leaving the `with` block kills what is left."""

    def __init__(self, argv, stdin=subprocess.DEVNULL, pass_fds=()):
        self.argv = argv
        self.process = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=pass_fds)
        self.out, self.err = bytearray(), bytearray()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ, self.out)
        self.selector.register(self.process.stderr, selectors.EVENT_READ, self.err)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def pump(self, timeout):
        """Reads what is there; False when both streams have ended."""
        if not self.selector.get_map():
            return False
        for key, _ in self.selector.select(timeout):
            data = os.read(key.fileobj.fileno(), 65536)
            if data:
                key.data.extend(data)
            else:
                self.selector.unregister(key.fileobj)
        return True

    def wait_for(self, text, timeout=60):
        """Until the text is on stdout."""
        deadline = time.monotonic() + timeout
        while text.encode() not in self.out:
            if time.monotonic() > deadline or not self.pump(0.2):
                raise Failure(f'"{text}" did not come within {timeout} s\n{self.report()}')
        return self.out.decode(errors='replace')

    def wait_runs(self, cpus=1, timeout=60):
        """Until the processors' threads are there: everything is set up by then."""
        wanted = {f'CPU {number}/KVM' for number in range(cpus)}
        eventually('no thread of each processor', lambda: wanted <= threads(self.process.pid).keys() or self.process.poll() is not None, timeout)
        if self.process.poll() is not None:
            self.wait(5)
            raise Failure(f'it ended before it ran\n{self.report()}')

    def wait(self, timeout=60):
        """Until the process is gone; its exit status."""
        deadline = time.monotonic() + timeout
        while self.pump(0.2):
            if time.monotonic() > deadline:
                raise Failure(f'still running after {timeout} s\n{self.report()}')
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def report(self):
        def tail(data):
            return data.decode(errors='replace')[-6000:]
        return f'command: {" ".join(self.argv)}\nstdout: {tail(self.out)}\nstderr: {tail(self.err)}'


def run(argv, timeout=60):
    """(status, stdout, stderr) of a command that ends by itself."""
    with Vmm(argv) as vmm:
        status = vmm.wait(timeout)
        return status, vmm.out.decode(errors='replace'), vmm.err.decode(errors='replace')


TESTBED = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'nested', 'testbed')
TESTBED_BROKEN = 125


def linux_guest(what):
    """The path of the testbed's guest 'kernel' or 'initrd'; made where it is missing."""
    done = subprocess.run([TESTBED, 'linux-guest', what], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return done.stdout.decode().strip()


def again_in_testbed(options, arguments):
    """Runs the calling script again inside the testbed and gives its status. A testbed that dies of itself (docs/testbed.md) is tried again, twice at
    the most, and that is said."""
    command = [TESTBED, 'run', *options, '--', sys.executable, '-B', os.path.abspath(sys.argv[0]), *arguments]
    status = subprocess.run(command, check=False).returncode
    for _ in range(2):
        if status != TESTBED_BROKEN:
            break
        print('the testbed died; once more', flush=True)
        status = subprocess.run(command, check=False).returncode
    return 1 if status == SKIP else status  # there is nothing to skip in the testbed


def run_all(tests):
    """Runs (name, function) one after the other; one line a test, and the closing count. The exit status: 1 when any failed or there was none."""
    failed = passed = 0
    for name, test in tests:
        start = time.monotonic()
        try:
            test()
            passed += 1
            print(f'ok   {name} ({time.monotonic() - start:.1f} s)', flush=True)
        except Failure as failure:
            failed += 1
            print(f'FAIL {name}: {failure}', flush=True)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


def main(tests):
    """run_all() of functions that take the binary, those that the command line names or all."""
    binary = os.path.abspath(sys.argv[1])
    wanted = sys.argv[2:]
    sys.exit(run_all((test.__name__, functools.partial(test, binary)) for test in tests if not wanted or test.__name__ in wanted))
