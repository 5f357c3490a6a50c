"""Devices of a domain, and those that are refused with one clear line."""

from domain import Domain
from scenario import RECENT, expect_in, scenario
from world import eventually

NIC = '''    <interface type='user'>
      <model type='virtio'/>
    </interface>
'''
BALLOON = "<memballoon model='virtio'/>"


def add(element):
    return (f'    {BALLOON}', f'    {element}\n    {BALLOON}')


@scenario(needs=RECENT)
def network_cards(world):
    with Domain(world, 'network') as domain:
        domain.expect_state('running')
        text = domain.say('domiflist')
        expect_in('52:54:00:11:22:33', text)
        expect_in('penumbra0', text)
        expect_in('down', domain.say('domif-getlink', '52:54:00:11:22:33'))
        expect_in('rx_bytes', domain.say('domifstat', 'penumbra0'))


@scenario(needs=RECENT)
def link_up_and_down(world):
    with Domain(world, 'network', ('penumbra0', 'penumbra1')) as domain:
        mac = '52:54:00:11:22:33'
        domain.virsh('domif-setlink', mac, 'up')
        expect_in('up', domain.say('domif-getlink', mac))
        domain.virsh('domif-setlink', mac, 'down')
        expect_in('down', domain.say('domif-getlink', mac))


@scenario
def panic_watchdog(world):
    with Domain(world, 'crash') as domain:
        words = ' '.join(domain.command_line())
        expect_in('pvpanic', words)
        expect_in('i6300esb', words)
        domain.expect_state('running')


@scenario
def virtio_input(world):
    with Domain(world, 'input') as domain:
        expect_in('virtio-tablet-pci', ' '.join(domain.command_line()))
        domain.expect_state('running')


@scenario
def entropy_limits_and_builtin(world):
    with Domain(world, 'small', ("      <backend model='random'>/dev/urandom</backend>", "      <rate bytes='1024' period='1000'/>\n      <backend model='builtin'/>")) as domain:
        words = ' '.join(domain.command_line())
        expect_in('rng-builtin', words)
        expect_in('"max-bytes":1024', words)
        domain.expect_state('running')


@scenario
def ports_and_bridges(world):
    controllers = "<controller type='pci' index='0' model='pcie-root'/>" + "<controller type='pci' model='pcie-root-port'/>" * 6 + "<controller type='pci' model='pcie-to-pci-bridge'/>"
    with Domain(world, 'small', add(controllers)) as domain:
        domain.expect_state('running')
        expect_in('pcie-pci-bridge', ' '.join(domain.command_line()))


@scenario
def generation_id(world):
    with Domain(world, 'small', ('  <memory', "  <genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>\n  <memory"), ) as domain:
        domain.expect_state('running')
        expect_in('43dc0cf8-809b-4adb-9bea-a9abb5f3d90e', str(domain.monitor('query-vm-generation-id')))


@scenario
def core_dump_information(world):
    with Domain(world, 'small', ('<acpi/>', "<acpi/><vmcoreinfo state='on'/>")) as domain:
        expect_in('vmcoreinfo', ' '.join(domain.command_line()))
        domain.expect_state('running')


@scenario
def no_balloon(world):
    with Domain(world, 'small', (BALLOON, "<memballoon model='none'/>")) as domain:
        domain.expect_state('running')
        domain.refused('balloon', 'setmem', '131072', '--live')


def refused_at_start(world, pattern, *changes):
    """Define may refuse it already; the daemon and its other domains go on."""
    with Domain(world, 'small', start=False) as good:
        path = f'{good.images}/bad.xml'
        with open(path, 'w', encoding='utf-8') as file:
            text = good.xml.replace(good.name + '</name>', good.name + '-bad</name>')
            for old, new in changes:
                text = text.replace(old, new)
            file.write(text)
        world.refused(pattern, 'create', path)
        good.start()
        good.expect_state('running')


@scenario
def vnc_is_refused(world):
    refused_at_start(world, 'vnc|VNC|graphics', add("<graphics type='vnc' port='-1'/><video><model type='none'/></video>"))


@scenario
def a_display_adapter_is_refused(world):
    refused_at_start(world, 'video', add("<video><model type='vga'/></video>"))


@scenario
def usb_is_refused(world):
    refused_at_start(world, 'USB|usb', ("<controller type='usb' model='none'/>", "<controller type='usb' model='qemu-xhci'/>"))


@scenario
def a_tpm_is_refused(world):
    refused_at_start(world, 'TPM|tpm', add("<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"))


@scenario
def a_host_device_is_refused(world):
    refused_at_start(world, 'VFIO|vfio|host device|Device|PCI|no such file|No such file',
                     add("<hostdev mode='subsystem' type='pci' managed='no'><source><address domain='0' bus='0' slot='31' function='7'/></source></hostdev>"))


@scenario
def another_machine_is_refused(world):
    refused_at_start(world, "machine type 'pc'", ("machine='q35'", "machine='pc'"))


@scenario
def emulation_without_kvm_is_refused(world):
    refused_at_start(world, 'virt type|qemu', ("<domain type='kvm'", "<domain type='qemu'"))


@scenario
def sev_is_refused(world):
    refused_at_start(world, 'SEV', ('  <devices>', "  <launchSecurity type='sev'><policy>0x3</policy></launchSecurity>\n  <devices>"))


@scenario
def unknown_options_are_told(world):
    with Domain(world, 'commandline', ('isa-debug-exit', 'no-such-device'), start=False) as domain:
        domain.refused('no-such-device|process exited|closed the monitor', 'start')
        eventually('the log says why', lambda: "'no-such-device'" in domain.log())
