"""What virsh asks of a domain that runs, and what is refused while it goes on running."""
import json
import os
import re
import time

from domain import Domain
from events import Events
from scenario import RECENT, expect, expect_in, expect_not_in, scenario
from world import Failure, eventually


@scenario
def dominfo_and_domstats(world):
    with Domain(world, 'small') as domain:
        text = domain.say('dominfo')
        for wanted in ('State:          running', 'CPU(s):         2', 'Max memory:     262144 KiB', 'Used memory:    262144 KiB'):
            expect_in(wanted, text)
        stats = domain.say('domstats')
        for wanted in ('state.state=1', 'balloon.current=262144', 'vcpu.current=2', 'block.count=1', 'block.0.name=vda', 'block.0.capacity=16777216', 'net.count=1'):
            expect_in(wanted, stats)
        # Both are libvirt's own, through cgroups, which it may not find here.
        for words, wanted in ((('cpu-stats', '--total'), r'cpu_time +[0-9.]+ seconds'), (('schedinfo',), r'vcpu_period +: \d+')):
            status, text = domain.virsh(*words, check=False)
            expect(words[0], bool(re.search(wanted if status == 0 else 'cgroup CPU(ACCT)? controller is not mounted', text)) or text, True)


@scenario
def memory_statistics(world):
    with Domain(world, 'small') as domain:
        text = domain.say('dommemstat')
        expect_in('actual 262144', text)
        expect_in('rss', text)
        domain.virsh('dommemstat', '--period', '5')
        expect('period', domain.monitor('qom-get', path='/machine/peripheral/balloon0', property='guest-stats-polling-interval'), 5)
        with Domain(world, 'small', ("<memballoon model='virtio'/>", "<memballoon model='virtio'><stats period='3'/></memballoon>")) as second:
            expect('period', second.monitor('qom-get', path='/machine/peripheral/balloon0', property='guest-stats-polling-interval'), 3)


@scenario
def set_memory(world):
    with Domain(world, 'small') as domain:
        domain.virsh('setmem', '131072', '--live')
        domain.refused('max|larger|greater', 'setmem', '524288', '--live')
        domain.expect_state('running')
        domain.virsh('setmem', '262144', '--live')
    with Domain(world, 'small', ("<vcpu>2", "<currentMemory unit='MiB'>128</currentMemory><vcpu>2")) as domain:
        domain.expect_state('running')


@scenario
def monitor_commands(world):
    with Domain(world, 'small') as domain:
        expect('status', domain.monitor('query-status')['status'], 'running')
        expect_in('running', domain.say('qemu-monitor-command', '--hmp', 'info status'))
        expect_in('"return"', domain.say('qemu-monitor-command', '{"execute":"query-version"}'))
        text = domain.say('qemu-monitor-command', '{"execute":"no-such-command"}')
        expect_in('CommandNotFound', text)
        domain.expect_state('running')


@scenario(needs=RECENT)
def qom_paths(world):
    with Domain(world, 'small') as domain:
        listed = {entry['name']: entry['type'] for entry in domain.monitor('qom-list', path='/machine/peripheral')}
        for name, kind in (('virtio-disk0', 'child<virtio-blk-pci>'), ('net0', 'child<virtio-net-pci>'), ('balloon0', 'child<virtio-balloon-pci>'), ('serial0', 'child<isa-serial>')):
            expect(name, listed.get(name), kind)
        block = domain.monitor('query-block')[0]
        expect('path', block['qdev'], '/machine/peripheral/virtio-disk0/virtio-backend')
        expect('node', block['inserted']['node-name'], 'libvirt-1-format')


@scenario
def state_of_the_guest(world):
    with Domain(world, 'small') as domain:
        expect_in('ok', domain.say('domcontrol'))
        expect_in('running', domain.say('domstate'))
        domain.refused('guest agent is not configured', 'domtime')
        expect_in(domain.name, world.say('list', '--name'))
        expect_in(domain.name, world.say('list', '--all', '--name'))
        expect('id', domain.say('domid').isdigit(), True)
        expect('uuid', domain.say('domuuid'), domain.monitor('query-uuid')['UUID'])
        domain.virsh('desc', 'a test', '--live')
        expect_in('a test', domain.say('desc', '--live'))


@scenario(needs=('dump-guest-memory',))
def dump_of_memory(world):
    with Domain(world, 'small') as domain:
        path = f'{domain.images}/core'
        domain.virsh('dump', path, '--memory-only', '--verbose')
        with open(path, 'rb') as file:
            expect('an ELF file', file.read(4), b'\x7fELF')
        expect('size', os.path.getsize(path) > 256 << 20, True)
        domain.expect_state('running')
        domain.virsh('dump', path + '2', '--memory-only', '--crash')
        expect('reason', domain.reason(), 'shut off (crashed)')


@scenario
def what_needs_migration_is_refused(world):
    with Domain(world, 'small') as domain:
        wanted = 'no migration in this version'
        domain.refused(wanted, 'save', f'{domain.images}/saved')
        domain.refused(wanted, 'managedsave')
        domain.refused(wanted, 'dump', f'{domain.images}/core')
        domain.refused(f'{wanted}|localhost|same host|migrat', 'migrate', '--live', 'qemu+unix:///system', timeout=30)
        domain.refused(f'{wanted}|snapshot|not supported', 'snapshot-create-as', 'with-memory', '--memspec', f'{domain.images}/mem')
        domain.expect_state('running')
        if os.path.exists(f'{domain.images}/saved') and os.path.getsize(f'{domain.images}/saved'):
            raise Failure('half a saved image is left')
        world.refused("Failed to open file '.*/saved': No such file", 'restore', f'{domain.images}/saved')
        domain.expect_state('running')


@scenario
def internal_snapshots_are_refused(world):
    with Domain(world, 'small', ("type='raw'/>", "type='qcow2'/>"), ('disk.raw', 'disk.qcow2')) as domain:
        domain.refused('there is no migration in this version, the guest stays here', 'snapshot-create-as', 'inner')
        domain.expect_state('running')
        expect('snapshots', domain.say('snapshot-list', '--name'), '')
    with Domain(world, 'small') as domain:
        domain.refused('internal snapshot for disk vda unsupported for storage type raw', 'snapshot-create-as', 'inner')
        domain.expect_state('running')


@scenario
def screenshots_are_refused(world):
    with Domain(world, 'small') as domain:
        domain.refused('screen|video|display|command', 'screenshot', f'{domain.images}/shot')
        domain.expect_state('running')


@scenario
def lifecycle_actions(world):
    with Domain(world, 'small') as domain:
        domain.virsh('set-lifecycle-action', 'reboot', 'destroy', '--live')
        expect_in('<on_reboot>destroy', domain.live_xml())
        domain.virsh('set-lifecycle-action', 'reboot', 'restart', '--live')
        domain.expect_state('running')


@scenario
def set_vcpus(world):
    with Domain(world, 'small', ('<vcpu>2</vcpu>', "<vcpu current='1'>4</vcpu>")) as domain:
        expect('at start', domain.say('vcpucount', '--live', '--active'), '1')
        domain.virsh('setvcpus', '3', '--live')
        expect('later', domain.say('vcpucount', '--live', '--active'), '3')
        expect('threads', len(domain.monitor('query-cpus-fast')), 3)
        domain.refused('max|greater', 'setvcpus', '5', '--live')
        domain.virsh('setvcpus', '2', '--config')
        domain.expect_state('running')


@scenario
def events(world):
    with Events() as told, Domain(world, 'small') as domain:
        time.sleep(0.5)
        for verb, wanted in (('suspend', 'Suspended Paused'), ('resume', 'Resumed Unpaused'), ('destroy', 'Stopped Destroyed'), ('start', 'Started Booted')):
            domain.virsh(verb)
            told.wait(domain.name, wanted, timeout=10)


@scenario
def many_at_once(world):
    domains = [Domain(world, 'small') for _ in range(4)]
    entered = []
    try:
        for domain in domains:
            entered.append(domain.__enter__())
        for domain in entered:
            domain.expect_state('running')
    finally:
        for domain in entered:
            domain.__exit__()


@scenario
def renamed_and_listed(world):
    with Domain(world, 'small', start=False) as domain:
        domain.virsh('domrename', domain.name + '-new')
        domain.name += '-new'
        domain.start()
        expect('name', domain.monitor('query-name')['name'], domain.name)
        json.dumps(domain.say('dumpxml'))


@scenario
def statistics_of_everything(world):
    with Domain(world, 'disks') as domain:
        for group in ('state', 'cpu-total', 'balloon', 'vcpu', 'interface', 'block', 'perf', 'iothread', 'memory', 'dirtyrate', 'vm'):
            domain.virsh('domstats', f'--{group}')
        text = domain.say('domstats', '--block', '--backing', '--iothread')
        for wanted in ('block.0.rd.reqs=', 'block.0.physical=', 'iothread.count=1'):
            expect_in(wanted, text)
        text = domain.say('domstats', '--vcpu')
        expect_in('vcpu.0.state=1', text)
        if domain.monitor('query-stats', target='vcpu'):  # what the host's kernel counts
            expect_in('vcpu.0.exits.sum=', text)
            expect_in('vm.pages_4k.cur=', domain.say('domstats', '--vm'))
            expect_in('cpu.haltpoll.success.time=', domain.say('domstats', '--cpu-total'))
        # Of every domain: one that another scenario kills at this moment makes libvirt give up on all of them.
        eventually('statistics of all domains', lambda: domain.name in world.say('domstats', check=False), 30)


@scenario
def thresholds(world):
    with Domain(world, 'disks') as domain:
        domain.virsh('domblkthreshold', 'vdb', '8M')
        stats = domain.say('domstats', '--block', '--backing')
        number = re.search(r'block\.(\d+)\.name=vdb', stats)[1]
        expect_in(f'block.{number}.threshold={8 << 20}', stats)
        nodes = {node['file']: node['write_threshold'] for node in domain.monitor('query-named-block-nodes') if node['drv'] == 'file'}
        expect('thresholds', {path for path, threshold in nodes.items() if threshold == 8 << 20}, {f'{domain.images}/second.qcow2'})
        domain.virsh('domblkthreshold', 'vdb', '0')
        expect_not_in('threshold=', domain.say('domstats', '--block', '--backing'))
        domain.refused("disk .* not found|no disk|invalid", 'domblkthreshold', 'vdz', '8M')
        domain.expect_state('running')


@scenario
def what_needs_an_agent_is_refused(world):
    for xml in ('small', 'channels'):
        with Domain(world, xml) as domain:
            for words in (('set-user-password', 'root', 'secret'), ('domfsinfo',), ('guestinfo',), ('domtime',), ('domfsfreeze',), ('shutdown', '--mode', 'agent'),
                          ('dompmsuspend', 'mem'), ('setvcpus', '1', '--guest'), ('domhostname', '--source', 'agent')):
                domain.refused('guest agent|agent|suspend|S3|not supported', *words)
            domain.expect_state('running')


@scenario
def what_is_not_there_is_refused(world):
    with Domain(world, 'small') as domain:
        for reason, *words in (
                ('domain is not transient', 'blockcopy', 'vda', f'{domain.images}/copy', '--wait', '--blockdev'),
                ('does not support calculating dirty page rate', 'domdirtyrate-calc'), ('Is this domain using VNC', 'vncdisplay'),
                ('No graphical display', 'domdisplay'), ("there is no command 'migrate-set-parameters'", 'migrate-setspeed', '100'),
                ('no job is active', 'domjobabort'), ('requires', 'undefine', '--nvram', '--wipe-storage'), ('already active', 'start')):
            domain.refused(reason, *words)
            domain.expect_state('running')
        with open(f'{domain.images}/nothing', 'wb') as file:
            file.write(b'no image of a guest')
        world.refused('failed to read qemu header|image magic is incorrect', 'restore', f'{domain.images}/nothing')
        domain.expect_state('running')


@scenario
def saved_in_no_way(world):
    """Every verb that would need migration; each time the guest goes on."""
    with Domain(world, 'small') as domain:
        for words in (('save', f'{domain.images}/a'), ('save', f'{domain.images}/b', '--paused'), ('managedsave', '--running'), ('dump', f'{domain.images}/c', '--live'),
                      ('snapshot-create',), ('snapshot-create-as', 's', '--live', '--memspec', f'{domain.images}/d')):
            domain.refused('migration|snapshot|qcow2|not supported|storage', *words)
            expect('state', domain.monitor('query-status')['status'], 'running')
        domain.virsh('domjobinfo')
        domain.refused('does not have managed save image', 'managedsave-dumpxml')
