#!/usr/bin/env python3
"""The devices of every q35, driven by a test client in the guest's place: clock, timers, interrupt controllers, power management, serial port,
fw_cfg, PCI configuration. platform_devices.py PENUMBRA [TEST...]"""
import struct
import sys

from harness import Failure, main
from qtest import Qtest, expect, expect_equal

NS = 1_000_000_000
PIC_IRQ0, IOAPIC = 0, 0xfec00000
HPET = 0xfed00000


def cmos(q, register):
    q.outb(0x70, register)
    return q.inb(0x71)


def set_cmos(q, register, value):
    q.outb(0x70, register)
    q.outb(0x71, value)


def protocol(binary):
    """What is no request is refused in one line, and the next one is served."""
    with Qtest(binary, '-machine', 'q35') as q:
        for bad in ('nonsense', 'readl', 'readl zero', 'write 0 4 12', 'clock_step -1', 'irq_intercept_in nowhere'):
            answer = q.raw(bad)
            expect(answer.startswith('FAIL '), f'{bad}: {answer}')
        q.write(0x1000, bytes(range(256)))
        expect_equal(q.read(0x1000, 256), bytes(range(256)), 'memory')
        expect_equal(q.request('b64read 0x1001 3'), 'AQID', 'base64')
        big = bytes(range(256)) * 4096
        q.write(0x200000, big)
        expect(q.read(0x200000, len(big)) == big, 'a megabyte came back changed')
        expect_equal(q.readl(0xfee00000), 0xffffffff, 'where there is no local APIC')


def no_machine(binary):
    """-machine none: nothing is there, and it lives."""
    with Qtest(binary, '-machine', 'none') as q:
        expect_equal(q.readl(0), 0xffffffff, 'memory')
        expect_equal(q.inb(0x70), 0xff, 'port')


def accelerators(binary):
    """The first that works; the others are passed over with a line."""
    with Qtest(binary, '-machine', 'q35', '-accel', 'tcg', '-accel', 'kvm,device=/no/such/kvm') as q:
        q.clock_step(5)
        q.vmm.pump(0.1)
        text = q.vmm.err.decode()
        expect('tcg' in text and '/no/such/kvm' in text, f'nothing was said about what was passed over: {text}')


def clock_by_hand(binary):
    """The clock starts at 0 and moves by requests only; the PIT's edges come at their times."""
    with Qtest(binary, '-machine', 'q35') as q:
        expect_equal(q.clock_step(0), 0, 'the clock at start')
        q.intercept_irqs()
        q.outb(0x43, 0x34)  # channel 0, both bytes, mode 2
        q.outb(0x40, 1193182 // 100 & 0xff)
        q.outb(0x40, 1193182 // 100 >> 8)
        q.take_interrupts()
        q.clock_step(NS)
        rises = [level for pin, level in q.take_interrupts() if pin == 0 and level]
        expect(99 <= len(rises) <= 101, f'{len(rises)} ticks of 100 Hz in a second')
        before = q.clock_step(0)
        expect(q.clock_step() > before, 'a step to the next deadline does not move')


def rtc_alarm_and_ticks(binary):
    with Qtest(binary, '-machine', 'q35', '-rtc', 'clock=vm,base=2020-02-29T23:59:58') as q:
        expect_equal([cmos(q, r) for r in (4, 2, 0)], [0x23, 0x59, 0x58], 'time')
        expect_equal([cmos(q, r) for r in (0x32, 9, 8, 7)], [0x20, 0x20, 0x02, 0x29], 'date')
        q.clock_step(3 * NS)
        expect_equal([cmos(q, r) for r in (4, 2, 0)], [0, 0, 1], 'time after midnight')
        expect_equal([cmos(q, r) for r in (9, 8, 7)], [0x20, 0x03, 0x01], 'the day after a leap day')
        q.intercept_irqs()
        for register, value in ((1, 0x10), (3, 0xc0), (5, 0xc0)):  # at second 10 of any minute
            set_cmos(q, register, value)
        set_cmos(q, 0xb, cmos(q, 0xb) | 0x20)
        cmos(q, 0xc)
        q.clock_step(8 * NS)
        expect(not q.irq(8), 'the alarm came early')
        q.clock_step(2 * NS)
        expect(q.irq(8), 'no alarm')
        expect_equal(cmos(q, 0xc) & 0xa0, 0xa0, 'register C')
        expect(not q.irq(8), 'reading register C does not end the interrupt')


def pics(binary):
    """Initialisation, mask, in-service, and that a level at a pin shows in the request register."""
    with Qtest(binary, '-machine', 'q35') as q:
        for port, base, cascade in ((0x20, 0x20, 4), (0xa0, 0x28, 2)):
            q.outb(port, 0x11)
            q.outb(port + 1, base)
            q.outb(port + 1, cascade)
            q.outb(port + 1, 1)
            q.outb(port + 1, 0xff)
            expect_equal(q.inb(port + 1), 0xff, 'mask')
        q.request('set_irq_in ioapic unnamed-gpio-in 5 1')
        q.outb(0x20, 0x0a)
        expect_equal(q.inb(0x20) & 0x20, 0x20, 'request register')
        q.request('set_irq_in ioapic unnamed-gpio-in 5 0')


def io_apic(binary):
    """Version, entries, and a message that lands where the entry sends it."""
    with Qtest(binary, '-machine', 'q35') as q:
        def register(index):
            q.writel(IOAPIC, index)
            return q.readl(IOAPIC + 0x10)
        expect_equal(register(1) & 0xff00ff, 0x170020, 'version')
        expect_equal(register(0x10), 0x10000, 'an entry after reset')
        q.writel(IOAPIC, 0x12)
        q.writel(IOAPIC + 0x10, 0x31)
        expect_equal(register(0x12), 0x31, 'an entry')


def hpet(binary):
    with Qtest(binary, '-machine', 'q35') as q:
        expect_equal(q.readl(HPET + 4), 10_000_000, 'period in femtoseconds')
        q.writel(HPET + 0x10, 1)
        start = q.readq(HPET + 0xf0)
        q.clock_step(1_000_000)
        expect_equal(q.readq(HPET + 0xf0) - start, 100_000, 'ticks in a millisecond')
        q.intercept_irqs()
        q.writel(HPET + 0x108, q.readq(HPET + 0xf0) + 1000)
        q.writel(HPET + 0x10c, 0)
        q.writel(HPET + 0x100, 0x4 | 20 << 9)  # edge, interrupts on, pin 20
        q.take_interrupts()
        q.clock_step(9_990)
        expect_equal(q.take_interrupts(), [], 'interrupts before the time')
        q.clock_step(20)
        expect((20, True) in q.take_interrupts(), 'no interrupt at the comparator')


def power_management(binary):
    """PM1, its timer of 3.579545 MHz, and the SCI."""
    with Qtest(binary, '-machine', 'q35') as q:
        lpc = q.pci('1f.0')
        expect_equal(lpc.config_long(0), 0x29188086, 'LPC bridge')
        lpc.set_config_long(0x40, 0x601)
        lpc.set_config_byte(0x44, 0x80)
        first = q.inl(0x608)
        q.clock_step(NS // 1000)
        ticks = (q.inl(0x608) - first) & 0xffffff
        expect(3578 <= ticks <= 3580, f'{ticks} ticks of the PM timer in a millisecond')
        expect_equal(q.inw(0x604) & 1, 1, 'SCI_EN')


def serial_port(binary):
    with Qtest(binary, '-machine', 'q35', '-serial', 'stdio') as q:
        q.outb(0x3fb, 0x83)
        q.outb(0x3f8, 1)
        q.outb(0x3f9, 0)
        q.outb(0x3fb, 0x03)
        q.outb(0x3fc, 0x0b)
        for char in b'hello\n':
            expect_equal(q.inb(0x3fd) & 0x20, 0x20, 'transmitter ready')
            q.outb(0x3f8, char)
        q.vmm.wait_for('hello')


def firmware_configuration(binary):
    """fw_cfg by ports and by DMA: signature, number of processors, the directory."""
    with Qtest(binary, '-machine', 'q35', '-smp', '3', '-m', '192') as q:
        def item(key, size):
            q.outw(0x510, key)
            return bytes(q.inb(0x511) for _ in range(size))
        expect_equal(item(0, 4), b'QEMU', 'signature')
        expect_equal(struct.unpack('<H', item(5, 2))[0], 3, 'processors')
        expect_equal(struct.unpack('<Q', item(3, 8))[0], 192 << 20, 'RAM')
        count = struct.unpack('>I', item(0x19, 4))[0]
        directory = item(0x19, 4 + 64 * count)[4:]
        names = [directory[64 * i + 8:64 * i + 64].split(b'\0')[0].decode() for i in range(count)]
        expect('etc/acpi/tables' in names and 'etc/e820' in names, f'files {names}')
        control, data = q.allocate(16), q.allocate(64)
        q.write(control, struct.pack('>IIQ', 0 << 16 | 8 | 2, 4, data))  # select and read
        q.writel(0, 0)
        q.outl(0x514, 0)
        q.outl(0x518, struct.unpack('<I', struct.pack('>I', control))[0])
        expect_equal(q.read(data, 4), b'QEMU', 'signature by DMA')
        expect_equal(struct.unpack('>I', q.read(control, 4))[0], 0, 'DMA control after the transfer')


def pci_configuration(binary):
    """Mechanism 1 and ECAM show the same; identities cannot be written."""
    with Qtest(binary, '-machine', 'q35') as q:
        bridge = q.pci('00.0')
        expect_equal(bridge.config_long(0), 0x29c08086, 'host bridge')
        bridge.set_config_long(0, 0)
        expect_equal(bridge.config_long(0), 0x29c08086, 'host bridge after a write')
        expect(not q.pci('05.0').exists(), 'a function that nobody plugged')
        bridge.set_config_long(0x64, 0)
        bridge.set_config_long(0x60, 0xb0000001)
        expect_equal(q.readl(0xb0000000), 0x29c08086, 'host bridge by ECAM')
        expect_equal(q.readw(0xb0000000 + (0x1f << 15) + 2), 0x2918, 'LPC bridge by ECAM')


def boot_order(binary):
    """-boot's letters in the CMOS, once= until the first reset, the waits in fw_cfg."""
    def order(q):
        return cmos(q, 0x38) | cmos(q, 0x3d) << 8
    for options, first, then in (((), 0x1230, 0x1230), (('-boot', 'nda'), 0x3410, 0x3410), (('-no-fd-bootchk',), 0x1231, 0x1231),
                                 (('-boot', 'once=d', '-boot', 'order=c'), 0x0300, 0x0200)):
        with Qtest(binary, '-machine', 'q35', *options) as q:
            expect_equal(order(q), first, f'{options} at start')
            q.outb(0xcf9, 0x02)
            q.outb(0xcf9, 0x06)  # reset
            expect_equal(order(q), then, f'{options} after a reset')


def system_memory_windows(binary):
    """SMRAM is opened, locked and after a reset free again; bits 1-0 of the configuration address select the byte."""
    with Qtest(binary, '-machine', 'q35') as q:
        bridge = q.pci('00.0')
        bridge.set_config_byte(0x9d, 0x42)
        q.outl(0xcf8, bridge.address | 0x9d)
        expect_equal(q.inb(0xcfc), 0x42, 'SMRAM, selected by the address alone')
        bridge.set_config_byte(0x9d, 0x1a)
        bridge.set_config_byte(0x9d, 0x42)
        expect_equal(bridge.config_byte(0x9d) & 0x50, 0x10, 'SMRAM under its lock')
        q.outb(0xcf9, 0x06)
        bridge.set_config_byte(0x9d, 0x42)
        expect_equal(bridge.config_byte(0x9d), 0x42, 'SMRAM after a reset')
    for version, answer in (('pc-q35-7.2', 1), ('pc-q35-4.1', 0xff)):
        with Qtest(binary, '-machine', version) as q:
            bridge = q.pci('00.0')
            bridge.set_config_byte(0x9c, 0xff)
            expect_equal(bridge.config_byte(0x9c), answer, f'SMBASE of {version}')


def system_memory_windows_left_out(binary):
    """smm_ranges=off: what would open SMRAM, TSEG and SMBASE has no effect, and RAM lies where their windows would be."""
    for options in (',smm_ranges=off', ',smm=off'):
        with Qtest(binary, '-machine', 'q35' + options, '-m', '64') as q:
            bridge = q.pci('00.0')
            before = [bridge.config_byte(register) for register in (0x9c, 0x9d, 0x9e)]
            for register, value in ((0x9c, 0xff), (0x9d, 0x42), (0x9e, 0x01)):
                bridge.set_config_byte(register, value)
            expect_equal([bridge.config_byte(register) for register in (0x9c, 0x9d, 0x9e)], before, f'{options}: the registers')
            top = (64 << 20) - 4  # TSEG's place
            q.writel(top, 0x12345678)
            expect_equal(q.readl(top), 0x12345678, f'{options}: the end of RAM')


if __name__ == '__main__':
    try:
        main([protocol, no_machine, accelerators, clock_by_hand, rtc_alarm_and_ticks, pics, io_apic, hpet, power_management, serial_port,
              firmware_configuration, pci_configuration, boot_order, system_memory_windows, system_memory_windows_left_out])
    except Failure as failure:
        print(failure)
        sys.exit(1)
