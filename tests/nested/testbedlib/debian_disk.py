"""A Debian 12 disk, made from Debian's packages: GPT, an EFI partition with GRUB, ext4 with systemd and a service that says on the serial port
what it finds and does. No loop devices and no mounts: the file systems are made from folders. Kept in the testbed's cache as qcow2."""
import hashlib
import os
import pathlib
import subprocess
import tempfile

from . import debian
from .common import Failure, build_lock, cache_dir, run, say

SUITE = 'bookworm'
PACKAGES = 'linux-image-amd64,initramfs-tools,systemd-sysv,udev,kmod,dbus,iproute2,busybox,zstd'
TOOLS = {'debootstrap': 'debootstrap', 'grub-mkstandalone': 'grub-common', 'mformat': 'mtools', 'mke2fs': 'e2fsprogs', 'sfdisk': 'fdisk', 'qemu-img': 'qemu-utils'}
GRUB_MODULES = pathlib.Path('/usr/lib/grub/x86_64-efi/normal.mod')
MIB = 1 << 20
ESP_AT, ESP_SIZE, ROOT_SIZE = 1 * MIB, 63 * MIB, 900 * MIB
ROOT_AT = ESP_AT + ESP_SIZE

GRUB = '''set timeout=0
search --no-floppy --label root --set=root
linux /vmlinuz root=LABEL=root ro console=ttyS0 net.ifnames=0 quiet
initrd /initrd.img
boot
'''
SERVICE = '''[Unit]
Description=Says that the system is up
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/penumbra-report
StandardOutput=tty
TTYPath=/dev/ttyS0
[Install]
WantedBy=multi-user.target
'''
REPORT = '''#!/bin/sh
echo "DEBIAN up kernel=$(uname -r) root=$(findmnt -no SOURCE /) cpus=$(nproc)"
echo written >> /var/log/penumbra-boots
echo "DEBIAN boots=$(wc -l < /var/log/penumbra-boots)"
# The card's driver may still be on its way.
modprobe virtio_net
udevadm settle
echo "DEBIAN card=$(readlink -f /sys/class/net/eth0/device)"
ip link set eth0 up
echo "DEBIAN link=$(cat /sys/class/net/eth0/carrier)"
busybox udhcpc -i eth0 -n -q -t 10 -s /usr/local/sbin/penumbra-dhcp >/dev/null 2>&1
echo "DEBIAN address=$(ip -4 -o addr show eth0 | awk '{print $4}')"
busybox wget -q -O /tmp/fetched http://10.0.2.2:8099/file && echo "DEBIAN fetched=$(sha256sum < /tmp/fetched | cut -c1-64)"
sync
echo "DEBIAN ready"
'''
DHCP = '''#!/bin/sh
[ "$1" = bound ] && ip addr add "$ip/$mask" dev "$interface" && ip route add default via "$router"
exit 0
'''


def _write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _make_root(root, log):
    run(['debootstrap', '--variant=minbase', f'--include={PACKAGES}', SUITE, root], log=log)
    _write(root / 'etc/fstab', 'LABEL=root / ext4 errors=remount-ro 0 1\n')
    _write(root / 'etc/hostname', 'debian\n')
    _write(root / 'usr/local/sbin/penumbra-report', REPORT, 0o755)
    _write(root / 'usr/local/sbin/penumbra-dhcp', DHCP, 0o755)
    _write(root / 'etc/systemd/system/penumbra-report.service', SERVICE)
    wants = root / 'etc/systemd/system/multi-user.target.wants'
    wants.mkdir(parents=True, exist_ok=True)
    (wants / 'penumbra-report.service').symlink_to('/etc/systemd/system/penumbra-report.service')
    # A terminal's login prompt hangs up whoever has the port open: the report would be cut off.
    (root / 'etc/systemd/system/serial-getty@ttyS0.service').symlink_to('/dev/null')
    # Only what the disks of this machine need: a small initramfs loads sooner.
    _write(root / 'etc/initramfs-tools/conf.d/modules', 'MODULES=list\nCOMPRESS=zstd\n')
    _write(root / 'etc/initramfs-tools/modules', '\n'.join(('ahci', 'sd_mod', 'virtio_pci', 'virtio_blk', 'virtio_scsi', 'ext4', 'crc32c_generic')) + '\n')
    run(['chroot', root, 'update-initramfs', '-u', '-k', 'all'], log=log)
    for name in ('var/cache/apt/archives', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/locale'):
        run(['find', root / name, '-type', 'f', '-delete'])


def _make_image(folder, root, log):
    grub, efi = folder / 'grub.cfg', folder / 'bootx64.efi'
    grub.write_text(GRUB)
    modules = 'part_gpt ext2 fat normal linux search search_label echo all_video serial terminal'
    run(['grub-mkstandalone', '-O', 'x86_64-efi', '-o', efi, f'--install-modules={modules}', f'--modules={modules}', '--locales=', '--fonts=', '--themes=',
         f'boot/grub/grub.cfg={grub}'], log=log)
    esp, ext4, disk = folder / 'esp.img', folder / 'root.img', folder / 'disk.raw'
    with open(esp, 'wb') as out:
        out.truncate(ESP_SIZE)
    run(['mformat', '-i', esp, '-F', '-T', str(ESP_SIZE // 512), '::'], log=log)
    run(['mmd', '-i', esp, '::EFI', '::EFI/BOOT'], log=log)
    run(['mcopy', '-i', esp, efi, '::EFI/BOOT/BOOTX64.EFI'], log=log)
    run(['mke2fs', '-q', '-t', 'ext4', '-L', 'root', '-d', root, ext4, f'{ROOT_SIZE // MIB}M'], log=log)
    with open(disk, 'wb') as out:
        out.truncate(ROOT_AT + ROOT_SIZE + MIB)
    table = f'label: gpt\nstart={ESP_AT // 512}, size={ESP_SIZE // 512}, type=U\nstart={ROOT_AT // 512}, size={ROOT_SIZE // 512}, type=L\n'
    subprocess.run(['sfdisk', '-q', disk], input=table.encode(), check=True)
    for part, at in ((esp, ESP_AT), (ext4, ROOT_AT)):
        run(['dd', f'if={part}', f'of={disk}', 'bs=1M', f'seek={at // MIB}', 'conv=notrunc,sparse', 'status=none'], log=log)
    run(['qemu-img', 'convert', '-O', 'qcow2', disk, folder / 'debian.qcow2'], log=log)


def ensure():
    """The image's path; made when it is not there yet, which takes root and some minutes."""
    recipe = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:12]
    final = cache_dir() / 'disks' / f'debian-{recipe}.qcow2'
    with build_lock():
        if final.exists():
            return final
        if os.geteuid() != 0:
            raise Failure('a Debian disk is made by root (debootstrap); run this once as root')
        debian.need_tools(TOOLS)
        if not GRUB_MODULES.exists():
            run(['apt-get', 'install', '-y', '--no-install-recommends', 'grub-efi-amd64-bin'], env={'DEBIAN_FRONTEND': 'noninteractive'})
        say(f'making a Debian 12 disk in {final} (some minutes)')
        with tempfile.TemporaryDirectory(dir=cache_dir(), prefix='disk-') as scratch:
            folder = pathlib.Path(scratch)
            log = cache_dir() / 'disk-build.log'
            _make_root(folder / 'root', log)
            _make_image(folder, folder / 'root', log)
            final.parent.mkdir(exist_ok=True)
            for old in final.parent.iterdir():
                old.unlink()
            os.rename(folder / 'debian.qcow2', final)
    return final


def root_is_clean(image, folder):
    """e2fsck of the root file system of an image (overlays too); '' when there is nothing to say."""
    raw = pathlib.Path(folder) / 'check.raw'
    run(['qemu-img', 'convert', '-O', 'raw', image, raw])
    done = subprocess.run(['e2fsck', '-fn', f'{raw}?offset={ROOT_AT}'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    raw.unlink()
    return '' if done.returncode == 0 else done.stdout
