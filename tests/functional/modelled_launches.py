#!/usr/bin/env python3
"""Whole processes whose guests are protected, on a model of the kernel: what they measure is what -launch-plan says, -expect-measurement lets no other
start, resets launch again, and what the kernel wants again is asked again, within bounds.

usage: modelled_launches.py PENUMBRA_MODELLED PENUMBRA [test...]"""
import base64
import concurrent.futures
import errno
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time

import harness
import modelled
import qmp_client

PENUMBRA = os.path.abspath(sys.argv.pop(2))
SECONDS_AT_MOST = 30
WITHOUT_END = 1000000000
LAST_COMMANDS = ('KVM_SEV_LAUNCH_FINISH', 'KVM_SEV_SNP_LAUNCH_FINISH', 'KVM_TDX_FINALIZE_VM')


def need(condition, text):
    if not condition:
        raise harness.Failure(text)


def with_scenes(test):
    def run(binary):
        with tempfile.TemporaryDirectory(prefix='penumbra-scenes.') as folder:
            for scene in modelled.scenes(pathlib.Path(folder)):
                test(binary, scene)
    run.__name__ = test.__name__
    return run


def started(binary, scene, *model, **more):
    run = modelled.Run(binary, scene, *model, **more)
    need(run.well(), f'{scene.name} {model} {more}: {run}')
    return run


def refused(binary, scene, *model, **more):
    run = modelled.Run(binary, scene, *model, **more)
    need(run.refused(), f'{scene.name} {model} {more}: {run}')
    return run


def plan(scene, *words):
    done = subprocess.run([PENUMBRA, *scene.machine(), *words, '-launch-plan', '-'], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    need(done.returncode == 0 and not done.stderr, f'{scene.name}: {done}')
    return json.loads(done.stdout)


def launch_commands(calls):
    return [call.name for call in calls if call.is_launch_command()]


@with_scenes
def a_launch_measures_what_its_plan_says(binary, scene):
    name, value = started(binary, scene).notes.measured.split()
    need(plan(scene)[name] == value, f'{scene.name}: measured {name} {value}, planned {plan(scene)[name]}')


@with_scenes
def the_expected_measurement_starts_and_no_other(binary, scene):
    name, value = started(binary, scene).notes.measured.split()
    run = started(binary, scene, words=('-expect-measurement', value))
    need(run.notes.measured == f'{name} {value}', f'{scene.name}: {run}')
    wrong = ('1' if value[0] == '0' else '0') + value[1:]
    run = refused(binary, scene, words=('-expect-measurement', wrong))
    need(f'the guest was not started: its {name} is {value}, not what -expect-measurement says' in run.lines[0], f'{scene.name}: {run}')
    need(not any(command in LAST_COMMANDS for command in launch_commands(run.notes.calls)), f'{scene.name}: the launch was ended: {launch_commands(run.notes.calls)}')


@with_scenes
def resets_launch_again(binary, scene):
    once = started(binary, scene).notes
    for words in ((), ('-expect-measurement', once.measured.split()[1])):
        run = started(binary, scene, 'resets=2', words=words)
        need(run.notes.runs == 3 and run.notes.measured == once.measured, f'{scene.name}: {run}')
        for again in run.notes.launches[1:3]:
            # A guest whose registers are the host's to set is reset as any other.
            wanted = [] if scene.name in PLAIN else launch_commands(once.calls)
            need(launch_commands(again) == wanted, f'{scene.name}: a reset asked {launch_commands(again)}, a start {wanted}')


PLAIN = ('sev', 'sev with a session')


class Monitor:
    """Speaks to the machine while it runs."""

    def __init__(self, talk):
        self.talk = talk
        self.answer = None

    def __call__(self, folder, process):
        deadline = time.monotonic() + SECONDS_AT_MOST
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with socket.socket(socket.AF_UNIX) as monitor:
                    monitor.connect(str(folder / 'qmp'))
                    self.answer = self.talk(qmp_client.Connection(monitor).negotiate())
                    return
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.01)
            except (EOFError, ConnectionResetError, BrokenPipeError):
                return  # it ended: how, the caller sees


def wait_for_the_error(qmp):
    """The machine's last state; it is ended when it stopped for an error, and may end itself."""
    status = ''
    try:
        while status != 'internal-error':
            status = qmp.command('query-status')['status']
            time.sleep(0.01)
        qmp.command('quit')
    except (EOFError, ConnectionResetError, BrokenPipeError):
        pass
    return status


@with_scenes
def a_reset_that_cannot_launch_says_so(binary, scene):
    """One line that names the command; the machine stays for who wants to look at it, or the process ends with status 1."""
    calls = started(binary, scene, 'resets=1').notes.launches[1]
    last = {call.name: call for call in calls if call.is_launch_command()}
    for name, call in last.items():
        watcher = Monitor(wait_for_the_error)
        run = modelled.Run(binary, scene, 'resets=1', f'fail={call.number}:{errno.EIO}', meet=watcher)
        need(len(run.lines) == 1 and name in run.lines[0] and os.strerror(errno.EIO) in run.lines[0], f'{scene.name} {name}: {run}')
        need(not run.left and run.notes.runs == 1, f'{scene.name} {name}: {run}')
        need((run.status, watcher.answer) in ((0, 'internal-error'), (1, watcher.answer)), f'{scene.name} {name}: {watcher.answer}: {run}')


def ask_again(binary, scene, call, measured):
    name, begin = call.name, time.monotonic()
    run = refused(binary, scene, f'fail={call.number}:{errno.EAGAIN}:{WITHOUT_END}')
    need(name in run.lines[0] and os.strerror(errno.EAGAIN) in run.lines[0], f'{scene.name} {name}: {run}')
    need(time.monotonic() - begin < SECONDS_AT_MOST, f'{scene.name}: {name} was asked for {time.monotonic() - begin:.0f} s')
    if name in ('KVM_TDX_CAPABILITIES', 'KVM_TDX_GET_CPUID'):  # lists that are too short
        run = refused(binary, scene, f'fail={call.number}:{errno.E2BIG}:{WITHOUT_END}')
        need(name in run.lines[0] and os.strerror(errno.E2BIG) in run.lines[0], f'{scene.name} {name}: {run}')
        need(started(binary, scene, f'fail={call.number}:{errno.E2BIG}:3').notes.measured == measured, f'{scene.name} {name}: another measurement')
    elif name not in ('KVM_TDX_INIT_VCPU', 'KVM_TDX_FINALIZE_VM'):
        need(started(binary, scene, f'fail={call.number}:{errno.EAGAIN}:50').notes.measured == measured, f'{scene.name} {name}: another measurement')


def what_the_kernel_wants_again_has_an_end(binary):
    """EAGAIN many times is nothing; without end it is one line that names the command. The same for lists that are never long enough."""
    turns = []
    with tempfile.TemporaryDirectory(prefix='penumbra-scenes.') as folder, concurrent.futures.ThreadPoolExecutor(8) as pool:
        for scene in modelled.scenes(pathlib.Path(folder)):
            notes = started(binary, scene).notes
            commands = {call.name: call for call in notes.calls if call.is_launch_command()}
            turns += [pool.submit(ask_again, binary, scene, call, notes.measured) for call in commands.values()]
        for turn in turns:
            turn.result()


@with_scenes
def memory_that_cannot_be_mapped_read_only_is_served(binary, scene):
    """The firmware's end, which stands below 1 MiB as memory that cannot be written: no slot where the kernel has no such slots, and yet it is read. Guests
    with private memory have RAM there."""
    if scene.name not in READS_FIRMWARE:
        return
    offset, start = 0x100, 0x100000 - 0x10000
    image = modelled.FIRMWARE.read_bytes()
    way, value = started(binary, scene, f'read={start + offset}').notes.read
    need(value == image[offset:offset + 8], f'{scene.name}: {value.hex()} was read')
    need(way == READS_FIRMWARE[scene.name], f'{scene.name}: from a {way}')


READS_FIRMWARE = {'sev': 'slot', 'sev with a session': 'slot', 'sev-es': 'slot', 'sev-es of its own type': 'exit'}


def refusal(qmp, name, **arguments):
    try:
        qmp.command(name, **arguments)
    except qmp_client.QmpError as error:
        return error.desc
    raise harness.Failure(f'{name} was done')


@with_scenes
def an_owner_looks_before_the_guest_runs(binary, scene):
    """What the monitor says between the launch and the first instruction; a secret goes in where there is a way; nobody saves the guest."""
    def talk(qmp):
        need(qmp.command('query-status')['status'] == 'prelaunch', scene.name)
        for name, arguments in (('migrate', {'uri': 'unix:/nowhere'}), ('dump-guest-memory', {'paging': False, 'protocol': 'file:/nowhere'})):
            need('cc0' in refusal(qmp, name, **arguments), f'{scene.name}: {name}: {refusal(qmp, name, **arguments)}')
        if not scene.kind.startswith('sev-guest'):
            need('SEV' in refusal(qmp, 'sev-inject-launch-secret', packet_header='', secret='', gpa=0), scene.name)
        else:
            need(qmp.command('query-sev')['state'] == 'launch-secret', f"{scene.name}: {qmp.command('query-sev')}")
            need(len(base64.b64decode(qmp.command('query-sev-launch-measure')['data'])) == 48, scene.name)
            secret = {'packet_header': base64.b64encode(bytes(52)).decode(), 'secret': base64.b64encode(bytes(range(32))).decode()}
            refusal(qmp, 'sev-inject-launch-secret', **{**secret, 'packet_header': 'AAAA'}, gpa=0x100000)
            qmp.command('sev-inject-launch-secret', **secret, gpa=0x100000)
            need('KVM_SEV_LAUNCH_SECRET' not in str(qmp.events), scene.name)
        qmp.command('cont')
    run = started(binary, scene, words=('-S',), meet=Monitor(talk))
    need(run.notes.runs == 1 and ('KVM_SEV_LAUNCH_SECRET' in launch_commands(run.notes.calls)) == scene.kind.startswith('sev-guest'), f'{scene.name}: {run}')


@with_scenes
def a_guest_that_asks_for_its_end_has_panicked(binary, scene):
    """What its processor told the kernel reaches the log and the event."""
    if scene.name in PLAIN:
        return

    def talk(qmp):
        qmp.command('cont')
        return qmp.wait_event('GUEST_PANICKED')['data']
    monitor = Monitor(talk)
    run = modelled.Run(binary, scene, 'dies=1', words=('-S',), meet=monitor)
    tdx = scene.kind.startswith('tdx')
    info = {'info': {'type': 'tdx', 'error-code': 0x50000, 'message': 'No way'}} if tdx else {}
    need(monitor.answer == {'action': 'poweroff', **info}, f'{scene.name}: {monitor.answer}')
    need(run.status == 0 and not run.left and len(run.lines) == 1 and ("message 'No way'" if tdx else 'reason set 0, code 2') in run.lines[0], f'{scene.name}: {run}')


def an_id_block_must_be_made_for_the_guest(binary):
    snp = 'sev-snp-guest,id=cc0,reduced-phys-bits=1,cbitpos=51'
    digest = plan(modelled.Scene('sev-snp', snp, ()))['launch-digest']
    policy, auth = 0x30000, base64.b64encode(struct.pack('<I', 1) + bytes(4092)).decode()
    for right in (True, False):
        value = bytes.fromhex(digest if right else '00' * 48)
        block = base64.b64encode(value + bytes(32) + struct.pack('<IIQ', 1, 0, policy)).decode()
        scene = modelled.Scene('sev-snp with an ID block', f'{snp},policy={policy},id-block={block},id-auth={auth}', ())
        if right:
            started(binary, scene)
        else:
            need('what was launched is not what id-block was made for' in refused(binary, scene).lines[0], 'a block of another guest')


if __name__ == '__main__':
    harness.main([a_launch_measures_what_its_plan_says, the_expected_measurement_starts_and_no_other, resets_launch_again, a_reset_that_cannot_launch_says_so,
                  what_the_kernel_wants_again_has_an_end,
                  memory_that_cannot_be_mapped_read_only_is_served, an_owner_looks_before_the_guest_runs, a_guest_that_asks_for_its_end_has_panicked, an_id_block_must_be_made_for_the_guest])
