"""What a domain is made of: capabilities, firmware, boot, clock, features, consoles. The guests need not run far."""
import os
import re
import socket
import subprocess
import time

from domain import EMULATOR, HERE, IMAGES, Domain
from guest import BOOT, Console
from scenario import RECENT, expect, expect_in, scenario
from world import URI, eventually

PTY_SERIAL = "<serial type='pty'/>"
OS = "<type arch='x86_64' machine='q35'>hvm</type>"


@scenario
def domcapabilities(world):
    text = world.say('domcapabilities', '--emulatorbin', world.binary, '--virttype', 'kvm')
    for wanted in ("<domain>kvm</domain>", "<machine>pc-q35-7.2</machine>", "<mode name='host-passthrough' supported='yes'>",
                   "<value>memfd</value>", "<value>virtio</value>", "<sev supported='no'/>"):
        expect_in(wanted, text)
    expect_in('q35', world.say('domcapabilities', '--emulatorbin', world.binary, '--virttype', 'kvm', '--machine', 'q35'))
    world.refused('accel|virt type|qemu', 'domcapabilities', '--emulatorbin', world.binary, '--virttype', 'qemu')


@scenario
def define_start_destroy(world):
    with Domain(world, 'small') as domain:
        domain.expect_state('running')
        text = domain.live_xml()
        expect_in("<source path='/dev/pts/", text)
        expect_in("<alias name='virtio-disk0'/>", text)
        expect_in("<emulator>" + world.binary, text)
        domain.virsh('destroy')
        expect('state', domain.reason(), 'shut off (destroyed)')
        domain.start()
        domain.expect_state('running')
        domain.virsh('destroy', '--graceful')
        expect('state', domain.reason(), 'shut off (destroyed)')


@scenario
def transient_domain(world):
    with Domain(world, 'small', start=False) as domain:
        domain.virsh('undefine')
        world.virsh('create', f'{domain.images}/domain.xml')
        domain.expect_state('running')
        domain.virsh('destroy')
        domain.refused('failed to get domain|Domain not found', 'domstate')


@scenario
def start_paused(world):
    with Domain(world, 'small', start=False) as domain:
        domain.start('--paused')
        domain.expect_state('paused')
        domain.virsh('resume')
        domain.expect_state('running')


@scenario(program='virt-install')
def virt_install(world):
    """The line that docs/libvirt.md shows, with the name and the paths of a test; nobody looks at its console."""
    if not world.has_storage:
        print('     virt_install: not run, libvirtd has no storage driver here', flush=True)
        return
    with open(f'{HERE}/../../docs/libvirt.md', encoding='utf-8') as file:
        line = re.search(r'^    (virt-install (?:.*\\\n)*.*)', file.read(), re.MULTILINE)[1].replace('\\\n', ' ')
    with Domain(world, 'small', ("type='raw'/>", "type='qcow2'/>"), ('disk.raw', 'disk.qcow2'), define=False) as domain:
        for old, new in (('--name small', f'--name {domain.name}'), (IMAGES, domain.images), (EMULATOR, world.binary)):
            expect_in(old, line)
            line = line.replace(old, new)
        environment = {**os.environ, 'LC_ALL': 'C', 'HOME': world.directory}
        done = subprocess.run([*line.split(), '--connect', URI, '--noautoconsole'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=environment, timeout=120, check=False)
        expect(done.stdout.decode(), done.returncode, 0)
        domain.expect_state('running')
        expect_in(f'<emulator>{world.binary}</emulator>', domain.live_xml())
        expect_in('virtio-blk-pci', ' '.join(domain.command_line()))


@scenario(guest=True)
def ovmf_with_variables(world):
    """The firmware looks for something to boot; on a KVM that cannot run all of its instructions it is started, and that is said."""
    with Domain(world, 'uefi', start=False) as domain:
        domain.start('--paused')
        domain.expect_state('paused')
        expect('flash', os.path.getsize(f'{domain.images}/uefi_VARS.fd') > 0, True)
        words = ' '.join(domain.command_line())
        expect_in('pflash0=libvirt-pflash0-format,pflash1=libvirt-pflash1-format', words)
        console = Console(domain.say('ttyconsole'))
        try:
            domain.virsh('resume')
            time.sleep(1)
            if domain.state() == 'paused' and 'KVM could not emulate' in domain.log():
                print('     ovmf_with_variables: this KVM cannot run the firmware; only its start was seen', flush=True)
                return
            console.wait('BdsDxe', BOOT)
        finally:
            console.close()


@scenario
def firmware_chosen_by_libvirt(world):
    with Domain(world, 'small', ("<os>", "<os firmware='efi'>"),
                (OS, OS + "<firmware><feature enabled='no' name='secure-boot'/></firmware>"), start=False) as domain:
        domain.start('--paused')
        expect_in('OVMF_CODE', domain.live_xml())


@scenario
def bios_from_a_file(world):
    with Domain(world, 'small', (OS, OS + "<loader type='rom'>/usr/share/seabios/bios-256k.bin</loader>")) as domain:
        domain.expect_state('running')
        expect_in('-bios', domain.command_line())


@scenario
def boot_order_and_menu(world):
    with Domain(world, 'boot') as domain:
        words = ' '.join(domain.command_line())
        expect_in('menu=on', words)
        expect_in('"bootindex":1', words)
        expect_in('"bootindex":2', words)
        domain.expect_state('running')


@scenario
def smbios_from_sysinfo(world):
    with Domain(world, 'sysinfo') as domain:
        domain.expect_state('running')
        words = ' '.join(domain.command_line())
        expect_in('type=1,manufacturer=Example', words)
        expect_in('name=opt/com.example/greeting,string=hello', words)


@scenario
def clocks(world):
    offsets = ("<clock offset='localtime'/>", "<clock offset='variable' adjustment='3600' basis='utc'/>",
               "<clock offset='utc'><timer name='rtc' tickpolicy='catchup'/><timer name='pit' tickpolicy='delay'/>"
               "<timer name='hpet' present='no'/></clock>", "<clock offset='timezone' timezone='Europe/Paris'/>")
    for clock in offsets:
        with Domain(world, 'small', ('  <devices>', f'  {clock}\n  <devices>')) as domain:
            domain.expect_state('running')


@scenario
def machine_features(world):
    features = "<pae/><vmport state='off'/><smm state='off'/><ioapic driver='kvm'/>"
    with Domain(world, 'small', ('<apic/>', '<apic/>' + features)) as domain:
        domain.expect_state('running')
        expect_in('kernel_irqchip=on', ' '.join(domain.command_line()))


@scenario
def split_interrupt_controller(world):
    with Domain(world, 'small', ('<apic/>', "<apic/><ioapic driver='qemu'/>")) as domain:
        expect_in('kernel_irqchip=split', ' '.join(domain.command_line()))
        domain.expect_state('running')


@scenario
def power_management(world):
    with Domain(world, 'small', ('  <devices>', "  <pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>\n  <devices>")) as domain:
        expect_in('ICH9-LPC.disable_s3=1', domain.command_line())
        domain.expect_state('running')
        domain.refused('S3|suspend|not supported|guest agent', 'dompmsuspend', 'mem')


@scenario
def serial_port_to_a_file(world):
    with Domain(world, 'small', (PTY_SERIAL, "<serial type='file'><source path='/var/lib/libvirt/images/serial.log' append='on'/></serial>"),
                ("<console type='pty'/>", '')) as domain:
        expect_in('/dev/fdset/', ' '.join(domain.command_line()))
        eventually('the log is there', lambda: os.path.exists(f'{domain.images}/serial.log'))


@scenario
def serial_port_with_a_log(world):
    with Domain(world, 'small', (PTY_SERIAL, "<serial type='pty'><log file='/var/lib/libvirt/images/pty.log' append='off'/></serial>")) as domain:
        eventually('the log is there', lambda: os.path.exists(f'{domain.images}/pty.log'))
        domain.expect_state('running')


@scenario
def serial_ports_on_sockets(world):
    with Domain(world, 'serial') as domain:
        domain.expect_state('running')
        path = f'{domain.images}/serial.sock'
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(path)
        port = int(re.search(r"mode='bind'[^>]*service='(\d+)'", domain.live_xml()).group(1))
        socket.create_connection(('127.0.0.1', port), timeout=5).close()


@scenario
def guest_agent_channel(world):
    with Domain(world, 'channels') as domain:
        text = domain.live_xml()
        expect_in("state='disconnected'", text)
        expect_in('org.qemu.guest_agent.0', text)
        domain.refused('guest agent', 'qemu-agent-command', '{"execute":"guest-ping"}', '--timeout', '1')


@scenario
def console_on_virtio(world):
    with Domain(world, 'channels') as domain:
        expect_in('/dev/pts/', domain.say('ttyconsole'))
        expect_in('virtconsole', ' '.join(domain.command_line()))


@scenario
def direct_kernel(world):
    """A bzImage that the machine is given; here the file is one that only looks like a kernel."""
    kernel = next((f'/boot/{name}' for name in (os.listdir('/boot') if os.path.isdir('/boot') else []) if name.startswith('vmlinuz')), None)
    with Domain(world, 'kernel', start=False) as domain:
        if kernel is None:
            with open(f'{domain.images}/vmlinuz', 'wb') as file:
                file.write(bytes(8192))
            domain.refused('kernel', 'start')
            return
        subprocess.run(['cp', kernel, f'{domain.images}/vmlinuz'], check=True)
        open(f'{domain.images}/initrd.img', 'wb').close()
        domain.start()
        domain.expect_state('running')


@scenario
def options_of_ones_own(world):
    with Domain(world, 'commandline') as domain:
        domain.expect_state('running')
        words = domain.command_line()
        expect_in('-device', words)
        expect_in('isa-debug-exit', ' '.join(words))


@scenario(needs=RECENT)
def sandbox_is_on(world):
    with Domain(world, 'small') as domain:
        with open(f'/proc/{domain.pid()}/status', encoding='utf-8') as file:
            expect_in('Seccomp:\t2', file.read())


@scenario
def no_acpi(world):
    with Domain(world, 'small', ('<acpi/>', '')) as domain:
        domain.expect_state('running')


@scenario
def transitional_names(world):
    with Domain(world, 'small', ("<disk type='file' device='disk'>", "<disk type='file' device='disk' model='virtio-non-transitional'>"),
                ("<model type='virtio'/>", "<model type='virtio-non-transitional'/>"), ("<rng model='virtio'>", "<rng model='virtio-transitional'>"),
                ("<memballoon model='virtio'/>", "<memballoon model='virtio-non-transitional'/>")) as domain:
        domain.expect_state('running')
        words = ' '.join(domain.command_line())
        for name in ('virtio-blk-pci-non-transitional', 'virtio-net-pci-non-transitional', 'virtio-rng-pci-transitional'):
            expect_in(name, words)
