#!/usr/bin/env python3
"""Benchmarks: each prints the limit (a bare system-call loop), ours, and QEMU's where it is installed, from the same run.

usage: run.py PENUMBRA RAW_KVM [--rounds N] [startup] [calls] [memory] [exits]      (default: all)
Absolute times depend on the machine; read the ratios.
"""
import os
import re
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import images
import measure
import memory
import syscalls

GUEST_MB = 512


def vmm_argv(binary, image):
    return [binary, '-machine', 'q35,accel=kvm,kernel_irqchip=split', '-m', str(GUEST_MB), '-bios', image, '-nodefaults', '-display', 'none',
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=1']


class Bench:
    def __init__(self, ours, raw, rounds, folder):
        self.ours, self.raw, self.rounds, self.folder = ours, raw, rounds, folder
        self.qemu = measure.which('qemu-system-x86_64')

    def write(self, name, blob):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as out:
            out.write(blob)
        return path

    def sides(self, image):
        sides = {'limit': [self.raw, image, str(GUEST_MB), 'split'], 'ours': vmm_argv(self.ours, image)}
        if self.qemu:
            sides['qemu'] = vmm_argv(self.qemu, image)
        return sides

    def startup(self):
        image = self.write('tiny.bin', images.exits_at_once())
        samples = measure.interleave(self.sides(image), self.rounds)
        limit = measure.median_wall(samples['limit'])
        rows = [[name, f'{measure.median_wall(s) * 1e3:.2f}', f'{measure.median_cpu(s) * 1e3:.2f}', f'{measure.median_wall(s) / limit:.2f}']
                for name, s in samples.items()]
        measure.table('exec to first guest exit and gone (median)', rows, ['side', 'wall ms', 'cpu ms', 'x limit'])

    def calls(self):
        image = self.write('tiny.bin', images.exits_at_once())
        rows = [[name, *map(str, syscalls.to_first_run(argv))] for name, argv in self.sides(image).items()]
        measure.table('system calls to the first KVM_RUN (goal <= 150, ioctls <= 40)', rows, ['side', 'calls', 'ioctls'])

    def memory(self):
        image = self.write('spin.bin', images.spins())
        sides = {name: argv for name, argv in self.sides(image).items() if name != 'limit'}
        rows = [[name, f'{memory.beyond_guest_ram(argv, GUEST_MB << 20) / 2**20:.1f}'] for name, argv in sides.items()]
        measure.table('resident memory beyond guest RAM (goal <= 6 MiB)', rows, ['side', 'MiB'])

    def exits(self):
        """Timed by the guest, each write by itself: the difference of whole runs drowns in what else the machine does."""
        image = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(self.raw))), 'tests/guest/exit_bench.bin')
        console = ['-chardev', 'stdio,id=d', '-device', 'isa-debugcon,iobase=0xe9,chardev=d']
        sides = {name: argv if name == 'limit' else argv + console for name, argv in self.sides(image).items()}
        medians = {name: [] for name in sides}
        for _ in range(self.rounds):
            for name, argv in sides.items():
                done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
                found = re.search(r'EXIT median=(\d+)', done.stdout)
                if not found:
                    sys.exit(f'{" ".join(argv)}: status {done.returncode}\n{done.stdout}')
                medians[name].append(int(found[1]) / measure.cycles_a_ns())
        limit = statistics.median(medians['limit'])
        rows = []
        for name, samples in medians.items():
            over = statistics.median(mine - bare for mine, bare in zip(samples, medians['limit']))
            rows.append([name, f'{statistics.median(samples):.0f}', f'{min(samples):.0f}', f'{over:+.0f}'])
        measure.table(f'port write to user space and back (goal: limit + 300 ns; limit {limit:.0f} ns), {self.rounds} rounds', rows,
                      ['side', 'median ns', 'best ns', 'over limit'])


def main():
    arguments = sys.argv[1:]
    rounds = 31
    if '--rounds' in arguments:
        at = arguments.index('--rounds')
        rounds = int(arguments[at + 1])
        del arguments[at:at + 2]
    if len(arguments) < 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix='penumbra-bench.') as folder:
        bench = Bench(os.path.abspath(arguments[0]), os.path.abspath(arguments[1]), rounds, folder)
        for name in arguments[2:] or ['startup', 'calls', 'memory', 'exits']:
            getattr(bench, name)()


if __name__ == '__main__':
    main()
