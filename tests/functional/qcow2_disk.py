#!/usr/bin/env python3
"""A virtio disk on qcow2 images, driven in the guest's place: what was flushed outlives kill -9, and qemu-img finds nothing wrong.
qcow2_disk.py PENUMBRA [TEST...]"""
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile

from harness import Failure, main
from qtest import Qtest, expect, expect_equal

SIZE = 32 << 20
COMMON, NOTIFY, DEVICE = 1, 2, 4
IN, OUT, FLUSH, DISCARD, ZEROES = 0, 1, 4, 11, 13


class VirtioDisk:
    """One request at a time through a split ring, polled."""

    def __init__(self, q):
        self.q = q
        self.function = q.find_pci(0x1af4, 0x1042)
        self.function.map_bars()
        self.regions = {}
        for number, at in self.function.capabilities():
            if number == self.function.VENDOR:
                kind, bar = self.function.config_byte(at + 3), self.function.config_byte(at + 4)
                self.regions.setdefault(kind, (self.function.bars.get(bar), self.function.config_long(at + 8), at))
        bar, base, _ = self.regions[COMMON]
        bar.writeb(base + 20, 0)
        bar.writeb(base + 20, 3)
        self.feature_words = []
        for word in (0, 1):
            bar.writel(base, word)
            offered = bar.readl(base + 4)
            # flush, discard, write-zeroes; version 1
            wanted = offered & ((1 << 9 | 1 << 13 | 1 << 14) if word == 0 else 1)
            bar.writel(base + 8, word)
            bar.writel(base + 12, wanted)
            self.feature_words.append(wanted)
        bar.writeb(base + 20, 11)
        expect_equal(bar.readb(base + 20), 11, 'device status')
        self.ring = q.allocate(3 * 4096)
        self.buffer = q.allocate(1 << 20)
        bar.writew(base + 22, 0)
        bar.writew(base + 24, 16)
        for offset, address in ((32, self.ring), (40, self.ring + 4096), (48, self.ring + 8192)):
            bar.writel(base + offset, address)
            bar.writel(base + offset + 4, 0)
        notify_offset = bar.readw(base + 30)
        bar.writew(base + 28, 1)
        bar.writeb(base + 20, 15)
        notify_bar, notify_base, at = self.regions[NOTIFY]
        self.notify = (notify_bar, notify_base + notify_offset * self.function.config_long(at + 16))
        self.count = 0

    def request(self, kind, sector, data=b'', size=0, wanted=0):
        """What was read; fails unless the device's answer is the wanted one, that all is well."""
        q = self.q
        length = len(data) or size
        header, status = self.ring + 0x200, self.ring + 0x300
        q.write(header, struct.pack('<IIQ', kind, 0, sector))
        q.writeb(status, 0xff)
        if data:
            q.write(self.buffer, data)
        chain = [(header, 16, 0)] + ([(self.buffer, length, 0 if data else 2)] if length else []) + [(status, 1, 2)]
        table = b''
        for i, (address, bytes_, flags) in enumerate(chain):
            last = i == len(chain) - 1
            table += struct.pack('<QIHH', address, bytes_, flags | (0 if last else 1), 0 if last else i + 1)
        q.write(self.ring, table)
        q.writew(self.ring + 4096 + 4 + 2 * (self.count % 16), 0)
        self.count += 1
        q.writew(self.ring + 4096 + 2, self.count & 0xffff)
        self.notify[0].writew(self.notify[1], 0)
        for _ in range(20000):
            if q.readw(self.ring + 8192 + 2) == self.count & 0xffff:
                break
            q.clock_step(1000)
        else:
            raise Failure(f'request {kind} at sector {sector} never ended')
        expect_equal(q.readb(status), wanted, f'status of request {kind} at sector {sector}, {length} bytes')
        return q.read(self.buffer, size) if size else b''

    def write(self, offset, data):
        self.request(OUT, offset // 512, data)

    def read(self, offset, size):
        return self.request(IN, offset // 512, size=size)

    def flush(self):
        self.request(FLUSH, 0)

    def range_request(self, kind, offset, size, unmap=False):
        self.request(kind, 0, struct.pack('<QII', offset // 512, size // 512, int(unmap)))


def qemu_img(*arguments, good=(0,)):
    done = subprocess.run(['qemu-img', *arguments], capture_output=True, text=True, check=False)
    expect(done.returncode in good, f'qemu-img {" ".join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout


def machine(binary, image, *more):
    return Qtest(binary, '-machine', 'q35', '-nodefaults', '-m', '64', '-blockdev',
                 f'driver=qcow2,node-name=disk,discard=unmap,file.driver=file,file.discard=unmap,file.filename={image}', '-device',
                 'virtio-blk-pci,drive=disk,addr=4,disable-legacy=on', *more)


def mix(disk, model, numbers, steps):
    """Random requests to the disk and to the bytes."""
    for _ in range(steps):
        offset = numbers.randrange(SIZE // 512) * 512
        size = min(512 * numbers.choice((1, 1, 8, 8, 100, 300)), SIZE - offset)
        kind = numbers.randrange(8)
        if kind < 4:
            data = bytes([numbers.randrange(1, 256)]) * size
            disk.write(offset, data)
            model[offset:offset + size] = data
        elif kind == 4 and disk.feature_words[0] >> 14 & 1:
            disk.range_request(ZEROES, offset, size, numbers.random() < .5)
            model[offset:offset + size] = bytes(size)
        elif kind == 5 and disk.feature_words[0] >> 13 & 1:
            # What a discarded sector reads as is the device's to say; here it is written right after.
            disk.range_request(DISCARD, offset, size)
            disk.write(offset, model[offset:offset + size])
        else:
            expect(disk.read(offset, size) == model[offset:offset + size], f'{size} bytes at {offset} read back changed')


def images(folder):
    """(name, what qemu-img makes it of)."""
    base = os.path.join(folder, 'base.raw')
    model = bytearray(b''.join(struct.pack('<Q', sector) * 64 for sector in range(SIZE // 2 // 512)) + bytes(SIZE // 2))
    with open(base, 'wb') as out:
        out.write(model[:SIZE // 2])
    empty = bytearray(SIZE)
    for name, options, backing, start in (('plain', '', False, empty), ('overlay', '', True, model), ('lazy', 'lazy_refcounts=on', False, empty),
                                          ('old', 'compat=0.10,cluster_size=4k', False, empty),
                                          ('subclusters', 'extended_l2=on', True, model)):
        path = os.path.join(folder, f'{name}.qcow2')
        arguments = ['create', '-q', '-f', 'qcow2'] + (['-o', options] if options else [])
        qemu_img(*arguments, *(['-b', 'base.raw', '-F', 'raw'] if backing else []), path, str(SIZE))
        yield name, path, bytearray(start)


def expect_same(folder, path, model, what):
    raw = os.path.join(folder, 'model.raw')
    with open(raw, 'wb') as out:
        out.write(model)
    expect('identical' in qemu_img('compare', '-f', 'qcow2', '-F', 'raw', path, raw), what)


def every_kind(binary):
    """Random requests, an orderly end: qemu-img reads the same and finds no fault."""
    with tempfile.TemporaryDirectory(prefix='qcow2-') as folder:
        for name, path, model in images(folder):
            for seed in (1, 2):
                with machine(binary, path) as q:
                    mix(VirtioDisk(q), model, random.Random(seed), 60)
                qemu_img('check', path)
                expect_same(folder, path, model, f'{name}: qemu-img reads something else')


def killed(binary):
    """kill -9 after a flush and some more writes: what was flushed is there, and the worst fault is leaks."""
    with tempfile.TemporaryDirectory(prefix='qcow2-') as folder:
        for name, path, model in images(folder):
            q = machine(binary, path)
            with q:
                disk = VirtioDisk(q)
                mix(disk, model, random.Random(3), 40)
                disk.flush()
                # Later writes stay away from the first half, which has to be as it was.
                disk.write(SIZE - (4 << 20), b'\xa5' * (1 << 20))
                q.vmm.process.send_signal(signal.SIGKILL)
                q.vmm.process.wait()
                q.close = lambda: None
            if name == 'lazy':
                qemu_img('check', '-r', 'all', path, good=(0, 3))
            qemu_img('check', path, good=(0, 3))
            with machine(binary, path) as q:
                disk = VirtioDisk(q)
                for offset in range(0, SIZE - (4 << 20), 1 << 20):
                    expect(disk.read(offset, 1 << 20) == model[offset:offset + (1 << 20)], f'{name}: flushed bytes at {offset} are lost')


def damaged(binary):
    """A corrupt image is opened for reading only; unknown features are named."""
    with tempfile.TemporaryDirectory(prefix='qcow2-') as folder:
        path = os.path.join(folder, 'image.qcow2')
        for at, value, text in ((79, 2, 'corrupt'), (72, 0x80, 'Unsupported qcow2 feature(s): bit 63'), (35, 2, 'LUKS'), (7, 9, 'version 9')):
            qemu_img('create', '-q', '-f', 'qcow2', path, '1M')
            with open(path, 'r+b') as out:
                out.seek(at)
                out.write(bytes([value]))
            before = open(path, 'rb').read()
            done = subprocess.run([binary, '-machine', 'q35', '-nodefaults', '-display', 'none', '-accel', 'qtest', '-S', '-blockdev',
                                   f'driver=qcow2,node-name=d,file.driver=file,file.filename={path}'], capture_output=True, text=True, timeout=30,
                                  check=False)
            expect(done.returncode == 1 and text in done.stderr and done.stderr.count('\n') <= 2, f'{text}: {done.returncode}\n{done.stderr}')
            expect(open(path, 'rb').read() == before, f'{text}: a refused image was changed')


if __name__ == '__main__':
    if subprocess.run(['sh', '-c', 'command -v qemu-img'], stdout=subprocess.DEVNULL, check=False).returncode:
        print('SKIP: qemu-img is not installed')
        sys.exit(77)
    try:
        main([every_kind, killed, damaged])
    except Failure as failure:
        print(failure)
        sys.exit(1)
