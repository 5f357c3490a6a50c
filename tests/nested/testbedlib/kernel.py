"""Builds the kernel part of the testbed in the cache: Debian's stock kernel and modules as they are, but kvm.ko and
kvm-amd.ko rebuilt from Debian's own source with KVM_SW_PROTECTED_VM, which the stock configuration leaves out."""
import os
import re
import shutil
import struct
import subprocess
import tempfile
import pathlib

from . import debian
from .common import Failure, cache_dir, run, say

RECIPE = 3  # raise it when anything here changes what comes out
# In the order they load. The first group comes from the kernel package, the second from our build.
STOCK_MODULES = ['netfs', '9pnet', '9pnet_virtio', '9p', 'overlay', 'irqbypass', 'ccp', 'tun']
BUILT_MODULES = ['kvm', 'kvm-amd']
# For the Linux guest, in the order it loads them: a power button, keys, network, disks, balloon, entropy, and a panic that is told.
GUEST_MODULES = ['button', 'evdev', 'failover', 'net_failover', 'virtio_net', 'virtio_blk', 'virtio_balloon', 'virtio-rng', 'pvpanic', 'pvpanic-mmio']
OPTIONS = ['KVM_SW_PROTECTED_VM', 'KVM_PRIVATE_MEM', 'KVM_GENERIC_PRIVATE_MEM', 'KVM_GENERIC_MEMORY_ATTRIBUTES']


class Kernel:
    """The files of one built kernel: vmlinuz (for guests), vmlinux (boots faster), modules/, headers/."""

    def __init__(self, abi, path):
        self.abi = abi
        self.path = path
        self.vmlinuz = path / 'vmlinuz'
        self.vmlinux = path / 'vmlinux'
        self.modules = path / 'modules'
        self.headers = path / 'headers' / 'usr' / 'src' / f'linux-headers-{abi}'

    def module_data(self, names):
        return {m: (self.modules / f'{m}.ko').read_bytes() for m in names}


def _unpack_vmlinux(vmlinuz, vmlinux):
    """Takes the kernel proper out of a bzImage: an emulated machine then need not decompress it at each start."""
    image = vmlinuz.read_bytes()
    start = ((image[0x1f1] or 4) + 1) * 512
    offset, length = struct.unpack_from('<II', image, 0x248)
    payload = image[start + offset:start + offset + length - 4]  # the last four bytes are its size
    if payload[:4] != b'\x28\xb5\x2f\xfd':
        raise Failure('the kernel is not compressed with zstd as Debian 12 does it')
    vmlinux.write_bytes(subprocess.run(['zstd', '-dcq'], input=payload, stdout=subprocess.PIPE, check=False).stdout)
    if vmlinux.read_bytes()[:4] != b'\x7fELF':
        raise Failure('what the kernel image holds is not an ELF file')


def make_module(headers, source, log, options=(), defines=()):
    """Builds the external module(s) in a folder against unpacked headers. No debug information, no BTF (no pahole)."""
    flags = 'KCFLAGS=' + ' '.join(['-g0', *(f'-DCONFIG_{d}=1' for d in defines)])
    run(['make', f'-j{os.cpu_count()}', '-C', headers, f'M={source}', 'CONFIG_DEBUG_INFO_BTF_MODULES=', flags,
         *options, 'modules'], log=log)


def _keep_cr8_intercepted(svm):
    """KVM lets guests write CR8 while no interrupt is held back by it. The emulator (QEMU 7.2) aborts when a guest does
    so while KVM waits for a chance to inject, which UEFI firmware does at every interrupt; so the intercept stays on."""
    text, changes = re.subn(r'\n\s*svm_clr_intercept\(svm, INTERCEPT_CR8_WRITE\);', '', svm.read_text())
    if changes < 1:
        raise Failure('svm.c is not what this recipe knows; the testbed needs an update for this kernel')
    svm.write_text(text)


def _build_kvm(kernel, source_package, work):
    """arch/x86/kvm and virt/kvm keep their places relative to each other, so the sources find each other."""
    with open(work / 'source.tar.xz', 'wb') as tarball:
        with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', source_package], stdout=subprocess.PIPE) as package:
            done = subprocess.run(['tar', '-x', '-O', '--wildcards', '*/linux-source-*.tar.xz'], stdin=package.stdout,
                                  stdout=tarball, check=False)
    if done.returncode != 0:
        raise Failure('no source tarball in the linux-source package')
    run(['tar', '-xJf', work / 'source.tar.xz', '-C', work, '--strip-components=1', '--wildcards',
         '*/arch/x86/kvm', '*/virt/kvm'])
    source = work / 'arch/x86/kvm'
    makefile = source / 'Makefile'
    text, changes = re.subn(r'\$\(srctree\)/(arch/x86|virt)/kvm', r'$(src)/../../../\1/kvm', makefile.read_text())
    if changes < 2:
        raise Failure('KVM\'s Makefile is not what this recipe knows; the testbed needs an update for this kernel')
    # Trace headers are named from include/trace: two levels below the sources' top, as virt/kvm is.
    makefile.write_text(text + '\nccflags-y += -I $(src)/../../../virt/kvm\n')
    _keep_cr8_intercepted(source / 'svm/svm.c')
    say('building kvm.ko and kvm-amd.ko with KVM_SW_PROTECTED_VM (half a minute to two minutes)')
    make_module(kernel.headers, source, cache_dir() / 'kvm-build.log',
                ['CONFIG_KVM_INTEL=n', *(f'CONFIG_{o}=y' for o in OPTIONS)], OPTIONS)
    for module in BUILT_MODULES:
        run(['strip', '--strip-debug', '-o', kernel.modules / f'{module}.ko', source / f'{module}.ko'])


def _take_stock(kernel, image, work):
    """The kernel image and the modules that the machine inside and the Linux guest need, decompressed."""
    debian.unpack(image, work, ['./boot/vmlinuz-*', *(f'*/{m}.ko*' for m in STOCK_MODULES + GUEST_MODULES)])
    shutil.copy(next(work.glob('boot/vmlinuz-*')), kernel.vmlinuz)
    _unpack_vmlinux(kernel.vmlinuz, kernel.vmlinux)
    kernel.modules.mkdir()
    for module in STOCK_MODULES + GUEST_MODULES:
        found = next(work.glob(f'lib/modules/*/kernel/**/{module}.ko*'), None) or \
            next(work.glob(f'usr/lib/modules/*/kernel/**/{module}.ko*'), None)
        if found is None:
            raise Failure(f'the kernel package has no module {module}')
        data = run(['xz', '-dc', found]) if found.suffix == '.xz' else found.read_bytes()
        (kernel.modules / f'{module}.ko').write_bytes(data)


def _take_headers(kernel, debs, common):
    """Headers in the cache instead of /usr/src: one absolute path in them must follow."""
    top = kernel.path / 'headers'
    for name, deb in debs.items():
        if name.startswith(('linux-headers-', 'linux-kbuild-')):
            debian.unpack(deb, top)
    makefile = kernel.headers / 'Makefile'
    makefile.unlink()
    makefile.write_text(f'include $(dir $(lastword $(MAKEFILE_LIST)))../{common}/Makefile\n')


def _build(abi, version, final):
    base = abi.rpartition('-')[0]
    names = [f'linux-image-{abi}', f'linux-headers-{abi}', f'linux-headers-{base}-common', f'linux-kbuild-{base}',
             f'linux-source-{debian.SERIES}']
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix='building-') as scratch:
        scratch = pathlib.Path(scratch)
        debs = debian.fetch([f'{n}={version}' for n in names], scratch / 'debs')
        kernel = Kernel(abi, scratch / 'kernel')
        kernel.path.mkdir()
        _take_stock(kernel, debs[names[0]], scratch / 'image')
        _take_headers(kernel, debs, names[2])
        _build_kvm(kernel, debs[names[4]], scratch)
        final.parent.mkdir(parents=True, exist_ok=True)
        os.rename(kernel.path, final)


def kernel_place():
    abi, version = debian.kernel_choice()
    return abi, version, cache_dir() / 'kernel' / f'{abi}_{version}_r{RECIPE}'


def ensure(rebuild=False):
    """The kernel that apt offers now, built if it is not yet. The caller holds the build lock."""
    abi, version, final = kernel_place()
    if rebuild:
        shutil.rmtree(final, ignore_errors=True)
    if not final.exists():
        debian.need_tools({**debian.BUILD_TOOLS, **debian.RUN_TOOLS})
        say(f'kernel {version}: building into {final}')
        _build(abi, version, final)
        _drop_old(final)
    return Kernel(abi, final)


def _drop_old(current):
    """Earlier kernels go, save the newest one before: a run that started before may still read it."""
    others = sorted((p for p in current.parent.iterdir() if p != current), key=lambda p: p.stat().st_mtime)
    for old in others[:-1]:
        shutil.rmtree(old, ignore_errors=True)
