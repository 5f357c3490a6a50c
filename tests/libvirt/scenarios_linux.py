"""The verbs whose truth only a guest's operating system can tell, on Debian's kernel in the testbed: an ordinary guest and a protected one."""
import os
import re
import signal
import struct
import subprocess
import time

from devices import NIC, RNG, disk_xml, write
from events import Events
from linux_guest import PATIENCE, TAP, domain_of, shared
from scenario import expect, expect_in, scenario
from world import Failure, eventually


def soon(what, check):
    return eventually(what, check, PATIENCE, step=0.2)


def numbers(text):
    """The values of lines "name value", "name: value" and "device name value"."""
    return {words[-2].rstrip(':'): int(words[-1]) for words in (line.split() for line in text.splitlines()) if len(words) > 1 and words[-1].isdecimal()}


@shared('ordinary', 'protected')
def starts_and_somebody_logs_in(guest):
    """The prompt, the login and the shell were virsh console's; this asks who is there."""
    expect('who', guest.run('echo "$USER"; tty').split(), ['root', '/dev/ttyS0'])
    guest.domain.expect_state('running')


@shared('protected')
def converts_memory(guest):
    expect_in('CONVERT result=passed', guest.run('insmod /modules/convert.ko size_mib=4 rounds=20 && cat /proc/convert && rmmod convert', 240))


@shared('ordinary')
def balloon_statistics(guest):
    guest.virsh('dommemstat', '--period', '1', '--live')
    soon('statistics of the driver', lambda: 'available' in guest.virsh('dommemstat'))
    stats = numbers(guest.virsh('dommemstat'))
    expect('MemTotal', stats['available'], guest.memory_kib())
    expect('its own figures', 0 < stats['unused'] < stats['available'] and 0 < stats['usable'] < stats['available'], True)
    soon('later ones', lambda: numbers(guest.virsh('dommemstat'))['last_update'] > stats['last_update'])


@shared('ordinary')
def set_memory(guest):
    before = guest.memory_kib()
    with Events(guest.domain.name) as told:
        guest.virsh('setmem', '192M', '--live')
        guest.until(f'[ $(sed -n "s/MemTotal: *\\([0-9]*\\).*/\\1/p" /proc/meminfo) -le {before - 65536} ]')
        soon('it is told', lambda: numbers(guest.virsh('dommemstat'))['actual'] == 192 << 10)
        told.wait('balloon-change', timeout=PATIENCE)
    guest.virsh('setmem', '256M', '--live')
    guest.until(f'[ $(sed -n "s/MemTotal: *\\([0-9]*\\).*/\\1/p" /proc/meminfo) -eq {before} ]')


def ticks(guest):
    """The count that the guest has told last."""
    guest.console.pump(0)
    return max((int(n) for n in re.findall(rb'tick (\d+)\r', guest.console.seen)), default=0)


@shared('ordinary', 'protected')
def suspend_and_resume(guest):
    guest.run('(i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo tick $i; usleep 100000; done) & counter=$!')
    soon('it counts', lambda: ticks(guest) > 3)
    guest.virsh('suspend')
    time.sleep(0.3)
    held = ticks(guest)
    expect('state', guest.domain.reason(), 'paused (user)')
    time.sleep(1.5)
    expect('the count of a guest that stands still', ticks(guest), held)
    guest.virsh('resume')
    soon('it counts on', lambda: ticks(guest) > held)
    guest.console.wait(f'tick {held + 1}\r', PATIENCE)
    guest.run('kill $counter; wait')


@shared('ordinary', 'protected')
def disk_card_and_entropy_come_and_go(guest):
    """What was attached works; what is to go is there until the guest, which stands still at first, has let it go."""
    domain = guest.domain
    target, card = ('vdb', 'eth1') if guest.run('ls /sys/block') else ('vda', 'eth0')
    files = {'disk': disk_xml(domain, target), 'nic': NIC, 'rng': RNG.replace('urandom', 'random')}
    paths = [write(domain, name, text) for name, text in files.items()]
    rngs = guest.run('cat /sys/class/misc/hw_random/rng_available').count('virtio_rng')
    with Events(domain.name) as told:
        for path in paths:
            domain.virsh('attach-device', path, '--live')
        guest.until(f'[ -e /sys/block/{target} -a -e /sys/class/net/{card} ]')
        guest.until(f'[ $(grep -o virtio_rng /sys/class/misc/hw_random/rng_available | wc -l) -eq {rngs + 1} ]')
        expect('address', guest.run(f'cat /sys/class/net/{card}/address'), '52:54:00:aa:bb:cc')
        guest.run(f'echo from the guest | dd of=/dev/{target} bs=512 count=1 conv=sync oflag=direct 2> /dev/null')
        with open(f'{domain.images}/plugged.raw', 'rb') as file:
            expect('on the disk', file.read(15), b'from the guest\n')
        domain.virsh('suspend')
        domain.virsh('detach-device', paths[0], '--live')  # libvirt waits five seconds for it, and then no more
        for text in ('52:54:00:aa:bb:cc', '/dev/random'):
            alias = re.search(r"<alias name='(\w+)'/>", domain.live_xml()[domain.live_xml().index(text):])[1]
            domain.virsh('detach-device-alias', alias, '--live')
        xml = domain.live_xml()
        for text in ('plugged.raw', '52:54:00:aa:bb:cc', '/dev/random'):
            expect_in(text, xml)
        expect('gone too early', [line for line in told.lines() if 'device-removed' in line], [])
        domain.virsh('resume')
        guest.until(f'[ ! -e /sys/block/{target} -a ! -e /sys/class/net/{card} ]')
        guest.until(f'[ $(grep -o virtio_rng /sys/class/misc/hw_random/rng_available | wc -l) -eq {rngs} ]')
        soon('they are gone', lambda: not any(text in domain.live_xml() for text in ('plugged.raw', '52:54:00:aa:bb:cc', '/dev/random')))
        soon('it is told', lambda: sum('device-removed' in line for line in told.lines()) == len(paths))


@shared('ordinary', 'protected')
def processors_come_and_go(guest):
    expect('processors', guest.run('nproc'), '1')
    guest.virsh('setvcpus', '2', '--live')
    guest.until('[ -e /sys/devices/system/cpu/cpu1/online ]')
    guest.run('[ $(cat /sys/devices/system/cpu/cpu1/online) = 1 ] || echo 1 > /sys/devices/system/cpu/cpu1/online')
    expect('processors', guest.run('nproc; taskset 2 cat /sys/devices/system/cpu/online').split(), ['2', '0-1'])
    expect('told', guest.virsh('vcpucount', '--live', '--active'), '2')
    guest.domain.virsh('setvcpus', '1', '--live', check=False)  # libvirt waits five seconds, which an emulated machine may exceed
    guest.until('[ ! -e /sys/devices/system/cpu/cpu1/online ]')
    expect('processors', guest.run('nproc'), '1')
    soon('told', lambda: guest.virsh('vcpucount', '--live', '--active') == '1')


@shared('ordinary')
def counters_move(guest):
    before = guest.virsh('domblkstat', 'vda')
    guest.run('dd if=/dev/vda of=/dev/null bs=64k count=16 iflag=direct 2> /dev/null; dd if=/dev/zero of=/dev/vda bs=4k count=3 seek=1 oflag=direct 2> /dev/null')
    after = guest.virsh('domblkstat', 'vda')
    moved = {name: value - numbers(before)[name] for name, value in numbers(after).items()}
    expect('bytes', (moved['rd_bytes'] >= 1 << 20, moved['wr_bytes'], moved['wr_req']), (True, 12288, 3))
    for words in (('addr', 'add', '10.99.0.1/24', 'dev', TAP), ('link', 'set', TAP, 'up')):
        subprocess.run(['ip', *words], check=True)
    before = guest.virsh('domifstat', TAP)
    expect_in('3 packets received', guest.run('ifconfig eth0 10.99.0.2 && ping -c 3 -i 0.2 -W 10 10.99.0.1'))
    moved = {name: value - numbers(before)[name] for name, value in numbers(guest.virsh('domifstat', TAP)).items()}
    expect('packets', moved['rx_packets'] >= 3 and moved['tx_packets'] >= 3, True)


@shared('ordinary', 'protected')
def keys(guest):
    """A key reaches whoever reads the keyboard; three at once are the system request that a person would press."""
    events = guest.run('for e in /sys/class/input/event*; do if grep -q "AT .* keyboard" $e/device/name; then basename $e; fi; done')
    guest.run(f'dd if=/dev/input/{events} of=/tmp/keys bs=24 count=3 2> /dev/null & echo 1 > /proc/sys/kernel/sysrq')
    guest.virsh('send-key', 'KEY_A')
    guest.until('[ $(wc -c < /tmp/keys) -ge 72 ]')
    heard = [struct.unpack('<QQHHi', data)[2:] for data in re.findall(b'.{24}', bytes.fromhex(guest.run('xxd -p /tmp/keys').replace('\n', '')), re.DOTALL)]
    expect_in((1, 30, 1), heard)
    guest.virsh('send-key', 'KEY_LEFTALT', 'KEY_SYSRQ', 'KEY_H')
    guest.console.wait('sysrq: HELP', PATIENCE)


@shared('ordinary', 'protected')
def dump_of_memory(guest):
    guest.run('echo "kept in ""memory" > /tmp/kept')
    path = f'{guest.domain.images}/core'
    guest.virsh('dump', path, '--memory-only', timeout=120)
    with open(path, 'rb') as file:
        core = file.read()
    os.unlink(path)
    expect('an ELF file', core[:4], b'\x7fELF')
    for text in (b'Linux version 6.', b'kept in memory\n'):
        expect(f'{text} in it', text in core, True)
    guest.run('true')


@shared('ordinary')
def snapshot_of_a_disk(guest):
    """Written before, between and after; read again by the guest, and in the image once the snapshot is merged."""
    domain = guest.domain
    put = 'echo {} | dd of=/dev/vda bs=512 count=1 seek={} conv=sync oflag=direct 2> /dev/null'
    guest.run(put.format('first', 100))
    overlay = f'{domain.images}/overlay.qcow2'
    guest.virsh('snapshot-create-as', 'one', '--disk-only', '--diskspec', f'vda,file={overlay}')
    expect_in(overlay, guest.virsh('domblklist'))
    guest.run(put.format('second', 101))
    with open(f'{domain.images}/disk.raw', 'rb') as file:
        file.seek(100 * 512)
        expect('below the snapshot', (file.read(6), file.seek(101 * 512) and file.read(7)), (b'first\n', bytes(7)))
    guest.virsh('blockcommit', 'vda', '--active', '--pivot', '--wait', timeout=120)
    expect_in('disk.raw', guest.virsh('domblklist'))
    guest.run(put.format('third', 102))
    expect('what the guest reads', guest.run('dd if=/dev/vda bs=512 skip=100 count=3 iflag=direct 2> /dev/null | tr -d "\\000"').split(), ['first', 'second', 'third'])
    with open(f'{domain.images}/disk.raw', 'rb') as file:
        file.seek(100 * 512)
        expect('merged', file.read(3 * 512).replace(b'\0', b''), b'first\nsecond\nthird\n')
    guest.virsh('snapshot-delete', 'one', '--metadata')


@shared('ordinary')
def reset(guest):
    before = guest.domain.pid()
    guest.virsh('reset')
    guest.boots_again()
    expect('the same process', guest.domain.pid(), before)


@shared('protected')
def reboot(guest):
    before = guest.domain.pid()
    with Events(guest.domain.name) as told:
        guest.virsh('reboot', '--mode', 'acpi')
        guest.console.wait('GUEST power button', PATIENCE)
        guest.boots_again()
        told.wait('reboot', timeout=PATIENCE)
    expect('the same process', guest.domain.pid(), before)
    guest.domain.expect_state('running')


def panics(guest):
    guest.run('echo 1 > /proc/sys/kernel/sysrq')
    guest.virsh('send-key', 'KEY_LEFTALT', 'KEY_SYSRQ', 'KEY_C')


@shared('ordinary')
def crash_and_restart(guest):
    guest.virsh('set-lifecycle-action', 'crash', 'restart', '--live')
    with Events(guest.domain.name) as told:
        panics(guest)
        guest.boots_again()
        told.wait('lifecycle', 'Crashed Panicked', timeout=PATIENCE)
    guest.domain.expect_state('running')


@shared('ordinary', alone=True)
def libvirtd_restarted(guest):
    guest.run('(i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo tick $i; usleep 100000; done) & counter=$!')
    before = guest.domain.pid()
    guest.domain.world.stop_libvirtd()
    told = ticks(guest)
    soon('it counts without a libvirtd', lambda: ticks(guest) > told + 3)
    guest.domain.world.start_libvirtd()
    expect('the same process', guest.domain.pid(), before)
    guest.domain.expect_state('running')
    told = ticks(guest)
    soon('it counts on', lambda: ticks(guest) > told)
    guest.run('kill $counter; wait')


@shared('ordinary', alone=True)
def shutdown(guest):
    with Events(guest.domain.name) as told:
        guest.virsh('shutdown', '--mode', 'acpi')
        guest.console.wait('GUEST power button', PATIENCE)
        guest.domain.wait_state('shut off', 60)
        told.wait('lifecycle', 'Stopped Shutdown', timeout=PATIENCE)
    expect('reason', guest.domain.reason(), 'shut off (shutdown)')
    guest.end()


@shared('protected', alone=True)
def crash_and_end(guest):
    guest.virsh('set-lifecycle-action', 'crash', 'destroy', '--live')
    panics(guest)
    guest.domain.wait_state('shut off', 60)
    expect('reason', guest.domain.reason(), 'shut off (crashed)')
    guest.end()


@scenario(alone=True)
def emulator_killed_and_destroyed(world):
    """In the middle of a boot."""
    with domain_of(world, 'protected') as domain:
        domain.start()
        os.kill(domain.pid(), signal.SIGKILL)
        domain.wait_state('shut off')
        expect('reason', domain.reason(), 'shut off (crashed)')
        domain.start()
        domain.virsh('destroy')
        expect('reason', domain.reason(), 'shut off (destroyed)')
        if subprocess.run(['pgrep', '-f', f'guest={domain.name}'], stdout=subprocess.DEVNULL, check=False).returncode == 0:
            raise Failure('the emulator lives on')
