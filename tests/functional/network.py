#!/usr/bin/env python3
"""The network card, driven by a test client in the guest's place, on each kind of back end. network.py PENUMBRA [TEST...]"""
import os
import socket
import struct
import tempfile
import time

from harness import Failure, main
from qtest import Qtest, expect, expect_equal

COMMON, NOTIFY, CONFIG = 1, 2, 4
STATUS, FEATURES_OK, DRIVER_OK = 0x14, 8, 4
MAC = bytes.fromhex('525400123456')
BROADCAST = b'\xff' * 6
HEADER = 12


class Card:
    """The modern interface with split rings of 16 entries, a page of buffer each."""
    SIZE = 16

    def __init__(self, q, address):
        self.q, self.pci = q, q.pci(address)
        self.pci.map_bars()
        self.at, self.step = {}, 0
        for found, offset in self.pci.capabilities():
            if found != self.pci.VENDOR:
                continue
            kind, bar = self.pci.config_byte(offset + 3), self.pci.config_byte(offset + 4)
            if kind <= CONFIG:
                self.at[kind] = (self.pci.bars[bar], self.pci.config_long(offset + 8))
            if kind == NOTIFY:
                self.step = self.pci.config_long(offset + 16)
        self.common, base = self.at[COMMON]
        expect_equal(base, 0, 'where the common configuration is')
        c = self.common
        for status in (0, 1, 3):
            c.writeb(STATUS, status)
        for half, value in ((0, 0), (1, 1)):
            c.writel(8, half)
            c.writel(12, value)
        c.writeb(STATUS, 3 | FEATURES_OK)
        expect(c.readb(STATUS) & FEATURES_OK, 'the features were refused')
        self.queues = [self.queue(number) for number in (0, 1)]
        c.writeb(STATUS, 3 | FEATURES_OK | DRIVER_OK)
        self.made, self.seen = [0, 0], [0, 0]
        for slot in range(self.SIZE // 2):
            self.give(0, slot, 4096, True)

    def queue(self, number):
        c, page, buffers = self.common, self.q.allocate(4096), self.q.allocate(4096 * self.SIZE)
        self.q.memset(page, 4096, 0)
        c.writew(0x16, number)
        c.writew(0x18, self.SIZE)
        notify = c.readw(0x1e)
        for offset, address in ((0x20, page), (0x28, page + 1024), (0x30, page + 2048)):
            c.writel(offset, address)
            c.writel(offset + 4, 0)
        c.writew(0x1c, 1)
        return page, buffers, notify

    def give(self, number, slot, size, writable):
        page, buffers, notify = self.queues[number]
        self.q.write(page + 16 * slot, struct.pack('<QIHH', buffers + 4096 * slot, size, 2 if writable else 0, 0))
        self.q.writew(page + 1024 + 4 + 2 * (self.made[number] % self.SIZE), slot)
        self.made[number] += 1
        self.q.writew(page + 1024 + 2, self.made[number] & 0xffff)
        bar, base = self.at[NOTIFY]
        bar.writew(base + notify * self.step, number)

    def used(self, number, seconds=5):
        """(slot, bytes) of the next used buffer."""
        page, _, _ = self.queues[number]
        end = time.monotonic() + seconds
        while self.q.readw(page + 2048 + 2) == self.seen[number] & 0xffff:
            if time.monotonic() > end:
                raise Failure(f'queue {number}: no buffer was used')
        entry = self.q.read(page + 2048 + 4 + 8 * (self.seen[number] % self.SIZE), 8)
        self.seen[number] += 1
        return struct.unpack('<II', entry)

    def send(self, frame):
        _, buffers, _ = self.queues[1]
        slot = self.made[1] % self.SIZE
        self.q.write(buffers + 4096 * slot, bytes(HEADER) + frame)
        self.give(1, slot, HEADER + len(frame), False)
        expect_equal(self.used(1)[0], slot, 'the buffer that was sent')

    def receive(self):
        slot, size = self.used(0)
        frame = self.q.read(self.queues[0][1] + 4096 * slot, size)[HEADER:]
        self.give(0, slot, 4096, True)
        return frame


def there_and_back(card, peer, stream):
    """Frames in both directions between the card and a socket."""
    def put(frame):
        peer.sendall((struct.pack('>I', len(frame)) if stream else b'') + frame)

    def get():
        if not stream:
            return peer.recv(65536)
        length, = struct.unpack('>I', peer.recv(4, socket.MSG_WAITALL))
        return peer.recv(length, socket.MSG_WAITALL)

    peer.settimeout(10)
    for size in (14, 60, 1514, 4000):
        frame = BROADCAST + bytes(i * 7 + size & 0xff for i in range(size - 6))
        card.send(frame)
        expect_equal(get(), frame, f'{size} bytes sent')
        put(frame)
        expect_equal(card.receive(), frame, f'{size} bytes received')
    many = 40 if stream else 16  # more than there are buffers, no more than the kernel keeps
    for i in range(many):
        put(bytes([i]) * 100)
    for i in range(many):
        expect_equal(card.receive(), bytes([i]) * 100, f'frame {i} of many')


def inherited_socket(binary):
    """-netdev socket,fd=, a stream and datagrams."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        with Qtest(binary, '-machine', 'q35', '-netdev', f'socket,id=n,fd={theirs.fileno()}', '-device', 'virtio-net-pci,netdev=n,addr=4',
                   pass_fds=(theirs.fileno(),)) as q:
            theirs.close()
            there_and_back(Card(q, '04.0'), ours, kind == socket.SOCK_STREAM)
        ours.close()


def stream_sockets(binary):
    """-netdev stream as server and as client, over a unix socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = folder + '/s'
        with Qtest(binary, '-machine', 'q35', '-netdev', f'stream,id=n,server=on,addr.type=unix,addr.path={path}', '-device',
                   'virtio-net-pci,netdev=n,addr=4') as q:
            card = Card(q, '04.0')
            for _ in range(2):  # the second after the first left
                with socket.socket(socket.AF_UNIX) as peer:
                    peer.connect(path)
                    time.sleep(0.2)
                    there_and_back(card, peer, True)
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            with Qtest(binary, '-machine', 'q35', '-netdev', f'stream,id=n,addr.type=unix,addr.path={path}', '-device',
                       'virtio-net-pci,netdev=n,addr=4') as q:
                with listener.accept()[0] as peer:
                    there_and_back(Card(q, '04.0'), peer, True)


def datagrams(binary):
    """-netdev dgram over unix sockets."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.bind(folder + '/ours')
        with Qtest(binary, '-machine', 'q35', '-netdev',
                   f'dgram,id=n,local.type=unix,local.path={folder}/theirs,remote.type=unix,remote.path={folder}/ours', '-device',
                   'virtio-net-pci,netdev=n,addr=4') as q:
            peer.connect(folder + '/theirs')
            there_and_back(Card(q, '04.0'), peer, False)


def user_network(binary):
    """The router of user networking answers ARP and DHCP."""
    with Qtest(binary, '-machine', 'q35', '-nic', 'user,model=virtio-net-pci,addr=4,hostname=guest') as q:
        card = Card(q, '04.0')
        arp = struct.pack('>HHBBH6s4s6s4s', 1, 0x800, 6, 4, 1, MAC, bytes(4), bytes(6), bytes([10, 0, 2, 2]))
        card.send(BROADCAST + MAC + b'\x08\x06' + arp)
        while True:
            frame = card.receive()
            if frame[12:14] == b'\x08\x06' and frame[20:22] == b'\0\2':
                break
        expect_equal(frame[28:32], bytes([10, 0, 2, 2]), 'who answered')
        dhcp = struct.pack('>BBBBIHH4s4s4s4s6s10x64x128x4s', 1, 1, 6, 0, 42, 0, 0x8000, bytes(4), bytes(4), bytes(4), bytes(4), MAC, b'\x63\x82\x53\x63')
        dhcp += bytes([53, 1, 1, 255])
        udp = struct.pack('>HHHH', 68, 67, 8 + len(dhcp), 0) + dhcp
        ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b'\xff' * 4)
        total = sum(struct.unpack('>10H', ip))
        total = (total & 0xffff) + (total >> 16)
        ip = ip[:10] + struct.pack('>H', ~total & 0xffff) + ip[12:]
        card.send(BROADCAST + MAC + b'\x08\x00' + ip + udp)
        while True:
            frame = card.receive()
            if frame[12:14] == b'\x08\x00' and frame[23] == 17 and frame[34:36] == b'\0\x43':
                break
        expect_equal(frame[58:62], bytes([10, 0, 2, 15]), 'the address that DHCP offers')


if __name__ == '__main__':
    main([inherited_socket, stream_sockets, datagrams, user_network])
