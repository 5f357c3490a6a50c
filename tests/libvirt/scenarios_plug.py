"""Devices that come and go while a domain runs."""
import re

from domain import Domain
from guest import booted
from scenario import RECENT, expect_in, expect_not_in, scenario
from world import Failure, eventually


def write(domain, name, text):
    path = f'{domain.images}/{name}.xml'
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return path


def disk_xml(domain, target='vdb', bus='virtio', name='plugged.raw'):
    path = f'{domain.images}/{name}'
    domain.make_image(path)
    return f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}'/><target dev='{target}' bus='{bus}'/></disk>"


NIC = "<interface type='user'><mac address='52:54:00:aa:bb:cc'/><model type='virtio'/></interface>"
RNG = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
PORT = "    <controller type='pci' model='pcie-root-port'/>\n"
SPARE = ('    <memballoon', "    <controller type='pci' index='0' model='pcie-root'/>\n" + 8 * PORT + '    <memballoon')


@scenario(guest=True, needs=RECENT)
def a_disk_comes_and_goes(world):
    with booted(world, 'small', SPARE) as (domain, console):
        path = write(domain, 'disk', disk_xml(domain))
        domain.virsh('attach-device', path, '--live')
        console.wait('guest: new device', 30)
        expect_in('vdb', domain.say('domblklist'))
        expect_in('Capacity:       16777216', domain.say('domblkinfo', 'vdb'))
        domain.virsh('detach-device', path, '--live')
        console.wait('guest: eject', 30)
        eventually('the disk has gone', lambda: 'vdb' not in domain.say('domblklist'))
        nodes = [node['node-name'] for node in domain.monitor('query-named-block-nodes')]
        if len(nodes) != 2:
            raise Failure(f'nodes are left over: {nodes}')


@scenario(guest=True)
def a_network_card_and_entropy_come_and_go(world):
    with booted(world, 'small', SPARE) as (domain, console):
        for name, text in (('nic', NIC), ('rng', RNG.replace('urandom', 'random'))):
            path = write(domain, name, text)
            domain.virsh('attach-device', path, '--live')
            console.wait('guest: new device', 30)
            domain.virsh('detach-device', path, '--live')
            console.wait('guest: eject', 30)
        eventually('the card has gone', lambda: '52:54:00:aa:bb:cc' not in domain.say('domiflist'))
        eventually('the source has gone', lambda: '/dev/random' not in domain.live_xml())


@scenario(guest=True)
def a_guest_that_does_not_let_go(world):
    """libvirt waits a while and keeps the device; the guest could still let it go later."""
    with booted(world, 'small', SPARE) as (domain, console):
        path = write(domain, 'nic', NIC)
        domain.virsh('attach-device', path, '--live')
        console.wait('guest: new device', 30)
        console.ask('h', 'guest: halts')
        domain.virsh('detach-device', path, '--live', check=False)
        expect_in('52:54:00:aa:bb:cc', domain.live_xml())
        domain.expect_state('running')


@scenario
def plugged_into_scsi(world):
    with Domain(world, 'disks') as domain:
        path = write(domain, 'disk', disk_xml(domain, 'sdf', 'scsi'))
        domain.virsh('attach-device', path, '--live')
        expect_in('sdf', domain.say('domblklist'))
        domain.virsh('detach-device', path, '--live')
        eventually('the disk has gone', lambda: 'sdf' not in domain.say('domblklist'))


@scenario
def attach_disk_and_interface(world):
    with Domain(world, 'small', SPARE) as domain:
        disk_xml(domain)
        domain.virsh('attach-disk', f'{domain.images}/plugged.raw', 'vdc', '--targetbus', 'virtio', '--subdriver', 'raw', '--cache', 'none', '--serial', 'x7')
        expect_in('vdc', domain.say('domblklist'))
        domain.virsh('attach-interface', 'user', '--model', 'virtio', '--mac', '52:54:00:aa:bb:cd', check=False)
        expect_in('running', domain.state())


@scenario
def no_slot_left(world):
    with Domain(world, 'small') as domain:
        for number in range(3):
            path = write(domain, f'disk{number}', disk_xml(domain, f'vd{"bcdef"[number]}', name=f'plugged{number}.raw'))
            status, text = domain.virsh('attach-device', path, '--live', check=False)
            if status != 0:
                expect_in('No more available PCI slots', text)
                domain.expect_state('running')
                return
        raise Failure('libvirt found slots that nobody made')


@scenario
def a_disk_that_is_not_there_changes_nothing(world):
    with Domain(world, 'small', SPARE) as domain:
        path = write(domain, 'disk', disk_xml(domain).replace('plugged.raw', 'missing.raw'))
        domain.refused('No such file|Cannot access', 'attach-device', path, '--live')
        expect_not_in('vdb', domain.say('domblklist'))
        domain.expect_state('running')
        domain.virsh('attach-device', write(domain, 'disk', disk_xml(domain)), '--live')


@scenario(needs=('chardev-add',))
def a_channel_comes(world):
    with Domain(world, 'channels') as domain:
        path = write(domain, 'channel', "<channel type='unix'><target type='virtio' name='com.example.later'/></channel>")
        domain.virsh('attach-device', path, '--live')
        expect_in('com.example.later', domain.live_xml())
        domain.virsh('detach-device', path, '--live')
        eventually('the channel has gone', lambda: 'com.example.later' not in domain.live_xml())


@scenario
def devices_of_the_next_start(world):
    with Domain(world, 'small') as domain:
        domain.virsh('attach-device', write(domain, 'nic', NIC), '--config')
        expect_not_in('aa:bb:cc', domain.live_xml())
        expect_in('aa:bb:cc', domain.say('dumpxml', '--inactive'))
        domain.virsh('destroy')
        domain.start()
        assert re.search('aa:bb:cc', domain.live_xml())
