#!/usr/bin/env python3
"""The monitor beside QEMU's: time from exec to the greeting, a query's round trip, the size and time of the schema.
Goals: greeting within 5 ms, query-status within 25 us (median), or 0.2 of QEMU's in the same run; schema within 20 ms.

usage: qmp.py PENUMBRA [--rounds N]
"""
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure


class Side:
    def __init__(self, binary, extra):
        self.binary, self.extra = binary, extra
        self.greetings, self.queries, self.schemas, self.schema_size = [], [], [], 0

    def round(self, folder, queries):
        path = os.path.join(folder, 'qmp')
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        argv = [self.binary, '-S', '-nodefaults', '-display', 'none', '-machine', 'q35,accel=kvm', '-m', '128', *self.extra,
                '-qmp', f'unix:{path}']
        begin = time.perf_counter()
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sock, _ = listener.accept()
        buffer = b''
        while b'\n' not in buffer:
            buffer += sock.recv(65536)
        self.greetings.append(time.perf_counter() - begin)

        def ask(text):
            sock.sendall(text)
            reply = b''
            while not reply.endswith(b'\n'):
                reply += sock.recv(1 << 20)
            return reply
        ask(b'{"execute": "qmp_capabilities"}\n')
        ask(b'{"execute": "query-status"}\n')
        for _ in range(queries):
            begin = time.perf_counter()
            ask(b'{"execute": "query-status"}\n')
            self.queries.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        self.schema_size = len(ask(b'{"execute": "query-qmp-schema"}\n'))
        self.schemas.append(time.perf_counter() - begin)
        sock.close()
        process.kill()
        process.wait()
        listener.close()
        os.unlink(path)


def main():
    rounds = int(sys.argv[sys.argv.index('--rounds') + 1]) if '--rounds' in sys.argv else 10
    sides = {'ours': Side(sys.argv[1], ['-cpu', 'qemu64,check=off'])}
    qemu = measure.which('qemu-system-x86_64')
    if qemu:
        sides['qemu'] = Side(qemu, ['-cpu', 'qemu64'])
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for side in sides.values():
                side.round(folder, 500)
    rows = []
    for name, side in sides.items():
        rows.append([name, f'{statistics.median(side.greetings) * 1e3:.2f}', f'{statistics.median(side.queries) * 1e6:.1f}',
                     f'{statistics.quantiles(side.queries, n=100)[98] * 1e6:.1f}', f'{statistics.median(side.schemas) * 1e3:.2f}',
                     f'{side.schema_size / 1024:.0f}'])
    measure.table('the monitor (medians)', rows, ['side', 'exec to greeting ms', 'query-status us', 'p99 us', 'schema ms', 'schema KiB'])


if __name__ == '__main__':
    main()
