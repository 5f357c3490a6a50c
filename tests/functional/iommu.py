#!/usr/bin/env python3
"""intel-iommu with the test client in the guest's place: the edu card's copies and messages through its tables, pins through the I/O APIC, what it
refuses and records, invalidations, and the table that tells guests of it. iommu.py PENUMBRA [TEST...]"""
import struct
import sys

import harness
from harness import Failure, main
from qtest import Qtest, expect, expect_equal

BASE = 0xfed90000
GCMD, GSTS, RTADDR, FSTS, FECTL, FEDATA, FEADDR = 0x18, 0x1c, 0x20, 0x34, 0x38, 0x3c, 0x40
IQH, IQT, IQA, ICS, IRTA, RECORD = 0x80, 0x88, 0x90, 0x9c, 0xb8, 0x220
TE, SRTP, QIE, IRE, SIRTP, CFI = 1 << 31, 1 << 30, 1 << 26, 1 << 25, 1 << 24, 1 << 23
MESSAGES = 0xfee00000
EDU = 4 << 3  # its requester id
BUFFER = 0x40000
ARGUMENTS = ('-machine', 'q35', '-device', 'edu,addr=4', '-device', 'intel-iommu,intremap=on')


class Unit:
    """The IOMMU's registers and tables in guest memory, as a driver sets them up."""

    def __init__(self, q):
        self.q, self.on = q, 0
        self.root, self.context, self.queue, self.interrupts = (q.allocate(4096) for _ in range(4))
        self.levels = [q.allocate(4096) for _ in range(3)]
        q.writeq(self.root, self.context | 1)
        q.writeq(self.context + EDU * 16, self.levels[0] | 1)
        q.writeq(self.context + EDU * 16 + 8, 1 | 7 << 8)  # 39 bits, domain 7
        q.writeq(self.levels[0], self.levels[1] | 3)
        q.writeq(self.levels[1], self.levels[2] | 3)
        q.writeq(BASE + RTADDR, self.root)
        q.writeq(BASE + IRTA, self.interrupts | 7)  # 256 entries
        self.command(SRTP, keep=False)
        self.command(SIRTP, keep=False)

    def command(self, bit, keep=True):
        self.q.writel(BASE + GCMD, self.on | bit)
        expect(self.q.readl(BASE + GSTS) & bit, f'command 0x{bit:x} is done')
        self.on |= bit if keep else 0

    def map(self, address, page, rights=3):
        self.q.writeq(self.levels[2] + (address >> 12) * 8, page | rights)

    def interrupt(self, index, low, high):
        self.q.writeq(self.interrupts + index * 16, low)
        self.q.writeq(self.interrupts + index * 16 + 8, high)

    def fault(self):
        """Reason, requester and address of the record, which is cleared."""
        words = [self.q.readl(BASE + RECORD + 4 * i) for i in range(4)]
        expect(words[3] >> 31, 'a fault is recorded')
        self.q.writel(BASE + RECORD + 12, 1 << 31)
        return words[3] & 0xff, words[2], words[0] | words[1] << 32


def card(q):
    device = q.pci('04.0')
    return device, device.map_bars()[0]


def copy(q, bar, source, target, size, to_guest):
    bar.writeq(0x80, source)
    bar.writeq(0x88, target)
    bar.writeq(0x90, size)
    bar.writel(0x98, 3 if to_guest else 1)
    q.clock_step(200_000_000)
    expect_equal(bar.readl(0x98) & 1, 0, 'the copy is over')


def copies_go_through_the_tables(binary):
    with Qtest(binary, *ARGUMENTS) as q:
        _, bar = card(q)
        page = q.allocate(4096)
        q.write(page, b'through two pages')
        unit = Unit(q)
        copy(q, bar, page, BUFFER, 16, False)  # translation is off: as it is
        unit.command(TE)
        unit.map(0x1000, page)
        copy(q, bar, BUFFER, 0x1000 + 100, 16, True)
        expect_equal(q.read(page + 100, 16), b'through two page', 'what came back')
        # The next page is not there: what is before it arrives, and why the rest does not is recorded.
        copy(q, bar, BUFFER, 0x2000 - 4, 16, True)
        expect_equal(q.read(page + 4092, 4), b'thro', 'the first page')
        expect_equal(unit.fault(), (5, EDU, 0x2000), 'reason, source, address')
        unit.map(0x1000, page, rights=2)
        copy(q, bar, 0x1000, BUFFER, 16, False)
        expect_equal(unit.fault(), (6, EDU, 0x1000), 'a read without the right')


def faults_interrupt_and_overflow(binary):
    with Qtest(binary, *ARGUMENTS) as q:
        _, bar = card(q)
        note = q.allocate(4096)
        unit = Unit(q)
        unit.command(TE)
        q.writel(BASE + FEDATA, 0x41)
        q.writel(BASE + FEADDR, note)
        copy(q, bar, 0x5000, BUFFER, 4, False)
        expect_equal(q.readl(note), 0, 'no message while it is masked')
        q.writel(BASE + FECTL, 0)
        expect_equal(q.readl(note), 0x41, 'the message that waited')
        copy(q, bar, 0x5000, BUFFER, 4, False)
        expect_equal(q.readl(BASE + FSTS) & 3, 3, 'pending, and one was lost')
        unit.fault()
        q.writel(BASE + FSTS, 1)
        expect_equal(q.readl(BASE + FSTS), 0, 'all is cleared')


def messages_are_remapped(binary):
    with Qtest(binary, *ARGUMENTS) as q:
        device, bar = card(q)
        unit = Unit(q)
        unit.command(IRE)
        msi = device.capability(5)
        device.set_config_long(msi + 4, MESSAGES | 9 << 5 | 1 << 4)
        device.set_config_long(msi + 8, 0)
        device.set_config_word(msi + 12, 0)
        device.set_config_word(msi + 2, device.config_word(msi + 2) | 1)
        for index, (low, high), reason in ((9, (0, 0), 0x22), (9, (0x00550001, EDU + 8 | 1 << 18), 0x26), (9, (0x00551001, EDU | 1 << 18), 0x24)):
            unit.interrupt(index, low, high)
            bar.writel(0x60, 1)
            expect_equal(unit.fault(), (reason, EDU, index << 48), 'why it is blocked')
        unit.interrupt(9, 0x00550001 | 2, 0)  # a fault of a present entry would not be recorded
        bar.writel(0x60, 1)
        expect_equal(q.readl(BASE + FSTS), 0, 'the message is let through')
        device.set_config_long(msi + 4, MESSAGES)
        device.set_config_word(msi + 12, 0x41)
        bar.writel(0x60, 1)
        expect_equal(unit.fault()[:2], (0x25, EDU), 'the old format')
        unit.command(CFI)
        bar.writel(0x60, 1)
        expect_equal(q.readl(BASE + FSTS), 0, 'the old format, where it is allowed')


def pins_have_an_index(binary):
    with Qtest(binary, *ARGUMENTS) as q:
        q.writel(0xfec00000, 0x10 + 2 * 4 + 1)
        q.writel(0xfec00010, 0x00130000)  # index 9, the new format
        expect_equal(q.readl(0xfec00010), 0x00130000, 'the upper half of an entry')
    with Qtest(binary, '-machine', 'q35') as q:
        q.writel(0xfec00000, 0x10 + 2 * 4 + 1)
        q.writel(0xfec00010, 0x01130000)
        expect_equal(q.readl(0xfec00010), 0x01000000, 'only a destination, without an IOMMU')


def the_queue_is_worked_off(binary):
    with Qtest(binary, *ARGUMENTS) as q:
        unit, done = Unit(q), q.allocate(4096)
        q.writeq(BASE + IQA, unit.queue)
        unit.command(QIE)
        wait = struct.pack('<QQ', 5 | 1 << 5 | 0xabcd << 32, done)
        q.write(unit.queue, struct.pack('<QQQQQQ', 1 | 1 << 4, 0, 2 | 1 << 4, 0, 4, 0) + wait)
        q.writeq(BASE + IQT, 64)
        expect_equal((q.readq(BASE + IQH), q.readl(done)), (64, 0xabcd), 'the head, and the note')
        q.write(unit.queue + 64, struct.pack('<QQ', 15, 0) + wait)
        q.writel(done, 0)
        q.writeq(BASE + IQT, 96)
        expect_equal((q.readq(BASE + IQH), q.readl(BASE + FSTS)), (64, 1 << 4), 'it stops where it is wrong')
        q.write(unit.queue + 64, wait)
        q.writel(BASE + FSTS, 1 << 4)
        expect_equal((q.readq(BASE + IQH), q.readl(done), q.readl(BASE + FSTS)), (96, 0xabcd, 0), 'and goes on once it is mended')


def tlbs_of_devices(binary):
    """Where devices may have them, the unit says so and takes what would empty them; else that is a mistake."""
    for there in (False, True):
        with Qtest(binary, '-machine', 'q35', '-device', f'intel-iommu,device-iotlb={"on" if there else "off"}') as q:
            unit = Unit(q)
            q.writeq(BASE + IQA, unit.queue)
            unit.command(QIE)
            q.write(unit.queue, struct.pack('<QQ', 3, 0))
            q.writeq(BASE + IQT, 16)
            expect_equal((q.readq(BASE + 0x10) >> 2 & 1, q.readq(BASE + IQH), q.readl(BASE + FSTS) >> 4), (there, 16 * there, not there), 'capability, head, error')


def the_guest_is_told(binary):
    with Qtest(binary, *ARGUMENTS) as q:
        q.outw(0x510, 0x19)
        count = int.from_bytes(bytes(q.inb(0x511) for _ in range(4)), 'big')
        files = {}
        for _ in range(count):
            entry = bytes(q.inb(0x511) for _ in range(64))
            files[entry[8:].rstrip(b'\0').decode()] = struct.unpack('>IH', entry[:6])
        size, select = files['etc/acpi/tables']
        q.outw(0x510, select)
        tables = bytes(q.inb(0x511) for _ in range(size))
        at = tables.index(b'DMAR')
        length, = struct.unpack_from('<I', tables, at + 4)
        expect_equal(length, 48 + 16 + 8, 'its length')
        expect_equal(tables[at + 36:at + 38], bytes([38, 1]), 'width and flags')
        expect_equal(struct.unpack_from('<HHBBHQ', tables, at + 48), (0, 24, 1, 0, 0, BASE), 'the unit')
        expect_equal(tables[at + 64:at + 72], bytes([3, 8, 0, 0, 0, 0xff, 0, 0]), 'the I/O APIC')


def refused(binary):
    for arguments, text in ((('-device', 'intel-iommu', '-device', 'intel-iommu'), 'one IOMMU'),
                            (('-device', 'intel-iommu,aw-bits=40'), 'expects 39 or 48'),
                            (('-device', 'intel-iommu,eim=on'), 'more than 255'),
                            (('-device', 'intel-iommu', '-device', 'virtio-rng-pci,iommu_platform=on,disable-legacy=on'), 'not behind the IOMMU')):
        status, _, err = harness.run([binary, '-accel', 'qtest', '-machine', 'q35', '-nodefaults', '-display', 'none', *arguments])
        if status != 1 or text not in err:
            raise Failure(f'{arguments}: status {status}: {err}')


if __name__ == '__main__':
    main([copies_go_through_the_tables, faults_interrupt_and_overflow, messages_are_remapped, pins_have_an_index, the_queue_is_worked_off,
          tlbs_of_devices, the_guest_is_told, refused])
