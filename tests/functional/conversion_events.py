#!/usr/bin/env python3
"""A protected guest's conversions as the monitor tells them: refused ones are events with their reason, throttled; a limit makes the guest wait and
is an event, too; the launch's state can be asked.

usage: conversion_events.py BINARY [--images DIR] [--testbed]"""
import argparse
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import harness  # noqa: E402
import qmp_client  # noqa: E402
import run_guests  # noqa: E402

LONG = 120


def guest(binary, images, name, *more):
    return qmp_client.Process(binary, '-S', '-display', 'none', '-machine', 'q35', '-bios', str(images / f'{name}.bin'), '-chardev', 'null,id=d',
                              '-device', 'isa-debugcon,iobase=0xe9,chardev=d', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', *more)


def need(condition, text):
    if not condition:
        raise harness.Failure(text)


def refused_ones(binary, images):
    with guest(binary, images, 'convert_refused', *run_guests.SW_PROTECTED, *run_guests.two_nodes(256, second=',private=off')) as process:
        qmp = process.connect().negotiate()
        launch = qmp.command('penumbra-query-launch')
        need(launch['type'] == 'sw-protected-vm' and launch['state'] == 'processors' and launch['processors'] == 1, f'{launch}')
        qmp.command('cont')
        first = qmp.wait_event('PENUMBRA_CONVERSION_FAILED', LONG)['data']
        need((first['outcome'], first['to'], first['count']) == ('guest-refused', 'private', 1) and first['size'] >= 4096 and first['why'], f'{first}')
        status = process.wait(LONG)
        need(status == run_guests.PASS, f'status {status}')


def a_limit(binary, images):
    with guest(binary, images, 'convert_bench', *run_guests.KVM_TYPE, '-machine', 'conversion-limit=200', '-m', '256') as process:
        qmp = process.connect().negotiate()
        qmp.command('cont')
        told = qmp.wait_event('PENUMBRA_CONVERSIONS_DELAYED', LONG)['data']
        need(told['limit'] == 200 and told['delayed'] > 0, f'{told}')
        counted = qmp.command('penumbra-query-conversions')
        need(counted['limit'] == 200 and counted['delayed'] >= told['delayed'] and counted['delay-ns'] > 0, f'{counted}')
        qmp.command('stop')
        before = qmp.command('penumbra-query-conversions')
        need(qmp.command('penumbra-query-conversions')['to-private'] == before['to-private'], 'a stopped guest converts')
        qmp.command('penumbra-set-conversion-limit', rate=0)
        qmp.command('cont')
        status = process.wait(LONG)
        need(status == run_guests.PASS, f'status {status}')


AREA, AREA_SIZE, PAGE = 64 << 20, 48 << 20, 4096  # of convert_sides
LOW = 80 << 20  # where the second node begins: inside the area


def every_run(qmp, limit):
    """The whole map, page by page of the command."""
    runs, address, replies = [], 0, 0
    while address is not None:
        reply = qmp.command('penumbra-query-memory-visibility', address=address, limit=limit)
        need(len(reply['runs']) <= limit, f"{len(reply['runs'])} runs with limit={limit}")
        need('next' not in reply or reply['next'] > address, f"next {reply.get('next')} after {address}")
        runs += reply['runs']
        replies += 1
        address = reply.get('next')
    return runs, replies


def check_map(qmp, private_in_area):
    """Runs without a gap or an overlap in a block, totals that are theirs; returns them. private_in_area(page): what the guest made of it."""
    whole = qmp.command('penumbra-query-memory-visibility', limit=65536)
    runs, replies = every_run(qmp, 1000)
    need('next' not in whole and whole['runs'] == runs, f"{len(whole['runs'])} runs at once, {len(runs)} in {replies} replies")
    need((replies > 12) == (len(runs) > 12000), f'{len(runs)} runs in {replies} replies')
    totals = {}
    for run, after in zip(runs, runs[1:] + [None]):
        need(after is None or run['address'] + run['size'] <= after['address'], f'{run} and {after}')
        side = totals.setdefault(run['block'], {'private': 0, 'shared': 0})
        side[run['visibility']] += run['size']
    blocks = {one['block']: one for one in whole['blocks']}
    need([(one['block'], one['node']) for one in whole['blocks']] == [('mem0', 0), ('mem1', 1)], f"{whole['blocks']}")
    for name, one in blocks.items():
        need(one['private-bytes'] + one['shared-bytes'] == LOW, f'{one}')
        need(totals[name]['shared'] == one['shared-bytes'], f'{one}, runs {totals[name]}')
    for side in ('private', 'shared'):
        need(whole[f'{side}-bytes'] == sum(one[side] for one in totals.values()), f'{side}: {whole[f"{side}-bytes"]}, runs {totals}')
        # A block has a little that the firmware hides from the guest.
        need(0 <= sum(one[f'{side}-bytes'] for one in blocks.values()) - whole[f'{side}-bytes'] <= 1 << 20, f'{side}: {whole["blocks"]}')
    shown = {}
    for run in runs:
        for at in range(max(run['address'], AREA), min(run['address'] + run['size'], AREA + AREA_SIZE), PAGE):
            shown[at] = run['visibility']
            need(run['block'] == ('mem0' if at < LOW else 'mem1') and run['offset'] == run['address'] - (0 if at < LOW else LOW), f'{run}')
    for page in range(AREA_SIZE // PAGE):
        wanted = 'private' if private_in_area(page) else 'shared'
        need(shown.get(AREA + page * PAGE) == wanted, f'page {page} of the area is {shown.get(AREA + page * PAGE)}, not {wanted}')
    need(whole['both-bytes'] == 0, f"{whole['both-bytes']} bytes are on both sides")
    return whole


def a_map_and_its_counters(binary, images):
    """The map while a guest converts an area over the border of two nodes, with the counters, the rate, the histogram and the last conversions."""
    argv = [binary, '-machine', 'q35', '-nodefaults', '-display', 'none', '-serial', 'stdio', '-debugcon', 'null', '-device',
            'isa-debug-exit,iobase=0xf4,iosize=4', '-bios', str(images / 'convert_sides.bin'), *run_guests.SW_PROTECTED, *run_guests.two_nodes(160)]
    with tempfile.TemporaryDirectory(prefix='conversions-') as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f'{folder}/qmp')
        listener.listen(1)
        with harness.Vmm([*argv, '-qmp', f'unix:{folder}/qmp'], stdin=subprocess.PIPE) as vmm:
            qmp = qmp_client.Connection(listener.accept()[0]).negotiate()

            def step(name):
                vmm.wait_for(f'{name}\n', LONG)
                vmm.out.clear()
                return qmp.command('penumbra-query-conversions')

            def go_on():
                vmm.process.stdin.write(b'\n')
                vmm.process.stdin.flush()
            before = step('start')
            own = len(before['recent'])  # the guest shared a few pages of its own
            shared, own_bytes = before['to-shared'], before['bytes-to-shared']
            need((before['to-private'], shared, own_bytes) == (0, own, sum(one['size'] for one in before['recent'])) and own < 4, f'{before}')
            check_map(qmp, lambda page: True)
            go_on()
            step('private')
            go_on()
            one = step('to shared')
            need(one['bytes-to-shared'] == own_bytes + AREA_SIZE and one['to-private'] == 0 and one['to-shared'] > shared, f'{one}')
            recent = one['recent'][own:]
            need(sum(record['changed-bytes'] for record in recent) == AREA_SIZE, f'{recent}')
            need(all(record['to'] == 'shared' and record['outcome'] == 'done' for record in recent), f'{recent}')
            need((recent[0]['address'], sum(record['size'] for record in recent)) == (AREA, AREA_SIZE), f'{recent}')
            check_map(qmp, lambda page: False)
            go_on()
            step('shared')
            for name in ('to private', 'private again'):
                go_on()
                two = step(name)
            need(two['bytes-to-private'] == AREA_SIZE and two['recent'][-1]['to'] == 'private', f'{two}')
            go_on()
            last = step('half of them')
            pages = AREA_SIZE // PAGE // 2
            need(last['to-shared'] == one['to-shared'] + pages and last['bytes-to-shared'] == one['bytes-to-shared'] + pages * PAGE, f'{last}')
            check_counters(last, qmp.command('penumbra-query-conversions'))
            map_ = check_map(qmp, lambda page: page % 2 == 1)
            need(map_['shared-resident-bytes'] >= AREA_SIZE // 2 and map_['private-resident-bytes'] >= AREA_SIZE // 2, f"{map_['blocks']}")
            for limit in (0, 65537):
                try:
                    qmp.command('penumbra-query-memory-visibility', limit=limit)
                    raise harness.Failure(f'limit={limit} was taken')
                except qmp_client.QmpError as error:
                    need("Parameter 'limit' expects 1 to 65536" in error.desc, error.desc)
            beyond = qmp.command('penumbra-query-memory-visibility', address=1 << 40)
            need(beyond['runs'] == [] and 'next' not in beyond, f"{beyond['runs']}")
            go_on()
            need(vmm.wait(LONG) == run_guests.PASS, vmm.report())


def check_counters(first, second):
    """What a guest that stands still has converted: figures that agree with each other, and that stay but for the rate."""
    done = first['to-private'] + first['to-shared']
    need(sum(first['latency-us']) == done and len(first['latency-us']) > 8, f'{first}')
    need((first['unchanged'], first['refused'], first['failed'], first['inconsistent']) == (0, 0, 0, 0), f'{first}')
    # Each of them took no less than the lower end of its class.
    least = sum(count * (1000 << at >> 1) for at, count in enumerate(first['latency-us']) if at)
    need(least <= first['duration-ns'], f"{first['latency-us']}: at least {least} ns, but {first['duration-ns']} together")
    recent = first['recent']
    need(len(recent) >= 2, f'{recent}')
    for at, record in enumerate(recent):
        need(record['size'] == PAGE == record['changed-bytes'] and record['to'] == 'shared' and record['outcome'] == 'done', f'{record}')
        need(record['address'] == AREA + AREA_SIZE - 2 * PAGE * (len(recent) - at), f'{record} is number {at} of {len(recent)}')
        need(at == 0 or record['start-ns'] >= recent[at - 1]['start-ns'] + recent[at - 1]['duration-ns'], f'{record} began too early')
    age = (time.monotonic_ns() - recent[0]['start-ns']) / 1e9
    need(0 < len(recent) / age <= first['rate'], f"rate {first['rate']}, {len(recent)} in {age} s")
    need(second['rate'] < first['rate'], f"the rate grows while the guest stands still: {first['rate']}, {second['rate']}")
    # Times are counted in the processor's ticks and told in nanoseconds: each reply rounds anew.
    counts = [key for key in first if key not in ('rate', 'duration-ns', 'recent')]
    need({key: second[key] for key in counts} == {key: first[key] for key in counts}, f'{first}\n{second}')
    need([one['address'] for one in second['recent']] == [one['address'] for one in recent], f"{second['recent']}")
    need(abs(second['duration-ns'] - first['duration-ns']) < 1000, f"{first['duration-ns']}, then {second['duration-ns']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('binary', type=os.path.abspath)
    parser.add_argument('--images', type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument('--testbed', action='store_true')
    args = parser.parse_args()
    images = args.images or run_guests.default_images(args.binary)
    if args.testbed:
        return harness.again_in_testbed(['--smp', '2', '--mem', '2048'], [args.binary, '--images', str(images)])
    harness.need_kvm()
    failed = 0
    for test in (refused_ones, a_limit, a_map_and_its_counters):
        try:
            test(args.binary, images)
            print(f'ok   {test.__name__}', flush=True)
        except (harness.Failure, qmp_client.QmpError, TimeoutError, EOFError, RuntimeError) as failure:
            failed += 1
            print(f'FAIL {test.__name__}: {failure}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
