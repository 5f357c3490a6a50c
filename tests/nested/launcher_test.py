#!/usr/bin/env python3
"""The launcher keeps its promises: streams, status, time limit, nothing left behind. Each test starts a machine."""
import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TESTBED = str(pathlib.Path(__file__).resolve().parent / 'testbed')


def machines_of(folder):
    """Emulators whose command line names files in the folder."""
    found = []
    for entry in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        if b'qemu-system' in words.split(b'\0')[0] and os.fsencode(folder) in words:
            found.append(int(entry.parent.name))
    return found


class LauncherTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        self.env = dict(os.environ, TMPDIR=self.scratch)  # a run's own files then lie below it

    def start(self, *args, **kwargs):
        return subprocess.Popen([TESTBED, 'run', '--timeout', '120', *args], env=self.env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=kwargs.pop('stdin', subprocess.DEVNULL), **kwargs)

    def run_in(self, *args, **kwargs):
        feed = kwargs.pop('input', None)
        if feed is not None:
            kwargs['stdin'] = subprocess.PIPE
        process = self.start(*args, **kwargs)
        out, err = process.communicate(feed)
        return process.returncode, out, err

    def assert_nothing_left(self):
        self.assertEqual(machines_of(self.scratch), [])
        self.assertEqual(os.listdir(self.scratch), [])

    def wait_for_machine(self):
        for _ in range(400):
            if machines_of(self.scratch):
                return
            time.sleep(0.05)
        self.fail('no machine was started')

    def test_streams_and_status(self):
        status, out, err = self.run_in('--', 'sh', '-c', 'echo to-out; echo to-err >&2; exit 7')
        self.assertEqual((status, out, err), (7, b'to-out\n', b'to-err\n'))
        self.assert_nothing_left()

    def test_signal_becomes_status(self):
        self.assertEqual(self.run_in('--', 'sh', '-c', 'kill -9 $$')[0], 128 + 9)

    def test_missing_command(self):
        status, _, err = self.run_in('--', '/no/such/command')
        self.assertEqual(status, 127)
        self.assertIn(b'cannot run /no/such/command', err)

    def test_large_output_is_complete(self):
        script = 'import sys; sys.stdout.buffer.write(b"%07d\\n" * 1000000 % tuple(range(1000000)))'
        status, out, _ = self.run_in('--', '/usr/bin/python3', '-c', script)
        wanted = b''.join(b'%07d\n' % i for i in range(1000000))
        self.assertEqual(status, 0)
        self.assertEqual(len(out), len(wanted))
        self.assertEqual(hashlib.sha256(out).digest(), hashlib.sha256(wanted).digest())

    def test_time_limit(self):
        status, out, err = self.run_in('--timeout', '30', '--', 'sh', '-c', 'echo before; sleep 1000')
        self.assertEqual((status, out), (124, b'before\n'))
        self.assertIn(b'time limit of 30 s reached', err)
        self.assert_nothing_left()

    def test_terminated_launcher_takes_the_machine_along(self):
        process = self.start('--', 'sleep', '1000')
        self.wait_for_machine()
        process.terminate()
        process.communicate()
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        self.assert_nothing_left()

    def test_killed_launcher_takes_the_machine_along(self):
        process = self.start('--', 'sleep', '1000')
        self.wait_for_machine()
        process.kill()
        process.communicate()
        for _ in range(100):
            if not machines_of(self.scratch):
                break
            time.sleep(0.05)
        self.assertEqual(machines_of(self.scratch), [])

    def test_child_left_behind_does_not_hold_the_run(self):
        status, out, _ = self.run_in('--', 'sh', '-c', 'sleep 1000 & echo done')
        self.assertEqual((status, out), (0, b'done\n'))

    def test_writes_stay_inside_but_for_out(self):
        with tempfile.TemporaryDirectory(dir=pathlib.Path.home()) as kept:
            probe = pathlib.Path(self.scratch, 'probe')
            script = f'echo inside > {probe} && cat {probe} && echo kept > "{kept}/a file"'
            status, out, err = self.run_in('--out', kept, '--', 'sh', '-c', script)
            self.assertEqual((status, out, err), (0, b'inside\n', b''))
            self.assertFalse(probe.exists())
            self.assertEqual(pathlib.Path(kept, 'a file').read_text(), 'kept\n')

    def test_directory_environment_and_arguments(self):
        self.env.update(PROBE='from outside', OTHER='unseen')
        script = 'pwd; echo "$PROBE|$SET|$OTHER|$1|$2"'
        status, out, _ = self.run_in('--env', 'PROBE', '--env', 'SET=a b', '--', 'sh', '-c', script, 'sh', 'x  y', '',
                                     cwd='/usr/lib')
        self.assertEqual((status, out), (0, b'/usr/lib\nfrom outside|a b||x  y|\n'))

    def test_standard_input(self):
        data = os.urandom(300000)
        status, out, _ = self.run_in('--stdin', '--', 'cat', input=data)
        self.assertEqual(status, 0)
        self.assertEqual(out, data)

    def test_dead_machine_is_reported(self):
        status, out, err = self.run_in('--', 'sh', '-c', 'echo before; sleep 1; echo o > /proc/sysrq-trigger; sleep 1000')
        self.assertEqual((status, out), (125, b'before\n'))
        self.assertIn(b'the machine ended before the command did; the emulator ended with status 0', err)
        self.assert_nothing_left()

    def test_concurrent_runs(self):
        runs = [self.start('--mem', '1024', '--', 'sh', '-c', f'echo {i}; echo {i} > /tmp/same; sleep 1; cat /tmp/same; exit {i}')
                for i in range(3)]
        for i, process in enumerate(runs):
            out, _ = process.communicate()
            self.assertEqual((process.returncode, out), (i, b'%d\n%d\n' % (i, i)))
        self.assert_nothing_left()

    def test_shape_of_the_machine(self):
        script = 'nproc; ls -d /sys/devices/system/node/node[0-9]* | wc -l; grep HugePages_Total /proc/meminfo'
        status, out, _ = self.run_in('--smp', '3', '--nodes', '2', '--hugepages', '16', '--', 'sh', '-c', script)
        self.assertEqual((status, out.split()), (0, [b'3', b'2', b'HugePages_Total:', b'16']))

    def test_console_is_shown_on_request(self):
        status, out, err = self.run_in('--console', '--kernel-args', 'loglevel=7', '--', 'echo', 'hello')
        self.assertEqual((status, out), (0, b'hello\n'))
        self.assertIn(b'Linux version', err)


if __name__ == '__main__':
    sys.exit(unittest.main(verbosity=2))
