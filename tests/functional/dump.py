#!/usr/bin/env python3
"""dump-guest-memory: what is in the file is what is in the guest; refused requests change nothing; a reader that does not read holds up
nobody but the dump.

usage: dump.py BINARY IMAGES [TEST ...]      IMAGES: the folder with the guests of tests/guest"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import harness
from core_file import PAGE, ElfCore, Kdump
from harness import Failure, need_file, need_kvm
from qmp_client import Process, QmpError

FIRMWARE = '/usr/share/seabios/bios-256k.bin'
IMAGES = ''


def expect(condition, what):
    if not condition:
        raise Failure(what)


def expect_equal(got, wanted, what):
    expect(got == wanted, f'{what}: {got!r}, expected {wanted!r}')


class Guest:
    """A machine with a monitor and a folder."""

    def __init__(self, binary, *argv):
        self.vmm = Process(binary, '-machine', 'q35', *argv)

    def __enter__(self):
        self.folder = self.vmm.directory.name
        self.qmp = self.vmm.connect().negotiate()
        return self

    def __exit__(self, *_):
        self.vmm.end()

    def path(self, name):
        return os.path.join(self.folder, name)

    def dump(self, name='core', paging=False, **more):
        self.qmp.command('dump-guest-memory', paging=paging, protocol=f'file:{self.path(name)}', **more)
        return self.path(name)

    def memory(self, address, size, linear=False):
        path = self.path('memory')
        self.qmp.command('memsave' if linear else 'pmemsave', val=address, size=size, filename=path)
        with open(path, 'rb') as file:
            return file.read()

    def hmp(self, line):
        return self.qmp.command('human-monitor-command', command_line=line)

    def rip(self, cpu):
        text = self.qmp.command('human-monitor-command', command_line='info registers', cpu_index=cpu)
        return int(re.search(r'[ER]IP=([0-9a-f]+)', text).group(1), 16)


def seabios(binary, *argv):
    return Guest(binary, '-m', '64', '-smp', '2', *argv)


def long_mode_guest(binary, folder):
    """Runs in long mode, with paging, for a long time."""
    with open(os.path.join(IMAGES, 'exit_loop.bin'), 'rb') as file:
        image = bytearray(file.read())
    image[0xff00:0xff08] = (1 << 40).to_bytes(8, 'little')
    path = os.path.join(folder, 'endless.bin')
    with open(path, 'wb') as file:
        file.write(image)
    return Guest(binary, '-m', '32', '-bios', path)


def stop(guest, after=0.3):
    time.sleep(after)
    guest.qmp.command('stop')


def elf_has_the_memory(binary):
    with seabios(binary) as guest:
        stop(guest)
        core = ElfCore(guest.dump())
        expect_equal(core.machine, 3, 'machine: firmware is not in long mode')
        expect_equal([s[3] for s in core.segments], [64 << 20, 256 << 10], 'segments: RAM and firmware')
        for address, size in ((0, 1 << 20), (60 << 20, 4 << 20), (0xfffc0000, 256 << 10)):
            expect(core.physical(address, size) == guest.memory(address, size), f'the memory at {address:#x} differs')
        expect_equal(core.statuses(), [(1, guest.rip(0)), (2, guest.rip(1))], 'processors')
        expect_equal([(n.name, len(n.contents)) for n in core.notes[2:]], [(b'QEMU', 440)] * 2, 'notes of system registers')
        expect_equal(guest.qmp.wait_event('DUMP_COMPLETED')['data']['result'],
                     {'status': 'completed', 'completed': (64 << 20) + (256 << 10), 'total': (64 << 20) + (256 << 10)}, 'the event')
        expect_equal(guest.qmp.command('query-dump')['status'], 'completed', 'query-dump')
        expect_equal(guest.qmp.command('query-status')['status'], 'paused', 'a stopped guest')
        # A part of it.
        part = ElfCore(guest.dump('part', begin=0xf0000, length=0x10010))
        expect_equal([s[1:2] + s[3:] for s in part.segments], [(0xf0000, 0x10010)], 'the segments of a part')
        expect(part.physical(0xf0000, 0x10010) == guest.memory(0xf0000, 0x10010), 'the part differs')


def elf_by_the_guests_addresses(binary):
    with tempfile.TemporaryDirectory() as folder, long_mode_guest(binary, folder) as guest:
        stop(guest)
        core = ElfCore(guest.dump(paging=True))
        expect_equal(core.machine, 62, 'machine')
        rip = guest.rip(0)
        expect_equal(core.statuses(), [(1, rip)], 'processors')
        page = rip & -PAGE
        code = guest.memory(page, PAGE, linear=True)
        expect(any(code), 'there is no code')
        expect(core.linear(page, PAGE) == code, 'the code differs')
        if shutil.which('gdb'):
            done = subprocess.run(['gdb', '-nx', '-batch', '-ex', f'core-file {guest.path("core")}', '-ex', 'info threads',
                                   '-ex', f'x/8xb {page:#x}', '-ex', 'p/x $rip'], capture_output=True, text=True, check=False, timeout=60)
            expect(f'{rip:#x}' in done.stdout, f'gdb: {done.stdout}{done.stderr}')
            shown = [int(b, 16) for b in re.findall(r'\t0x([0-9a-f]{2})\b', done.stdout)][:8]
            expect_equal(bytes(shown), code[:8], 'the code as gdb sees it')


def kdump_has_the_memory(binary):
    with seabios(binary) as guest:
        stop(guest)
        dump = Kdump(guest.dump(format='kdump-zlib'))
        expect_equal((dump.machine, dump.cpus), (b'i686', 2), 'machine')
        expect_equal(dump.pages, 1 << 20, 'pages up to the end of the firmware')
        expect(dump.present == dump.dumped, 'all pages of an ordinary guest are in the file')
        expect_equal(len(dump.place), ((64 << 20) + (256 << 10)) // PAGE, 'pages')
        for address, size in ((0, 1 << 20), (60 << 20, 4 << 20), (0xfffc0000, 256 << 10)):
            pages = b''.join(dump.page(n) for n in range(address // PAGE, (address + size) // PAGE))
            expect(pages == guest.memory(address, size), f'the memory at {address:#x} differs')
        expect_equal([(n.name, n.kind) for n in dump.notes], [(b'CORE', 1)] * 2 + [(b'QEMU', 0)] * 2, 'notes')
        if shutil.which('makedumpfile'):
            with open(guest.path('core'), 'rb') as file:
                subprocess.run(['makedumpfile', '-R', guest.path('whole')], stdin=file, check=True, timeout=60)
            expect(os.path.getsize(guest.path('whole')) > 0, 'makedumpfile made nothing')


def the_guest_runs_on(binary):
    with seabios(binary) as guest:
        guest.dump()
        for name in ('STOP', 'DUMP_COMPLETED', 'RESUME'):
            guest.qmp.wait_event(name)
        expect_equal(guest.qmp.command('query-status')['status'], 'running', 'status')
        guest.dump('later', detach=True)
        guest.qmp.wait_event('DUMP_COMPLETED')
        guest.qmp.wait_event('RESUME')
        expect(len(ElfCore(guest.path('later')).segments) == 2, 'segments of a detached dump')


def a_descriptor_and_a_pipe(binary):
    with seabios(binary) as guest:
        stop(guest, 0)
        read, write = os.pipe()
        guest.qmp.command('getfd', fdname='dump', fds=[write])
        os.close(write)
        gathered = bytearray()

        def drain():
            while data := os.read(read, 1 << 16):
                gathered.extend(data)
        reader = threading.Thread(target=drain)
        reader.start()
        guest.qmp.command('dump-guest-memory', paging=False, protocol='fd:dump', detach=True)
        guest.qmp.wait_event('DUMP_COMPLETED')
        reader.join(20)
        os.close(read)
        with open(guest.dump(), 'rb') as file:
            expect(file.read() == bytes(gathered), 'what came through the pipe differs from the file')
        try:
            guest.qmp.command('dump-guest-memory', paging=False, protocol='fd:dump')
            raise Failure('a descriptor was used twice')
        except QmpError:
            pass


def a_reader_that_does_not_read(binary):
    with seabios(binary) as guest:
        read, write = os.pipe()
        guest.qmp.command('getfd', fdname='dump', fds=[write])
        os.close(write)
        guest.qmp.command('dump-guest-memory', paging=False, protocol='fd:dump', detach=True)
        expect_equal(guest.qmp.command('query-dump')['status'], 'active', 'query-dump')
        expect('active' in guest.hmp('info dump'), 'info dump')
        for name, arguments in (('cont', {}), ('dump-guest-memory', {'paging': False, 'protocol': f'file:{guest.path("x")}'})):
            try:
                guest.qmp.command(name, **arguments)
                raise Failure(f'{name} during a dump')
            except QmpError as error:
                expect_equal(error.desc, 'There is a dump in process, please wait.', name)
        expect_equal(guest.qmp.command('query-status')['running'], False, 'running')
        expect(not os.path.exists(guest.path('x')), 'the refused dump left a file')
        # The reader goes: the dump fails, the guest runs on.
        os.close(read)
        event = guest.qmp.wait_event('DUMP_COMPLETED')['data']
        expect(event['result']['status'] == 'failed' and 'write' in event['error'], f'{event}')
        guest.qmp.wait_event('RESUME')
        # Another one, and the process is to end.
        read, write = os.pipe()
        guest.qmp.command('getfd', fdname='dump', fds=[write])
        os.close(write)
        guest.qmp.command('dump-guest-memory', paging=False, protocol='fd:dump', detach=True)
        guest.vmm.process.terminate()
        expect_equal(guest.vmm.wait(10), 0, 'status')
        os.close(read)


def refused_requests_change_nothing(binary):
    with seabios(binary) as guest:
        with open(guest.path('precious'), 'w', encoding='ascii') as file:
            file.write('precious')
        target = f'file:{guest.path("precious")}'
        bad = [dict(paging=False, protocol='nowhere'), dict(paging=False, protocol=''), dict(paging=False, protocol='fd:none'),
               dict(paging=False, protocol=target, begin=0), dict(paging=False, protocol=target, length=4096),
               dict(paging=False, protocol=target, begin=-1, length=1), dict(paging=False, protocol=target, begin=0, length=0),
               dict(paging=False, protocol=target, begin=1 << 50, length=1), dict(paging=False, protocol=target, format='win-dmp'),
               dict(paging=True, protocol=target, format='kdump-zlib'), dict(protocol=target), dict(paging=False),
               dict(paging=False, protocol=target, format='kdump-zlib', begin=0, length=4096),
               dict(paging=False, protocol='file:/nowhere/at/all')]
        for arguments in bad:
            try:
                guest.qmp.command('dump-guest-memory', **arguments)
                raise Failure(f'accepted: {arguments}')
            except QmpError as error:
                expect_equal(error.error_class, 'GenericError', arguments)
        expect_equal(guest.qmp.command('query-status')['status'], 'running', 'status')
        expect_equal(guest.qmp.command('query-dump'), {'status': 'none', 'completed': 0, 'total': 0}, 'query-dump')
        with open(guest.path('precious'), encoding='ascii') as file:
            expect_equal(file.read(), 'precious', 'the file')
        expect_equal(guest.qmp.command('query-dump-guest-memory-capability'), {'formats': ['elf', 'kdump-zlib']}, 'formats')


def for_people(binary):
    with seabios(binary) as guest:
        expect('none' in guest.hmp('info dump'), 'info dump before')
        expect_equal(guest.hmp(f'dump-guest-memory {guest.path("core")}'), '', 'dump-guest-memory')
        expect(len(ElfCore(guest.path('core')).statuses()) == 2, 'processors')
        expect_equal(guest.hmp(f'dump-guest-memory -z {guest.path("kdump")}'), '', 'dump-guest-memory -z')
        Kdump(guest.path('kdump'))
        guest.hmp(f'dump-guest-memory {guest.path("part")} 0x1000 0x2000')
        expect_equal(ElfCore(guest.path('part')).segments[0][3], 0x2000, 'a part')
        expect('takes' in guest.hmp('dump-guest-memory'), 'usage')
        expect('knows' in guest.hmp('dump-guest-memory -w file'), 'a format that is not there')
        expect('completed' in guest.hmp('info dump'), 'info dump')


if __name__ == '__main__':
    need_kvm()
    need_file(FIRMWARE, 'seabios')
    IMAGES = sys.argv.pop(2)
    harness.main([elf_has_the_memory, elf_by_the_guests_addresses, kdump_has_the_memory, the_guest_runs_on, a_descriptor_and_a_pipe,
                  a_reader_that_does_not_read, refused_requests_change_nothing, for_people])
