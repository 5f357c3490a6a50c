#!/usr/bin/env python3
"""A Debian 12 disk (qcow2, GRUB-EFI, systemd) in the testbed under OVMF: from virtio-blk, AHCI and virtio-scsi it comes up, gets an address and fetches a
file over user networking, is powered off by ACPI, and leaves a clean file system. usage: debian.py PENUMBRA [--here IMAGE] [test...]"""
import contextlib
import hashlib
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'functional'))
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import emulator  # noqa: E402
import harness  # noqa: E402
import qmp_client  # noqa: E402
from testbedlib import debian_disk  # noqa: E402

CODE, VARS = '/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'
IMAGE = None


FILE = bytes(range(256)) * 4096


class Server(http.server.BaseHTTPRequestHandler):
    """The host's side of user networking: one file for the guest to fetch."""

    def do_GET(self):  # noqa: N802
        self.send_response(200)
        self.send_header('Content-Length', str(len(FILE)))
        self.end_headers()
        self.wfile.write(FILE)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving():
    with http.server.ThreadingHTTPServer(('127.0.0.1', 8099), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def press_power_button(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(path)
        qmp_client.Connection(sock).negotiate().command('system_powerdown')


def where_it_hangs(path):
    """What the vCPUs and the network do, for a guest that stopped to say anything: three looks, a second apart."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(20)
        sock.connect(path)
        qmp = qmp_client.Connection(sock).negotiate()
        looks = []
        for line in ('info registers -a', 'info registers -a', 'info registers -a', 'info network', 'info pci'):
            looks.append(str(qmp.command('human-monitor-command', command_line=line)))
            time.sleep(1)
    return '\n'.join(looks)


def comes_up_and_powers_off(binary, *disk):
    with tempfile.TemporaryDirectory() as folder:
        overlay, variables, path = (os.path.join(folder, name) for name in ('disk.qcow2', 'vars.fd', 'qmp'))
        subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', IMAGE, '-F', 'qcow2', overlay], check=True)
        shutil.copy(VARS, variables)
        argv = [binary, '-machine', 'q35', '-m', '1024', '-smp', '2', '-cpu', 'host', '-nodefaults', '-display', 'none', '-serial', 'stdio',
                '-qmp', f'unix:{path},server=on,wait=off', '-drive', f'if=pflash,unit=0,format=raw,readonly=on,file={CODE}',
                '-drive', f'if=pflash,unit=1,format=raw,file={variables}', '-drive', f'if=none,id=d,file={overlay},format=qcow2',
                '-netdev', 'user,id=n', '-device', 'virtio-net-pci,netdev=n', *disk]
        with serving(), harness.Vmm(argv) as vmm:
            try:
                out = vmm.wait_for('DEBIAN ready', 400)
            except harness.Failure as failure:
                raise harness.Failure(f'{failure}\n{where_it_hangs(path)}') from None
            press_power_button(path)
            status = vmm.wait(120)
        wanted = ('DEBIAN boots=1', 'DEBIAN address=10.0.2.15/', f'DEBIAN fetched={hashlib.sha256(FILE).hexdigest()}')
        if status != 0 or any(text not in out for text in wanted):
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
    harness.main(emulator.each_once_more(from_virtio_blk, from_ahci, from_virtio_scsi))
