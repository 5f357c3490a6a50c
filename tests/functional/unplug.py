#!/usr/bin/env python3
"""Devices that are taken out while requests of theirs are under way, many times over, with a test client in the guest's place: nothing is left
of them, no descriptor, no node of the object tree, and their back ends can go, too. unplug.py PENUMBRA [TEST...]; ROUNDS=N for each test"""
import os
import socket
import struct
import sys
import tempfile

from harness import main
from monitored import Monitored, refused
from qtest import MEMORY_WINDOW, expect, expect_equal

ROUNDS = int(os.environ.get('ROUNDS', '100'))
LINK_CONTROL, SLOT_CONTROL, SLOT_STATUS = 0x54 + 0x10, 0x54 + 0x18, 0x54 + 0x1a  # of a pcie-root-port
LINK_DISABLE, PRESENT = 0x10, 0x40
COMMON, NOTIFY, DEVICE = 1, 2, 4
QUEUE = 16


class Driver:
    """A virtio driver of the modern interface: split rings of 16 entries in the same guest memory every time."""

    def __init__(self, q, memory, queues):
        self.q, self.pci, self.memory = q, q.pci('1:00.0'), memory
        q.pci_windows = {True: 0xc000, False: MEMORY_WINDOW}
        self.pci.map_bars()
        at = {}
        for found, offset in self.pci.capabilities():
            if found == self.pci.VENDOR and self.pci.config_byte(offset + 3) in (COMMON, NOTIFY, DEVICE):
                at[self.pci.config_byte(offset + 3)] = (self.pci.bars[self.pci.config_byte(offset + 4)], self.pci.config_long(offset + 8), offset)
        c, base, _ = at[COMMON]
        expect_equal(base, 0, 'where the common configuration is')
        self.notify, self.notify_base, offset = at[NOTIFY]
        self.step = self.pci.config_long(offset + 16)
        self.device, self.device_base, _ = at.get(DEVICE, (None, 0, 0))
        for status in (0, 1, 3):
            c.writeb(0x14, status)
        for half in (0, 1):
            c.writel(8, half)
            c.writel(12, half)  # VERSION_1 alone
        c.writeb(0x14, 11)
        q.memset(memory, 4096 * queues, 0)
        for number in range(queues):
            page = memory + 4096 * number
            c.writew(0x16, number)
            c.writew(0x18, QUEUE)
            for register, address in ((0x20, page), (0x28, page + 1024), (0x30, page + 2048)):
                c.writel(register, address)
                c.writel(register + 4, 0)
            c.writew(0x1c, 1)
        c.writeb(0x14, 15)
        self.made = [0] * queues
        self.count = [0] * queues

    def submit(self, number, *parts):
        """A chain: bytes are for the device to read, a number is room for it to write. All of them share one page of data."""
        page, first = self.memory + 4096 * number, self.count[number]
        data = self.memory + 0x10000
        for i, part in enumerate(parts):
            slot = first + i
            if isinstance(part, bytes):
                self.q.write(data + 512 * slot, part)
            length = len(part) if isinstance(part, bytes) else part
            flags = (0 if isinstance(part, bytes) else 2) | (1 if i + 1 < len(parts) else 0)
            self.q.write(page + 16 * slot, struct.pack('<QIHH', data + 512 * slot, length, flags, slot + 1))
        self.q.writew(page + 1024 + 4 + 2 * (self.made[number] % QUEUE), first)
        self.count[number] += len(parts)
        self.made[number] += 1
        self.q.writew(page + 1024 + 2, self.made[number])

    def kick(self, number):
        self.notify.writew(self.notify_base + number * self.step, number)

    def used(self, number):
        return self.q.readw(self.memory + 4096 * number + 2048 + 2)


class Slot:
    """A root port, and what is plugged into it."""

    def __init__(self, q):
        self.q, self.port, self.memory = q, q.pci('05.0'), q.allocate(0x20000)
        self.port.set_config_long(0x18, 0x010100)
        window = MEMORY_WINDOW >> 16 & 0xfff0
        self.port.set_config_long(0x20, (window + 0x100) << 16 | window)
        self.port.set_config_long(0x24, 0x0001fff1)  # no prefetchable window
        self.port.enable()

    def power(self, on):
        self.port.set_config_word(SLOT_STATUS, 0xffff)
        self.port.set_config_word(SLOT_CONTROL, 0x01c0 if on else 0x07c0)

    def plug(self, queues, **device):
        self.q.qmp.send('device_add', {'bus': 'rp', 'id': 'dut', **device})
        expect_equal(self.q.qmp.reply(), {'return': {}}, 'the answer to device_add')
        self.power(True)
        return Driver(self.q, self.memory, queues)

    def unplug(self):
        self.q.qmp.command('device_del', id='dut')
        self.power(False)
        self.gone('dut')

    def gone(self, device):
        while self.q.qmp.wait_event('DEVICE_DELETED')['data'].get('device') != device:
            pass


def machine(binary, *arguments):
    return Monitored(binary, '-machine', 'q35', '-nodefaults', '-device', 'pcie-root-port,id=rp,addr=5,chassis=1', *arguments)


def left_behind(q):
    """What a device that is gone might leave: descriptors, objects."""
    def tree(path):
        found = []
        for entry in q.qmp.command('qom-list', path=path):
            if entry['type'].startswith('child<'):
                found += [f"{path}/{entry['name']}"] + tree(f"{path}/{entry['name']}")
        return found
    return len(os.listdir(f'/proc/{q.vmm.process.pid}/fd')), sorted(tree('/machine/peripheral') + tree('/machine/peripheral-anon'))


def rounds(q, once, count=ROUNDS):
    """The first rounds make what is kept for later (workers, pools); after that nothing may be added."""
    for number in range(count):
        once(number)
        if number == 4:
            before = left_behind(q)
    expect_equal(left_behind(q), before, 'descriptors and objects')


def read_request(sector):
    return struct.pack('<IIQ', 0, 0, sector)


def disk(binary, context, format):
    with machine(binary, '-object', 'iothread,id=t0') as q, tempfile.NamedTemporaryFile(prefix='unplug-') as image:
        image.truncate(1 << 20)
        slot = Slot(q)

        def once(number):
            if format == 'slow':  # every request is under way for a while
                q.qmp.command('blockdev-add', driver='null-co', node_name='n', size=1 << 20, latency_ns=(number % 8) * 1_000_000)
            elif format == 'throttled':
                q.qmp.command('blockdev-add', driver='file', filename=image.name, node_name='n')
            else:
                q.qmp.command('blockdev-add', driver='raw', node_name='n', file={'driver': 'file', 'filename': image.name})
            driver = slot.plug(1, driver='virtio-blk-pci', drive='n', **context)
            if format == 'throttled':
                q.qmp.send('block_set_io_throttle', {'id': 'dut', 'bps': 0, 'bps_rd': 0, 'bps_wr': 0, 'iops': 2, 'iops_rd': 0, 'iops_wr': 0})
                expect_equal(q.qmp.reply(), {'return': {}}, 'the answer to the limit')
            for sector in range(4):
                driver.submit(0, read_request(2 * sector), 512, 1)  # apart, or they are one
            driver.kick(0)
            expect(format != 'throttled' or driver.used(0) < 4, 'the limit holds nothing back')
            slot.unplug()
            expect(driver.used(0) <= 4, 'more buffers used than there were')
            q.qmp.command('blockdev-del', node_name='n')
            expect_equal(q.qmp.command('query-named-block-nodes'), [], 'nodes')

        rounds(q, once)


def virtio_blk(binary):
    """On the main loop: slow requests, a file."""
    disk(binary, {}, 'slow')
    disk(binary, {}, 'file')


def virtio_blk_iothread(binary):
    """In an iothread: the same, and requests that wait for a limit."""
    disk(binary, {'iothread': 't0'}, 'slow')
    disk(binary, {'iothread': 't0'}, 'file')
    disk(binary, {'iothread': 't0'}, 'throttled')


def scsi_read(lun, tag, sector):
    return bytes([1, 0, 0x40 | lun >> 8, lun & 0xff, 0, 0, 0, 0]) + struct.pack('<QBBB', tag, 0, 0, 0) + \
        struct.pack('>BBIBHB22x', 0x28, 0, sector, 0, 1, 0)


def scsi_host(binary, **context):
    with machine(binary, '-object', 'iothread,id=t0') as q:
        slot = Slot(q)

        def once(number):
            q.qmp.command('blockdev-add', driver='null-co', node_name='n', size=1 << 20, latency_ns=(number % 8) * 1_000_000)
            driver = slot.plug(3, driver='virtio-scsi-pci', num_queues=1, **context)
            q.qmp.command('device_add', driver='scsi-hd', bus='dut.0', id='unit', drive='n')
            for tag in range(4):
                driver.submit(2, scsi_read(0, tag, tag), 108, 512)
            driver.kick(2)
            if number % 2:  # the unit first, or with the host
                q.qmp.command('device_del', id='unit')
                slot.gone('unit')
            slot.unplug()
            q.qmp.command('blockdev-del', node_name='n')
            expect_equal(q.qmp.command('query-named-block-nodes'), [], 'nodes')

        rounds(q, once)


def virtio_scsi(binary):
    """Commands of a disk behind the host: the disk goes first, or with its host."""
    scsi_host(binary)


def virtio_scsi_iothread(binary):
    """The same in an iothread."""
    scsi_host(binary, iothread='t0')


def virtio_net(binary):
    """Frames on their way out to a peer that takes none, frames that come in; the back end goes before the card or after it."""
    with machine(binary) as q:
        slot = Slot(q)

        def once(number):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the least there is: few frames fit
            with ours, theirs:
                q.qmp.command('getfd', fds=[theirs.fileno()], fdname='s')
                q.qmp.command('netdev_add', type='socket', id='n', fd='s')
                driver = slot.plug(2, driver='virtio-net-pci', netdev='n')
                for _ in range(2):
                    driver.submit(0, 1600)
                driver.kick(0)
                for frame in range(4):
                    driver.submit(1, bytes(12) + b'\xff' * 12 + bytes(3000 + frame))
                driver.kick(1)
                expect(driver.used(1) < 4, 'the socket takes everything')
                for _ in range(4):
                    ours.sendall(struct.pack('>I', 60) + b'\xff' * 60)
                if number % 3 == 0:
                    q.qmp.command('netdev_del', id='n')
                slot.unplug()
                if number % 3 != 0:
                    q.qmp.command('netdev_del', id='n')

        rounds(q, once)


def virtio_rng(binary):
    """Requests for more entropy than the limit lets through."""
    with machine(binary) as q:
        slot = Slot(q)

        def once(number):
            q.qmp.command('object-add', qom_type='rng-random', id='r', filename='/dev/urandom')
            driver = slot.plug(1, driver='virtio-rng-pci', rng='r', **({'max-bytes': 16, 'period': 10_000} if number % 2 else {}))
            for _ in range(8):
                driver.submit(0, 256)
            driver.kick(0)
            slot.unplug()
            q.qmp.command('object-del', id='r')

        rounds(q, once)


def virtio_serial(binary):
    """Output to a socket that nobody reads, input that nobody takes."""
    with tempfile.TemporaryDirectory(prefix='unplug-') as folder, \
            machine(binary, '-chardev', f'socket,id=c,path={folder}/s,server=on,wait=off') as q:
        slot = Slot(q)

        def once(number):
            with socket.socket(socket.AF_UNIX) as peer:
                driver = slot.plug(6, driver='virtio-serial-pci')
                q.qmp.command('device_add', driver='virtserialport', bus='dut.0', id='port', chardev='c', nr=1)
                peer.connect(folder + '/s')
                for text in (struct.pack('<IHH', 0, 0, 1), struct.pack('<IHH', 1, 3, 1), struct.pack('<IHH', 1, 6, 1)):
                    driver.submit(3, text)  # the driver is ready, the port is ready, it is open
                driver.kick(3)
                for _ in range(4):
                    driver.submit(5, b'x' * 500)
                driver.kick(5)
                peer.sendall(b'y' * 5000)
                if number % 2:
                    q.qmp.command('device_del', id='port')
                    slot.gone('port')
                slot.unplug()

        rounds(q, once)


def reset_lets_go(binary):
    """A machine reset with requests under way and a removal pending."""
    with machine(binary) as q:
        slot = Slot(q)

        def once(_):
            q.qmp.command('blockdev-add', driver='null-co', node_name='n', size=1 << 20, latency_ns=3_000_000)
            driver = slot.plug(1, driver='virtio-blk-pci', drive='n')
            for sector in range(4):
                driver.submit(0, read_request(sector), 512, 1)
            driver.kick(0)
            q.qmp.command('device_del', id='dut')
            q.qmp.command('system_reset')
            slot.gone('dut')
            q.qmp.command('blockdev-del', node_name='n')
            q.qmp.wait_event('RESET')
            slot.__init__(q)

        rounds(q, once, max(ROUNDS // 4, 6))


def nobody_asked(binary):
    """The guest turns its slot off without having been asked: the device goes, its requests with it, and another can come. A link that is down
    for a while takes nothing."""
    with machine(binary) as q:
        slot = Slot(q)

        def once(number):
            q.qmp.command('blockdev-add', driver='null-co', node_name='n', size=1 << 20, latency_ns=(number % 8) * 1_000_000)
            driver = slot.plug(1, driver='virtio-blk-pci', drive='n')
            if number % 2:
                link = slot.port.config_word(LINK_CONTROL)
                slot.port.set_config_word(LINK_CONTROL, link | LINK_DISABLE)
                slot.port.set_config_word(LINK_CONTROL, link)
                expect_equal([one['name'] for one in q.qmp.command('qom-list', path='/machine/peripheral') if one['name'] == 'dut'], ['dut'], 'after the link')
                expect_equal(driver.pci.config_word(0), 0x1af4, 'its vendor')
            for sector in range(4):
                driver.submit(0, read_request(2 * sector), 512, 1)
            driver.kick(0)
            expect(slot.port.config_word(SLOT_STATUS) & PRESENT, 'the slot is empty')
            slot.power(False)
            slot.gone('dut')
            expect_equal(slot.port.config_word(SLOT_STATUS) & PRESENT, 0, 'the slot')
            expect_equal(driver.pci.config_long(0), 0xffffffff, 'what answers')
            q.qmp.command('blockdev-del', node_name='n')

        rounds(q, once, max(ROUNDS // 4, 6))


def balloon(binary):
    """A balloon from the command to the pages and back: the target, what the guest gives, the event, what is left; then it is unplugged."""
    with machine(binary, '-m', '256') as q:
        slot = Slot(q)

        def once(_):
            driver = slot.plug(2, driver='virtio-balloon-pci')
            device, base = driver.device, driver.device_base

            def give(queue, pages, actual):
                done = driver.used(queue)
                driver.submit(queue, b''.join(struct.pack('<I', page) for page in pages))
                driver.kick(queue)
                while driver.used(queue) == done:
                    q.qmp.command('query-status')
                device.writel(base + 4, actual)
            expect_equal(q.qmp.command('query-balloon'), {'actual': 256 << 20}, 'at first')
            q.qmp.command('balloon', value=(256 << 20) - 64 * 4096)
            expect_equal((device.readl(base), device.readl(base + 4)), (64, 0), 'target and actual')
            expect_equal(q.qmp.command('query-balloon'), {'actual': 256 << 20}, 'before the guest did anything')
            area = 128 << 20
            q.memset(area, 65 * 4096, 0x5a)
            give(0, range(area >> 12, (area >> 12) + 64), 64)
            expect_equal(q.qmp.wait_event('BALLOON_CHANGE')['data'], {'actual': (256 << 20) - 64 * 4096}, 'the event')
            expect_equal(q.qmp.command('query-balloon'), {'actual': (256 << 20) - 64 * 4096}, 'inflated')
            for page in (0, 31, 63):
                expect_equal(q.read(area + 4096 * page, 4096), bytes(4096), f'page {page}, which the guest gave')
            expect_equal(q.read(area + 4096 * 64, 4096), b'\x5a' * 4096, 'the page after them')
            q.qmp.command('balloon', value=1 << 40)
            expect_equal(device.readl(base), 0, 'the target beyond what there is')
            q.memset(area, 4096, 0x33)
            give(1, range(area >> 12, (area >> 12) + 64), 0)
            expect_equal(q.read(area, 4096), b'\x33' * 4096, 'a page that came back')
            # Within a second of the other: it comes when that is over.
            expect_equal(q.qmp.wait_event('BALLOON_CHANGE')['data'], {'actual': 256 << 20}, 'the event')
            expect_equal(q.qmp.command('query-balloon'), {'actual': 256 << 20}, 'deflated')
            slot.unplug()
            refused(q, 'balloon', 'query-balloon')

        rounds(q, once, 6)


if __name__ == '__main__':
    main([virtio_blk, virtio_blk_iothread, virtio_scsi, virtio_scsi_iothread, virtio_net, virtio_rng, virtio_serial, reset_lets_go, nobody_asked, balloon])
