"""A guest on its serial port, the libvirt way: its pseudo terminal, or virsh console. And the guest of the tests (guest/guest.c), booted."""
import contextlib
import os
import pty
import selectors
import signal
import time
import tty

from domain import Domain
from world import URI, Failure

BOOT = 120.0  # SeaBIOS on a KVM that emulates takes seconds, and several boot at once


class Console:
    def __init__(self, path):
        self.watch(os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
        tty.setraw(self.fd)

    def watch(self, fd):
        self.fd = fd
        self.seen = self.last = b''  # what nobody waited for yet; the end of all there was
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.fd, selectors.EVENT_READ)

    def pump(self, timeout):
        if self.selector.select(timeout):
            with contextlib.suppress(BlockingIOError):
                data = os.read(self.fd, 65536)
                self.seen += data
                self.last = (self.last + data)[-4000:]

    def wait(self, text, timeout=20.0, never=None):
        """Until the text has come; what came until then is forgotten. Not longer than until what must never come has."""
        end = time.monotonic() + timeout
        while text.encode() not in self.seen:
            if never is not None and never.encode() in self.seen:
                raise Failure(f'the guest said "{never}" before "{text}": {self.seen[-2000:]!r}')
            if time.monotonic() > end:
                raise Failure(f'the guest did not say "{text}" within {timeout} s, but: {self.seen[-2000:]!r}')
            try:
                self.pump(0.2)
            except OSError as gone:
                raise Failure(f'the console is gone ({gone}) before "{text}": {self.seen[-2000:]!r}') from None
        before, self.seen = self.seen.split(text.encode(), 1)
        return before.decode(errors='replace')

    def send(self, text):
        os.write(self.fd, text.encode())

    def ask(self, letter, answer, timeout=20.0):
        self.send(letter)
        return self.wait(answer, timeout)

    def close(self):
        self.selector.close()
        os.close(self.fd)


class VirshConsole(Console):
    """virsh console as a person has it, on a terminal of its own. Nobody else may read the guest's port meanwhile."""

    def __init__(self, domain):
        self.pid, master = pty.fork()
        if self.pid == 0:
            os.execvp('virsh', ['virsh', '-c', URI, 'console', domain.name, '--force'])
        self.watch(master)
        try:
            self.wait('Escape character', 60 * domain.world.patience)
        except Failure:
            os.kill(self.pid, signal.SIGKILL)
            self.close()
            raise

    def close(self):
        with contextlib.suppress(OSError):
            self.send('\x1d')
        super().close()
        os.waitpid(self.pid, 0)


@contextlib.contextmanager
def booted(world, xml_name, *changes):
    """(domain, console) with the guest ready. Nothing that it says is lost: the console is there before it runs."""
    with Domain(world, xml_name, *changes, start=False) as domain:
        domain.start('--paused')
        console = Console(domain.say('ttyconsole'))
        try:
            domain.virsh('resume')
            try:
                console.wait('guest: ready', BOOT)
            except Failure as failure:
                raise Failure(f'{failure}\n{domain.state()}\n{domain.log()}') from None
            yield domain, console
        finally:
            console.close()
