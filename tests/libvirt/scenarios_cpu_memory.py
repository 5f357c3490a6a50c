"""Processors and memory: models, topology, NUMA, backing, pinning."""
import os

from domain import Domain
from scenario import expect, expect_in, scenario

CPU = "<cpu mode='host-passthrough'/>"


@scenario
def cpu_host_model(world):
    with Domain(world, 'small', (CPU, "<cpu mode='host-model'/>")) as domain:
        domain.expect_state('running')


@scenario
def cpu_maximum(world):
    with Domain(world, 'small', (CPU, "<cpu mode='maximum'/>")) as domain:
        expect_in('max', domain.command_line())
        domain.expect_state('running')


@scenario
def cpu_named_model(world):
    with Domain(world, 'small', (CPU, "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model><feature policy='disable' name='svm'/></cpu>")) as domain:
        expect_in('qemu64,svm=off', domain.command_line())
        domain.expect_state('running')


@scenario
def cpu_of_no_choice(world):
    with Domain(world, 'small', (CPU, '')) as domain:
        expect_in('qemu64', domain.command_line())
        domain.expect_state('running')


@scenario
def cpu_features(world):
    with Domain(world, 'small', (CPU, "<cpu mode='host-passthrough' migratable='off'><cache mode='passthrough'/><feature policy='disable' name='x2apic'/></cpu>")) as domain:
        expect_in('x2apic=off', ' '.join(domain.command_line()))
        domain.expect_state('running')


@scenario
def topology(world):
    with Domain(world, 'small', ('<vcpu>2</vcpu>', '<vcpu>4</vcpu>'),
                (CPU, "<cpu mode='host-passthrough'><topology sockets='1' dies='1' cores='2' threads='2'/></cpu>")) as domain:
        expect_in('4,sockets=1,dies=1,cores=2,threads=2', domain.command_line())
        places = [entry['props'] for entry in domain.monitor('query-cpus-fast')]
        expect('threads', sorted((place['core-id'], place['thread-id']) for place in places), [(0, 0), (0, 1), (1, 0), (1, 1)])


@scenario
def numa_cells(world):
    with Domain(world, 'numa') as domain:
        domain.expect_state('running')
        expect('nodes', [entry['props']['node-id'] for entry in sorted(domain.monitor('query-cpus-fast'), key=lambda entry: entry['cpu-index'])], [0, 0, 1, 1])


@scenario
def memory_from_memfd_shared(world):
    with Domain(world, 'memory') as domain:
        domain.expect_state('running')
        expect_in('"qom-type":"memory-backend-memfd"', ' '.join(domain.command_line()))
        backend = domain.monitor('query-memdev')[0]
        expect('shared', (backend['share'], backend['prealloc']), (True, True))


@scenario
def memory_from_a_file(world):
    with Domain(world, 'memory', ("<source type='memfd'/>", "<source type='file'/>")) as domain:
        expect_in('"qom-type":"memory-backend-file"', ' '.join(domain.command_line()))
        domain.expect_state('running')


@scenario
def memory_locked_and_unshared(world):
    backing = "<memoryBacking><nosharepages/><locked/></memoryBacking><memtune><hard_limit unit='GiB'>4</hard_limit></memtune>"
    with Domain(world, 'small', ('<vcpu>2</vcpu>', backing + '<vcpu>2</vcpu>'), start=False) as domain:
        # A limit needs a memory controller of cgroups, which the test's libvirtd does without: the lock alone is tried.
        domain.refused('cgroup|Memory|limit locked memory|prior to exec', 'start')


@scenario
def huge_pages(world):
    with Domain(world, 'small', ('<vcpu>2</vcpu>', '<memoryBacking><hugepages/></memoryBacking><vcpu>2</vcpu>'), start=False) as domain:
        with open('/proc/sys/vm/nr_hugepages', encoding='utf-8') as file:
            if int(file.read()) >= 128 and os.path.ismount('/dev/hugepages'):
                domain.start()
                return
        domain.refused('hugetlbfs|huge', 'start')


@scenario
def vcpu_pinning(world):
    tune = "<cputune><vcpupin vcpu='0' cpuset='0'/><emulatorpin cpuset='0'/></cputune>"
    with Domain(world, 'small', ('<vcpu>2</vcpu>', '<vcpu>2</vcpu>' + tune)) as domain:
        thread = sorted(domain.monitor('query-cpus-fast'), key=lambda entry: entry['cpu-index'])[0]['thread-id']
        expect('affinity', os.sched_getaffinity(thread), {0})
        domain.virsh('vcpupin', '1', '0')
        expect('pinned', domain.say('vcpupin').split(), ['0', '0', '1', '0'])
        domain.virsh('emulatorpin', '0')


@scenario
def vcpu_queries(world):
    with Domain(world, 'small') as domain:
        text = domain.say('vcpuinfo')
        expect('processors', text.count('State:          running'), 2)
        expect_in('live', domain.say('vcpucount'))
        expect('now', domain.say('vcpucount', '--live', '--active'), '2')
