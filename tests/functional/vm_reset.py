#!/usr/bin/env python3
"""Resets that take a new VM, as a protected guest's must (-machine x-change-vmfd-on-reset=on asks for them): the guest starts over each time,
nothing piles up, and what fails on the way is one line and the state internal-error.
usage: vm_reset.py PENUMBRA [--in-testbed | --testbed] [test...]"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import harness
import qmp_client

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
import images

# Writes 'R' to port 0xe9, then resets by the keyboard controller (out 0x64, 0xfe), or halts with interrupts off.
SAYS_AND_RESETS = images.image(b'\xb0\x52\xe6\xe9\xb0\xfe\xe6\x64\xf4\xeb\xfd')
SAYS_AND_HALTS = images.image(b'\xb0\x52\xe6\xe9\xfa\xf4\xeb\xfd')
ROUNDS = 8 if '--in-testbed' in sys.argv else 40


def need(condition, text):
    if not condition:
        raise harness.Failure(text)


class Machine(qmp_client.Process):
    """A guest whose resets take a new VM, with a disk on an iothread; `said` grows by a letter with each start."""

    def __init__(self, binary, blob, *extra, split=False):
        self.files = tempfile.TemporaryDirectory(prefix='penumbra-reset.')
        path = self.files.name
        self.said = os.path.join(path, 'said')
        with open(os.path.join(path, 'guest.bin'), 'wb') as out:
            out.write(blob)
        with open(os.path.join(path, 'disk'), 'wb') as out:
            out.truncate(1 << 20)
        machine = 'q35,x-change-vmfd-on-reset=on' + (',kernel_irqchip=split' if split else '')
        if IN_TESTBED:
            extra += ('-object', 'sw-protected-vm,id=sp0')
            machine += ',confidential-guest-support=sp0'
        super().__init__(binary, '-machine', machine, '-m', '64', '-cpu', 'qemu64,check=off', '-smp', '2', '-display', 'none',
                         '-bios', os.path.join(path, 'guest.bin'), '-debugcon', 'file:' + self.said, '-object', 'iothread,id=io0',
                         '-blockdev', f'file,node-name=d0,filename={path}/disk', '-device', 'virtio-blk-pci,drive=d0,iothread=io0', *extra)
        self.qmp = self.connect().negotiate()

    def end(self):
        super().end()
        self.files.cleanup()

    def starts(self):
        return os.path.getsize(self.said) if os.path.exists(self.said) else 0

    def wait_starts(self, count, timeout=120):
        deadline = time.monotonic() + timeout
        while self.starts() < count:
            need(self.process.poll() is None, 'the machine ended')
            need(time.monotonic() < deadline, f'the guest started {self.starts()} times, not {count}')
            time.sleep(0.005)

    def held(self):
        """What the process holds: descriptors by what they are, mappings, memory."""
        proc = f'/proc/{self.process.pid}'
        names = sorted(re.sub(r'[0-9]+', '', os.readlink(f'{proc}/fd/{fd}')) for fd in os.listdir(f'{proc}/fd'))
        with open(f'{proc}/maps') as maps, open(f'{proc}/status') as status:
            return names, len(maps.readlines()), int(re.search(r'VmRSS:\s+(\d+)', status.read())[1])


def same_but_for_little(before, after):
    need(before[0] == after[0], f'descriptors before {before[0]}\nafter {after[0]}')
    need(after[1] <= before[1] + 2, f'{before[1]} mappings became {after[1]}')
    need(after[2] <= before[2] + 1024, f'{before[2]} KiB became {after[2]}')


def held_at_rest(machine):
    """A reset that the guest asked for just before it was stopped is still carried out: the VM of the moment is there again after it."""
    end = time.monotonic() + 10
    while True:
        held = machine.held()
        time.sleep(0.1)
        if held == machine.held() and 'anon_inode:kvm-vm' in held[0] or time.monotonic() > end:
            return held


def resets_by_the_monitor_leave_nothing_behind(binary):
    for split in (False, True):
        with Machine(binary, SAYS_AND_HALTS, split=split) as machine:
            machine.wait_starts(1)
            for i in range(3):
                machine.qmp.command('system_reset')
                machine.wait_starts(2 + i)
            before = machine.held()
            for i in range(ROUNDS):
                machine.qmp.command('system_reset')
                machine.wait_starts(5 + i)
            machine.qmp.command('query-status')
            same_but_for_little(before, machine.held())
            vms = [name for name in machine.held()[0] if name.endswith('kvm-vm')]
            need(len(vms) == 1, f'VM descriptors: {vms}')


def resets_by_the_guest_leave_nothing_behind(binary):
    with Machine(binary, SAYS_AND_RESETS, split=True) as machine:
        machine.wait_starts(5)
        machine.qmp.command('stop')
        before = held_at_rest(machine)
        seen = machine.starts()
        machine.qmp.command('cont')
        machine.wait_starts(seen + ROUNDS)
        machine.qmp.command('stop')
        same_but_for_little(before, held_at_rest(machine))


def a_stopped_machine_is_reset_and_goes_on(binary):
    with Machine(binary, SAYS_AND_HALTS) as machine:
        machine.wait_starts(1)
        machine.qmp.command('stop')
        machine.qmp.command('system_reset')
        need(machine.qmp.command('query-status')['status'] == 'prelaunch', 'the state after a reset')
        need(machine.starts() == 1, 'a stopped machine ran')
        machine.qmp.command('cont')
        machine.wait_starts(2)


def calls_of_a_reset(binary):
    """How many ioctls one reset makes."""
    with Machine(binary, SAYS_AND_HALTS) as machine:
        machine.wait_starts(1)
        log = os.path.join(machine.files.name, 'log')
        with traced(machine, '-e', 'trace=ioctl', '-o', log):
            machine.qmp.command('system_reset')
            machine.wait_starts(2)
        with open(log) as lines:
            return sum('ioctl(' in line and 'KVM_RUN' not in line for line in lines)


class traced:
    """strace on a running machine's main thread, which makes the VM."""

    def __init__(self, machine, *words):
        self.tracer = subprocess.Popen(['strace', '-p', str(machine.process.pid), *words], stderr=subprocess.PIPE, text=True)
        line = self.tracer.stderr.readline()
        need('attached' in line, f'strace: {line}')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tracer.send_signal(signal.SIGINT)
        self.tracer.communicate(timeout=30)


def every_call_that_fails_is_told_and_the_next_reset_works(binary):
    if subprocess.run(['strace', '-V'], capture_output=True, check=False).returncode != 0:
        harness.skip('no strace')
    most = calls_of_a_reset(binary)
    need(most > 12, f'a reset makes {most} calls')
    told = 0
    for k in range(1, most + 1):
        with Machine(binary, SAYS_AND_HALTS) as machine:
            machine.wait_starts(1)
            log = os.path.join(machine.files.name, 'log')
            with traced(machine, '-o', log, '-e', 'trace=ioctl', '-e', f'inject=ioctl:error=ENOMEM:when={k}'):
                machine.qmp.command('system_reset')
                deadline = time.monotonic() + 30
                while machine.qmp.command('query-status')['status'] != 'internal-error' and machine.starts() < 2:
                    need(time.monotonic() < deadline, f'call {k}: neither an error nor a start')
                    time.sleep(0.01)
            state = machine.qmp.command('query-status')['status']
            if state == 'internal-error':
                told += 1
                with refusal(machine, 'cont') as error:
                    need('must be reset' in error, f'call {k}: cont says {error}')
                seen = machine.starts()
                machine.qmp.command('system_reset')
                machine.qmp.command('cont')
                machine.wait_starts(seen + 1)
            machine.qmp.command('quit')
            status = machine.wait(30)
            lines = [line for line in machine.output.split('\n') if line]
            need(status == 0, f'call {k}: status {status}\n{machine.output}')
            if state == 'internal-error':
                need(len(lines) == 1 and lines[0].startswith('penumbra: reset: '), f'call {k}: {lines}')
    need(told >= 10, f'only {told} of {most} failures were told')
    print(f'     {told} of {most} failing calls stopped the machine, each with one line')


class refusal:
    """What a command is refused with."""

    def __init__(self, machine, command):
        self.machine, self.command = machine, command

    def __enter__(self):
        try:
            self.machine.qmp.command(self.command)
        except qmp_client.QmpError as error:
            return str(error)
        return ''

    def __exit__(self, *_):
        pass


def memory_of_its_own_is_refused(binary):
    done = subprocess.run([binary, '-object', 'memory-backend-guest-memfd,id=m,size=64M', '-machine', 'q35,memory-backend=m,x-change-vmfd-on-reset=on',
                           '-display', 'none'], capture_output=True, text=True, timeout=60, check=False)
    need(done.returncode == 1 and 'contradicts -machine x-change-vmfd-on-reset=on' in done.stderr, done.stderr)


def guest_image(binary, name):
    return os.path.join(os.path.dirname(binary), 'tests', 'guest', name + '.bin')


def protected_guest(binary, name, machine, *words):
    return qmp_client.Process(binary, '-machine', 'q35,kernel_irqchip=split,' + machine, '-m', '256', '-nodefaults', '-display', 'none',
                              '-bios', guest_image(binary, name), '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', *words)


def visibility(qmp):
    answer = qmp.command('penumbra-query-memory-visibility')
    return {key: answer[key] for key in ('private-bytes', 'shared-bytes', 'runs')}


def what_was_private_is_gone_and_what_was_shared_is_private_again(binary):
    """A guest that converts: after each reset the map is the one from before the start, the guest finds nothing of what it left, and then
    makes the same map again."""
    with tempfile.TemporaryDirectory(prefix='penumbra-reset.') as folder:
        said = os.path.join(folder, 'said')
        with protected_guest(binary, 'convert_rebuild', 'confidential-guest-support=sp0,x-change-vmfd-on-reset=on', '-object', 'sw-protected-vm,id=sp0',
                             '-debugcon', 'file:' + said, '-S') as machine:
            qmp = machine.connect().negotiate()
            at_first = visibility(qmp)
            used = None
            for start in range(1, 4):
                need(visibility(qmp) == at_first, f'the map before start {start}')
                qmp.command('cont')
                deadline = time.monotonic() + 120
                while True:
                    with open(said, encoding='ascii') as text:
                        lines = text.read()
                    need('FAIL' not in lines and machine.process.poll() is None, f'start {start}: the guest said {lines!r}')
                    if lines == 'ready\n' * start:
                        break
                    need(time.monotonic() < deadline, f'start {start}: the guest said {lines!r}')
                    time.sleep(0.01)
                qmp.command('stop')
                used = used or visibility(qmp)
                need(used != at_first, 'the guest converted nothing')
                need(visibility(qmp) == used, f'the map of start {start}')
                qmp.command('system_reset')
            need(qmp.command('query-status')['status'] == 'prelaunch', 'the state after a reset')


def auto_protects_and_says_with_what(binary):
    with protected_guest(binary, 'convert_basic', 'confidential-guest-support=auto') as machine:
        status = machine.wait(300)
        need(status == 33, f'status {status}\n{machine.output}')
        need("confidential-guest-support=auto: sw-protected-vm, which does not protect from this host's kernel" in machine.output, machine.output)


IN_TESTBED = '--in-testbed' in sys.argv
if __name__ == '__main__':
    if '--testbed' in sys.argv:
        sys.argv.remove('--testbed')
        sys.exit(harness.again_in_testbed([], [os.path.abspath(sys.argv[1]), '--in-testbed', *sys.argv[2:]]))
    harness.need_kvm()
    tests = [resets_by_the_monitor_leave_nothing_behind, resets_by_the_guest_leave_nothing_behind, a_stopped_machine_is_reset_and_goes_on]
    if IN_TESTBED:
        sys.argv.remove('--in-testbed')
        tests += [what_was_private_is_gone_and_what_was_shared_is_private_again, auto_protects_and_says_with_what]
    else:
        tests += [every_call_that_fails_is_told_and_the_next_reset_works, memory_of_its_own_is_refused]
    harness.main(tests)
