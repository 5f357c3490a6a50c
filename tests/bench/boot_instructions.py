#!/usr/bin/env python3
"""Instructions that a host executes from exec to SeaBIOS's boot menu, and from exec to its guest's user space (Debian's Linux, direct boot), ours
and QEMU's, counted by the emulator under the testbed (instruction_counter.c): those of the host, its kernel's and the program's, and beside
them the guest's own, which are nearly the same whoever runs it.

usage: boot_instructions.py PENUMBRA [--rounds N]     (goals: 0.7 and 0.8 x QEMU; QEMU only where the testbed has its program)

All files are in the machine's memory before anything is counted. The emulator's clock counts instructions (-icount) so that timers come at
the same places each time; while the machine idles it goes with the host's: told to jump (sleep=off), it runs away in every wait for the host.
"""
import ctypes
import glob
import mmap
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'functional'))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import measure
import seabios

TIME_LIMIT = 1500
QEMU_FILES = ('/usr/share/seabios/bios-256k.bin', '/usr/share/qemu/*.bin', '/usr/share/qemu/*.rom')
MARK = bytes.fromhex('0f1f80014e4550 c3')
COUNTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'instruction_counter.c')


def take_into_memory(path):
    """The file moves to the upper layer of the testbed's file system, which is memory: opening it for writing is enough."""
    with open(path, 'r+b') as file:
        while file.read(1 << 20):
            pass


def program_files(program):
    """A program and its libraries."""
    listing = subprocess.run(['ldd', program], stdout=subprocess.PIPE, check=True).stdout.decode()
    return {os.path.realpath(path) for path in [program, *re.findall(r'(/\S+) \(0x', listing)]}


class Counter:
    """Millions of instructions so far, from the emulator's plugin: kernel, programs, guests."""

    def __init__(self, path):
        self._file = open(path, encoding='ascii')
        self._code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._code.write(MARK)
        self._mark = ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(self._code)))

    def mark(self):
        self._mark()

    def between(self):
        """What was counted between the last two marks."""
        self._file.seek(0)
        before, after = [[int(word) / 1e6 for word in line.split()] for line in self._file.read().splitlines()[-2:]]
        return [b - a for a, b in zip(before, after)]


def once(counter, argv, until):
    """(kernel, program, guest)"""
    counter.mark()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seen = b''
    try:
        for line in process.stdout:
            seen += line
            if until in line:
                counter.mark()
                return counter.between()
        raise RuntimeError(f'{" ".join(argv)}: ended too early\n{seen.decode(errors="replace")[-2000:]}')
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def linux(kernel, initrd, words):
    return ['-machine', 'q35,accel=kvm,kernel_irqchip=split', '-cpu', 'host', '-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot', '-m', '512',
            '-kernel', kernel, '-initrd', initrd, '-append', f'console=ttyS0 {words} guest.do=nothing']


def row(name, counts, qemu):
    kernel, program, guest = counts
    ratios = [f'{(kernel + program) / sum(qemu[:2]):.2f}', f'{sum(counts) / sum(qemu):.2f}'] if qemu else ['-', '-']
    return [name, f'{kernel:.0f}', f'{program:.0f}', f'{kernel + program:.0f}', ratios[0], f'{guest:.0f}', ratios[1]]


def here(binary, rounds, counts, kernel, initrd):
    sides = {'ours': binary}
    qemu = measure.which('qemu-system-x86_64')
    if qemu:
        sides['qemu'] = qemu
    for path in {file for program in sides.values() for file in program_files(program)}.union(*map(glob.glob, QEMU_FILES)):
        take_into_memory(path)
    files = [shutil.copy(file, f'/dev/shm/{what}') for what, file in (('kernel', kernel), ('initrd', initrd))]
    counter = Counter(counts)
    cases = (('SeaBIOS\'s boot menu', 0.7, seabios.OPTIONS, b'boot menu'),
             ('Linux\'s user space, quiet', 0.8, linux(*files, 'quiet'), b'GUEST hello'),
             ('Linux\'s user space, with its messages on the console', 0.8, linux(*files, ''), b'GUEST hello'))
    for what, goal, options, until in cases:
        best = {name: min((once(counter, [vmm, *options], until) for _ in range(rounds)), key=sum) for name, vmm in sides.items()}
        measure.table(f'exec to {what}, million instructions (goal: {goal} x QEMU)', [row(name, best[name], best.get('qemu')) for name in best],
                      ['side', 'host\'s kernel', 'program', 'host', 'x QEMU', 'guest', 'x QEMU with guest'])
        sys.stdout.flush()


def main():
    arguments = sys.argv[1:]
    if arguments[1:2] == ['--here']:
        return here(arguments[0], int(arguments[2]), *arguments[3:])
    rounds = int(arguments[2]) if arguments[1:2] == ['--rounds'] else 2
    if len(arguments) not in (1, 3):
        sys.exit(__doc__)
    files = [subprocess.run([harness.TESTBED, 'linux-guest', what], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
             for what in ('kernel', 'initrd')]
    with tempfile.TemporaryDirectory(prefix='penumbra-bench.') as folder:
        plugin, counts = f'{folder}/counter.so', f'{folder}/counts'
        subprocess.run(['gcc', '-O2', '-Wall', '-fPIC', '-shared', '-fvisibility=hidden', '-o', plugin, COUNTER], check=True)
        return subprocess.run([harness.TESTBED, 'run', '--timeout', str(TIME_LIMIT), '--smp', '1', '--out', folder,
                               *(f'--machine-arg={word}' for word in ('-icount', 'shift=0,sleep=on', '-plugin', f'{plugin},out={counts}')), '--',
                               sys.executable, os.path.abspath(__file__), os.path.abspath(arguments[0]), '--here', str(rounds), counts, *files],
                              check=False).returncode


if __name__ == '__main__':
    sys.exit(main())
