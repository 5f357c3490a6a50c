"""The variety of what people write into a domain: each line is a domain that starts, shows what it was asked for, and stops; or one that
is refused, when it is defined or started, with one error."""
from domain import Domain
from scenario import add, expect_in

CPU = "<cpu mode='host-passthrough'/>"
BALLOON = "    <memballoon model='virtio'/>\n"
VCPU = '<vcpu>2</vcpu>'
DISK = """    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/var/lib/libvirt/images/disk.raw'/>
      <target dev='vda' bus='virtio'/>
    </disk>
"""
NIC = """    <interface type='user'>
      <model type='virtio'/>
    </interface>
"""
SERIAL = "    <serial type='pty'/>\n    <console type='pty'/>\n"
RNG = "      <backend model='random'>/dev/urandom</backend>"
PORT = "<controller type='pci' model='pcie-root-port'/>"
OS = "<type arch='x86_64' machine='q35'>hvm</type>"
FEATURES = "    <acpi/>\n    <apic/>\n"
USB = "    <controller type='usb' model='none'/>\n"


def device(text):
    return (BALLOON, f'    {text}\n{BALLOON}')


def cpu(text):
    return (CPU, text)


def before_devices(text):
    return ('  <devices>', f'  {text}\n  <devices>')


def after_vcpu(text):
    return (VCPU, VCPU + text)


def feature(text):
    return (FEATURES, FEATURES + text)

ROOT = "<controller type='pci' index='0' model='pcie-root'/>"

# Each starts: what its command line has, and what it changes of domains/small.xml.
STARTS = {
    'no_usb_element': ([], (USB, '')),
    'machine_version': (['pc-q35-6.2'], ("machine='q35'", "machine='pc-q35-6.2'")),
    'memory_in_gib': ([], ("<memory unit='MiB'>256", "<memory unit='GiB'>3")),
    'one_cpu': ([], (VCPU, '<vcpu>1</vcpu>')),
    'eight_cpus': ([], (VCPU, '<vcpu>8</vcpu>')),
    'vcpus_listed': ([], (VCPU, "<vcpu current='2'>4</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/><vcpu id='1' enabled='no' hotpluggable='yes'/><vcpu id='2' enabled='yes' hotpluggable='yes'/><vcpu id='3' enabled='no' hotpluggable='yes'/></vcpus>")),
    'cpu_epyc': (['EPYC'], cpu("<cpu mode='custom' match='exact' check='none'><model fallback='allow'>EPYC</model></cpu>")),
    'cpu_skylake_partial': ([], cpu("<cpu mode='custom' match='minimum' check='none'><model fallback='allow'>Nehalem</model><feature policy='disable' name='vme'/></cpu>")),
    'cpu_kvm64': (['kvm64'], cpu("<cpu mode='custom' match='exact'><model>kvm64</model></cpu>")),
    'cpu_host_migratable': ([], cpu("<cpu mode='host-passthrough' check='none' migratable='on'/>")),
    'cpu_cache_emulate': (['l3-cache'], cpu("<cpu mode='host-passthrough'><cache mode='emulate' level='3'/></cpu>")),
    'cpu_maxphysaddr': ([], cpu("<cpu mode='host-passthrough'><maxphysaddr mode='passthrough'/></cpu>")),
    'cpu_maxphysaddr_emulate': ([], cpu("<cpu mode='host-passthrough'><maxphysaddr mode='emulate' bits='39'/></cpu>")),
    'cpu_require_feature': ([], cpu("<cpu mode='host-model' check='partial'><feature policy='disable' name='x2apic'/></cpu>")),
    'topology_sockets': ([], (VCPU, '<vcpu>6</vcpu>'), cpu("<cpu mode='host-passthrough'><topology sockets='2' dies='1' cores='3' threads='1'/></cpu>")),
    'topology_dies': ([], (VCPU, '<vcpu>8</vcpu>'), cpu("<cpu mode='host-passthrough'><topology sockets='1' dies='2' cores='2' threads='2'/></cpu>")),
    'numa_cells_memfd_shared': (['ram-node0', '"share":true'], cpu("<cpu mode='host-passthrough'><numa><cell id='0' cpus='0' memory='131072' memAccess='shared'/><cell id='1' cpus='1' memory='131072' memAccess='shared'/></numa></cpu>"), after_vcpu("<memoryBacking><source type='memfd'/></memoryBacking>")),
    'numa_memory_only_cell': ([], cpu("<cpu mode='host-passthrough'><numa><cell id='0' cpus='0-1' memory='131072'/><cell id='1' memory='131072'/></numa></cpu>")),
    'numatune_strict': (['"policy":"bind"'], after_vcpu("<numatune><memory mode='strict' nodeset='0'/></numatune>")),
    'numatune_preferred': ([], after_vcpu("<numatune><memory mode='preferred' nodeset='0'/></numatune>")),
    'numatune_interleave': ([], after_vcpu("<numatune><memory mode='interleave' nodeset='0'/></numatune>")),
    'numatune_memnode': ([], cpu("<cpu mode='host-passthrough'><numa><cell id='0' cpus='0-1' memory='262144'/></numa></cpu>"), after_vcpu("<numatune><memory mode='strict' nodeset='0'/><memnode cellid='0' mode='strict' nodeset='0'/></numatune>")),
    'memfd_discard': ([], after_vcpu("<memoryBacking><source type='memfd'/><access mode='shared'/><discard/></memoryBacking>")),
    'memfd_private': ([], after_vcpu("<memoryBacking><source type='memfd'/><access mode='private'/></memoryBacking>")),
    'memory_immediate': (['prealloc'], after_vcpu("<memoryBacking><allocation mode='immediate' threads='2'/></memoryBacking>")),
    'memory_anonymous': ([], after_vcpu("<memoryBacking><source type='anonymous'/></memoryBacking>")),
    'nosharepages': (['mem-merge=off'], after_vcpu("<memoryBacking><nosharepages/></memoryBacking>")),
    'max_memory_and_slots': (['maxmem'], ("<memory unit='MiB'>256", "<maxMemory slots='8' unit='MiB'>1024</maxMemory><memory unit='MiB'>256"), cpu("<cpu mode='host-passthrough'><numa><cell id='0' cpus='0-1' memory='262144'/></numa></cpu>")),
    'dimm_at_start': (['pc-dimm'], ("<memory unit='MiB'>256", "<maxMemory slots='8' unit='MiB'>1024</maxMemory><memory unit='MiB'>384"), cpu("<cpu mode='host-passthrough'><numa><cell id='0' cpus='0-1' memory='262144'/></numa></cpu>"), device("<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>")),
    'dump_core_off': (['dump-guest-core=off'], ("<memory unit", "<memory dumpCore='off' unit")),
    'iothreads_ids': (['iothread'], after_vcpu("<iothreads>2</iothreads><iothreadids><iothread id='2'/><iothread id='5'/></iothreadids>")),
    'iothread_pool': ([], after_vcpu("<iothreads>1</iothreads><iothreadids><iothread id='1' thread_pool_min='1' thread_pool_max='16'/></iothreadids>")),
    'iothread_pin': ([], after_vcpu("<iothreads>1</iothreads><cputune><iothreadpin iothread='1' cpuset='0'/><vcpusched vcpus='0' scheduler='batch'/></cputune>")),
    'smbios_host': ([], (OS, OS + "<smbios mode='sysinfo'/>"), before_devices("<sysinfo type='smbios'><bios><entry name='vendor'>A</entry><entry name='version'>1</entry><entry name='date'>01/01/2020</entry><entry name='release'>1.2</entry></bios><system><entry name='manufacturer'>M</entry><entry name='product'>P</entry><entry name='version'>1</entry><entry name='serial'>S</entry><entry name='sku'>K</entry><entry name='family'>F</entry></system><baseBoard><entry name='manufacturer'>M</entry><entry name='product'>P</entry><entry name='version'>1</entry><entry name='serial'>S</entry><entry name='asset'>T</entry><entry name='location'>L</entry></baseBoard><chassis><entry name='manufacturer'>M</entry><entry name='version'>1</entry><entry name='serial'>S</entry><entry name='asset'>T</entry><entry name='sku'>K</entry></chassis><oemStrings><entry>one</entry><entry>two, with comma</entry></oemStrings></sysinfo>")),
    'bootmenu_splash': ([], (OS, OS + "<bootmenu enable='no'/><bios useserial='yes' rebootTimeout='1000'/>")),
    'boot_dev_list': ([], (OS, OS + "<boot dev='hd'/><boot dev='network'/><boot dev='cdrom'/>")),
    'clock_variable': ([], before_devices("<clock offset='variable' adjustment='-7200' basis='localtime'/>")),
    'clock_absolute': ([], before_devices("<clock offset='absolute' start='1600000000'/>")),
    'timers_all': ([], before_devices("<clock offset='utc'><timer name='rtc' tickpolicy='delay' track='guest'/><timer name='pit' tickpolicy='discard'/><timer name='hpet' present='yes'/><timer name='kvmclock' present='yes'/><timer name='hypervclock' present='no'/></clock>")),
    'kvmclock_off': ([], before_devices("<clock offset='utc'><timer name='kvmclock' present='no'/></clock>")),
    'tsc_native': ([], before_devices("<clock offset='utc'><timer name='tsc' mode='native'/></clock>")),
    'kvm_features': ([], feature("<kvm><hidden state='on'/><hint-dedicated state='on'/><poll-control state='on'/></kvm>")),
    'pv_spinlock_hap_pmu': ([], feature("<pvspinlock state='on'/><hap state='on'/><pmu state='off'/><privnet/>")),
    'apic_eoi': ([], (FEATURES, "<acpi/><apic eoi='on'/><pae/><viridian/>")),
    'vmport_off_smm_off': ([], feature("<vmport state='off'/><smm state='off'/>")),
    'ioapic_qemu': ([], feature("<ioapic driver='qemu'/>")),
    'iommu_intel': (['intel-iommu'], feature("<ioapic driver='qemu'/>"), device("<iommu model='intel'><driver intremap='on'/></iommu>")),
    'iommu_intel_iotlb': (['"device-iotlb":true'], feature("<ioapic driver='qemu'/>"), device("<iommu model='intel'><driver intremap='on' iotlb='on' aw_bits='48'/></iommu>")),
    'vmcoreinfo': ([], feature("<vmcoreinfo state='on'/>")),
    'on_crash_coredump_restart': ([], before_devices("<on_crash>coredump-restart</on_crash>")),
    'on_poweroff_restart': ([], before_devices("<on_poweroff>restart</on_poweroff>")),
    'on_reboot_destroy': ([], before_devices("<on_reboot>destroy</on_reboot>")),
    'on_lockfailure': ([], before_devices("<on_lockfailure>ignore</on_lockfailure>")),
    'seclabel_none': ([], before_devices("<seclabel type='none'/>")),
    'genid_random': ([], before_devices("<genid/>") if 0 else ("  <memory", "  <genid/>\n  <memory")),
    'title_description_metadata': ([], ("  <memory", "  <title>t</title><description>d &lt; e</description><metadata><app:x xmlns:app='http://a.b/'>1</app:x></metadata>\n  <memory")),
    'fourteen_ports': ([], device(ROOT + "<controller type='pci' model='pcie-root-port'/>" * 14)),
    'port_targets': ([], device(ROOT + "<controller type='pci' index='1' model='pcie-root-port'><target chassis='1' port='0x10' hotplug='off'/></controller><controller type='pci' index='2' model='pcie-root-port'><target chassis='2' port='0x11'/></controller>")),
    'switch_ports': ([], device(ROOT + "<controller type='pci' index='1' model='pcie-root-port'/><controller type='pci' index='2' model='pcie-switch-upstream-port'><address type='pci' bus='0x01' slot='0'/></controller><controller type='pci' index='3' model='pcie-switch-downstream-port'><address type='pci' bus='0x02' slot='0'/></controller><controller type='pci' index='4' model='pcie-switch-downstream-port'><address type='pci' bus='0x02' slot='1'/></controller>")),
    'dmi_to_pci_bridge': ([], device(ROOT + "<controller type='pci' index='1' model='dmi-to-pci-bridge'/><controller type='pci' index='2' model='pci-bridge'/>")),
    'pci_hole64': ([], device("<controller type='pci' index='0' model='pcie-root'><pcihole64 unit='KiB'>2097152</pcihole64></controller>")),
    'scsi_controllers': ([], device("<controller type='scsi' index='0' model='virtio-scsi'/><controller type='scsi' index='1' model='virtio-scsi'><driver queues='4' cmd_per_lun='8' max_sectors='512'/></controller>")),
    'scsi_transitional': ([], device("<controller type='scsi' model='virtio-non-transitional'/>")),
    'virtio_serial_controller': ([], device("<controller type='virtio-serial' index='0' ports='16' vectors='4'/><channel type='unix'><target type='virtio' name='a.b.c'/></channel>")),
    'two_serial_controllers': ([], device("<controller type='virtio-serial' index='0'/><controller type='virtio-serial' index='1'/><channel type='null'><target type='virtio' name='x.1'/><address type='virtio-serial' controller='1' bus='0' port='3'/></channel>")),
    'virtio_page_per_vq': ([], (NIC, "<interface type='user'><model type='virtio'/><driver packed='on' page_per_vq='on' iommu='off' ats='off'/></interface>")),
    'pci_address': (['0x7'], (NIC, "<interface type='user'><model type='virtio'/><address type='pci' domain='0' bus='0' slot='7' function='0'/></interface>")),
    'pci_multifunction': ([], (NIC, "<interface type='user'><model type='virtio'/><address type='pci' domain='0' bus='0' slot='7' function='0' multifunction='on'/></interface><interface type='user'><model type='virtio'/><address type='pci' domain='0' bus='0' slot='7' function='1'/></interface>")),
    'acpi_index': ([], (NIC, "<interface type='user'><model type='virtio'/><acpi index='3'/></interface>")),
    'aliases': (['ua-mydisk'], (DISK, DISK.replace('</disk>', "<alias name='ua-mydisk'/></disk>"))),
    'nic_rom_off': ([], (NIC, "<interface type='user'><model type='virtio'/><rom enabled='no'/></interface>")),
    'nic_rom_bar': ([], (NIC, "<interface type='user'><model type='virtio'/><rom bar='off'/></interface>")),
    'nic_offloads': (['csum'], (NIC, "<interface type='user'><model type='virtio'/><driver name='qemu' txmode='iothread' ioeventfd='on' event_idx='off' rx_queue_size='256' tx_queue_size='256'><host csum='off' gso='off' tso4='off' tso6='off' ecn='off' ufo='off' mrg_rxbuf='off'/><guest csum='off' tso4='off' tso6='off' ecn='off' ufo='off'/></driver></interface>")),
    'nic_boot': ([], (NIC, "<interface type='user'><model type='virtio'/><boot order='1'/></interface>")),
    'nic_user_ip': ([], (NIC, "<interface type='user'><ip address='10.1.2.3' family='ipv4' prefix='24'/><model type='virtio'/></interface>")),
    'nic_ethernet_qemu_vhost': ([], (NIC, "<interface type='ethernet'><target dev='pnv%d'/><model type='virtio'/><driver name='qemu'/><tune><sndbuf>100000</sndbuf></tune></interface>")),
    'nic_server': ([], (NIC, "<interface type='server'><mac address='52:54:00:22:c9:42'/><source address='127.0.0.1' port='5558'/><model type='virtio'/></interface>")),
    'nic_mcast': ([], (NIC, "<interface type='mcast'><source address='230.0.0.1' port='5559'/><model type='virtio'/></interface>")),
    'nic_many': ([], (NIC, NIC * 5)),
    'disk_all_caches': ([], device(''.join(f"<disk type='file' device='disk'><driver name='qemu' type='raw' cache='{cache}'/><source file='/var/lib/libvirt/images/c{n}.raw'/><target dev='vd{'bcdef'[n]}' bus='virtio'/></disk>" for n, cache in enumerate(('none', 'writethrough', 'writeback', 'directsync', 'unsafe'))))),
    'disk_io_modes': ([], device(''.join(f"<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none' io='{io}'/><source file='/var/lib/libvirt/images/c{n}.raw'/><target dev='vd{'bcdef'[n]}' bus='virtio'/></disk>" for n, io in enumerate(('native', 'threads', 'io_uring'))))),
    'disk_discard_zeroes': ([], (DISK, DISK.replace("type='raw'/>", "type='raw' discard='ignore' detect_zeroes='on'/>"))),
    'disk_queues': ([], (DISK, DISK.replace("type='raw'/>", "type='raw' queues='4' queue_size='256' event_idx='on' ioeventfd='on'/>"))),
    'disk_wwn_serial_vendor': ([], device("<controller type='scsi' model='virtio-scsi'/><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/w.raw'/><target dev='sda' bus='scsi' rotation_rate='7200'/><wwn>5000c50015ea71ac</wwn><vendor>ACME</vendor><product>DISK</product><serial>abc123</serial></disk>")),
    'disk_blockio': ([], (DISK, DISK.replace('</disk>', "<blockio logical_block_size='512' physical_block_size='4096' discard_granularity='4096'/></disk>"))),
    'disk_iotune_full': ([], (DISK, DISK.replace('</disk>', "<iotune><total_bytes_sec>10000000</total_bytes_sec><total_iops_sec>400</total_iops_sec><total_bytes_sec_max>20000000</total_bytes_sec_max><total_iops_sec_max>800</total_iops_sec_max><size_iops_sec>4096</size_iops_sec><group_name>g1</group_name><total_iops_sec_max_length>5</total_iops_sec_max_length></iotune></disk>"))),
    'disk_shareable': ([], (DISK, DISK.replace('</disk>', "<shareable/></disk>"))),
    'disk_snapshot_attr': ([], (DISK, DISK.replace("device='disk'", "device='disk' snapshot='external'"))),
    'disk_metadata_cache': ([], (DISK, DISK.replace("type='raw'/>", "type='qcow2'><metadata_cache><max_size unit='bytes'>1048576</max_size></metadata_cache></driver>").replace('disk.raw', 'disk.qcow2'))),
    'disk_slice': ([], (DISK, DISK.replace("disk.raw'/>", "disk.raw'><slices><slice type='storage' offset='0' size='8388608'/></slices></source>"))),
    'disk_error_policies': ([], (DISK, DISK.replace("type='raw'/>", "type='raw' error_policy='enospace' rerror_policy='ignore'/>"))),
    'disk_startup_policy': ([], device("<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/missing.img' startupPolicy='optional'/><target dev='sda' bus='sata'/><readonly/></disk>")),
    'disk_two_cds_empty': ([], device("<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk><disk type='file' device='cdrom'><target dev='sdb' bus='sata' tray='open'/><readonly/></disk>")),
    'no_serial': ([], (SERIAL, '')),
    'four_serials': ([], (SERIAL, "    <serial type='pty'/>" * 4)),
    'serial_stdio': ([], (SERIAL, "    <serial type='stdio'/>")),
    'serial_unix_reconnect': ([], (SERIAL, "    <serial type='unix'><source mode='connect' path='/nonexistent/sock'><reconnect enabled='yes' timeout='5'/></source></serial>")),
    'serial_isa_model': ([], (SERIAL, "    <serial type='pty'><target type='isa-serial' port='0'><model name='isa-serial'/></target></serial>")),
    'serial_debugcon': (['isa-debugcon'], device("<serial type='pty'><target type='isa-debug' port='1'><model name='isa-debugcon'/></target><address type='isa' iobase='0x402'/></serial>")),
    'two_virtio_consoles': ([], device("<console type='pty'><target type='virtio' port='1'/></console><console type='pty'><target type='virtio' port='2'/></console>")),
    'rng_rate': ([], (RNG, "<rate bytes='1024' period='1000'/>" + RNG)),
    'two_rngs': ([], device("<rng model='virtio'><backend model='builtin'/></rng>")),
    'balloon_autodeflate': (['deflate-on-oom'], (BALLOON, "<memballoon model='virtio' autodeflate='on' freePageReporting='on'><stats period='2'/></memballoon>")),
    'balloon_none': ([], (BALLOON, "<memballoon model='none'/>")),
    'watchdog_i6300esb_actions': ([], device("<watchdog model='i6300esb' action='poweroff'/>")),
    'watchdog_inject_nmi': ([], device("<watchdog model='i6300esb' action='inject-nmi'/>")),
    'watchdog_pause': ([], device("<watchdog model='i6300esb' action='pause'/>")),
    'watchdog_dump': ([], device("<watchdog model='i6300esb' action='dump'/>")),
    'watchdog_none': ([], device("<watchdog model='i6300esb' action='none'/>")),
    'watchdog_shutdown': ([], device("<watchdog model='i6300esb' action='shutdown'/>")),
    'panic_isa_address': ([], device("<panic model='isa'><address type='isa' iobase='0x505'/></panic>")),
    'panic_default': ([], device("<panic/>")),
    'input_virtio_keyboard': ([], device("<input type='keyboard' bus='virtio'/><input type='mouse' bus='virtio' model='virtio'/><input type='tablet' bus='virtio'/>")),
    'input_ps2': ([], device("<input type='keyboard' bus='ps2'/><input type='mouse' bus='ps2'/>")),
    'audio_none': ([], device("<audio id='1' type='none'/>")),
    'video_none': ([], device("<video><model type='none'/></video>")),
    'pcie_to_pci_bridge': (['pcie-pci-bridge'], device(ROOT + PORT * 6 + "<controller type='pci' model='pcie-to-pci-bridge'/>")),
    'sata_second_controller': (['"id":"sata1"'], device(''.join(f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/s{n}.raw'/><target dev='sd{'abcdefg'[n]}' bus='sata'/></disk>" for n in range(7)))),
}

# Each is refused: with what error, and what it changes.
REFUSED = {
    'smm_on': ('no system management mode', feature("<smm state='on'/>")),
    'vmport_on': ('no VMware port', feature("<vmport state='on'/>")),
    'expander_bus': ('pxb-pcie', device(ROOT + "<controller type='pci' model='pcie-expander-bus'><target busNr='180'/></controller>")),
    'scsi_lsi': ('LSI', device("<controller type='scsi' model='lsilogic'/>")),
    'nic_e1000e': ("'e1000e' is not a valid device model", (NIC, "<interface type='user'><model type='e1000e'/></interface>")),
    'disk_copy_on_read': ('copy-on-read', (DISK, DISK.replace("type='raw'/>", "type='raw' copy_on_read='on'/>"))),
    'disk_floppy': ('isa-fdc', device("<disk type='file' device='floppy'><target dev='fda' bus='fdc'/></disk>")),
    'disk_ide': ('IDE controllers are unsupported', device("<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/i.raw'/><target dev='hda' bus='ide'/></disk>")),
    'disk_usb': ('USB is disabled', device("<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/i.raw'/><target dev='sda' bus='usb'/></disk>")),
    'disk_nbd': ("not 'nbd'", device("<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='nbd' name='x'><host name='127.0.0.1' port='10809'/></source><target dev='vdb' bus='virtio'/></disk>")),
    'disk_vdi_format': ("not 'vdi'", device("<disk type='file' device='disk'><driver name='qemu' type='vdi'/><source file='/var/lib/libvirt/images/i.raw'/><target dev='vdb' bus='virtio'/></disk>")),
    'disk_dir_fat': ("not 'vvfat'", device("<disk type='dir' device='disk'><driver name='qemu' type='fat'/><source dir='/tmp'/><target dev='vdb' bus='virtio'/><readonly/></disk>")),
    'disk_lun': ('scsi-block', device("<controller type='scsi' model='virtio-scsi'/><disk type='block' device='lun'><driver name='qemu' type='raw'/><source dev='/dev/null'/><target dev='sda' bus='scsi'/></disk>")),
    'serial_pipe': ('No such file', (SERIAL, "    <serial type='pipe'><source path='/nonexistent/pipe'/></serial>")),
    'serial_udp': ("not 'udp'", (SERIAL, "    <serial type='udp'><source mode='bind' host='127.0.0.1' service='4555'/><source mode='connect' host='127.0.0.1' service='4556'/></serial>")),
    'serial_dev': ("not 'serial'", (SERIAL, "    <serial type='dev'><source path='/dev/null'/></serial>")),
    'serial_tcp_tls': ('tls-creds-x509', (SERIAL, "    <serial type='tcp'><source mode='bind' host='127.0.0.1' service='46012' tls='yes'/><protocol type='raw'/></serial>")),
    'serial_unix_connect': ('No such file', (SERIAL, "    <serial type='unix'><source mode='connect' path='/nonexistent/sock'/></serial>")),
    'serial_pci': ('pci-serial', (SERIAL, "    <serial type='pty'><target type='pci-serial' port='0'><model name='pci-serial'/></target></serial>")),
    'parallel': ('isa-parallel', device("<parallel type='pty'/>")),
    'channel_spicevmc': ('spice', device("<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>")),
    'channel_guestfwd': ('could not open|guestfwd', device("<channel type='pipe'><source path='/tmp/guestfwd'/><target type='guestfwd' address='10.0.2.1' port='4600'/></channel>")),
    'rng_egd': ('rng-egd', (RNG, "<backend model='egd' type='udp'><source mode='bind' service='1234'/><source mode='connect' host='1.2.3.4' service='1234'/></backend>")),
    'rng_hwrng': ('No such file', (RNG, "<backend model='random'>/dev/nonexistent</backend>")),
    'watchdog_ib700': ("'ib700' is not a valid", device("<watchdog model='ib700' action='none'/>")),
    'input_usb': ('USB', device("<input type='tablet' bus='usb'/>")),
    'input_evdev': ('input-linux|evdev|No such file', device("<input type='evdev'><source dev='/dev/input/event99'/></input>")),
    'sound': ('audio controller', device("<sound model='ich9'/>")),
    'graphics_spice': ('video model|spice', device("<graphics type='spice' autoport='yes'/>")),
    'graphics_egl': ('video model|egl', device("<graphics type='egl-headless'/>")),
    'video_virtio': ("video model 'virtio'", device("<video><model type='virtio'/></video>")),
    'shmem': ('ivshmem', device("<shmem name='s0'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>")),
    'vsock': ('vsock', device("<vsock model='virtio'><cid auto='yes'/></vsock>")),
    'filesystem_9p': ('-fsdev', device("<filesystem type='mount' accessmode='passthrough'><source dir='/tmp'/><target dir='t'/></filesystem>")),
    'virtiofs': ('virtiofs', after_vcpu("<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"), device("<filesystem type='mount' accessmode='passthrough'><driver type='virtiofs'/><source dir='/tmp'/><target dir='t'/></filesystem>")),
    'nvram': ('USB', device("<redirdev bus='usb' type='tcp'><source mode='connect' host='localhost' service='4000'/></redirdev>")),
    'hostdev_scsi': ('scsi', device("<controller type='scsi' model='virtio-scsi'/><hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host99'/><address bus='0' target='0' unit='0'/></source></hostdev>")),
    'memory_nvdimm': ('nvdimm', ("<memory unit='MiB'>256", "<maxMemory slots='8' unit='MiB'>1024</maxMemory><memory unit='MiB'>384"), cpu("<cpu mode='host-passthrough'><numa><cell id='0' cpus='0-1' memory='262144'/></numa></cpu>"), device("<memory model='nvdimm'><source><path>/tmp/nvdimm</path></source><target><size unit='MiB'>128</size><node>0</node></target></memory>")),
    'memory_virtio_mem': ('virtio-mem', ("<memory unit='MiB'>256", "<maxMemory slots='8' unit='MiB'>1024</maxMemory><memory unit='MiB'>384"), cpu("<cpu mode='host-passthrough'><numa><cell id='0' cpus='0-1' memory='262144'/></numa></cpu>"), device("<memory model='virtio-mem'><target><size unit='MiB'>128</size><node>0</node><block unit='MiB'>2</block><requested unit='MiB'>0</requested></target></memory>")),
    'secure_boot': ('system management mode', ("<os>", "<os firmware='efi'>"), (OS, OS + "<firmware><feature enabled='yes' name='secure-boot'/></firmware>")),
    'loader_secure': ('system management mode', feature("<smm state='on'/>"), (OS, OS + "<loader readonly='yes' secure='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.secboot.fd</loader>")),
    'loader_missing': ('nonexistent', (OS, OS + "<loader readonly='yes' type='pflash'>/nonexistent.fd</loader>")),
    'hyper_v': ('Hyper-V enlightenments are not offered', feature("<hyperv mode='custom'><relaxed state='on'/></hyperv>")),
    'suspend_to_memory': ('the machine cannot suspend', before_devices("<pm><suspend-to-mem enabled='yes'/></pm>")),
    'dirty_ring': ('dirty-ring-size', feature("<kvm><dirty-ring state='on' size='4096'/></kvm>")),
    'network_card_in_a_team': ('failover', (NIC, "<interface type='user'><model type='virtio'/><teaming type='persistent'/></interface>")),
    'acpi_table_without_a_file': ('No such file', (OS, OS + "<acpi><table type='slic'>/nonexistent</table></acpi>")),
}


def starts(world, row):
    wanted, *changes = STARTS[row]
    with Domain(world, 'small', *changes) as domain:
        domain.expect_state('running')
        words = ' '.join(domain.command_line())
        for text in wanted:
            expect_in(text, words)
        domain.virsh('destroy')


def refused(world, row):
    error, *changes = REFUSED[row]
    with Domain(world, 'small', *changes, define=False) as domain:
        world.refused(error, 'create', domain.path)


for name in STARTS:
    add(f'starts_{name}', lambda world, name=name: starts(world, name))
for name in REFUSED:
    add(f'refuses_{name}', lambda world, name=name: refused(world, name))
