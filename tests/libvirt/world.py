"""A world of its own for a real libvirtd: a mount and PID namespace in which /etc/libvirt, /run, /var/lib/libvirt, /var/cache/libvirt and
/var/log/libvirt are folders of the test, with virtlogd and libvirtd started in it. Nothing outside is seen or changed, whatever libvirt the
machine has; when the test ends, everything in it ends. Needs root. Neither systemd nor D-Bus is needed."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'functional'))
from harness import Failure, eventually

SKIP = 77
URI = 'qemu:///system'
PROGRAMS = {'libvirtd': 'libvirt-daemon', 'virtlogd': 'libvirt-daemon', 'virsh': 'libvirt-clients', 'unshare': 'util-linux'}
QEMU_DRIVER = 'libvirt_driver_qemu.so'
STORAGE_DRIVER = 'libvirt_driver_storage.so'  # of virt-install, which asks it about a disk's path; it takes the testbed too long to start
DRIVERS = f'/usr/lib/{os.uname().machine}-linux-gnu/libvirt/connection-driver'

LIBVIRTD_CONF = '''
listen_tls = 0
auth_unix_ro = "none"
auth_unix_rw = "none"
max_workers = 8
log_filters = "3:util.netdev"
'''

# What a machine without systemd and security modules has.
QEMU_CONF = '''
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = [ ]
namespaces = [ ]
seccomp_sandbox = 1
max_core = 0
save_image_format = "raw"
'''


def skip(why):
    print(f'\n*** SKIPPED: {why}\n*** Nothing of libvirt was tested.\n', flush=True)
    sys.exit(SKIP)


def need_everything():
    """Skips, and says why, where a libvirtd cannot run."""
    for program, package in PROGRAMS.items():
        if not shutil.which(program):
            skip(f'there is no {program} (Debian package {package})')
    if not os.path.exists(f'{DRIVERS}/{QEMU_DRIVER}'):
        skip("there is no QEMU driver for libvirtd (Debian package libvirt-daemon-driver-qemu)")
    if os.getuid() != 0:
        skip('a libvirtd of its own needs root')
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        skip('there is no /dev/kvm that may be opened')
    if not os.path.exists('/usr/share/seabios/bios-256k.bin'):
        skip('there is no SeaBIOS (Debian package seabios)')


def enter():
    """Runs the calling script again inside namespaces of its own; returns there."""
    if os.getpid() != 1:
        command = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private', sys.executable, '-B', *sys.argv]
        sys.exit(subprocess.run(command, check=False).returncode)
    # The first process of a PID namespace buries the orphans: emulators and daemons that were forked.
    child = os.fork()
    if child == 0:
        return
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            sys.exit(os.waitstatus_to_exitcode(status) & 255)


def add_line(path, name, line, directory):
    """The account file with one more account, here only."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    if re.search(f'^{name}:', text, re.MULTILINE):
        return
    own = directory + path
    with open(own, 'w', encoding='utf-8') as file:
        file.write(text.rstrip('\n') + '\n' + line + '\n')
    subprocess.run(['mount', '--bind', own, path], check=True)


class World:
    """One libvirtd and what it needs; `with World(binary) as world:`."""

    def __init__(self, binary, guest=None, patience=1):
        """guest: a disk image that boots; patience: how many times as long as on a machine of its own things may take."""
        self.binary, self.guest, self.patience = os.path.abspath(binary), guest, patience
        self.daemons = {}
        self.known_commands = None
        self.directory = tempfile.mkdtemp(prefix='penumbra-libvirt-')

    def __enter__(self):
        self.mount()
        self.start_daemon('virtlogd')
        self.start_libvirtd()
        return self

    def __exit__(self, *_):
        for process in self.daemons.values():
            process.kill()
            process.wait()
        subprocess.run(['umount', '-l', self.directory], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def mount(self):
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'penumbra-libvirt', self.directory], check=True)
        for place in ('/etc/libvirt', '/run', '/var/lib/libvirt', '/var/cache/libvirt', '/var/log/libvirt'):
            own = self.directory + place
            os.makedirs(own)
            os.makedirs(place, exist_ok=True)
            subprocess.run(['mount', '--bind', own, place], check=True)
        os.makedirs('/var/lib/libvirt/images')
        os.makedirs('/run/lock')  # of virsh console
        with open('/etc/libvirt/libvirtd.conf', 'w', encoding='utf-8') as file:
            file.write(LIBVIRTD_CONF)
        with open('/etc/libvirt/qemu.conf', 'w', encoding='utf-8') as file:
            file.write(QEMU_CONF)
        for name in ('virtlogd.conf', 'virtlockd.conf', 'libvirt.conf'):
            open(f'/etc/libvirt/{name}', 'w', encoding='utf-8').close()
        # libvirtd wants the user and group that Debian's libvirt-daemon-system makes to exist, whatever qemu.conf says.
        add_line('/etc/passwd', 'libvirt-qemu', 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin', self.directory)
        add_line('/etc/group', 'libvirt-qemu', 'libvirt-qemu:x:64055:', self.directory)
        add_line('/etc/group', 'kvm', 'kvm:x:64056:', self.directory)
        # Only what is tested: other drivers look at hardware that a test machine may not show.
        os.makedirs(self.directory + '/drivers')
        self.has_storage = 'PENUMBRA_TESTBED' not in os.environ and os.path.exists(f'{DRIVERS}/{STORAGE_DRIVER}')
        for name in (QEMU_DRIVER, *([STORAGE_DRIVER] if self.has_storage else [])):
            os.symlink(f'{DRIVERS}/{name}', f'{self.directory}/drivers/{name}')

    def start_daemon(self, name, *options):
        log = open(f'{self.directory}/{name}.log', 'ab')
        environment = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root', 'LC_ALL': 'C', 'LIBVIRT_DRIVER_DIR': self.directory + '/drivers'}
        self.daemons[name] = subprocess.Popen([shutil.which(name), *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def start_libvirtd(self):
        self.start_daemon('libvirtd')
        eventually('libvirtd answers', lambda: self.libvirtd_lives() and self.virsh('list', check=False, timeout=20)[0] == 0, step=0.1)

    def libvirtd_lives(self):
        if self.daemons['libvirtd'].poll() is not None:
            raise Failure(f"libvirtd ended with {self.daemons['libvirtd'].returncode}\n{self.log('libvirtd')}")
        return True

    def stop_libvirtd(self):
        """The daemon only: domains run on."""
        process = self.daemons.pop('libvirtd')
        process.terminate()
        process.wait(20)

    def commands(self):
        """The QMP commands that the emulator has."""
        if self.known_commands is None:
            asked = '{"execute":"qmp_capabilities"}{"execute":"query-commands"}{"execute":"quit"}'
            said = subprocess.run([self.binary, '-machine', 'none', '-nodefaults', '-display', 'none', '-qmp', 'stdio'], input=asked.encode(), stdout=subprocess.PIPE,
                                  timeout=60, check=True).stdout.decode()
            self.known_commands = set(re.findall(r'"name": ?"([^"]+)"', said))
        return self.known_commands

    def log(self, name, size=4000):
        try:
            with open(f'{self.directory}/{name}.log', encoding='utf-8', errors='replace') as file:
                return file.read()[-size:]
        except OSError:
            return ''

    def virsh(self, *words, check=True, timeout=60, stdin=None):
        """(status, output) of one virsh; errors are part of the output."""
        timeout *= self.patience
        try:
            done = subprocess.run(['virsh', '-q', '-c', URI, *words], stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=timeout, check=False, env={**os.environ, 'LC_ALL': 'C'})
        except subprocess.TimeoutExpired as late:
            raise Failure(f'virsh {" ".join(words)}: no end after {timeout} s\n{(late.output or b"").decode()}') from None
        output = done.stdout.decode(errors='replace').strip()
        if check and done.returncode != 0:
            raise Failure(f'virsh {" ".join(words)}: status {done.returncode}\n{output}')
        return done.returncode, output

    def say(self, *words, **options):
        return self.virsh(*words, **options)[1]

    def refused(self, text, *words, **options):
        """The command must fail, with an error that matches."""
        status, output = self.virsh(*words, check=False, **options)
        if status == 0 or not re.search(text, output):
            raise Failure(f'virsh {" ".join(words)}: wanted an error like "{text}", got status {status}\n{output}')
        return output
