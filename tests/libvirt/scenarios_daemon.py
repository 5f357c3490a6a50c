"""libvirtd goes away under running domains, and emulators die: nothing else may suffer. Each runs alone."""
import os
import signal

from domain import Domain
from guest import booted
from scenario import expect, expect_in, scenario


@scenario(alone=True, needs=('query-jobs',))
def libvirtd_restarted(world):
    with booted(world, 'small') as (domain, console), Domain(world, 'disks') as paused:
        paused.virsh('suspend')
        before = domain.pid()
        world.stop_libvirtd()
        console.ask('x', '[x]')
        world.start_libvirtd()
        domain.expect_state('running')
        paused.expect_state('paused')
        expect('the same process', domain.pid(), before)
        expect('status', domain.monitor('query-status')['status'], 'running')
        expect_in('vda', domain.say('domblklist'))
        paused.virsh('resume')
        paused.expect_state('running')
        domain.virsh('shutdown')
        domain.wait_state('shut off')


@scenario(alone=True, needs=('query-jobs',))
def libvirtd_killed(world):
    with Domain(world, 'small') as domain:
        process = world.daemons.pop('libvirtd')
        process.kill()
        process.wait()
        world.start_libvirtd()
        domain.expect_state('running')
        domain.virsh('suspend')
        domain.virsh('resume')


@scenario(alone=True)
def domain_ended_while_libvirtd_was_away(world):
    with Domain(world, 'small') as domain:
        world.stop_libvirtd()
        os.kill(domain.pid(), signal.SIGKILL)
        world.start_libvirtd()
        domain.wait_state('shut off')
        domain.start()


@scenario
def emulator_killed(world):
    with Domain(world, 'small') as domain:
        os.kill(domain.pid(), signal.SIGKILL)
        domain.wait_state('shut off')
        expect('reason', domain.reason(), 'shut off (crashed)')
        domain.start()
        domain.expect_state('running')


@scenario
def emulator_terminated(world):
    with Domain(world, 'small') as domain:
        os.kill(domain.pid(), signal.SIGTERM)
        domain.wait_state('shut off')
        expect_in('shut off', domain.reason())
        domain.start()


@scenario
def emulator_stopped_does_not_hang_others(world):
    with Domain(world, 'small') as domain, Domain(world, 'small') as other:
        pid = domain.pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            other.virsh('suspend')
            other.expect_state('paused')
        finally:
            os.kill(pid, signal.SIGCONT)
        domain.expect_state('running')
