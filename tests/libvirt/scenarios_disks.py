"""Disks on every bus, and what virsh asks and changes of them."""
import os
import re
import subprocess
import time

from domain import Domain
from scenario import RECENT, expect, expect_in, expect_not_in, scenario
from world import URI, eventually


@scenario
def disks_on_every_bus(world):
    with Domain(world, 'disks') as domain:
        domain.expect_state('running')
        words = ' '.join(domain.command_line())
        for wanted in ('virtio-blk-pci', '"driver":"scsi-hd"', '"driver":"scsi-cd"', '"driver":"ide-hd"', '"driver":"ide-cd"', '"iothread":"iothread1"', '"driver":"qcow2"'):
            expect_in(wanted, words)
        listed = domain.say('domblklist', '--details')
        for name in ('vda', 'vdb', 'sda', 'sdb', 'sdc', 'sdd', 'sde'):
            expect_in(name, listed)


@scenario(needs=RECENT)
def domblk_queries(world):
    with Domain(world, 'disks') as domain:
        for name in ('vda', 'sda', 'sdc'):
            expect_in('rd_req', domain.say('domblkstat', name))
            expect_in('Capacity:       16777216', domain.say('domblkinfo', name))
        expect_in('Capacity:', domain.say('domblkinfo', 'vdb'))
        expect_in('vda', domain.say('domblkinfo', '--all'))
        expect_in('No errors found', domain.say('domblkerror'))


@scenario(needs=RECENT)
def block_resize(world):
    with Domain(world, 'disks') as domain:
        domain.virsh('blockresize', 'vda', '33554432B')
        expect('size', os.path.getsize(f'{domain.images}/disk.raw'), 33554432)
        domain.virsh('blockresize', f'{domain.images}/second.qcow2', '24M')
        expect_in('25165824', domain.say('domblkinfo', 'vdb'))


@scenario
def change_media(world):
    with Domain(world, 'disks') as domain:
        other = f'{domain.images}/other.iso'
        domain.make_image(other)
        domain.virsh('change-media', 'sdd', '--eject')
        eventually('the tray is open', lambda: 'other.iso' not in domain.say('domblklist'))
        domain.virsh('change-media', 'sdd', other, '--insert')
        expect_in('other.iso', domain.say('domblklist'))
        domain.virsh('change-media', 'sde', other, '--insert')
        expect('twice', domain.say('domblklist').count('other.iso'), 2)


@scenario(needs=RECENT)
def disk_limits(world):
    with Domain(world, 'disks') as domain:
        domain.virsh('blkdeviotune', 'vda', '--total-iops-sec', '500', '--total-bytes-sec', '1000000')
        text = domain.say('blkdeviotune', 'vda')
        expect_in('total_iops_sec : 500', text)
        expect_in('total_bytes_sec: 1000000', text)
    with Domain(world, 'small', ("<target dev='vda' bus='virtio'/>", "<target dev='vda' bus='virtio'/><iotune><read_iops_sec>100</read_iops_sec></iotune>")) as domain:
        expect_in('read_iops_sec  : 100', domain.say('blkdeviotune', 'vda'))


@scenario(needs=('blockdev-create', 'blockdev-snapshot', 'transaction',))
def snapshot_of_a_disk(world):
    with Domain(world, 'disks') as domain:
        domain.virsh('snapshot-create-as', 's1', '--disk-only', '--diskspec', f'vda,snapshot=external,file={domain.images}/overlay.qcow2',
                     *[word for name in ('vdb', 'sda', 'sdb', 'sdc') for word in ('--diskspec', f'{name},snapshot=no')])
        expect_in('overlay.qcow2', domain.say('domblklist'))
        expect_in('s1', domain.say('snapshot-list'))
        domain.expect_state('running')
        info = subprocess.run(['qemu-img', 'info', '-U', f'{domain.images}/overlay.qcow2'], stdout=subprocess.PIPE, check=True).stdout.decode()
        expect_in('backing file:', info)


JOBS = ('block-commit', 'block-stream', 'blockdev-mirror', 'job-complete')
OTHERS = [word for name in ('vdb', 'sda', 'sdb', 'sdc') for word in ('--diskspec', f'{name},snapshot=no')]


def snapshot(domain, name):
    domain.virsh('snapshot-create-as', name, '--disk-only', '--diskspec', f'vda,snapshot=external,file={domain.images}/{name}.qcow2', *OTHERS)


def backing_of(path):
    info = subprocess.run(['qemu-img', 'info', '-U', path], stdout=subprocess.PIPE, check=True).stdout.decode()
    found = re.search(r'backing file: (\S+)', info)
    return os.path.basename(found[1]) if found else None


@scenario(needs=JOBS)
def commit_of_snapshots(world):
    """The middle of a chain into its base, then the rest with a pivot: the disk is the first file again."""
    with Domain(world, 'disks') as domain:
        for name in ('s1', 's2', 's3'):
            snapshot(domain, name)
        domain.virsh('blockcommit', 'vda', '--top', f'{domain.images}/s2.qcow2', '--base', f'{domain.images}/disk.raw', '--wait')
        expect('s3 lies on', backing_of(f'{domain.images}/s3.qcow2'), 'disk.raw')
        domain.virsh('blockcommit', 'vda', '--active', '--pivot', '--wait')
        expect_in('disk.raw', domain.say('domblklist'))
        domain.virsh('blockresize', 'vda', '33554432B')
        domain.expect_state('running')


@scenario(needs=JOBS)
def pull_into_a_snapshot(world):
    with Domain(world, 'disks') as domain:
        snapshot(domain, 's1')
        snapshot(domain, 's2')
        domain.virsh('blockpull', 'vda', '--wait', '--base', f'{domain.images}/disk.raw')
        expect('s2 lies on', backing_of(f'{domain.images}/s2.qcow2'), 'disk.raw')
        domain.virsh('blockpull', 'vda', '--wait')
        expect('s2 lies on', backing_of(f'{domain.images}/s2.qcow2'), None)
        domain.expect_state('running')


@scenario(needs=JOBS)
def copy_of_a_disk(world):
    with Domain(world, 'disks') as domain:
        domain.virsh('blockcopy', 'vdb', f'{domain.images}/copy.qcow2', '--wait', '--transient-job')
        expect_in('Block Copy: [100', domain.say('blockjob', 'vdb'))
        domain.virsh('blockjob', 'vdb', '--pivot')
        eventually('the copy is the disk', lambda: 'copy.qcow2' in domain.say('domblklist'))
        domain.virsh('blockcopy', 'vdb', f'{domain.images}/second.copy', '--wait', '--finish', '--transient-job', '--format', 'raw')
        expect_in('copy.qcow2', domain.say('domblklist'))
        expect('bytes', os.path.getsize(f'{domain.images}/second.copy'), 16777216)
        domain.virsh('blockcopy', 'vda', f'{domain.images}/third.qcow2', '--transient-job', '--bandwidth', '1')
        domain.virsh('blockjob', 'vda', '--abort')
        expect_in('disk.raw', domain.say('domblklist'))


@scenario(needs=('block-set-write-threshold', *JOBS))
def a_threshold_is_told(world):
    """Who watches hears that a write went past the threshold, once; here a copy writes."""
    with Domain(world, 'disks', start=False) as domain:
        with open(f'{domain.images}/third.raw', 'wb') as file:
            file.write(os.urandom(16 << 20))
        domain.start()
        domain.virsh('blockcopy', 'sda', f'{domain.images}/copy.raw', '--format', 'raw', '--transient-job', '--bandwidth', '1')
        index = re.search(r"<mirror [^>]*>.*?index='(\d+)'", domain.live_xml(), re.DOTALL)[1]
        watcher = subprocess.Popen(['virsh', '-q', '-c', URI, 'event', domain.name, '--event', 'block-threshold', '--timeout', '60'], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(0.5)
        domain.virsh('domblkthreshold', f'sda[{index}]', '3M')
        text = watcher.communicate(timeout=70)[0].decode()
        expect_in(f'sda[{index}]', text)
        expect_in(f' {3 << 20} ', text)
        expect_not_in('threshold=', domain.say('domstats', '--block', '--backing'))
        domain.virsh('blockjob', 'sda', '--abort')
        domain.expect_state('running')


@scenario
def iothreads(world):
    with Domain(world, 'disks') as domain:
        expect_in('1', domain.say('iothreadinfo'))
        domain.virsh('iothreadadd', '7')
        expect('threads', len(re.findall(r'^ *\d', domain.say('iothreadinfo'), re.MULTILINE)), 2)
        domain.virsh('iothreaddel', '7')
        domain.refused('being used', 'iothreaddel', '1')


@scenario
def an_image_in_use_is_refused(world):
    with Domain(world, 'small') as domain:
        with Domain(world, 'small', ('/var/lib/libvirt/images/disk.raw', f'/var/lib/libvirt/images/../{domain.name}/disk.raw'), start=False) as second:
            second.refused('lock', 'start')
        domain.expect_state('running')


@scenario
def a_missing_image_is_refused(world):
    with Domain(world, 'small', start=False) as domain:
        os.unlink(f'{domain.images}/disk.raw')
        domain.refused('No such file', 'start')
        domain.expect_state('shut off')
