#!/usr/bin/env python3
"""Benchmarks: each prints the limit (a bare system-call loop), ours, and QEMU's where it is installed, from the same run.

usage: run.py PENUMBRA RAW_KVM [--rounds N] [startup] [calls] [memory] [exits]      (default: all)
Absolute times depend on the machine; read the ratios.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import images
import measure
import memory
import syscalls

GUEST_MB = 512
EXITS = 20000


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
        one = self.write('out1.bin', images.port_writes(1))
        many = self.write('out.bin', images.port_writes(EXITS))
        rounds = max(5, self.rounds // 3)
        base = measure.interleave(self.sides(one), rounds)
        full = measure.interleave(self.sides(many), rounds)
        cost = {name: (measure.median_wall(full[name]) - measure.median_wall(base[name])) / (EXITS - 1) * 1e9 for name in full}
        rows = [[name, f'{ns:.0f}', f'{ns - cost["limit"]:+.0f}'] for name, ns in cost.items()]
        measure.table(f'port write to user space and back, {EXITS} times (goal: limit + 300 ns)', rows, ['side', 'ns', 'over limit'])


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
