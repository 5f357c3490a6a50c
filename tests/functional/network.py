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

from harness import Failure, main, skip
from qmp_client import Connection, QmpError
from qtest import Qtest, expect, expect_equal

COMMON, NOTIFY, CONFIG = 1, 2, 4
STATUS, FEATURES_OK, DRIVER_OK = 0x14, 8, 4
MAC = bytes.fromhex('525400123456')
BROADCAST = b'\xff' * 6
HEADER = 12
CONTROL_QUEUE, RECEIVE_MODES, MULTI_QUEUE = 1 << 17, 1 << 18, 1 << 22


class Card:
    """The modern interface with split rings of 16 entries, a page of buffer each."""
    SIZE = 16

    def __init__(self, q, address, pairs=1, features=0):
        """pairs: how many it has; all of them are used. Queue 2n receives, 2n+1 sends, the control queue, if any, is the last."""
        features |= CONTROL_QUEUE | MULTI_QUEUE if pairs > 1 else 0
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
        for half, value in ((0, features), (1, 1)):
            c.writel(8, half)
            c.writel(12, value)
        c.writeb(STATUS, 3 | FEATURES_OK)
        expect(c.readb(STATUS) & FEATURES_OK, 'the features were refused')
        self.pairs, count = pairs, 2 * pairs + (1 if features & CONTROL_QUEUE else 0)
        self.queues = [self.queue(number) for number in range(count)]
        c.writeb(STATUS, 3 | FEATURES_OK | DRIVER_OK)
        self.made, self.seen = [0] * count, [0] * count
        for pair in range(pairs):
            for slot in range(self.SIZE // 2):
                self.give(2 * pair, slot, 4096, True)
        if pairs > 1:
            self.use_pairs(pairs)

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

    def give(self, number, slot, size, writable, following=None):
        page, buffers, notify = self.queues[number]
        self.q.write(page + 16 * slot, struct.pack('<QIHH', buffers + 4096 * slot, size, (2 if writable else 0) | (0 if following is None else 1), following or 0))
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

    def control(self, kind, number, data):
        """A command on the control queue: a chain of two descriptors."""
        queue = 2 * self.pairs
        page, buffers, _ = self.queues[queue]
        self.q.write(buffers, bytes([kind, number]) + data)
        self.q.write(page + 16, struct.pack('<QIHH', buffers + 256, 1, 2, 0))
        self.give(queue, 0, 2 + len(data), False, following=1)
        self.used(queue)
        expect_equal(self.q.read(buffers + 256, 1), b'\0', f'the answer to command {kind}.{number}')

    def use_pairs(self, count):
        self.control(4, 0, struct.pack('<H', count))

    def send(self, frame, pair=0):
        number = 2 * pair + 1
        _, buffers, _ = self.queues[number]
        slot = self.made[number] % self.SIZE
        self.q.write(buffers + 4096 * slot, bytes(HEADER) + frame)
        self.give(number, slot, HEADER + len(frame), False)
        expect_equal(self.used(number)[0], slot, 'the buffer that was sent')

    def waiting(self, pair):
        """Whether a frame is there."""
        return self.q.readw(self.queues[2 * pair][0] + 2048 + 2) != self.seen[2 * pair] & 0xffff

    def receive(self, pair=0):
        number = 2 * pair
        slot, size = self.used(number)
        frame = self.q.read(self.queues[number][1] + 4096 * slot, size)[HEADER:]
        self.give(number, slot, 4096, True)
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
                    first = BROADCAST + bytes(64)
                    peer.sendall(struct.pack('>I', len(first)) + first)  # what the card sends before it has a peer is lost
                    expect_equal(card.receive(), first, 'the first frame')
                    there_and_back(card, peer, True)
        expect(not os.path.exists(path), 'the socket stayed')
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


def empty_datagrams(binary):
    """A datagram without a frame is nothing, not the end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with Qtest(binary, '-machine', 'q35', '-netdev', f'dgram,id=n,local.type=fd,local.str={theirs.fileno()}', '-device', 'virtio-net-pci,netdev=n,addr=4',
               pass_fds=(theirs.fileno(),)) as q:
        ours.send(b'')
        there_and_back(Card(q, '04.0'), ours, False)
    ours.close()
    theirs.close()


def calls_in(process, kind, seconds):
    """How often all threads of a process make a system call."""
    done = subprocess.run(['timeout', str(seconds), 'strace', '-f', '-q', '-c', '-U', 'calls,name', '-e', f'trace={kind}', '-p', str(process)],
                          stderr=subprocess.PIPE, text=True, check=False)
    if 'Operation not permitted' in done.stderr:
        skip('strace cannot attach')
    return sum(int(line.split()[0]) for line in done.stderr.splitlines() if line.strip().endswith(' ' + kind))


def deserted(binary):
    """Nobody is at the other end any more: sending goes on into nothing, and the loop sleeps (it counts its looks)."""
    if shutil.which('strace') is None:
        skip('no strace')
    for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_STREAM):
        for unread in (0, 3):
            ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
            netdev = 'socket,id=n,fd=' if kind == socket.SOCK_STREAM else 'dgram,id=n,local.type=fd,local.str='
            with Qtest(binary, '-machine', 'q35', '-netdev', f'{netdev}{theirs.fileno()}', '-device', 'virtio-net-pci,netdev=n,addr=4',
                       pass_fds=(theirs.fileno(),)) as q:
                theirs.close()
                card = Card(q, '04.0')
                for _ in range(unread):
                    card.send(BROADCAST + bytes(60))
                ours.close()
                for _ in range(3):
                    card.send(BROADCAST + bytes(60))
                looks = calls_in(q.vmm.process.pid, 'poll', 1)
                expect(looks < 200, f'{kind.name}, {unread} unread: {looks} looks in a second')


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


def in_namespace(binary, test):
    """Runs the test in a network namespace of its own: true when that is where we are."""
    if os.environ.get('IN_NAMESPACE') == '1':
        try:
            os.close(os.open('/dev/net/tun', os.O_RDWR))
        except OSError as error:
            raise Failure(f'no tap here: {error}') from None
        return True
    command = ['unshare', '--map-root-user', '--net', sys.executable, '-B', os.path.abspath(__file__), binary, test]
    done = subprocess.run(command, env=dict(os.environ, IN_NAMESPACE='1'), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    output = done.stdout.decode(errors='replace')
    if 'unshare failed' in output or 'no tap here' in output:
        print('no network namespace with a tap here:', output.strip()[-200:])
    else:
        expect_equal(done.returncode, 0, output)
    return False


def host_end(name):
    """A socket on the host's side of a tap interface."""
    peer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    fcntl.ioctl(peer, 0x8914, struct.pack('16sH14x', name, 0x1043))  # up, running
    peer.bind((name.decode(), 0))
    peer.settimeout(10)
    return peer


def next_frame(get):
    """The next of the test's own; the host's kernel sends some, too."""
    while (frame := get())[12:14] != b'\x88\xb5':
        pass
    return frame


def tap_interface(binary):
    """-netdev tap on an interface of a network namespace of the test's own: frames both ways, with and without offloads."""
    if not in_namespace(binary, 'tap_interface'):
        return
    for header in ('on', 'off'):
        with Qtest(binary, '-machine', 'q35', '-netdev', f'tap,id=n,ifname=vnet0,script=no,downscript=no,vnet_hdr={header}', '-device',
                   'virtio-net-pci,netdev=n,addr=4') as q, host_end(b'vnet0') as peer:
            card = Card(q, '04.0')
            frame = BROADCAST + MAC + b'\x88\xb5' + bytes(range(100))
            card.send(frame)
            expect_equal(next_frame(lambda: peer.recv(65536)), frame, 'a frame that the host got')
            back = BROADCAST + bytes(6) + b'\x88\xb5' + bytes(range(100, 200))
            peer.send(back)
            expect_equal(next_frame(card.receive), back, 'a frame that the guest got')


def open_queues(name, count):
    """Descriptors of the queues of a new tap interface, as management programs hand them over."""
    out = []
    for _ in range(count):
        out.append(os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK))
        fcntl.ioctl(out[-1], 0x400454ca, struct.pack('16sH22x', name, 0x5102))  # TUNSETIFF: tap, no information, header, several queues
    return out


def tap_queues(binary):
    """-netdev tap with several queues, by name and by descriptors: every pair sends, and what comes in is spread over the pairs in use only."""
    if not in_namespace(binary, 'tap_queues'):
        return
    pairs = 3
    for by_name in (True, False):
        fds = [] if by_name else open_queues(b'vnet0', pairs)
        options = f'ifname=vnet0,script=no,downscript=no,queues={pairs}' if by_name else 'fds=' + ':'.join(map(str, fds))
        with Qtest(binary, '-machine', 'q35', '-netdev', 'tap,id=n,' + options, '-device', 'virtio-net-pci,netdev=n,mq=on,addr=4', pass_fds=fds) as q:
            for fd in fds:
                os.close(fd)
            with host_end(b'vnet0') as peer:
                card = Card(q, '04.0', pairs)
                for pair in range(pairs):
                    frame = BROADCAST + MAC + b'\x88\xb5' + bytes([pair]) * 100
                    card.send(frame, pair)
                    expect_equal(next_frame(lambda: peer.recv(65536)), frame, f'a frame from pair {pair}')
                for used in (pairs, 2, 1, pairs):
                    card.use_pairs(used)
                    spread(card, peer, used)


def spread(card, peer, used):
    """Many flows from the host: each frame reaches the guest once, through a pair in use."""
    wanted = {bytes([flow]) * 60 for flow in range(32)}
    seen = {}
    for flow in sorted(wanted):
        # Flows differ by the hash of their addresses, which is what the kernel spreads them by.
        ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 88, 0, 0, 64, 17, 0, bytes([10, 0, 0, flow[0]]), bytes([10, 0, 1, 1]))
        peer.send(BROADCAST + bytes(6) + b'\x08\x00' + ip + struct.pack('>HHHH', 1000 + flow[0], 9, 68, 0) + flow)
        end = time.monotonic() + 5
        while flow not in seen:
            expect(time.monotonic() < end, f'{used} pairs: flow {flow[0]} was lost')
            for pair in range(card.pairs):
                while card.waiting(pair):
                    seen[card.receive(pair)[-60:]] = pair
    through = {seen[flow] for flow in wanted}
    expect(through <= set(range(used)), f'{used} pairs in use, frames came through {sorted(through)}')
    expect(used == 1 or len(through) > 1, f'{used} pairs in use, all frames came through {sorted(through)}')


def refused_queues(binary):
    """What has one queue, or no such queues, says so."""
    with tempfile.TemporaryDirectory() as folder:
        path = folder + '/file'
        with open(path, 'wb') as file:
            for options, said in (('tap,id=n,ifname=x,script=no,downscript=no,queues=0', "Parameter 'queues' expects a number between 1 and"),
                                  ('tap,id=n,fd=3,fds=3:4', 'fd= and fds= exclude each other'),
                                  ('tap,id=n,fds=3:4,queues=2', 'are invalid with fds='),
                                  (f'tap,id=n,fds={file.fileno()}', 'is not a tap device'),
                                  ('tap,id=n,fds=3:x', "expects the number of an open descriptor, not 'x'"),
                                  ('user,id=n,queues=2', 'queues')):
                done = subprocess.run([binary, '-machine', 'none', '-nodefaults', '-display', 'none', '-netdev', options], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, pass_fds=(file.fileno(),))
                text = done.stdout.decode(errors='replace')
                expect(done.returncode == 1 and said in text, f'{options}: {done.returncode} {text}')


def receive_filter(binary):
    """query-rx-filter, and the event that a change of the filter causes once."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with tempfile.TemporaryDirectory() as folder, \
            Qtest(binary, '-machine', 'q35', '-netdev', f'socket,id=n,fd={theirs.fileno()}', '-netdev', 'hubport,id=p,hubid=1', '-device',
                  'virtio-net-pci,netdev=n,addr=4,id=card,mac=52:54:00:00:00:09', '-qmp', f'unix:{folder}/q,server=on,wait=off',
                  pass_fds=(theirs.fileno(),)) as q:
        monitor_socket = socket.socket(socket.AF_UNIX)
        monitor_socket.connect(folder + '/q')
        monitor = Connection(monitor_socket)
        monitor.negotiate()
        wanted = {'name': 'card', 'promiscuous': True, 'multicast': 'normal', 'unicast': 'normal', 'vlan': 'all', 'broadcast-allowed': True,
                  'multicast-overflow': False, 'unicast-overflow': False, 'main-mac': '52:54:00:00:00:09', 'vlan-table': [], 'unicast-table': [],
                  'multicast-table': []}
        expect_equal(monitor.command('query-rx-filter'), [wanted], 'the filter of all cards')
        expect_equal(monitor.command('query-rx-filter', name='card'), [wanted], 'the filter of the card')
        for name, said in (('p', "net client(p) isn't a NIC"), ('x', 'invalid net client name: x')):
            try:
                monitor.command('query-rx-filter', name=name)
                raise Failure(f'{name} has a filter')
            except QmpError as error:
                expect(said in str(error), f'the answer about {name}: {error}')
        card = Card(q, '04.0', features=CONTROL_QUEUE | RECEIVE_MODES)
        for _ in range(2):
            card.control(0, 0, b'\0')
            event = monitor.wait_event('NIC_RX_FILTER_CHANGED')
            expect_equal(event['data'], {'name': 'card', 'path': '/machine/peripheral/card/virtio-backend'}, 'the event')
            card.control(0, 0, b'\0')
            expect_equal(monitor.command('query-rx-filter'), [dict(wanted, promiscuous=False)], 'the filter after the change')
            expect(not any(e['event'] == 'NIC_RX_FILTER_CHANGED' for e in monitor.events), 'a second event that nobody asked for')
        monitor.close()
    ours.close()
    theirs.close()


if __name__ == '__main__':
    main([inherited_socket, stream_sockets, datagrams, empty_datagrams, deserted, user_network, segment, stopped_machine, unanswered_connection,
          passt_network, tap_interface, tap_queues, refused_queues, receive_filter])
