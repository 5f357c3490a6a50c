"""Finds, fetches and unpacks Debian's packages. Nothing is installed on the host but missing tools (and only by root):
kernel, headers and source are unpacked into the cache with dpkg-deb, which needs no root."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from .common import Failure, cache_dir, run, say

# Tool on PATH -> Debian package that brings it.
BUILD_TOOLS = {'x86_64-linux-gnu-gcc-12': 'gcc-12', 'gcc': 'gcc', 'make': 'make', 'xz': 'xz-utils', 'zstd': 'zstd',
               'strip': 'binutils', 'busybox': 'busybox-static', 'perl': 'perl', 'dpkg-deb': 'dpkg'}
RUN_TOOLS = {'qemu-system-x86_64': 'qemu-system-x86'}
SERIES = '6.12'


def _is_static(path):
    """Whether an ELF program asks for no interpreter (Debian has a dynamic busybox too)."""
    return b'/lib64/ld-linux' not in pathlib.Path(path).read_bytes()[:4096]


def _missing(tools):
    lost = [t for t in tools if shutil.which(t) is None]
    if 'busybox' in tools and 'busybox' not in lost and not _is_static(shutil.which('busybox')):
        lost.append('busybox')
    return lost


def need_tools(tools):
    lost = _missing(tools)
    if not lost:
        return
    packages = sorted({tools[t] for t in lost})
    command = 'apt-get install -y --no-install-recommends ' + ' '.join(packages)
    if os.geteuid() != 0 or shutil.which('apt-get') is None:
        raise Failure(f'{", ".join(lost)} missing; as root: {command}')
    say(f'installing {" ".join(packages)}')
    _refresh_lists()
    run(command.split(), env={'DEBIAN_FRONTEND': 'noninteractive'})
    lost = _missing(tools)
    if lost:
        raise Failure(f'{", ".join(lost)} still missing after: {command}')


def _lists():
    return pathlib.Path('/var/lib/apt/lists')


def _refresh_lists(force=False):
    if os.geteuid() == 0 and (force or not any(_lists().glob('*_Packages*'))):
        run(['apt-get', 'update'])


def _lists_stamp():
    """Changes whenever apt learns something new; cheap to ask."""
    try:
        return max((p.stat().st_mtime_ns for p in [_lists(), *_lists().glob('*_InRelease')]), default=0)
    except OSError:
        return 0


def _ask_apt():
    """What apt offers: (ABI name, package version), or None."""
    if shutil.which('apt-cache') is None:
        return None
    package = f'linux-image-{SERIES}-amd64'
    depends = subprocess.run(['apt-cache', 'depends', package], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True).stdout
    for line in depends.splitlines():
        word = line.split()[-1] if line.split() else ''
        if line.strip().startswith('Depends:') and word.startswith('linux-image-'):
            abi = word[len('linux-image-'):].removesuffix('-unsigned')
            policy = run(['apt-cache', 'policy', package]).decode()
            version = policy.split('Candidate:')[1].split()[0]
            return abi, version
    return None


def kernel_choice():
    """The kernel to use, e.g. ('6.12.117+deb12-amd64', '6.12.117-1~deb12u1'). Asks apt only when its lists changed."""
    memo = cache_dir() / 'choice.json'
    stamp = _lists_stamp()
    try:
        known = json.loads(memo.read_text())
    except (OSError, ValueError):
        known = None
    if known and known['stamp'] == stamp:
        return known['abi'], known['version']
    choice = _ask_apt()
    if choice is None and not known:
        _refresh_lists(force=True)
        choice, stamp = _ask_apt(), _lists_stamp()
    if choice is None and known:
        choice = known['abi'], known['version']
    if choice is None:
        raise Failure(f'apt offers no linux-image-{SERIES}-amd64; enable the security suite of Debian 12 and run apt-get update')
    cache_dir().mkdir(parents=True, exist_ok=True)
    replace_file(memo, json.dumps({'stamp': stamp, 'abi': choice[0], 'version': choice[1]}).encode())
    return choice


def replace_file(path, data):
    """Writes a file so that others see the old or the new one, never half of it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as new:
        new.write(data)
    os.chmod(new.name, 0o644)
    os.replace(new.name, path)


def fetch(packages, into):
    """Downloads packages (name=version) into a folder and returns their files by package name."""
    into.mkdir(parents=True, exist_ok=True)
    say('downloading ' + ' '.join(p.split('=')[0] for p in packages))
    try:
        run(['apt-get', '-o', 'APT::Sandbox::User=root', 'download', *packages], cwd=into)
    except Failure:
        _refresh_lists(force=True)
        run(['apt-get', '-o', 'APT::Sandbox::User=root', 'download', *packages], cwd=into)
    return {p.name.split('_')[0]: p for p in into.glob('*.deb')}


def unpack(deb, into, patterns=()):
    """Unpacks a package, or only the members that match the patterns."""
    into.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', deb], stdout=subprocess.PIPE) as source:
        run(['tar', '-x', '--no-same-owner', '-C', into, '--wildcards', *patterns], stdin=source.stdout)
