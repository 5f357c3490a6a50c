"""What a guest and its owner do to each other: SeaBIOS boots the guest of the tests from a disk (guest/guest.c)."""
import contextlib
import os
import time

from guest import VirshConsole, booted
from scenario import expect, expect_in, scenario
from world import eventually


@scenario(guest=True)
def console_suspend_resume(world):
    with booted(world, 'small') as (domain, console):
        console.ask('x', '[x]')
        domain.virsh('suspend')
        expect('state', domain.reason(), 'paused (user)')
        console.send('y')
        time.sleep(0.5)
        console.pump(0)
        expect('nothing said', console.seen.strip(), b'')
        domain.virsh('resume')
        expect('state', domain.reason(), 'running (unpaused)')
        console.wait('[y]')


@scenario(guest=True)
def virsh_console(world):
    with booted(world, 'small') as (domain, console):
        console.selector.unregister(console.fd)
        with contextlib.closing(VirshConsole(domain)) as other:
            time.sleep(0.3)
            other.ask('q', '[q]', 30)


@scenario(guest=True)
def shutdown_by_the_power_button(world):
    with booted(world, 'small') as (domain, console):
        console.ask('x', '[x]')
        domain.virsh('shutdown')
        domain.wait_state('shut off')
        expect('reason', domain.reason(), 'shut off (shutdown)')


@scenario(guest=True)
def reboot_by_the_power_button(world):
    with booted(world, 'small') as (domain, console):
        before = domain.pid()
        domain.virsh('reboot', '--mode', 'acpi')
        console.wait('guest: power button')
        console.wait('guest: ready', 120)
        expect('the same process', domain.pid(), before)
        domain.expect_state('running')


@scenario(guest=True)
def reset(world):
    with booted(world, 'small') as (domain, console):
        domain.virsh('reset')
        console.wait('guest: ready', 120)
        domain.expect_state('running')


@scenario(guest=True)
def guest_resets_and_powers_off(world):
    with booted(world, 'small') as (domain, console):
        console.ask('r', 'guest: ready', 120)
        domain.expect_state('running')
        console.send('o')
        domain.wait_state('shut off')
        expect('reason', domain.reason(), 'shut off (shutdown)')


@scenario(guest=True)
def on_reboot_destroy(world):
    with booted(world, 'crash', ('<on_reboot>restart', '<on_reboot>destroy')) as (domain, console):
        console.send('r')
        domain.wait_state('shut off')


@scenario(guest=True)
def a_guest_that_ignores_the_button(world):
    with booted(world, 'small') as (domain, console):
        console.ask('b', 'no power button')
        domain.virsh('shutdown', '--mode', 'acpi')
        console.wait('guest: power button')
        domain.expect_state('running')


def panics(world, action):
    return booted(world, 'crash', ('<on_crash>destroy', f'<on_crash>{action}'))


@scenario(guest=True)
def crash_destroy(world):
    with panics(world, 'destroy') as (domain, console):
        console.send('p')
        domain.wait_state('shut off')
        expect('reason', domain.reason(), 'shut off (crashed)')


@scenario(guest=True)
def crash_preserve(world):
    with panics(world, 'preserve') as (domain, console):
        console.send('p')
        eventually('it is crashed', lambda: 'crashed' in domain.reason())
        domain.virsh('destroy')


@scenario(guest=True)
def crash_restart(world):
    with panics(world, 'restart') as (domain, console):
        console.ask('p', 'guest: ready', 120)
        domain.expect_state('running')


@scenario(guest=True, needs=('dump-guest-memory',))
def crash_coredump(world):
    with panics(world, 'coredump-destroy') as (domain, console):
        console.send('p')
        domain.wait_state('shut off', 60)
        dumps = [name for name in os.listdir('/var/lib/libvirt/qemu/dump') if domain.name in name]
        expect('dumps', len(dumps), 1)
        os.unlink(f'/var/lib/libvirt/qemu/dump/{dumps[0]}')


@scenario(guest=True)
def watchdog_resets(world):
    with booted(world, 'crash') as (domain, console):
        console.ask('w', 'watchdog runs')
        console.wait('guest: ready', 120)
        domain.expect_state('running')


@scenario(guest=True, needs=('send-key',))
def keys_and_nmi(world):
    with booted(world, 'small') as (domain, console):
        domain.virsh('send-key', 'KEY_A')
        console.wait('guest: key 0000001e')
        domain.virsh('send-key', '--codeset', 'linux', 'KEY_LEFTCTRL', 'KEY_B', '--holdtime', '100')
        console.wait('guest: key 0000001d')
        console.wait('guest: key 00000030')
        domain.virsh('inject-nmi')
        domain.expect_state('running')


@scenario(guest=True)
def boots_from_every_bus(world):
    for bus, name in (('sata', 'sda'), ('scsi', 'sda')):
        extra = "<controller type='scsi' model='virtio-scsi'/>" if bus == 'scsi' else ''
        with booted(world, 'small', ("<target dev='vda' bus='virtio'/>", f"<target dev='{name}' bus='{bus}'/>"), ('    <memballoon', f'    {extra}<memballoon')) as (domain, _):
            domain.expect_state('running')


@scenario(guest=True)
def boots_from_qcow2(world):
    with booted(world, 'small', ("type='raw'/>", "type='qcow2'/>"), ('disk.raw', 'disk.qcow2')) as (domain, _):
        domain.expect_state('running')


@scenario(guest=True)
def guest_sees_the_cpu(world):
    with booted(world, 'small') as (_, console):
        console.ask('v', 'guest: vendor ')


