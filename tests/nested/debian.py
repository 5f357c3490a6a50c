#!/usr/bin/env python3
"""A Debian 12 disk (qcow2, GRUB-EFI, systemd) in the testbed under OVMF: from virtio-blk, AHCI and virtio-scsi it comes up, is powered off by ACPI, and
leaves a clean file system. usage: debian.py PENUMBRA [--here IMAGE] [test...]"""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'functional'))
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import harness  # noqa: E402
import qmp_client  # noqa: E402
from testbedlib import debian_disk  # noqa: E402

CODE, VARS = '/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'
IMAGE = None


def press_power_button(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(path)
        qmp_client.Connection(sock).negotiate().command('system_powerdown')


def comes_up_and_powers_off(binary, *disk):
    with tempfile.TemporaryDirectory() as folder:
        overlay, variables, path = (os.path.join(folder, name) for name in ('disk.qcow2', 'vars.fd', 'qmp'))
        subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', IMAGE, '-F', 'qcow2', overlay], check=True)
        shutil.copy(VARS, variables)
        argv = [binary, '-machine', 'q35', '-m', '1024', '-smp', '2', '-cpu', 'host', '-nodefaults', '-display', 'none', '-serial', 'stdio',
                '-qmp', f'unix:{path},server=on,wait=off', '-drive', f'if=pflash,unit=0,format=raw,readonly=on,file={CODE}',
                '-drive', f'if=pflash,unit=1,format=raw,file={variables}', '-drive', f'if=none,id=d,file={overlay},format=qcow2', *disk]
        with harness.Vmm(argv) as vmm:
            out = vmm.wait_for('DEBIAN ready', 400)
            press_power_button(path)
            status = vmm.wait(120)
        if status != 0 or 'DEBIAN boots=1' not in out:
            raise harness.Failure(f'status {status}\n{vmm.report()}')
        subprocess.run(['qemu-img', 'check', '-q', overlay], check=True)
        complaint = debian_disk.root_is_clean(overlay, folder)
        if complaint:
            raise harness.Failure(complaint)


def from_virtio_blk(binary):
    comes_up_and_powers_off(binary, '-device', 'virtio-blk-pci,drive=d')


def from_ahci(binary):
    comes_up_and_powers_off(binary, '-device', 'ide-hd,drive=d')


def from_virtio_scsi(binary):
    comes_up_and_powers_off(binary, '-device', 'virtio-scsi-pci', '-device', 'scsi-hd,drive=d')


if __name__ == '__main__':
    for needed, package in ((CODE, 'ovmf'), ('/usr/bin/qemu-img', 'qemu-utils')):
        harness.need_file(needed, package)
    if '--here' not in sys.argv:
        image = debian_disk.ensure()
        sys.exit(harness.again_in_testbed(['--timeout', '1500', '--mem', '6144'],
                                          [os.path.abspath(sys.argv[1]), '--here', str(image), *sys.argv[2:]]))
    IMAGE = sys.argv[sys.argv.index('--here') + 1]
    del sys.argv[2:4]
    harness.main([from_virtio_blk, from_ahci, from_virtio_scsi])
