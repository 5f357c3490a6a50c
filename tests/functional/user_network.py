#!/usr/bin/env python3
"""User networking as a guest meets it, by frames that the test writes itself: what is forwarded either way, the file server, names, and what a restricted
guest may not reach. user_network.py PENUMBRA [TEST...]"""
import contextlib
import os
import socket
import struct
import tempfile
import time

from harness import Failure, main
from monitored import Monitored
from network import BROADCAST, MAC, Card, dhcp_request
from qtest import Qtest, expect, expect_equal

GUEST, ROUTER, SERVER = (bytes([10, 0, 2, last]) for last in (15, 2, 100))
ROUTER_MAC = bytes.fromhex('525500000202')
UDP, TCP = 17, 6
FIN, SYN, PUSH, ACK = 1, 2, 8, 16


def checksum(data):
    total = sum(struct.unpack(f'>{(len(data) + 1) // 2}H', data + b'\0' * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Guest:
    """A host on the card: its address, UDP and as much of TCP as a test needs."""

    def __init__(self, q):
        self.card = Card(q, '04.0')
        arp = struct.pack('>HHBBH6s4s6s4s', 1, 0x800, 6, 4, 1, MAC, GUEST, bytes(6), ROUTER)
        self.card.send(BROADCAST + MAC + b'\x08\x06' + arp)  # the router learns who we are

    def frame(self, protocol, to, payload):
        ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, GUEST, to)
        ip = ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:]
        self.card.send(ROUTER_MAC + MAC + b'\x08\x00' + ip + payload)

    def payload(self, protocol):
        """Of the next packet of this kind: (source, bytes). Questions who we are are answered."""
        while True:
            frame = self.card.receive()
            if frame[12:14] == b'\x08\x06' and frame[20:22] == b'\0\1' and frame[38:42] == GUEST:
                self.card.send(frame[6:12] + MAC + frame[12:20] + b'\0\2' + MAC + GUEST + frame[22:32])
            if frame[12:14] == b'\x08\x00' and frame[23] == protocol:
                size, = struct.unpack('>H', frame[16:18])
                return frame[26:30], frame[34:14 + size]

    def send_udp(self, source, to, port, data):
        self.frame(UDP, to, struct.pack('>HHHH', source, port, 8 + len(data), 0) + data)

    def receive_udp(self):
        address, packet = self.payload(UDP)
        source, port = struct.unpack('>HH', packet[:4])
        return address, source, port, packet[8:]

    def send_tcp(self, source, to, port, sequence, answer, flags, data=b''):
        packet = struct.pack('>HHIIBBHHH', source, port, sequence, answer, 5 << 4, flags, 8192, 0, 0) + data
        packet = packet[:16] + struct.pack('>H', checksum(GUEST + to + struct.pack('>BBH', 0, TCP, len(packet)) + packet)) + packet[18:]
        self.frame(TCP, to, packet)

    def receive_tcp(self):
        address, packet = self.payload(TCP)
        source, port, sequence, answer, offset, flags = struct.unpack('>HHIIBB', packet[:14])
        return address, source, port, sequence, answer, flags, packet[(offset >> 4) * 4:]

    def quiet(self, seconds=0.5):
        """No packet of the Internet Protocol comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.card.waiting(0) and self.card.receive()[12:14] == b'\x08\x00':
                return False
            time.sleep(0.02)
        return True


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def guest(binary, options, *more, kind=Qtest):
    with kind(binary, '-machine', 'q35', '-nic', f'user,model=virtio-net-pci,addr=4{options}', *more) as q:
        yield Guest(q)


def the_host_reaches_the_guest(binary):
    udp, tcp = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    with guest(binary, f',hostfwd=udp:127.0.0.1:{udp}-:7,hostfwd=tcp:127.0.0.1:{tcp}-10.0.2.15:22') as us:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
            host.settimeout(10)
            host.sendto(b'question', ('127.0.0.1', udp))
            address, source, port, data = us.receive_udp()
            expect_equal((port, data), (7, b'question'), 'what arrived at the guest')
            us.send_udp(7, address, source, b'answer')
            expect_equal(host.recv(100), b'answer', 'what arrived at the host')
        with socket.socket() as host:
            host.settimeout(10)
            host.connect(('127.0.0.1', tcp))
            address, source, port, sequence, _, flags, _ = us.receive_tcp()
            expect_equal((port, flags & SYN), (22, SYN), 'the first packet')
            us.send_tcp(22, address, source, 1000, sequence + 1, SYN | ACK)
            us.receive_tcp()
            us.send_tcp(22, address, source, 1001, sequence + 1, PUSH | ACK, b'hello')
            expect_equal(host.recv(100), b'hello', 'what the guest said')


def ports_come_and_go(binary):
    """By the monitor for people: a port leads to the guest once it was added, is listed, and no more once it was taken away."""
    port = free_port(socket.SOCK_DGRAM)

    def said(us, line):
        return us.card.q.qmp.command('human-monitor-command', command_line=line).strip()
    with guest(binary, ',id=n0', kind=Monitored) as us, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
        expect_equal(said(us, f'hostfwd_add udp:127.0.0.1:{port}-:7'), '', 'the answer to the first')
        expect('Could not set up host forwarding rule' in said(us, f'hostfwd_add n0 udp:127.0.0.1:{port}-:7'), 'the second is refused')
        host.sendto(b'question', ('127.0.0.1', port))
        _, _, to, data = us.receive_udp()
        expect_equal((to, data), (7, b'question'), 'what arrived at the guest')
        expect(str(port) in said(us, 'info usernet'), 'it is listed')
        expect_equal(said(us, f'hostfwd_remove n0 udp:127.0.0.1:{port}'), f'host forwarding rule for udp:127.0.0.1:{port} removed', 'the answer')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(('127.0.0.1', port))  # it is free again
        expect(str(port) not in said(us, 'info usernet'), 'it is not listed')
        for line, why in ((f'hostfwd_remove udp:127.0.0.1:{port}', 'not found'), ('hostfwd_add', 'takes [NETDEV] RULE'), ('hostfwd_add n1 tcp::1-:2', "'n1'"),
                          ('hostfwd_add tcp:1-:2', 'Bad host address'), ('hostfwd_remove tcp::x', 'Bad host port')):
            expect(why in said(us, line), line)
        us.card.q.qmp.command('netdev_add', type='socket', id='s0', udp='127.0.0.1:1', localaddr='127.0.0.1:0')
        expect('only user networking' in said(us, 'hostfwd_add s0 tcp::1-:2'), 'another kind of network')


def the_guest_reaches_the_host(binary):
    for restricted in (False, True):
        with guest(binary, ',restrict=on' if restricted else '') as us, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
            host.bind(('127.0.0.1', 0))
            host.settimeout(10)
            us.send_udp(4000, ROUTER, host.getsockname()[1], b'anyone?')
            if restricted:
                expect(us.quiet(), 'a restricted guest hears nothing')
                host.setblocking(False)
                try:
                    raise Failure(f'a restricted guest was heard: {host.recv(100)}')
                except BlockingIOError:
                    continue
            data, sender = host.recvfrom(100)
            expect_equal(data, b'anyone?', 'what arrived at the host')
            host.sendto(b'yes', sender)
            expect_equal(us.receive_udp(), (ROUTER, host.getsockname()[1], 4000, b'yes'), 'the answer')


def talk(us, sequence=5000):
    """A connection to port 7 of SERVER, and what came back after it was said "echo"."""
    us.send_tcp(3000, SERVER, 7, sequence, 0, SYN)
    _, _, _, theirs, answer, flags, _ = us.receive_tcp()
    expect_equal((flags & (SYN | ACK), answer), (SYN | ACK, sequence + 1), 'the answer to a connection')
    us.send_tcp(3000, SERVER, 7, sequence + 1, theirs + 1, ACK)
    us.send_tcp(3000, SERVER, 7, sequence + 1, theirs + 1, PUSH | ACK, b'echo')
    return theirs


def hears(us):
    while True:
        data = us.receive_tcp()[-1]
        if data:
            return data


def addresses_that_lead_elsewhere(binary):
    """guestfwd= to a program, and to a character device; also for restricted guests."""
    with guest(binary, ',restrict=on,guestfwd=tcp:10.0.2.100:7-cmd:cat') as us:
        talk(us)
        expect_equal(hears(us), b'echo', 'what the program said')
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(folder + '/s')
        listener.listen(1)
        with guest(binary, ',restrict=on,guestfwd=tcp:10.0.2.100:7-chardev:c', '-chardev', f'socket,id=c,path={folder}/s') as us:
            with listener.accept()[0] as peer:
                peer.settimeout(10)
                talk(us)
                expect_equal(peer.recv(100), b'echo', 'what the character device heard')
                peer.sendall(b'from outside')
                expect_equal(hears(us), b'from outside', 'what it said')


def files_by_tftp(binary):
    with tempfile.TemporaryDirectory() as folder:
        contents = bytes(range(256)) * 3
        with open(os.path.join(folder, 'boot.img'), 'wb') as out:
            out.write(contents)
        with guest(binary, f',tftp={folder},bootfile=boot.img') as us:
            us.card.send(dhcp_request())
            expect(b'boot.img' in us.receive_udp()[3], 'the file to boot from is told')
            us.send_udp(2000, ROUTER, 69, b'\0\1boot.img\0octet\0')
            got = b''
            for block in (1, 2):
                _, source, _, data = us.receive_udp()
                expect_equal(data[:4], struct.pack('>HH', 3, block), 'a block of data')
                got += data[4:]
                us.send_udp(2000, ROUTER, source, struct.pack('>HH', 4, block))
            expect_equal(got, contents, 'the file')
            us.send_udp(2001, ROUTER, 69, b'\0\1../secret\0octet\0')
            expect_equal(us.receive_udp()[3][:2], b'\0\5', 'a file outside is an error')


def names(binary):
    with guest(binary, ',dns=10.0.2.53,hostname=guest,domainname=example.org,dnssearch=a.example') as us:
        us.card.send(dhcp_request())
        offer = us.receive_udp()[3]
        options, at = {}, 240
        while offer[at] != 255:
            options[offer[at]] = offer[at + 2:at + 2 + offer[at + 1]]
            at += 2 + offer[at + 1]
        expect_equal((options[6], options[12], options[15]), (bytes([10, 0, 2, 53]), b'guest', b'example.org'), 'server, name, domain')
        expect(b'example' in options[119], 'where names are looked for')


if __name__ == '__main__':
    main([the_host_reaches_the_guest, ports_come_and_go, the_guest_reaches_the_host, addresses_that_lead_elsewhere, files_by_tftp, names])
