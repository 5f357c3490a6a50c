#!/usr/bin/env python3
"""The testbed's parts that need no machine: archives, frames, option checks, what is said when something is missing."""
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
from testbedlib import common, cpio, debian, images, machine  # noqa: E402
sys.path.insert(0, str(HERE.parent / 'functional'))
import emulator  # noqa: E402
import harness  # noqa: E402


def read_archive(data):
    """A reader of "newc" archives written from the format alone: name -> (mode, content)."""
    entries, at = {}, 0
    while True:
        assert data[at:at + 6] == b'070701', at
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        body = (at + 110 + fields[11] + 3) & ~3
        if name == 'TRAILER!!!':
            return entries
        entries[name] = (fields[1], data[body:body + fields[6]])
        at = (body + fields[6] + 3) & ~3


class ArchiveTest(unittest.TestCase):
    def test_members_come_back(self):
        archive = cpio.Archive()
        for size in range(9):
            archive.file(f'some/where/f{size}', bytes(range(size)), 0o755)
        archive.link('bin/sh', 'busybox')
        data = archive.finish()
        entries = read_archive(data)
        self.assertEqual(len(data) % 512, 0)
        for size in range(9):
            self.assertEqual(entries[f'some/where/f{size}'], (stat.S_IFREG | 0o755, bytes(range(size))))
        self.assertEqual(entries['bin/sh'], (stat.S_IFLNK | 0o777, b'busybox'))
        self.assertEqual(entries['some'][0], stat.S_IFDIR | 0o755)

    def test_parents_precede_their_children_once(self):
        archive = cpio.Archive()
        archive.file('a/b/c', b'')
        archive.file('a/b/d', b'')
        self.assertEqual(list(read_archive(archive.finish())), ['a', 'a/b', 'a/b/c', 'a/b/d'])


class FramesTest(unittest.TestCase):
    def test_any_split_gives_the_same_frames(self):
        whole = b'O\x03\0\0\0abcE\0\0\0\0X\x01\0\0\x000'
        for cut in range(len(whole) + 1):
            seen = []
            frames = machine._Frames(lambda kind, body: seen.append((kind, body)))
            frames.feed(whole[:cut])
            frames.feed(whole[cut:])
            self.assertEqual(seen, [(b'O', b'abc'), (b'E', b''), (b'X', b'0')])


class MachineTest(unittest.TestCase):
    def test_memory_and_processors_are_dealt_out(self):
        for smp in range(1, 9):
            for nodes in range(1, 5):
                options = machine.Options()
                options.smp, options.nodes, options.memory_mib = smp, nodes, 1001
                words = machine._numa(options)
                sizes = [int(w.split('size=')[1][:-1]) for w in words if 'size=' in w]
                self.assertEqual((len(sizes), sum(sizes)), (nodes, 1001))
                ranges = [w.split('cpus=')[1].split('-') for w in words if 'cpus=' in w]
                self.assertEqual([c for a, b in ranges for c in range(int(a), int(b) + 1)], list(range(1 + smp)))

    def test_no_guest_runs_on_the_first_processor(self):
        kernel = mock.Mock(vmlinux='vmlinux')
        for words, smp, isolated in (((), '3', True), (('-icount', 'shift=0'), '2', False)):
            options = machine.Options()
            options.machine_arguments = words
            argv = machine.qemu_argv(kernel, 'initrd', options, 3, 'console')
            self.assertEqual((argv[argv.index('-smp') + 1], 'isolcpus=0' in argv[argv.index('-append') + 1].split()), (smp, isolated))

    def test_names_the_kernel_command_line_cannot_carry(self):
        self.assertEqual(machine._escape('/a b,c%d'), '/a%20b%2Cc%25d')
        for name in ['/x"y', '/x\ny', '/caf\u00e9']:
            with self.assertRaises(common.Failure):
                machine._escape(name)


class MissingTest(unittest.TestCase):
    def test_missing_tool_without_root_is_one_line_with_the_remedy(self):
        with mock.patch('os.geteuid', return_value=1000):
            with self.assertRaises(common.Failure) as caught:
                debian.need_tools({'no-such-tool': 'its-package', 'sh': 'dash'})
        self.assertEqual(str(caught.exception), 'no-such-tool missing; as root: apt-get install -y '
                                                '--no-install-recommends its-package')

    def test_the_command_says_it_in_one_line(self):
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run([sys.executable, HERE / 'testbed', 'run', '--', 'true'], capture_output=True, text=True,
                                  env={'PATH': cache, 'XDG_CACHE_HOME': cache}, check=False)
        self.assertEqual(done.returncode, 125)
        self.assertEqual(done.stderr.count('\n'), 1)
        self.assertIn('qemu-system-x86_64 missing', done.stderr)

    def test_apt_without_the_kernel_is_one_line(self):
        with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, XDG_CACHE_HOME=cache), \
                mock.patch.object(debian, '_ask_apt', return_value=None), mock.patch.object(debian, '_refresh_lists'):
            with self.assertRaisesRegex(common.Failure, 'apt offers no linux-image-6.12-amd64'):
                debian.kernel_choice()

    def test_apt_is_asked_again_only_when_its_lists_changed(self):
        with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, XDG_CACHE_HOME=cache), \
                mock.patch.object(debian, '_lists_stamp', side_effect=[1, 1, 2, 3]), \
                mock.patch.object(debian, '_ask_apt', side_effect=[('a', '1'), ('b', '2'), None]) as ask:
            self.assertEqual(debian.kernel_choice(), ('a', '1'))
            self.assertEqual(debian.kernel_choice(), ('a', '1'))
            self.assertEqual(ask.call_count, 1)
            self.assertEqual(debian.kernel_choice(), ('b', '2'))
            self.assertEqual(debian.kernel_choice(), ('b', '2'))  # lists gone: what was built last serves on

    def test_bad_options(self):
        for words in (['run'], ['run', '--smp', '0', '--', 'true'], ['run', '--timeout', '-1', '--', 'true'],
                      ['run', '--mem', 'much', '--', 'true'], ['fly']):
            done = subprocess.run([sys.executable, HERE / 'testbed', *words], capture_output=True, check=False)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn(b'testbed', done.stderr)


class CacheTest(unittest.TestCase):
    def test_built_once_per_key_and_older_ones_dropped(self):
        with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, XDG_CACHE_HOME=cache):
            build = mock.Mock(return_value=b'image')
            for number, key in enumerate(['k1', 'k1', 'k2', 'k3']):
                path = images._cached('kind', key, build)
                os.utime(path, (number, number))
            self.assertEqual(build.call_count, 3)
            self.assertEqual(sorted(p.name for p in path.parent.iterdir()), ['kind-k2', 'kind-k3'])


class FaultsOfTheEmulator(unittest.TestCase):
    def test_signs(self):
        oops = 'RSP: 0018:ff85e3f480487cf0 EFLAGS: '
        for report, sign in (('Oops: int3: 0000 [#1]', emulator.OOPS), (f'{oops}81fcf446\\r\\n', 'EFLAGS: 81fcf446'), (f'{oops}01047092\n', 'EFLAGS: 01047092'),
                             (f'{oops}00010246\n{oops}00008246\n', 'EFLAGS: 00008246'), (f'{oops}00010246\n', None), (f'{oops}003f7fd7', None), ('', None)):
            with self.subTest(report=report):
                self.assertEqual(emulator.sign_of(report), sign)

    def test_once_more_and_no_more(self):
        theirs, ours = f'it stopped: {emulator.OOPS}', 'it was wrong'
        for failures, calls, passes in (([], 1, True), ([theirs], 2, True), ([theirs] * 2, 3, True), ([theirs] * 3, 3, False), ([ours], 1, False),
                                        ([theirs, ours], 2, False)):
            with self.subTest(failures=failures), mock.patch('builtins.print'):
                left, made = list(failures), []

                def run():
                    made.append(1)
                    if left:
                        raise harness.Failure(left.pop(0))
                    return 7
                if passes:
                    self.assertEqual(emulator.once_more(run, 'it'), 7)
                else:
                    self.assertRaises(harness.Failure, emulator.once_more, run, 'it')
                self.assertEqual(len(made), calls)


if __name__ == '__main__':
    sys.exit(unittest.main())
