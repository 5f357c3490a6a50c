#!/usr/bin/env python3
"""The network card, driven by a test client in the guest's place, on each kind of back end. network.py PENUMBRA [TEST...]"""
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

from harness import Failure, main
from qmp_client import Connection
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


def dhcp_request():
    """A frame that asks for an address."""
    dhcp = struct.pack('>BBBBIHH4s4s4s4s6s10x64x128x4s', 1, 1, 6, 0, 42, 0, 0x8000, bytes(4), bytes(4), bytes(4), bytes(4), MAC, b'\x63\x82\x53\x63')
    dhcp += bytes([53, 1, 1, 255])
    udp = struct.pack('>HHHH', 68, 67, 8 + len(dhcp), 0) + dhcp
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b'\xff' * 4)
    total = sum(struct.unpack('>10H', ip))
    total = (total & 0xffff) + (total >> 16)
    return BROADCAST + MAC + b'\x08\x00' + ip[:10] + struct.pack('>H', ~total & 0xffff) + ip[12:] + udp


def receive_dhcp(card):
    """The address that an answer offers."""
    while True:
        frame = card.receive()
        if frame[12:14] == b'\x08\x00' and frame[23] == 17 and frame[34:36] == b'\0\x43':
            return frame[58:62]


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
        card.send(dhcp_request())
        expect_equal(receive_dhcp(card), bytes([10, 0, 2, 15]), 'the address that DHCP offers')


def segment(binary):
    """-netdev hubport, and -net with two cards: what one card sends, the others on the segment and the back end get."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.bind(folder + '/ours')
        peer.settimeout(10)
        back_end = f'dgram,id=n,local.type=unix,local.path={folder}/theirs,remote.type=unix,remote.path={folder}/ours'
        ports = []
        for number in (0, 1):
            ports += ['-netdev', f'hubport,id=p{number},hubid=7', '-device', f'virtio-net-pci,netdev=p{number},addr={4 + number}']
        both = (['-netdev', back_end, '-netdev', 'hubport,id=p,hubid=7,netdev=n', *ports],
                ['-net', back_end, '-net', 'nic,addr=4', '-net', 'nic,addr=5'])
        for arguments in both:
            with Qtest(binary, '-machine', 'q35', *arguments) as q:
                first, second = Card(q, '04.0'), Card(q, '05.0')
                frame = BROADCAST + bytes(range(94))
                first.send(frame)
                expect_equal(second.receive(), frame, 'from the first card to the second')
                expect_equal(peer.recv(4096), frame, 'from the first card to the back end')
                peer.sendto(frame[::-1][:6] + frame, folder + '/theirs')
                peer.sendto(frame, folder + '/theirs')
                for card in (first, second):
                    expect_equal(card.receive()[-len(frame):], frame, 'from the back end')


def stopped_machine(binary):
    """What arrives while the machine is stopped waits; connections are told of by events, lost ones are made again."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(folder + '/s')
        listener.listen(1)
        with Qtest(binary, '-machine', 'q35', '-netdev', f'stream,id=n,addr.type=unix,addr.path={folder}/s,reconnect=1', '-device',
                   'virtio-net-pci,netdev=n,addr=4', '-qmp', f'unix:{folder}/q,server=on,wait=off') as q:
            monitor_socket = socket.socket(socket.AF_UNIX)
            monitor_socket.connect(folder + '/q')
            monitor = Connection(monitor_socket)
            monitor.negotiate()
            card = Card(q, '04.0')
            with listener.accept()[0] as peer:
                there_and_back(card, peer, True)
                monitor.command('stop')
                frame = BROADCAST + bytes(64)
                peer.sendall(struct.pack('>I', len(frame)) + frame)
                time.sleep(0.3)
                page = card.queues[0][0]
                expect_equal(q.readw(page + 2048 + 2), card.seen[0] & 0xffff, 'buffers used while the machine was stopped')
                monitor.command('cont')
                expect_equal(card.receive(), frame, 'the frame that waited')
            gone = monitor.wait_event('NETDEV_STREAM_DISCONNECTED')
            expect_equal(gone['data'], {'netdev-id': 'n'}, 'the event')
            with listener.accept()[0] as peer:
                back = monitor.wait_event('NETDEV_STREAM_CONNECTED')
                expect_equal(back['data'], {'netdev-id': 'n', 'addr': {'type': 'unix', 'path': folder + '/s'}}, 'the event')
                there_and_back(card, peer, True)
            monitor.close()


def unanswered_connection(binary):
    """A host that does not answer does not hold the machine up."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    with Qtest(binary, '-machine', 'q35', '-netdev',
               f'stream,id=n,addr.type=inet,addr.host=127.0.0.1,addr.port={port},reconnect-ms=50') as q, \
            socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind(('127.0.0.1', port))
        full.listen(0)
        for filler in (first, second):  # nobody accepts: whoever comes now waits for an answer
            filler.setblocking(False)
            filler.connect_ex(('127.0.0.1', port))
        begin = time.monotonic()
        while time.monotonic() < begin + 2:
            asked = time.monotonic()
            q.inb(0x80)
            expect(time.monotonic() - asked < 1, 'the loop waited for a connection')


def passt_network(binary):
    """-netdev stream with passt at the other end, which answers DHCP."""
    if shutil.which('passt') is None:
        print('passt is not installed')
        return
    with tempfile.TemporaryDirectory(dir='/tmp') as folder:
        os.chmod(folder, 0o777)
        path = folder + '/passt'
        passt = subprocess.Popen(['passt', '--foreground', '--socket', path, '--address', '192.0.2.5', '--netmask', '24', '--gateway', '192.0.2.1',
                                  '--ipv4-only'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            end = time.monotonic() + 10
            while not os.path.exists(path):
                if passt.poll() is not None:
                    print('passt does not run here:', passt.stdout.read().decode(errors='replace').strip()[-200:])
                    return
                expect(time.monotonic() < end, 'passt did not make its socket')
                time.sleep(0.05)
            with Qtest(binary, '-machine', 'q35', '-netdev', f'stream,id=n,addr.type=unix,addr.path={path}', '-device',
                       'virtio-net-pci,netdev=n,addr=4') as q:
                card = Card(q, '04.0')
                card.send(dhcp_request())
                expect_equal(receive_dhcp(card), bytes([192, 0, 2, 5]), 'the address that DHCP offers')
        finally:
            passt.terminate()
            passt.wait(10)


def tap_interface(binary):
    """-netdev tap on an interface of a network namespace of the test's own: frames both ways, with and without offloads."""
    if os.environ.get('IN_NAMESPACE') != '1':
        command = ['unshare', '--map-root-user', '--net', sys.executable, '-B', os.path.abspath(__file__), binary, 'tap_interface']
        done = subprocess.run(command, env=dict(os.environ, IN_NAMESPACE='1'), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        output = done.stdout.decode(errors='replace')
        if 'unshare failed' in output or 'no tap here' in output:
            print('no network namespace with a tap here:', output.strip()[-200:])
            return
        expect_equal(done.returncode, 0, output)
        return
    try:
        os.close(os.open('/dev/net/tun', os.O_RDWR))
    except OSError as error:
        raise Failure(f'no tap here: {error}') from None
    for header in ('on', 'off'):
        with Qtest(binary, '-machine', 'q35', '-netdev', f'tap,id=n,ifname=vnet0,script=no,downscript=no,vnet_hdr={header}', '-device',
                   'virtio-net-pci,netdev=n,addr=4') as q, \
                socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as peer:
            fcntl.ioctl(peer, 0x8914, struct.pack('16sH14x', b'vnet0', 0x1043))  # up, running
            peer.bind(('vnet0', 0))
            peer.settimeout(10)
            card = Card(q, '04.0')
            frame = BROADCAST + MAC + b'\x88\xb5' + bytes(range(100))
            card.send(frame)
            while (got := peer.recv(65536))[12:14] != b'\x88\xb5':
                pass
            expect_equal(got, frame, 'a frame that the host got')
            back = BROADCAST + bytes(6) + b'\x88\xb5' + bytes(range(100, 200))
            peer.send(back)
            while (got := card.receive())[12:14] != b'\x88\xb5':
                pass
            expect_equal(got, back, 'a frame that the guest got')


if __name__ == '__main__':
    main([inherited_socket, stream_sockets, datagrams, user_network, segment, stopped_machine, unanswered_connection, passt_network, tap_interface])
