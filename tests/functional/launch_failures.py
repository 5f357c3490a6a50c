#!/usr/bin/env python3
"""Launches of protected guests as whole processes, on a model of the kernel: each call of a start, failing once with each of its errors, ends the
process with status 1 and one line that names the call and says why, with nothing left.

usage: launch_failures.py PENUMBRA_MODELLED [SCENE...]
The program is penumbra linked with the model (tests/modelled), which notes every call and says itself when descriptors or threads are left. A
call that failed may also have been done without or asked again: then the guest runs, measures what it always does, and nothing is said."""
import collections
import concurrent.futures
import errno
import os
import pathlib
import re
import sys
import tempfile

import modelled

# What each kind of call may answer, besides the two that are asked again.
LAUNCH_ERRORS = ['EINVAL', 'EIO', 'EFAULT', 'ENOTTY', 'EBUSY', 'ENOMEM', 'EPERM', 'EEXIST', 'ENODEV', 'ENOSPC', 'EOPNOTSUPP', 'EACCES', 'E2BIG']
ERRORS = collections.defaultdict(lambda: ['EINVAL', 'ENOMEM'], {
    'open': ['ENOENT', 'EACCES', 'ENODEV', 'EBUSY', 'EMFILE'], 'KVM_CREATE_VM': ['EINVAL', 'ENOMEM', 'EBUSY', 'EMFILE'], 'KVM_CREATE_VCPU': ['EINVAL', 'ENOMEM', 'EEXIST', 'EIO', 'EMFILE'],
    'KVM_CREATE_GUEST_MEMFD': ['EINVAL', 'ENOMEM', 'EMFILE'], 'KVM_SET_USER_MEMORY_REGION2': ['EINVAL', 'ENOMEM', 'EEXIST', 'EBADF'],
    'KVM_SET_MEMORY_ATTRIBUTES': ['EINVAL', 'ENOMEM', 'EFAULT'], 'SEV_PLATFORM_STATUS': ['EIO', 'ENODEV', 'EPERM'], 'KVM_MEMORY_ENCRYPT_REG_REGION': ['EINVAL', 'ENOMEM', 'ENOTTY']})
# The kernel does not want these again.
ASKED_ONCE = ('KVM_TDX_CAPABILITIES', 'KVM_TDX_INIT_VCPU', 'KVM_TDX_GET_CPUID', 'KVM_TDX_FINALIZE_VM')


def errors_of(call):
    if call.is_launch_command():
        return [*LAUNCH_ERRORS, 'EINTR', 'EAGAIN']
    return [*ERRORS[call.name], 'EINTR']


def says_why(call, number, line):
    if call.name in ('KVM_CHECK_EXTENSION', 'KVM_GET_DEVICE_ATTR'):  # their failure is their answer: the line says what is lacking
        return 'KVM: ' in line or 'KVM_CAP' in line or "kernel does not" in line or os.strerror(number) in line
    return re.search(rf'\b{call.name}\b', line) is not None and os.strerror(number) in line


def judge(binary, scene, good, call, error):
    """(outcome, complaints): 'refused' or 'went on'."""
    number = getattr(errno, error)
    run = modelled.Run(binary, scene, f'fail={call.number}:{number}')
    must_go_on = error == 'EINTR' or (error == 'EAGAIN' and call.name not in ASKED_ONCE)
    must_stop = call.is_launch_command() and not must_go_on and error not in ('EAGAIN', 'E2BIG')
    bad = []
    if run.well():
        if (run.notes.measured, run.notes.runs) != (good.measured, good.runs):
            bad.append('went on otherwise')
        if must_stop:
            bad.append('went on')
    elif not run.refused() or not says_why(call, number, run.lines[0]) or (must_go_on and call.is_launch_command()):
        bad.append('did not end as it must')
    return 'went on' if run.well() else 'refused', [f'{scene.name}: call {call.number} {call.name} {error}: {complaint}: {run}' for complaint in bad]


def run_scene(scene, binary, pool):
    """(complaints, {outcome: number})"""
    first = modelled.Run(binary, scene)
    if not first.well() or not first.notes.measured or first.notes.runs != 1:
        return [f'{scene.name}: does not start: {first}'], collections.Counter()
    good = first.notes
    turns = [(call, error) for call in good.calls for error in errors_of(call)]
    outcomes, complaints = collections.Counter(), []
    for outcome, bad in pool.map(lambda turn: judge(binary, scene, good, *turn), turns):
        outcomes[outcome] += 1
        complaints += bad
    commands = sorted({call.name for call in good.calls if call.is_launch_command()})
    print(f'{scene.name}: {len(good.calls)} calls, {outcomes["refused"]} launches refused, {outcomes["went on"]} went on; {", ".join(commands)}', flush=True)
    return complaints, outcomes


def main():
    binary, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:]
    complaints, total = [], collections.Counter()
    with tempfile.TemporaryDirectory(prefix='penumbra-scenes.') as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for scene in modelled.scenes(pathlib.Path(folder)):
            if wanted and scene.name not in wanted:
                continue
            found, outcomes = run_scene(scene, binary, pool)
            complaints += found
            total += outcomes
    for complaint in complaints:
        print(complaint)
    print(f'launch_failures: {sum(total.values())} failures injected, {total["refused"]} launches refused, {len(complaints)} complaints')
    if not wanted and total['refused'] < 1500:
        sys.exit('too few launches were refused: the injection does not work')
    sys.exit(1 if complaints else 0)


if __name__ == '__main__':
    main()
