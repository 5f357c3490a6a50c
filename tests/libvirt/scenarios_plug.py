"""Devices that come and go while a domain runs."""
import json
import re

from devices import NIC, RNG, SPARE, disk_xml, write
from domain import Domain
from guest import booted
from scenario import RECENT, expect, expect_in, expect_not_in, scenario
from world import Failure, eventually


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
        expect('cache', domain.monitor('query-block')[-1]['inserted']['cache']['direct'], True)
        # This libvirt has no networks: what it cannot look up changes nothing.
        domain.refused('no connection driver available for network|Network not found', 'attach-interface', 'network', 'default', '--model', 'virtio',
                       '--mac', '52:54:00:aa:bb:cd')
        expect_not_in('52:54:00:aa:bb:cd', domain.say('domiflist'))
        domain.virsh('attach-device', write(domain, 'nic', NIC), '--live')
        expect_in('52:54:00:aa:bb:cc', domain.say('domiflist'))
        domain.expect_state('running')


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
        # With its path: libvirt finds what is to go by all that the XML says.
        path = write(domain, 'channel', f"<channel type='unix'><source mode='bind' path='{domain.images}/later.sock'/>"
                     "<target type='virtio' name='com.example.later'/></channel>")
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


NODE = "<cpu mode='host-passthrough'><numa><cell id='0' cpus='0-1' memory='262144'/></numa></cpu>"
ROOM = (("<memory unit='MiB'>256", "<maxMemory slots='8' unit='MiB'>1024</maxMemory><memory unit='MiB'>256"), ("<cpu mode='host-passthrough'/>", NODE))
MODULE = "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>"


@scenario(guest=True)
def memory_comes_and_goes(world):
    with booted(world, 'small', *ROOM) as (domain, console):
        path = write(domain, 'dimm', MODULE)
        domain.virsh('attach-device', path, '--live')
        console.wait('guest: new module 00000000', 30)
        expect_in('Max memory:     393216 KiB', domain.say('dominfo'))
        expect_in("<alias name='dimm0'/>", domain.live_xml())
        module = domain.monitor('query-memory-devices')[0]['data']
        expect('module', (module['size'], module['slot'], module['node']), (128 << 20, 0, 0))
        domain.virsh('detach-device', path, '--live')
        console.wait('guest: eject module', 30)
        eventually('the module has gone', lambda: 'dimm0' not in domain.live_xml())
        expect('objects', [one['id'] for one in domain.monitor('query-memdev')], ['ram-node0'])


@scenario
def memory_without_room(world):
    with Domain(world, 'small', *ROOM) as domain:
        for number in range(6):
            domain.virsh('attach-device', write(domain, f'dimm{number}', MODULE), '--live')
        domain.refused('exceed|maximum|max', 'attach-device', write(domain, 'dimm6', MODULE), '--live')
        domain.virsh('setmem', '262144', '--live')
        domain.expect_state('running')


@scenario(guest=True)
def processors_come_and_go(world):
    with booted(world, 'small', ('<vcpu>2</vcpu>', "<vcpu current='1'>4</vcpu>")) as (domain, console):
        domain.virsh('setvcpus', '3', '--live')
        console.wait('guest: new processor', 30)
        console.wait('guest: new processor', 30)
        expect('up', domain.say('vcpucount', '--live', '--active'), '3')
        domain.virsh('setvcpus', '1', '--live')
        console.wait('guest: eject processor', 30)
        console.wait('guest: eject processor', 30)
        eventually('they have gone', lambda: domain.say('vcpucount', '--live', '--active') == '1')
        expect('threads', len(domain.monitor('query-cpus-fast')), 1)
        domain.virsh('setvcpus', '4', '--live')
        expect('again', domain.say('vcpucount', '--live', '--active'), '4')
        domain.virsh('setvcpu', '3', '--disable', '--live')
        eventually('one has gone', lambda: domain.say('vcpucount', '--live', '--active') == '3')
        domain.expect_state('running')


@scenario(guest=True)
def a_guest_that_keeps_its_processors(world):
    with booted(world, 'small', ('<vcpu>2</vcpu>', "<vcpu current='1'>2</vcpu>")) as (domain, console):
        domain.virsh('setvcpus', '2', '--live')
        console.ask('h', 'guest: halts')
        domain.refused('hot-unplug|unplug|timed out|did not', 'setvcpus', '1', '--live')
        domain.expect_state('running')


@scenario
def controllers_and_their_disks_come_and_go(world):
    with Domain(world, 'small', SPARE) as domain:
        domain.virsh('attach-device', write(domain, 'scsi', "<controller type='scsi' index='0' model='virtio-scsi'/>"), '--live')
        disk = write(domain, 'disk', disk_xml(domain, 'sda', 'scsi'))
        domain.virsh('attach-device', disk, '--live')
        expect_in('rd_req', domain.say('domblkstat', 'sda'))
        domain.virsh('detach-device', disk, '--live')
        eventually('the disk has gone', lambda: 'sda' not in domain.say('domblklist'))
        domain.make_image(f'{domain.images}/plugged.iso')
        cd = f"<disk type='file' device='cdrom'><source file='{domain.images}/plugged.iso'/><target dev='sdb' bus='scsi'/><readonly/></disk>"
        domain.virsh('attach-device', write(domain, 'cd', cd), '--live')
        expect_in('plugged.iso', domain.say('domblklist'))
        expect_in('scsi-cd', json.dumps(domain.monitor('qom-list', path='/machine/peripheral')))
        domain.expect_state('running')


@scenario
def a_watchdog_comes(world):
    bridge = (SPARE[0], SPARE[1].replace('    <memballoon', "    <controller type='pci' model='pcie-to-pci-bridge'/>\n    <memballoon"))
    with Domain(world, 'small', bridge) as domain:
        path = write(domain, 'watchdog', "<watchdog model='i6300esb' action='poweroff'/>")
        domain.virsh('attach-device', path, '--live')
        expect_in("<watchdog model='i6300esb' action='poweroff'>", domain.live_xml())
        domain.expect_state('running')


@scenario
def input_comes_and_goes(world):
    with Domain(world, 'small', SPARE) as domain:
        domain.virsh('attach-device', write(domain, 'tablet', "<input type='tablet' bus='virtio'/>"), '--live')
        expect_in("<input type='tablet' bus='virtio'>", domain.live_xml())
        domain.expect_state('running')


@scenario
def network_cards_of_every_kind(world):
    with Domain(world, 'small', SPARE) as domain:
        taps = ("<interface type='ethernet'><mac address='52:54:00:aa:bb:c1'/><target dev='pnplug0'/><model type='virtio'/></interface>",
                "<interface type='ethernet'><mac address='52:54:00:aa:bb:c2'/><target dev='pnplug1'/><model type='virtio'/><driver queues='2'/></interface>",
                "<interface type='user'><mac address='52:54:00:aa:bb:c3'/><model type='virtio'/></interface>")
        for number, text in enumerate(taps):
            domain.virsh('attach-device', write(domain, f'nic{number}', text), '--live')
        listed = domain.say('domiflist')
        for number in '123':
            expect_in(f'52:54:00:aa:bb:c{number}', listed)
        expect_in('rx_bytes', domain.say('domifstat', 'pnplug0'))
        # libvirt asks the host's tc; it has the queueing disciplines or says which it lacks.
        status, text = domain.virsh('domiftune', 'pnplug0', '--inbound', '1000', check=False)
        if status == 0:
            expect_in('inbound.average: 1000', domain.say('domiftune', 'pnplug0'))
        else:
            expect_in('tc qdisc add dev pnplug0', text)
            expect_in('inbound.average: 0', domain.say('domiftune', 'pnplug0'))
        domain.virsh('domif-setlink', 'pnplug0', 'down')
        domain.expect_state('running')


@scenario
def devices_changed_in_place(world):
    with Domain(world, 'disks') as domain:
        cd = f"<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{domain.images}/cd2.iso'/><target dev='sdd' bus='sata'/><readonly/></disk>"
        domain.make_image(f'{domain.images}/cd2.iso')
        domain.virsh('update-device', write(domain, 'cd', cd), '--live')
        expect_in('cd2.iso', domain.say('domblklist'))
        domain.virsh('update-device', write(domain, 'cd', cd.replace(f"<source file='{domain.images}/cd2.iso'/>", '')), '--live', '--force')
        expect_not_in('cd2.iso', domain.say('domblklist'))
    with Domain(world, 'network', ('penumbra0', 'penumbra2')) as domain:
        xml = re.search(r"<interface type='user'>.*?</interface>", domain.live_xml(), re.DOTALL).group(0).replace("state='down'", "state='up'")
        domain.virsh('update-device', write(domain, 'nic', xml), '--live')
        expect_in('up', domain.say('domif-getlink', '52:54:00:11:22:33'))
