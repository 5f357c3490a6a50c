#!/usr/bin/env python3
"""Four monitors send at once while processors run and devices, back ends and objects come and go. Every request gets one reply, nobody is
starved, and the process ends well; under a thread sanitizer (scripts/tsan) this is where races show.
usage: four_monitors.py PENUMBRA [--operations N]"""
import os
import random
import sys
import tempfile
import threading

import harness
import qmp_client
from harness import Failure

MONITORS = 4
PORTS = 4
QUERIES = ('query-status', 'query-cpus-fast', 'query-chardev', 'query-block', 'query-named-block-nodes', 'query-blockstats', 'query-memdev',
           'query-iothreads', 'query-pci', 'query-commands', 'query-memory-size-summary', 'query-hotpluggable-cpus', 'query-stats-schemas', 'query-fdsets',
           'query-acpi-ospm-status', 'query-jobs')
LINES = ('info status', 'info qtree', 'info mtree', 'info mtree -f', 'info pci', 'info registers -a', 'info network', 'info block', 'xp /16xb 0xf0000',
         'info lapic', 'info pic', 'info irq', 'info roms', 'info stats vm', 'info stats vcpu')


class Client(threading.Thread):
    """One monitor with things of its own: it makes them, looks at them and lets them go in any order."""

    def __init__(self, number, connection, operations):
        super().__init__()
        self.number, self.qmp, self.operations = number, connection, operations
        self.random = random.Random(number)
        self.done, self.refused, self.failure = 0, 0, None

    def ask(self, name, /, **arguments):
        self.done += 1
        try:
            return self.qmp.command(name, **arguments)
        except qmp_client.QmpError:
            self.refused += 1
            return None

    def look(self):
        self.ask(self.random.choice(QUERIES))

    def type_line(self):
        self.ask('human-monitor-command', command_line=self.random.choice(LINES))

    def browse(self):
        self.ask('qom-list', path=self.random.choice(('/machine', '/machine/peripheral', '/objects', '/machine/unattached')))

    def thread(self):
        name = f'thread{self.number}'
        self.ask('object-add', qom_type='iothread', id=name)
        self.browse()
        self.ask('object-del', id=name)

    def disk(self):
        node, device = f'node{self.number}', f'disk{self.number}'
        self.ask('blockdev-add', driver='null-co', node_name=node, size=1 << 20)
        self.ask('device_add', driver='virtio-blk-pci', drive=node, id=device, bus=f'port{self.number}')
        self.look()
        self.ask('device_del', id=device)
        self.ask('blockdev-del', **{'node-name': node})

    def network(self):
        net, card = f'net{self.number}', f'card{self.number}'
        self.ask('netdev_add', type='socket', id=net, udp='127.0.0.1:9', localaddr='127.0.0.1:0')
        self.ask('device_add', driver='virtio-net-pci', netdev=net, id=card, bus=f'port{self.number}')
        self.ask('set_link', name=net, up=self.random.random() < 0.5)
        self.ask('device_del', id=card)
        self.ask('netdev_del', id=net)

    def source(self):
        name = f'rng{self.number}'
        self.ask('device_add', driver='virtio-rng-pci', id=name, bus=f'port{self.number}')
        self.browse()
        self.ask('device_del', id=name)

    def text(self):
        name = f'text{self.number}'
        self.ask('chardev-add', id=name, backend={'type': 'ringbuf', 'data': {'size': 4096}})
        self.ask('ringbuf-write', device=name, data='something')
        self.ask('ringbuf-read', device=name, size=4)
        self.ask('chardev-remove', id=name)

    def processor(self):
        # Stays: this guest does not let processors go. What is there already is refused.
        self.ask('device_add', driver='qemu64-x86_64-cpu', id=f'cpu{self.number}', socket_id=2 + self.number, core_id=0, thread_id=0)
        self.ask('query-stats', target='vcpu')
        self.ask('device_del', id=f'cpu{self.number}')

    def memory(self):
        name = f'memory{self.number}'
        self.ask('object-add', qom_type='memory-backend-ram', id=name, size=1 << 20)
        self.ask('query-memdev')
        self.ask('object-del', id=name)

    def out_of_band(self):
        self.done += 1
        try:
            self.qmp.command(self.random.choice(('migrate-pause', 'penumbra-query-launch')), oob=True)
        except qmp_client.QmpError:
            self.refused += 1
        self.look()

    def pause(self):
        self.ask('stop')
        self.look()
        self.ask('cont')

    def reset(self):
        self.ask('system_reset')

    def run(self):
        kinds = [self.look, self.look, self.look, self.type_line, self.browse, self.thread, self.disk, self.network, self.source, self.text,
                 self.processor, self.memory, self.pause, self.reset]
        if self.number % 2 == 1:  # half of them have a thread of their own that reads
            kinds += [self.out_of_band] * 2
        try:
            while self.done < self.operations:
                self.random.choice(kinds)()
                self.qmp.events.clear()
        except Exception as error:  # told by the main thread
            self.failure = error


def four_monitors(binary, operations):
    harness.need_kvm()
    with tempfile.TemporaryDirectory(prefix='four-monitors-') as folder:
        paths = [os.path.join(folder, str(number)) for number in range(MONITORS)]
        argv = [binary, '-nodefaults', '-display', 'none', '-machine', 'q35', '-smp', '2,maxcpus=6', '-m', '64', '-cpu', 'qemu64,check=off', '-no-shutdown']
        for number in range(PORTS):
            argv += ['-device', f'pcie-root-port,id=port{number},chassis={number + 1}']
        for path in paths:
            argv += ['-qmp', f'unix:{path},server=on,wait=off']
        with harness.Vmm(argv) as vmm:
            clients = [Client(number, connect(vmm, path, number % 2 == 1), operations // MONITORS) for number, path in enumerate(paths)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            for client in clients:
                if client.failure is not None:
                    raise Failure(f'monitor {client.number}: {type(client.failure).__name__} {client.failure}\n{vmm.report()}')
            clients[0].qmp.send('quit')
            status = vmm.wait(120)
            if status != 0 or b'WARNING: ThreadSanitizer' in vmm.err:
                raise Failure(f'status {status}\n{vmm.report()}')
        done, refused = sum(client.done for client in clients), sum(client.refused for client in clients)
        if refused > done * 0.6:
            raise Failure(f'{refused} of {done} requests were refused')
        print(f'{done} requests, of which {refused} were refused')


def connect(vmm, path, oob):
    import socket
    import time
    end = time.monotonic() + 60
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
            return qmp_client.Connection(sock, 120).negotiate(*(['oob'] if oob else []))
        except (FileNotFoundError, ConnectionRefusedError):
            if vmm.process.poll() is not None or time.monotonic() > end:
                vmm.wait(5)
                raise Failure(f'no monitor\n{vmm.report()}') from None
            time.sleep(0.01)


def main():
    operations = int(sys.argv[3]) if sys.argv[2:3] == ['--operations'] else 10000
    try:
        four_monitors(os.path.abspath(sys.argv[1]), operations)
    except Failure as failure:
        print(f'FAIL {failure}')
        sys.exit(1)


if __name__ == '__main__':
    main()
