"""A Linux guest with a prompt (tests/guest_linux/init, guest.do=login) as a domain. Each kind is booted by the first scenario that needs it and
then shared by all of its kind: a boot two emulators deep takes longest. One that failed a scenario is replaced."""
import contextlib
import os
import re
import shlex
import shutil
import threading

import scenario
from devices import SPARE
from domain import Domain
from guest import Console, VirshConsole
from world import Failure

import emulator  # noqa: E402

KERNEL, INITRD = os.environ.get('LIBVIRT_KERNEL', ''), os.environ.get('LIBVIRT_INITRD', '')
BOOT = 400.0      # seconds, where several programs share a machine
PATIENCE = 120.0  # for all else
LOGIN = ('console=ttyS0', 'console=ttyS0 quiet guest.do=login')
PANIC = ('    <memballoon', "    <panic model='isa'/>\n    <memballoon")
ONE_PROCESSOR = ('<vcpu>2', "<vcpu current='1'>2")
ECHOED = '">"; eval'  # of what LinuxGuest.run types
STARTED = 'GUEST hello'  # its first process
TAP = 'pnlinux0'
KINDS = {
    'ordinary': ('kernel', ("<interface type='user'>", f"<interface type='ethernet'>\n      <target dev='{TAP}'/>"), ONE_PROCESSOR, SPARE, PANIC),
    'protected': ('protected', ("<memory unit='MiB'>1024", "<memory unit='MiB'>384"), ONE_PROCESSOR, SPARE, PANIC),
}


def domain_of(world, kind):
    xml_name, *changes = KINDS[kind]
    domain = Domain(world, xml_name, LOGIN, *changes, start=False)
    os.makedirs(domain.images, exist_ok=True)
    shutil.copyfile(KERNEL, f'{domain.images}/vmlinuz')
    shutil.copyfile(INITRD, f'{domain.images}/initrd.img')
    return domain


class LinuxGuest:
    """A domain and the shell in it."""

    def __init__(self, domain):
        self.domain, self.console, self.number, self.ended = domain, None, 0, False

    def boot(self):
        """Started, and somebody logged in: at virsh console, then at the port itself."""
        self.domain.start('--paused')
        self.console = VirshConsole(self.domain)
        self.domain.virsh('resume')
        self.log_in()
        self.console.close()
        self.console = Console(self.domain.say('ttyconsole'))
        self.take_shell()

    def log_in(self):
        self.console.wait(STARTED, BOOT)
        self.console.wait('guest login: ', BOOT)
        self.console.send('root\n')
        self.console.wait('# ', PATIENCE)

    def take_shell(self):
        """From the prompt to a loop that neither echoes nor prompts: what comes is what commands print."""
        self.console.send('stty -echo; echo taking"" over; while IFS= read -r line; do eval "$line"; done\n')
        self.console.wait('taking over\r\n', PATIENCE)

    def boots_again(self):
        self.log_in()
        self.take_shell()

    def run(self, command, timeout=PATIENCE):
        """What the command prints; it must succeed. No line that is typed holds what is waited for: a terminal that echoes is not an answer."""
        self.number += 1
        self.console.send(f'echo "<"{self.number}">"; eval {shlex.quote(command)}; echo "<"{self.number}":$?>"\n')
        typed = self.console.wait(f'<{self.number}>', timeout, STARTED)
        text = self.console.wait(f'<{self.number}:', timeout, STARTED)
        status = self.console.wait('>', timeout, STARTED)
        if ECHOED in typed:
            raise Failure(f'{self.domain.name}: the terminal echoes, though nobody asked it to: {self.run("stty -a")}')
        if status != '0':
            raise Failure(f'in the guest: {command}: status {status}\n{text}')
        return text.replace('\r', '').strip()

    def until(self, condition, seconds=120):
        """Waits in the guest for a shell command to succeed."""
        loop = f'n=0; until {condition}; do n=$((n+1)); [ $n -lt {seconds * 10} ] || break; usleep 100000; done > /dev/null; {condition}'
        return self.run(loop, seconds * 2)

    def memory_kib(self, name='MemTotal'):
        return int(re.search(r'\d+', self.run(f'grep ^{name}: /proc/meminfo'))[0])

    def virsh(self, verb, *words, **options):
        return self.domain.say(verb, *words, **options)

    def close(self):
        if self.console is not None:
            self.console.close()
            self.console = None

    def end(self):
        """A scenario has ended it."""
        self.close()
        self.ended = True

    def last_words(self):
        return '' if self.console is None else self.console.last.decode(errors='replace')

    def where_it_is(self):
        """What each thread of the emulator does in the kernel, and the interrupts; '' without an emulator."""
        lines = []
        with contextlib.suppress(OSError):
            folder = f'/proc/{self.domain.pid()}/task'
            for task in sorted(os.listdir(folder)):
                words = [open(f'{folder}/{task}/{name}', encoding='utf-8').read().split('\n')[0] for name in ('comm', 'wchan', 'syscall')]
                lines.append(' '.join(words))
        with contextlib.suppress(Failure):
            lines += [self.domain.monitor('human-monitor-command', command_line=f'info {what}') for what in ('registers -a', 'pic', 'irq', 'lapic')]
        return '\n'.join(lines)


class LinuxGuests:
    """Those that run; `with LinuxGuests(world) as guests:`."""

    def __init__(self, world):
        self.world, self.guests, self.lock = world, {}, threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for kind in list(self.guests):
            self.drop(kind)

    def take(self, kind):
        with self.lock:
            guest = self.guests.get(kind)
        if guest is None:
            guest = LinuxGuest(domain_of(self.world, kind).__enter__())
            with self.lock:
                self.guests[kind] = guest
            guest.boot()
        elif guest.ended:
            guest.ended = False
            guest.boot()
        return guest

    def drop(self, kind):
        with self.lock:
            guest = self.guests.pop(kind, None)
        if guest is not None:
            guest.close()
            guest.domain.__exit__()

    def use(self, kind, function):
        return emulator.once_more(lambda: self.attempt(kind, function), kind)

    def attempt(self, kind, function):
        """A guest with which it fails is not used again."""
        try:
            return function(self.take(kind))
        except Failure as failure:
            guest = self.guests.get(kind)
            report = f'{failure}\n{guest.last_words()[-1500:]}\n{guest.where_it_is()}\n{guest.domain.log(1000)}' if guest else str(failure)
            self.drop(kind)
            raise Failure(report) from None


def shared(*kinds, alone=False):
    """A scenario on the guest of each of these kinds."""
    def enter(f):
        for kind in kinds:
            scenario.add(f'{kind}_{f.__name__}', lambda world, kind=kind: world.linux.use(kind, f), group=kind, alone=alone)
        return f
    return enter
