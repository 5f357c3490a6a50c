#!/usr/bin/env python3
"""The process around the machine: daemon, pid file, log, signals, -S, -no-reboot, -no-shutdown. usage: process.py PENUMBRA [test...]"""
import contextlib
import datetime
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import harness
import qmp_client

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
import images

# out 0x64, 0xfe: the keyboard controller pulls the reset line.
RESETS = images.image(b'\xb0\xfe\xe6\x64\xf4\xeb\xfd')
PANICS = images.image(b'\xba\x05\x05\xb0\x01\xee\xf4\xeb\xfd')  # pvpanic's port


def argv(binary, folder, blob, *extra):
    image = os.path.join(folder, 'guest.bin')
    with open(image, 'wb') as out:
        out.write(blob)
    return [binary, '-machine', 'q35', '-m', '64', '-cpu', 'qemu64,check=off', '-bios', image, '-nodefaults', '-display', 'none',
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=1', *extra]


def need(condition, text):
    if not condition:
        raise harness.Failure(text)


def expect_gone(pid, why, timeout=10):
    def gone():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # A daemon's parent is whoever adopted it; here that may be this process.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return False
    harness.eventually(f'{why} did not end it', gone, timeout, step=0.02)


def kill_if_there(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


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
        expect_gone(pid, 'SIGTERM')
        need(not os.path.exists(pidfile), 'the pid file stayed')
    finally:
        kill_if_there(pid)


@with_folder
def daemon_that_cannot_start_says_why(binary, folder):
    command = argv(binary, folder, images.spins(), '-daemonize', '-accel', 'kvm,device=/no/such/kvm')
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    need(done.returncode == 1 and done.stderr.count(b'\n') == 1 and b'/no/such/kvm' in done.stderr, str(done))


@with_folder
def every_ending_signal_ends_it(binary, folder):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with harness.Vmm(argv(binary, folder, images.spins())) as vmm:
            vmm.wait_runs()
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
def messages_carry_what_msg_asks_for(binary, folder):
    """-msg timestamp=on,guest-name=on: the time in ISO 8601 with microseconds, the guest's name, then the message."""
    wrong = ['-accel', 'kvm,device=/no/such/kvm']
    for options, before in ((['-msg', 'timestamp=on,guest-name=on', '-name', 'guest=alice'], r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) alice '),
                            (['-msg', 'timestamp=on', '-name', 'alice'], r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) '),
                            (['-msg', 'guest-name=on', '-name', 'alice'], 'alice '), (['-name', 'alice'], '')):
        status, _, err = harness.run(argv(binary, folder, images.exits_at_once(), *options, *wrong))
        found = re.fullmatch(before + r"penumbra: could not open '/no/such/kvm': [^\n]*\n", err)
        need(status == 1 and found, f'{options}: status {status}: {err!r}')
        if found.groups():
            said = datetime.datetime.strptime(found[1], '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=datetime.timezone.utc)
            need(abs((datetime.datetime.now(datetime.timezone.utc) - said).total_seconds()) < 120, f'the time is {found[1]}')


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
        vmm.wait_runs()
        time.sleep(0.5)
        need(vmm.process.poll() is None, 'the process ended in spite of -no-shutdown')
        vmm.process.send_signal(signal.SIGTERM)
        need(vmm.wait(10) == 0, vmm.report())


@with_folder
def actions_are_taken(binary, folder):
    """-action: how the process ends, or what state it stays in."""
    for guest, action, status, state in ((RESETS, 'reboot=shutdown', 0, None), (RESETS, 'reboot=shutdown,shutdown=pause', None, 'shutdown'), (RESETS, 'reboot=reset', None, 'running'),
                                         (PANICS, 'panic=shutdown', 0, None), (PANICS, 'panic=exit-failure', 1, None), (PANICS, 'panic=pause', None, 'guest-panicked'),
                                         (PANICS, 'panic=none', None, 'running'), (PANICS, 'panic=shutdown,shutdown=pause', None, 'guest-panicked'),
                                         (PANICS, 'panic=exit-failure,shutdown=pause', 1, None)):
        path = os.path.join(folder, 'qmp')
        with harness.Vmm(argv(binary, folder, guest, '-device', 'pvpanic', '-action', action, '-S', '-qmp', f'unix:{path},server=on,wait=on')) as vmm:
            with socket.socket(socket.AF_UNIX) as monitor:
                harness.eventually("the monitor's socket", lambda path=path: os.path.exists(path), timeout=10, step=0.01)
                monitor.connect(path)
                qmp = qmp_client.Connection(monitor).negotiate()
                qmp.command('cont')
                qmp.wait_event('GUEST_PANICKED' if guest is PANICS else 'RESET' if action == 'reboot=reset' else 'SHUTDOWN')
                if status is None:
                    said = qmp.command('query-status')['status']
                    need(said == state, f'{action}: {said}, not {state}')
                    qmp.command('quit')
                need(vmm.wait(10) == (status or 0), f'{action}: {vmm.report()}')


@with_folder
def threads_are_named(binary, folder):
    with harness.Vmm(argv(binary, folder, images.spins(), '-smp', '2', '-name', 'guest=a,debug-threads=on')) as vmm:
        vmm.wait_runs(cpus=2)


@with_folder
def nothing_is_left_open_for_children(binary, folder):
    with harness.Vmm(argv(binary, folder, images.spins())) as vmm:
        vmm.wait_runs()
        base = f'/proc/{vmm.process.pid}/fdinfo'
        for number in os.listdir(base):
            if int(number) <= 2:
                continue
            flags = int(re.search(r'flags:\s+(\d+)', open(f'{base}/{number}').read())[1], 8)
            target = os.readlink(f'/proc/{vmm.process.pid}/fd/{number}')
            need(flags & os.O_CLOEXEC, f'descriptor {number} ({target}) would be inherited')


def status_of(pid, field):
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return re.search(rf'^{field}:\s+(.*)$', file.read(), re.MULTILINE)[1]


@with_folder
def eight_daemons_on_one_pid_file(binary, folder):
    """One holds it, seven say so in a line each; who may connect once its parent has gone."""
    pidfile = os.path.join(folder, 'pid')
    command = argv(binary, folder, images.spins(), '-daemonize', '-pidfile', pidfile)
    for round_ in range(4):
        sockets = [os.path.join(folder, f'qmp{round_}.{number}') for number in range(8)]
        started = [subprocess.Popen([*command, '-qmp', f'unix:{path},server=on,wait=off'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE) for path in sockets]
        errors = [process.communicate(timeout=60)[1].decode() for process in started]
        winners = [number for number, process in enumerate(started) if process.returncode == 0]
        need(len(winners) == 1, f'{len(winners)} of eight started: {errors}')
        pid = int(open(pidfile, encoding='ascii').read())
        try:
            for number, process in enumerate(started):
                if number in winners:
                    need(not errors[number], f'the winner said {errors[number]!r}')
                    with socket.socket(socket.AF_UNIX) as monitor:
                        monitor.connect(sockets[number])  # at once: its parent has gone
                        qmp = qmp_client.Connection(monitor).negotiate()
                        need(qmp.command('query-status')['running'], 'the winner does not run')
                        qmp.command('quit')
                else:
                    need(process.returncode == 1 and errors[number].count('\n') == 1 and f"'{pidfile}' is held by another process" in errors[number],
                         f'status {process.returncode}: {errors[number]!r}')
            expect_gone(pid, 'quit')
            need(not os.path.exists(pidfile), 'the pid file stayed')
        finally:
            kill_if_there(pid)


@with_folder
def daemon_in_another_root(binary, folder):
    """A root without a /dev."""
    if os.geteuid() != 0:
        print('not run: daemon_in_another_root needs root')
        return
    root, pidfile = os.path.join(folder, 'root'), os.path.join(folder, 'pid')
    os.mkdir(root)
    done = subprocess.run(argv(binary, folder, images.spins(), '-daemonize', '-pidfile', pidfile, '-run-with', f'chroot={root}'),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    need(done.returncode == 0 and not done.stderr, f'{done}')
    pid = int(open(pidfile, encoding='ascii').read())
    need(os.readlink(f'/proc/{pid}/root') == os.path.realpath(root), 'its root')
    os.kill(pid, signal.SIGTERM)
    expect_gone(pid, 'SIGTERM')


@with_folder
def privileges_are_dropped(binary, folder):
    """The user, the groups and the root are others when the first request is served, though the greeting comes earlier."""
    if os.geteuid() != 0:
        print('not run: privileges_are_dropped needs root')
        return
    root = os.path.join(folder, 'root')
    os.mkdir(root)
    os.chmod(folder, 0o755)
    os.chmod(root, 0o777)
    request = b'{"execute": "qmp_capabilities"}{"execute": "pmemsave", "arguments": {"val": 0, "size": 4096, "filename": "/saved"}}'
    for user, name in (('65534:65533', False), ('nobody', True)):
        path = os.path.join(folder, 'qmp' + user.replace(':', '.'))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            # It connects while it starts and finds the requests there before it can have greeted.
            with harness.Vmm(argv(binary, folder, images.spins(), '-qmp', f'unix:{path}', '-run-with', f'user={user},chroot={root}')) as vmm:
                monitor = listener.accept()[0]
                monitor.sendall(request)
                qmp = qmp_client.Connection(monitor)
                need([qmp.reply(), qmp.reply()] == [{'return': {}}] * 2, 'the answers')
                saved = os.stat(os.path.join(root, 'saved'))
                need(saved.st_uid == 65534 and (name or saved.st_gid == 65533), f'the first request was served as {saved.st_uid}:{saved.st_gid}')
                pid = vmm.process.pid
                for task in os.listdir(f'/proc/{pid}/task'):
                    need(status_of(f'{pid}/task/{task}', 'Uid').split() == ['65534'] * 4, f"thread {task}: {status_of(f'{pid}/task/{task}', 'Uid')}")
                    need(int(status_of(f'{pid}/task/{task}', 'CapEff'), 16) == 0, f'thread {task} has capabilities')
                    need(os.readlink(f'/proc/{pid}/task/{task}/root') == os.path.realpath(root), f'the root of thread {task}')
                need('0' not in status_of(pid, 'Groups').split(), f"groups: {status_of(pid, 'Groups')}")
                qmp.command('quit')
                need(vmm.wait(10) == 0, vmm.report())
        os.unlink(os.path.join(root, 'saved'))
    for option, words in (('user=no-such-user', 'there is no such user'), (f'chroot={folder}/missing', 'chroot=')):
        status, _, err = harness.run(argv(binary, folder, images.spins(), '-run-with', option), 20)
        need(status == 1 and err.count('\n') == 1 and words in err, f'{option}: {status} {err}')


@with_folder
def memory_is_locked(binary, folder):
    """All of it at once with on, what was touched with on-fault, nothing without."""
    for mode, least, most in (('on', 64 << 10, 1 << 30), ('on-fault', 64, 1 << 30), ('off', 0, 0)):
        with harness.Vmm(argv(binary, folder, images.spins(), '-overcommit', f'mem-lock={mode}')) as vmm:
            def kilobytes(field, vmm=vmm):
                return int(status_of(vmm.process.pid, field).split()[0])

            def locked(least=least, most=most, whole=mode == 'on', vmm=vmm):
                return len(harness.threads(vmm.process.pid)) > 1 and least <= kilobytes('VmLck', vmm) <= most and (not whole or kilobytes('VmRSS', vmm) >= 64 << 10)
            harness.eventually(f'mem-lock={mode}: as much locked as it says', locked, timeout=10)
            need((kilobytes('VmRSS') >= 64 << 10) == (mode == 'on'), f'mem-lock={mode}: VmRSS {kilobytes("VmRSS")} kB')


@with_folder
def a_sandboxed_guest_runs(binary, folder):
    """Every group denied: the guest boots and ends, the filter is in force in each thread."""
    everything = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'
    with harness.Vmm(argv(binary, folder, images.spins(), '-sandbox', everything, '-smp', '2')) as vmm:
        vmm.wait_runs(cpus=2)
        for task in os.listdir(f'/proc/{vmm.process.pid}/task'):
            need(status_of(f'{vmm.process.pid}/task/{task}', 'Seccomp') == '2', f'thread {task} has no filter')
            need(status_of(f'{vmm.process.pid}/task/{task}', 'NoNewPrivs') == '1', f'thread {task} may gain privileges')
        vmm.process.send_signal(signal.SIGTERM)
        need(vmm.wait(10) == 0, vmm.report())
    with harness.Vmm(argv(binary, folder, images.spins(), '-sandbox', 'off')) as vmm:
        vmm.wait_runs()
        need(status_of(vmm.process.pid, 'Seccomp') == '0', 'a filter in spite of off')


@with_folder
def a_sandbox_and_another_user(binary, folder):
    """A user that is to be changed while that is denied is refused; otherwise the filter is in force and the user is another."""
    user = ['-run-with', 'user=nobody']
    status, _, err = harness.run(argv(binary, folder, images.spins(), '-sandbox', 'on,elevateprivileges=deny', *user), 20)
    need(status == 1 and err.count('\n') == 1 and 'elevateprivileges=deny contradicts -run-with user=nobody' in err, f'{status} {err}')
    if os.geteuid() != 0:
        print('not run: the rest of a_sandbox_and_another_user needs root')
        return
    os.chmod(folder, 0o755)
    for choice in ('on', 'on,elevateprivileges=allow,spawn=deny', 'on,elevateprivileges=children'):
        pidfile = os.path.join(folder, 'pid')
        done = subprocess.run(argv(binary, folder, images.spins(), '-sandbox', choice, *user, '-run-with', f'chroot={folder}', '-daemonize', '-pidfile', pidfile),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
        need(done.returncode == 0 and not done.stderr, f'{choice}: {done}')
        pid = int(open(pidfile, encoding='ascii').read())
        try:
            found = status_of(pid, 'Seccomp'), status_of(pid, 'Uid').split()
            need(found == ('2', ['65534'] * 4), f'{choice}: {found}')
            os.kill(pid, signal.SIGTERM)
            expect_gone(pid, f'{choice}: SIGTERM')
        finally:
            kill_if_there(pid)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(pidfile)  # it stays where the user may not remove it


if __name__ == '__main__':
    harness.need_kvm()
    harness.main([daemon_lives_until_sigterm, daemon_that_cannot_start_says_why, every_ending_signal_ends_it, log_file_has_the_trace, messages_carry_what_msg_asks_for,
                  paused_guest_does_not_run, no_reboot_ends_at_the_first_reset, no_shutdown_keeps_the_process, actions_are_taken, threads_are_named,
                  nothing_is_left_open_for_children, eight_daemons_on_one_pid_file, daemon_in_another_root, privileges_are_dropped,
                  memory_is_locked, a_sandboxed_guest_runs, a_sandbox_and_another_user])
