#!/usr/bin/env python3
"""A protected guest's conversions as the monitor tells them: refused ones are events with their reason, throttled; a limit makes the guest wait and
is an event, too; the launch's state can be asked.

usage: conversion_events.py BINARY [--images DIR] [--testbed]"""
import argparse
import os
import pathlib
import sys

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
    for test in (refused_ones, a_limit):
        try:
            test(args.binary, images)
            print(f'ok   {test.__name__}', flush=True)
        except (harness.Failure, qmp_client.QmpError, TimeoutError, EOFError, RuntimeError) as failure:
            failed += 1
            print(f'FAIL {test.__name__}: {failure}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
