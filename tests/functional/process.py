#!/usr/bin/env python3
"""The process around the machine: daemon, pid file, log, signals, -S, -no-reboot, -no-shutdown. usage: process.py PENUMBRA [test...]"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import harness

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
import images

# out 0x64, 0xfe: the keyboard controller pulls the reset line.
RESETS = images.image(b'\xb0\xfe\xe6\x64\xf4\xeb\xfd')


def argv(binary, folder, blob, *extra):
    image = os.path.join(folder, 'guest.bin')
    with open(image, 'wb') as out:
        out.write(blob)
    return [binary, '-machine', 'q35', '-m', '64', '-cpu', 'qemu64,check=off', '-bios', image, '-nodefaults', '-display', 'none',
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=1', *extra]


def need(condition, text):
    if not condition:
        raise harness.Failure(text)


def gone(pid, timeout=10):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # A daemon's parent is whoever adopted it; here that may be this process.
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass
        time.sleep(0.02)
    return False


def with_folder(test):
    def run(binary):
        with tempfile.TemporaryDirectory(prefix='penumbra-process.') as folder:
            test(binary, folder)
    run.__name__ = test.__name__
    return run


@with_folder
def daemon_lives_until_sigterm(binary, folder):
    pidfile = os.path.join(folder, 'pid')
    command = argv(binary, folder, images.spins(), '-daemonize', '-pidfile', pidfile)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    need(done.returncode == 0 and not done.stderr, f'status {done.returncode}: {done.stderr}')
    text = open(pidfile).read()
    need(re.fullmatch(r'\d+\n', text), f'pid file: {text!r}')
    pid = int(text)
    try:
        os.kill(pid, 0)
        for descriptor in (0, 1, 2):
            target = os.readlink(f'/proc/{pid}/fd/{descriptor}')
            need(target == '/dev/null', f'descriptor {descriptor} is {target}')
        need(os.getsid(pid) != os.getsid(0), 'the daemon is in our session')
        second = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
        need(second.returncode == 1 and b'pid' in second.stderr and second.stderr.count(b'\n') == 1, f'second start: {second}')
        need(open(pidfile).read() == text, 'the second start changed the pid file')
        os.kill(pid, signal.SIGTERM)
        need(gone(pid), 'SIGTERM did not end it')
        need(not os.path.exists(pidfile), 'the pid file stayed')
    finally:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@with_folder
def daemon_that_cannot_start_says_why(binary, folder):
    command = argv(binary, folder, images.spins(), '-daemonize', '-accel', 'kvm,device=/no/such/kvm')
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    need(done.returncode == 1 and done.stderr.count(b'\n') == 1 and b'/no/such/kvm' in done.stderr, str(done))


@with_folder
def every_ending_signal_ends_it(binary, folder):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with harness.Vmm(argv(binary, folder, images.spins())) as vmm:
            time.sleep(0.3)
            vmm.process.send_signal(number)
            need(vmm.wait(10) == 0, vmm.report())
            need(f'signal {int(number)}' in vmm.err.decode(), vmm.report())


@with_folder
def log_file_has_the_trace(binary, folder):
    log = os.path.join(folder, 'log')
    status, out, err = harness.run(argv(binary, folder, images.exits_at_once(), '-D', log, '-trace', 'kvm_set_user_memory'))
    need(status == 1 and not out and not err, f'{status} {out} {err}')
    lines = open(log).read().splitlines()
    need(lines and all(line.startswith('kvm_set_user_memory slot ') for line in lines), str(lines[:3]))


@with_folder
def paused_guest_does_not_run(binary, folder):
    with harness.Vmm(argv(binary, folder, images.exits_at_once(), '-S')) as vmm:
        time.sleep(0.5)
        need(vmm.process.poll() is None, 'the guest ran in spite of -S')


@with_folder
def no_reboot_ends_at_the_first_reset(binary, folder):
    status, _, err = harness.run(argv(binary, folder, RESETS, '-no-reboot'), 20)
    need(status == 0, f'status {status}: {err}')


@with_folder
def no_shutdown_keeps_the_process(binary, folder):
    with harness.Vmm(argv(binary, folder, RESETS, '-no-reboot', '-no-shutdown')) as vmm:
        time.sleep(0.7)
        need(vmm.process.poll() is None, 'the process ended in spite of -no-shutdown')
        vmm.process.send_signal(signal.SIGTERM)
        need(vmm.wait(10) == 0, vmm.report())


@with_folder
def threads_are_named(binary, folder):
    with harness.Vmm(argv(binary, folder, images.spins(), '-smp', '2', '-name', 'guest=a,debug-threads=on')) as vmm:
        time.sleep(0.5)
        base = f'/proc/{vmm.process.pid}/task'
        names = {open(f'{base}/{task}/comm').read().strip() for task in os.listdir(base)}
        need({'CPU 0/KVM', 'CPU 1/KVM'} <= names, str(names))


@with_folder
def nothing_is_left_open_for_children(binary, folder):
    with harness.Vmm(argv(binary, folder, images.spins())) as vmm:
        time.sleep(0.5)
        base = f'/proc/{vmm.process.pid}/fdinfo'
        for number in os.listdir(base):
            if int(number) <= 2:
                continue
            flags = int(re.search(r'flags:\s+(\d+)', open(f'{base}/{number}').read())[1], 8)
            target = os.readlink(f'/proc/{vmm.process.pid}/fd/{number}')
            need(flags & os.O_CLOEXEC, f'descriptor {number} ({target}) would be inherited')


if __name__ == '__main__':
    harness.need_kvm()
    harness.main([daemon_lives_until_sigterm, daemon_that_cannot_start_says_why, every_ending_signal_ends_it, log_file_has_the_trace,
                  paused_guest_does_not_run, no_reboot_ends_at_the_first_reset, no_shutdown_keeps_the_process, threads_are_named,
                  nothing_is_left_open_for_children])
