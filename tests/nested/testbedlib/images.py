"""Initramfs images, cached by the digest of what goes into them: the machine's own, and the Linux guest's."""
import pathlib
import shutil
import tempfile

from . import cpio, debian
from .common import HERE, Failure, cache_dir, digest, run, say
from .kernel import make_module, BUILT_MODULES, GUEST_MODULES, STOCK_MODULES

GUEST = HERE.parent / 'guest_linux'


def _busybox():
    debian.need_tools({'busybox': debian.BUILD_TOOLS['busybox']})
    return pathlib.Path(shutil.which('busybox'))


def _skeleton(init):
    archive = cpio.Archive()
    for name in ['bin', 'proc', 'sys', 'dev', 'tmp', 'run']:
        archive.directory(name)
    archive.file('init', init.read_bytes(), 0o755)
    archive.file('bin/busybox', _busybox().read_bytes(), 0o755)
    archive.link('bin/sh', 'busybox')
    return archive


def _cached(kind, key, build):
    """images/KIND-KEY, built on a miss; older ones of the kind go, save the newest one before."""
    folder = cache_dir() / 'images'
    final = folder / f'{kind}-{key}'
    if not final.exists():
        folder.mkdir(parents=True, exist_ok=True)
        debian.replace_file(final, build())
        others = sorted((p for p in folder.glob(f'{kind}-*') if p != final), key=lambda p: p.stat().st_mtime)
        for old in others[:-1]:
            old.unlink()
    return final


def _add_modules(archive, kernel, names):
    for name, data in kernel.module_data(names).items():
        archive.file(f'modules/{name}.ko', data)
    archive.file('modules/order', '\n'.join(names).encode() + b'\n')


def machine_initrd(kernel):
    """The initramfs of the emulated machine: busybox, the modules, init, the agent and the keeper."""
    init, programs = HERE / 'l1/init', [HERE / 'l1' / f'{name}.c' for name in ('agent', 'keeper')]

    def build():
        debian.need_tools({'gcc': debian.BUILD_TOOLS['gcc']})
        archive = _skeleton(init)
        with tempfile.TemporaryDirectory() as work:
            for source in programs:
                binary = pathlib.Path(work, source.stem)
                run(['gcc', '-O2', '-static', '-s', '-Wall', '-D_GNU_SOURCE', '-o', binary, source])
                archive.file(f'bin/{source.stem}', binary.read_bytes(), 0o755)
        _add_modules(archive, kernel, STOCK_MODULES + BUILT_MODULES)
        return archive.finish()

    return _cached('machine', digest(init, *programs, kernel.path.name, str(_busybox().stat().st_mtime_ns)), build)


def guest_initrd(kernel):
    """The initramfs of the Linux guest: busybox, its init, Debian's drivers and our conversion module for the same kernel."""
    init = GUEST / 'init'
    sources = sorted(p for p in (GUEST / 'convert').iterdir() if p.suffix in ('.c', '.h') or p.name == 'Kbuild')
    if not sources:
        raise Failure(f'no module source in {GUEST}/convert')

    def build():
        debian.need_tools(debian.BUILD_TOOLS)
        say('building the Linux guest')
        archive = _skeleton(init)
        with tempfile.TemporaryDirectory() as work:
            for source in sources:
                shutil.copy(source, work)
            make_module(kernel.headers, pathlib.Path(work), cache_dir() / 'guest-build.log')
            run(['strip', '--strip-debug', f'{work}/convert.ko'])
            archive.file('modules/convert.ko', pathlib.Path(work, 'convert.ko').read_bytes())
        _add_modules(archive, kernel, GUEST_MODULES)
        return archive.finish()

    return _cached('guest', digest(init, *sources, kernel.path.name, str(_busybox().stat().st_mtime_ns)), build)
