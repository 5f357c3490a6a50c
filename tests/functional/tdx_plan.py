#!/usr/bin/env python3
"""-launch-plan of TDX guests from whole command lines: the MRTD that other tools expect, for 1 to 64 processors, the TD HOB and
the events of RTMR0. usage: tdx_plan.py PENUMBRA

Known answers are tests/vectors/tdx.json; MRTD is computed here once more from the recorded operations and the firmware.
"""
import hashlib
import json
import pathlib
import struct
import subprocess
import sys

from fw_cfg import file_contents
from qtest import Qtest

VECTORS = pathlib.Path(__file__).resolve().parent.parent / 'vectors'
OVMF = pathlib.Path('/usr/share/ovmf/OVMF.fd')
PAGE = 4096


def fail(text):
    print('FAIL ' + text)
    sys.exit(1)


def expect(what, got, wanted):
    if got != wanted:
        fail(f'{what}: {got}, expected {wanted}')


def run(program, firmware, words):
    machine = ['-accel', 'kvm', '-machine', 'q35,confidential-guest-support=td0', '-nodefaults', '-display', 'none', '-cpu', 'host',
               '-bios', str(firmware)]
    return subprocess.run([program, *machine, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def plan(program, firmware, *words, properties='', to='-'):
    done = run(program, firmware, ['-object', 'tdx-guest,id=td0' + properties, *words, '-launch-plan', to])
    if done.returncode != 0:
        fail(f'{" ".join(words)}: status {done.returncode}: {done.stderr}')
    return json.loads(done.stdout)


def mrtd(image, operations):
    """The TDX module's rule: each page is added, and then measured in pieces of 256 bytes."""
    digest = hashlib.sha384()
    for operation in operations:
        for page in range(operation['nr_pages']):
            gpa = operation['gpa'] + page * PAGE
            digest.update(struct.pack('<16sQ104x', b'MEM.PAGE.ADD', gpa))
            if not operation['measure']:
                continue
            for at in range(0, PAGE, 256):
                start = operation.get('off', 0) + page * PAGE + at
                digest.update(struct.pack('<16sQ104x', b'MR.EXTEND', gpa + at) + image[start:start + 256])
    return digest.hexdigest()


def vectors(kind):
    for vector in json.loads((VECTORS / 'tdx.json').read_text())['vectors']:
        if vector['kind'] != kind or 'firmware' not in vector['inputs']:
            continue
        name = vector['inputs']['firmware']
        firmware = OVMF if name == 'OVMF.fd' else VECTORS / name
        digest = hashlib.sha256(firmware.read_bytes()).hexdigest() if firmware.exists() else None
        if digest != vector['inputs']['firmware_sha256']:
            print(f'skip {vector["id"]}: its firmware is not here')
            continue
        yield vector, firmware


def check_mrtd(program):
    for vector, firmware in vectors('tdx_mrtd'):
        got = plan(program, firmware, '-m', '512')
        expect(vector['id'], got['mrtd'], vector['expected']['mrtd_interleaved'])
        expect(vector['id'], mrtd(firmware.read_bytes(), got['operations']), got['mrtd'])
        older = plan(program, firmware, '-m', '512', to='file=-,mrtd-order=two-pass')
        expect(vector['id'] + ' in two passes', older['mrtd'], vector['expected']['mrtd_two_pass'])
        print('ok   ' + vector['id'])


def check_processors(program):
    firmware = VECTORS / 'fw-give-64k.fd'
    wanted = plan(program, firmware, '-m', '512')['mrtd']
    for count in range(1, 65):
        expect(f'{count} processors', plan(program, firmware, '-m', '512', '-smp', str(count))['mrtd'], wanted)
    print('ok   1 to 64 processors')


def check_hob(program):
    for vector, firmware in vectors('td_hob'):
        got = plan(program, firmware, '-m', str(vector['inputs']['ram_bytes'] >> 20))
        expect(vector['id'], got['td-hob'], vector['expected']['hob_bytes_hex'])
        expect(vector['id'], got['rtmr0-events'][0]['sha384'], vector['expected']['event_digest_sha384'])
        print('ok   ' + vector['id'])


def check_transcript(program):
    got = plan(program, VECTORS / 'fw-give-64k.fd', '-m', '512')['operations']
    for ours, line in zip(got, (VECTORS / 'transcript-tdx-give.jsonl').read_text().splitlines(), strict=True):
        wanted = json.loads(line)
        for key in ('op', 'gpa', 'nr_pages', 'measure', 'off'):
            expect(key, ours.get(key), wanted.get(key, ours.get(key)))
    print('ok   the transcript')


def check_parameters(program):
    firmware = VECTORS / 'fw-give-64k.fd'
    got = plan(program, firmware, '-m', '512', properties=',debug=on,mrowner=' + 'A' * 62 + 'AB')
    expect('attributes', got['attributes'], 0x10000001)
    expect('mrowner', got['mrowner'], '00' * 47 + '01')
    done = run(program, firmware, ['-object', 'tdx-guest,id=td0', '-m', '6', '-launch-plan', '-'])
    if done.returncode != 1 or 'does not lie in the guest\'s RAM' not in done.stderr:
        fail(f'6 MiB: {done.stderr}')
    done = run(program, VECTORS / 'tdx.json', ['-object', 'tdx-guest,id=td0', '-launch-plan', '-'])
    if done.returncode != 1 or done.stderr.count('\n') != 1:
        fail(f'no firmware: {done.stderr}')
    done = run(program, firmware, ['-object', 'tdx-guest,id=td0', '-launch-plan', '-,mrtd-order=random'])
    if done.returncode != 1 or 'random' not in done.stderr:
        fail(f'mrtd-order: {done.stderr}')
    # A frequency is the VM's own business.
    expect('tsc-frequency', plan(program, firmware, '-m', '512', '-cpu', 'host,tsc-frequency=2500000000')['mrtd'], plan(program, firmware, '-m', '512')['mrtd'])
    # No one is asked for quotes: the service's name is not even looked up.
    plan(program, firmware, '-m', '512', properties=',quote-generation-socket.type=inet,quote-generation-socket.host=no.such.host.invalid,'
         'quote-generation-socket.port=4050')
    print('ok   parameters and refusals')


def check_tables(program):
    """The events of ACPI and of a kernel's start: the digests of what the same board offers to its firmware."""
    firmware = VECTORS / 'fw-give-64k.fd'
    for words in (['-m', '512'], ['-m', '3G', '-smp', '4', '-device', 'virtio-rng-pci', '-device', 'pcie-root-port,id=p1,chassis=1']):
        got = plan(program, firmware, *words, '-kernel', str(VECTORS / 'kernel-give.bin'))['rtmr0-events']
        with Qtest(program, '-machine', 'q35,pic=off,smm=off,kernel_irqchip=split', '-nodefaults', '-bios', str(firmware), *words) as q:
            wanted = [hashlib.sha384(file_contents(q, name)).hexdigest() for name in ('etc/table-loader', 'etc/acpi/rsdp', 'etc/acpi/tables')]
        expect('ACPI events', [event['sha384'] for event in got if event['type'] == 0xa], wanted)
        expect('the last event', got[-1]['type'], 0xa)
    print('ok   events of ACPI tables')


def main():
    program = sys.argv[1]
    for check in (check_mrtd, check_hob, check_transcript, check_parameters, check_tables, check_processors):
        check(program)


if __name__ == '__main__':
    main()
