#!/usr/bin/env python3
"""Virtio requests a second and the device's CPU time a request: ours, QEMU's and a raw ring consumer's (raw_virtio.c) in turn in one run, with
a guest that makes them in user mode and polls (tests/guest/virtio_bench.c): reads of 4 KiB from a null node and from a file in memory, packets
of 64 bytes into a socket pair, at depth 1 and 32.

usage: virtio.py BUILD [--rounds N] [null] [ram] [net]      (default: all)
The best of the rounds stands: on a machine that does other things as well, everything else is their time. Where that is much, `chrt -f 10 virtio.py ...`
(as root) has vCPU and device run before all else, for null and ram; net has a third thread, which then waits for them. CPU time is that of every
thread but the vCPU's. The raw consumer judges what it is given and asks whether the driver wants to know, as any right one must; it owes nobody else
anything, so a null node at depth 32 stays behind its goal (docs/adr/0011 has the floor).
"""
import os
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure

LINE = re.compile(r'VIRTIO requests=(\d+) depth=\d+ kicks=(\d+) cycles=(\d+)')
DISK_BYTES = 64 << 20
REQUESTS = {1: 15000, 32: 300000}  # the device learns to look for work in the first thousand
MARK_BARE, MARK_NET = 1 << 63, 1 << 62
SO_SNDBUFFORCE = 32  # as root, over net.core.wmem_max


def cpu_ns(pid):
    """Nanoseconds on a processor of all threads but those that run guests."""
    spent = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        try:
            if 'KVM' not in open(f'/proc/{pid}/task/{task}/comm').read():
                spent += int(open(f'/proc/{pid}/task/{task}/schedstat').read().split()[0])
        except OSError:
            pass  # it ended
    return spent


class Bench:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.image = open(os.path.join(build, 'tests/guest/virtio_bench.bin'), 'rb').read()
        self.disk = tempfile.NamedTemporaryFile(dir='/dev/shm', prefix='penumbra-bench.')
        self.disk.write(os.urandom(1 << 20) * (DISK_BYTES >> 20))
        self.disk.flush()

    def guest(self, depth, marks=0):
        blob = bytearray(self.image)
        blob[0xff00:0xff08] = struct.pack('<Q', REQUESTS[depth] | depth << 32 | marks)
        path = os.path.join(self.folder, 'guest.bin')
        with open(path, 'wb') as out:
            out.write(blob)
        return path

    def device(self, kind, fd):
        if kind == 'net':
            return ['-netdev', f'dgram,id=n,local.type=fd,local.str={fd}', '-device', 'virtio-net-pci,netdev=n,disable-legacy=on,addr=4']
        node = f'null-co,node-name=n,size={DISK_BYTES}' if kind == 'null' else f'file,node-name=n,filename={self.disk.name}'
        return ['-blockdev', node, '-device', 'virtio-blk-pci,drive=n,disable-legacy=on,addr=4']

    def command(self, vmm, kind, depth, fd):
        if vmm == 'raw':
            image = self.guest(depth, MARK_BARE | (MARK_NET if kind == 'net' else 0))
            return [os.path.join(self.build, 'tests/bench/raw_virtio'), image, kind, *{'null': [], 'ram': [self.disk.name], 'net': [str(fd)]}[kind]]
        return [vmm, '-machine', 'q35,accel=kvm,kernel_irqchip=split', '-m', '512', '-bios', self.guest(depth), '-nodefaults', '-display', 'none',
                '-chardev', 'stdio,id=d', '-device', 'isa-debugcon,iobase=0xe9,chardev=d', *self.device(kind, fd)]

    def once(self, vmm, kind, depth):
        """(cycles, kicks, CPU nanoseconds) a request."""
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        near.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 64 << 20)  # what comes in a millisecond
        drain = subprocess.Popen([os.path.join(self.build, 'tests/bench/drain'), str(far.fileno())], pass_fds=[far.fileno()],
                                 preexec_fn=measure.dies_with_us)
        argv = self.command(vmm, kind, depth, near.fileno())
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   pass_fds=[near.fileno()], preexec_fn=measure.dies_with_us)
        try:
            before, text = 0, ''
            for text in process.stdout:
                if text.startswith('READY'):
                    before = cpu_ns(process.pid)
                found = LINE.match(text)
                if found:
                    count = int(found[1])
                    return int(found[3]) / count, int(found[2]) / count, (cpu_ns(process.pid) - before) / count
            raise RuntimeError(f'{" ".join(argv)}: {text}{process.stderr.read()[-400:]}')
        finally:
            for child in (process, drain):
                child.kill()
                child.wait()
            process.stdout.close()
            process.stderr.close()
            near.close()
            far.close()

    def compare(self, kind, depth, rounds):
        sides = {'raw': 'raw', 'ours': os.path.join(self.build, 'penumbra')}
        qemu = measure.which('qemu-system-x86_64')
        if qemu:
            sides['qemu'] = qemu
        samples = {name: [] for name in sides}
        for number in range(rounds):
            for name in (sides if number % 2 else reversed(list(sides))):
                samples[name].append(self.once(sides[name], kind, depth))
        best = {name: min(s[0] for s in samples[name]) for name in sides}
        rows = [[name, f'{best[name]:.0f}', f'{statistics.median(s[0] for s in samples[name]):.0f}', f'{best["qemu"] / best[name]:.2f}' if qemu else '-',
                 f'{best["raw"] / best[name]:.2f}',
                 f'{samples[name][0][1]:.2f}', f'{min(s[2] for s in samples[name]):.0f}'] for name in sides]
        measure.table(f'{kind}, depth {depth}: {REQUESTS[depth]} requests, {rounds} rounds (goals: 1.5 x QEMU, 0.8 x raw)', rows,
                      ['side', 'cycles a request', 'median', 'x QEMU\'s rate', 'x raw', 'notifications', 'device CPU ns'])


def main():
    arguments = sys.argv[1:]
    rounds = 9
    if '--rounds' in arguments:
        at = arguments.index('--rounds')
        rounds = int(arguments[at + 1])
        del arguments[at:at + 2]
    if not arguments:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix='penumbra-bench.') as folder:
        bench = Bench(os.path.abspath(arguments[0]), folder)
        for kind in arguments[1:] or ['null', 'ram', 'net']:
            for depth in sorted(REQUESTS):
                bench.compare(kind, depth, rounds)


if __name__ == '__main__':
    main()
