#!/usr/bin/env python3
"""SeaBIOS on the host's own KVM boots from disks and CDs of every kind, with RAM of every kind of backend, in the order asked for.
usage: disks.py PENUMBRA [test...]"""
import os
import struct
import subprocess
import tempfile

import harness

BIOS = '/usr/share/seabios/bios-256k.bin'
EXIT_VALUE = 0x21


def program(text):
    """Real-mode code that writes the text to port 0xe9 and ends the machine through port 0xf4."""
    code = b''.join(bytes([0xb0, byte, 0xe6, 0xe9]) for byte in text.encode()) + bytes([0xb0, EXIT_VALUE, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd])
    return code


def disk(text, size=1 << 20):
    code = program(text)
    return code + bytes(510 - len(code)) + b'\x55\xaa' + bytes(size - 512)


def cd(text):
    """A CD that holds nothing but what El Torito wants of one that boots without emulation."""
    def sector(start):
        return start + bytes(2048 - len(start))
    primary = sector(b'\x01CD001\x01' + bytes(33) + b'PENUMBRA'.ljust(32) + bytes(8) + struct.pack('<I', 22) + struct.pack('>I', 22))
    boot_record = sector(b'\x00CD001\x01' + b'EL TORITO SPECIFICATION'.ljust(32, b'\0') + bytes(32) + struct.pack('<I', 19))
    end = sector(b'\xffCD001\x01')
    validation = bytearray(b'\x01' + bytes(27) + b'\0\0\x55\xaa' + bytes(0))
    validation[28:30] = struct.pack('<H', -sum(struct.unpack('<16H', validation)) & 0xffff)
    entry = struct.pack('<BBHBBHI', 0x88, 0, 0, 0, 0, 4, 20).ljust(32, b'\0')
    return bytes(16 * 2048) + primary + boot_record + end + sector(bytes(validation) + entry) + sector(program(text)) + sector(b'')


class Machine:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def file(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as out:
            out.write(data)
        return path

    def boots(self, wanted, *argv, memory='256'):
        status, out, err = harness.run(
            [self.binary, '-machine', 'q35', '-m', memory, '-cpu', 'qemu64,check=off', '-bios', BIOS, '-nodefaults', '-display', 'none', '-debugcon', 'stdio',
             '-device', 'isa-debug-exit,iobase=0xf4,iosize=1', *argv], 120)
        if status != EXIT_VALUE * 2 + 1 or out.strip() != wanted:
            raise harness.Failure(f'{" ".join(argv)}: status {status}, wrote {out[-300:]!r}, said {err[-300:]!r}')


KINDS = {
    'ahci': ['-device', 'ide-hd,drive=d'],
    'virtio_blk': ['-device', 'virtio-blk-pci,drive=d'],
    'virtio_scsi': ['-device', 'virtio-scsi-pci', '-device', 'scsi-hd,drive=d'],
    'virtio_blk_behind_port': ['-device', 'pcie-root-port,id=rp0,chassis=1', '-device', 'virtio-blk-pci,drive=d,bus=rp0'],
    'virtio_blk_on_a_thread': ['-object', 'iothread,id=io', '-device', 'virtio-blk-pci,drive=d,iothread=io'],
}


def each_kind_of_disk(machine):
    path = machine.file('disk.raw', disk('disk'))
    for kind, argv in KINDS.items():
        machine.boots('disk', '-drive', f'file={path},format=raw,if=none,id=d', *argv)
        print(f'     {kind}')


def short_spellings(machine):
    path = machine.file('disk.raw', disk('short'))
    for argv in (['-hda', path], ['-drive', f'file={path},format=raw,if=virtio'], ['-drive', f'file={path},format=raw'],
                 ['-blockdev', f'driver=file,node-name=n,filename={path}', '-device', 'ide-hd,drive=n,bus=ide.3']):
        machine.boots('short', *argv)


def compressed_and_backed_images(machine):
    base = machine.file('base.raw', disk('qcow2'))
    for options in ([], ['-c']):
        image = os.path.join(machine.folder, 'image.qcow2')
        subprocess.run(['qemu-img', 'convert', *options, '-O', 'qcow2', base, image], check=True)
        machine.boots('qcow2', '-drive', f'file={image},if=virtio')
    overlay = os.path.join(machine.folder, 'overlay.qcow2')
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', overlay], check=True)
    machine.boots('qcow2', '-drive', f'file={overlay},format=qcow2,if=virtio')
    subprocess.run(['qemu-img', 'check', '-q', overlay], check=True)


def ram_of_each_backend(machine):
    path = machine.file('disk.raw', disk('ram'))
    kinds = ['memory-backend-ram', 'memory-backend-memfd', f'memory-backend-file,mem-path={machine.folder}/ram,share=on']
    if harness.has_mappable_guest_memfd():
        kinds.append('memory-backend-guest-memfd')
    for kind in kinds:
        for disks in (['ahci', 'virtio_blk', 'virtio_scsi'] if kind == kinds[0] else ['ahci', 'virtio_blk']):
            machine.boots('ram', '-object', f'{kind},id=m,size=256M', '-machine', 'memory-backend=m',
                          '-drive', f'file={path},format=raw,if=none,id=d', *KINDS[disks])


def cds(machine):
    path = machine.file('cd.iso', cd('cd'))
    machine.boots('cd', '-cdrom', path)
    machine.boots('cd', '-drive', f'file={path},format=raw,if=none,id=c,media=cdrom', '-device', 'virtio-scsi-pci', '-device', 'scsi-cd,drive=c')


def the_order_asked_for(machine):
    first, second = machine.file('first.raw', disk('first')), machine.file('second.raw', disk('second'))
    for one, two, wanted in ((0, 1, 'first'), (1, 0, 'second')):
        machine.boots(wanted, '-drive', f'file={first},format=raw,if=none,id=a', '-drive', f'file={second},format=raw,if=none,id=b',
                      '-device', f'virtio-blk-pci,drive=a,bootindex={one}', '-device', f'ide-hd,drive=b,bootindex={two}')


def in_a_folder(test):
    def run(binary):
        with tempfile.TemporaryDirectory() as scratch:
            test(Machine(binary, scratch))
    run.__name__ = test.__name__
    return run


if __name__ == '__main__':
    harness.need_kvm()
    harness.need_file(BIOS, 'seabios')
    harness.need_file('/usr/bin/qemu-img', 'qemu-utils')
    harness.main([in_a_folder(test) for test in (each_kind_of_disk, short_spellings, compressed_and_backed_images, ram_of_each_backend, cds,
                                                 the_order_asked_for)])
