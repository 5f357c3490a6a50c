#!/usr/bin/env python3
"""Bridges, ports, watchdogs and small PCI devices, driven by a test client in the guest's place: what they show, hot-plug by ports and by ACPI,
what the machine does when a watchdog ends. pci_devices.py PENUMBRA [TEST...]"""
import sys

from harness import Failure, main
from monitored import Monitored
from qmp_client import QmpError
from qtest import Qtest, expect, expect_equal

TICK = 600_000_000
PM, RCBA = 0x600, 0xfed1c000
TCO = PM + 0x60
RELOAD, STATUS1, STATUS2, CONTROL1, TIMER = TCO, TCO + 4, TCO + 6, TCO + 8, TCO + 0x12
SLOT_CONTROL, SLOT_STATUS = 0x54 + 0x18, 0x54 + 0x1a  # of a pcie-root-port
ON, OFF = 0x01c0, 0x07c0


def start_tco(q, ticks):
    bridge = q.pci('1f.0')
    bridge.set_config_long(0x40, PM | 1)
    bridge.set_config_byte(0x44, 0x80)
    bridge.set_config_long(0xf0, RCBA | 1)
    q.outw(CONTROL1, 0x800)
    q.outw(TIMER, ticks)
    q.outw(RELOAD, 1)
    q.outw(CONTROL1, 0)


def tco_ticks(binary):
    with Qtest(binary, '-machine', 'q35') as q:
        start_tco(q, 6)
        for left in range(6, 0, -1):
            expect_equal(q.inw(RELOAD), left, 'ticks left')
            expect_equal(q.inw(STATUS1) & 8, 0, 'the end')
            q.clock_step(TICK)
        expect_equal(q.inw(STATUS1) & 8, 8, 'the end')
        q.clock_step(6 * TICK)
        expect_equal(q.inw(STATUS2), 6, 'second end and boot status')  # the strap forbids more


def tco_actions(binary):
    for action, event in (('reset', 'RESET'), ('shutdown', None), ('pause', 'STOP'), ('none', None), ('debug', None), ('inject-nmi', None), ('poweroff', None)):
        with Monitored(binary, '-machine', 'q35', '-no-shutdown', '-global', 'ICH9-LPC.noreboot=false', '-watchdog-action', action) as q:
            start_tco(q, 4)
            q.clock_step(8 * TICK)
            expect_equal(q.qmp.wait_event('WATCHDOG')['data']['action'], action, 'the event says')
            if event:
                q.qmp.wait_event(event)
            if action == 'poweroff':  # whatever -no-shutdown says
                expect_equal(q.vmm.wait(30), 0, 'its status')
            else:
                q.qmp.command('query-status')


def i6300esb(binary):
    with Monitored(binary, '-machine', 'q35', '-device', 'i6300esb,addr=4', '-action', 'watchdog=none') as q:
        device = q.pci('04.0')
        bar = device.map_bars()[0]
        for register in (0, 4):
            bar.writew(0xc, 0x80)
            bar.writew(0xc, 0x86)
            bar.writel(register, 1000)
        device.set_config_byte(0x68, 2)
        q.clock_step(2_100_000_000)
        q.qmp.wait_event('WATCHDOG')


def pvpanic_pci(binary):
    for action, state in (('pause', 'guest-panicked'), ('none', 'running')):
        with Monitored(binary, '-machine', 'q35', '-device', 'pvpanic-pci,addr=04.0', '-action', f'panic={action}') as q:
            bar = q.pci('04.0').map_bars()[0]
            expect_equal(bar.readb(0), 3, 'events')
            bar.writeb(0, 1)
            q.qmp.wait_event('GUEST_PANICKED')
            expect_equal(q.qmp.command('query-status')['status'], state, 'run state')


def bridges(binary):
    """Numbers, windows and BARs through three buses, by ports alone."""
    with Qtest(binary, '-machine', 'q35', '-device', 'pcie-root-port,id=rp,addr=5,chassis=1', '-device', 'pcie-pci-bridge,id=pp,bus=rp',
               '-device', 'pci-testdev,bus=pp,addr=7', '-device', 'ioh3420,addr=6,chassis=2', '-device', 'i82801b11-bridge,addr=1e') as q:
        expect_equal(q.pci('06.0').config_long(0), 0x34208086, 'ioh3420')
        expect_equal(q.pci('1e.0').config_long(0), 0x244e8086, 'i82801b11-bridge')
        expect(not q.pci('1:00.0').exists(), 'a bus has an answer before it has a number')
        q.pci('05.0').set_config_long(0x18, 0x020100)
        inner = q.pci('1:00.0')
        expect_equal(inner.config_long(0), 0x000e1b36, 'pcie-pci-bridge')
        inner.set_config_long(0x18, 0x020201)
        device = q.pci('2:07.0')
        expect_equal(device.config_long(0), 0x00051b36, 'pci-testdev')
        bar = device.map_bars()[0]
        bar.writeb(0, 0)
        expect_equal(bar.readl(4), 0xffffffff, 'behind closed windows')
        for bridge in (inner, q.pci('05.0')):
            window = bar.base >> 16 & 0xfff0
            bridge.set_config_long(0x20, window << 16 | window)
            bridge.enable()
        bar.writeb(0, 0)
        expect_equal(bar.readl(4), 2048, 'through open windows')
        bar.writeb(2048, bar.readl(8))
        expect_equal(bar.readl(12), 1, 'the count')


def native_hot_plug(binary):
    with Monitored(binary, '-machine', 'q35', '-device', 'pcie-root-port,id=rp,addr=5,chassis=1') as q:
        port = q.pci('05.0')
        port.set_config_long(0x18, 0x010100)
        q.qmp.command('device_add', driver='pvpanic-pci', id='new', bus='rp')
        expect_equal(port.config_word(SLOT_STATUS) & 0x49, 0x49, 'present, changed, button')
        expect(not q.pci('1:00.0').exists(), 'a device without power answers')
        port.set_config_word(SLOT_STATUS, 0xffff)
        port.set_config_word(SLOT_CONTROL, ON)
        expect_equal(q.pci('1:00.0').config_long(0), 0x00111b36, 'the device')
        q.qmp.command('device_del', id='new')
        expect_equal(port.config_word(SLOT_STATUS) & 1, 1, 'button')
        port.set_config_word(SLOT_CONTROL, OFF)
        q.qmp.wait_event('DEVICE_DELETED')
        expect_equal(port.config_word(SLOT_STATUS) & 0x48, 0x08, 'absent, changed')


def acpi_hot_plug(binary):
    with Monitored(binary, '-machine', 'q35', '-device', 'pcie-root-port,id=rp,chassis=1', '-device', 'pcie-pci-bridge,id=pp,bus=rp') as q:
        q.qmp.command('device_add', driver='pci-testdev', id='new', bus='pp', addr='9')
        q.outl(0xcd0, 0)
        expect_equal(q.inl(0xcc0), 1 << 9, 'filled slots')
        expect_equal(q.inl(0xcc0), 0, 'filled slots, once told')
        q.qmp.command('device_del', id='new')
        expect_equal(q.inl(0xcc4), 1 << 9, 'slots wanted back')
        q.outl(0xcc8, 1 << 9)
        q.qmp.wait_event('DEVICE_DELETED')
        q.qmp.command('device_add', driver='pci-testdev', id='other', bus='pp')
        q.qmp.command('device_del', id='other')
        q.qmp.command('system_reset')  # nobody lets it go: a reset does
        q.qmp.wait_event('DEVICE_DELETED')
        try:
            q.qmp.command('device_add', driver='pci-testdev', bus='pcie.0')
            raise Failure('pcie.0 takes a device while the machine runs')
        except QmpError as error:
            expect('does not support hotplugging' in error.desc, error.desc)


def no_acpi_hot_plug(binary):
    with Monitored(binary, '-machine', 'q35', '-global', 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off',
                   '-device', 'pcie-pci-bridge,id=pp') as q:
        expect_equal(q.inl(0xcc0), 0xffffffff, 'the registers')
        try:
            q.qmp.command('device_add', driver='pci-testdev', bus='pp')
            raise Failure('a bus without hot-plug takes a device while the machine runs')
        except QmpError as error:
            expect('does not support hotplugging' in error.desc, error.desc)


def vmgenid(binary):
    guid = '324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87'
    with Monitored(binary, '-machine', 'q35', '-device', f'vmgenid,guid={guid}') as q:
        expect_equal(q.qmp.command('query-vm-generation-id')['guid'], guid, 'the identifier')
    with Monitored(binary, '-machine', 'q35') as q:
        try:
            q.qmp.command('query-vm-generation-id')
            raise Failure('an identifier without a device')
        except QmpError as error:
            expect_equal(error.error_class, 'GenericError', 'class')


def smbus(binary):
    with Qtest(binary, '-machine', 'q35') as q:
        device = q.pci('1f.3')
        expect_equal(device.config_long(0), 0x29308086, 'SMBus controller')
        bar = device.map_bars()[4]
        expect_equal(bar.readb(0), 0xff, 'status while it is off')
        device.set_config_byte(0x40, 1)
        for address, status in ((0x50, 2), (0x57, 2), (0x58, 4)):
            bar.writeb(0, 0xff)
            bar.writeb(4, address << 1 | 1)
            bar.writeb(2, 0x48)
            expect_equal(bar.readb(0), status, f'status of {address:#x}')


if __name__ == '__main__':
    try:
        main([tco_ticks, tco_actions, i6300esb, pvpanic_pci, bridges, native_hot_plug, acpi_hot_plug, no_acpi_hot_plug, vmgenid, smbus])
    except Failure as failure:
        print(failure)
        sys.exit(1)
