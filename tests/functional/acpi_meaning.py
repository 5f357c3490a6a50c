#!/usr/bin/env python3
"""The ACPI tables of the machine mean what those of QEMU's q35 mean: both are decompiled and compared field by field, device by device, name by
name. What may differ is listed here with its reason. Needs iasl and qemu-system-x86_64. acpi_meaning.py PENUMBRA [TEST...]"""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from fw_cfg import file_contents, tables_of
from harness import Failure, eventually, main, skip
from qmp_client import Process
from qtest import Qtest, expect, expect_equal

QEMU = shutil.which('qemu-system-x86_64')
# Ours has neither a display nor system management mode nor sleep states.
QEMU_ONLY = ['-accel', 'tcg', '-display', 'none', '-vga', 'none', '-global', 'ICH9-LPC.disable_s3=1', '-global', 'ICH9-LPC.disable_s4=1']

# Who made the tables, where they lie, and what follows from other contents.
NAMES = ('Oem ID', 'Oem Table ID', 'Oem Revision', 'Asl Compiler ID', 'Asl Compiler Revision', 'Checksum', 'Table Length', 'FACS Address',
         'DSDT Address')
FIELDS = {
    ('APIC', 'Revision'): 'ours is of a later version of the specification, with the same entries',
    ('SRAT', 'Revision'): 'the same',
    ('FACP', 'Boot Flags (decoded below)'): 'ours says that there is no display',
    ('FACP', 'VGA Not Present (V4)'): 'the same',
    ('FACP', 'RTC can wake system from S4 (V1)'): 'there is no S4',
    ('FACP', 'Flags (decoded below)'): 'the same',
}
# Names in the DSDT: a pattern of 'PATH NAME', and why only one of them has it or why it is another text.
THEIRS = {
    r' DBUG': 'a debug console of their tests',
    r'_GPE _(HID|E01)': 'an identifier that no system reads; conventional hot-plug, which ours tells of where there is such a bus',
    r'HPET _STA': 'ours has no device where there is no HPET',
    r'PCI0 (_ADR|AIDX|PCEJ|PCNT|PDSM)': 'an address that host bridges do not need; conventional hot-plug',
    r'PCI0\.(GPE0|PHPR) .*': 'ports that ours reserves in one device',
    r'PCI0\.(S00|SFB) _ADR': 'functions without a word about them',
    r'CPUS\.C[0-9A-F]+ .*': 'processor objects of the kind that the specification has withdrawn',
}
OURS = {
    r'CPUS\.C[0-9A-F]+ .*': 'processors as devices',
    r'PCI0\.SF8\.SYSR _(CRS|HID|UID)': 'the ports of power management, reserved',
    r'PCI0\.PRES _STA': 'the registers of processor hot-plug: present',
    r'PCI0\.PHPR .*': 'ports of hot-plug',
}
OTHER = {
    r'DRAC _(CRS|HID)': 'the same range and identifier in another encoding',
    r'HPET _CRS': 'its registers can be written',
}


def iasl(name, table, folder):
    """A table as iasl's text."""
    path = Path(folder, f'{name}.dat')
    path.write_bytes(table)
    done = subprocess.run(['iasl', '-d', str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise Failure(f'iasl -d {name}: {done.stdout.decode(errors="replace")[-400:]}')
    return path.with_suffix('.dsl').read_text(errors='replace')


def tables_in_memory(arguments):
    """QEMU's, as its firmware has put them into memory."""
    with tempfile.TemporaryDirectory() as folder, Process(QEMU, *QEMU_ONLY, *arguments) as vm:
        monitor = vm.connect()
        monitor.negotiate()

        def memory(address, size):
            monitor.command('pmemsave', val=address, size=size, filename=f'{folder}/memory')
            return Path(folder, 'memory').read_bytes()

        def roots():
            low = memory(0xe0000, 0x20000)
            places = (low[at:at + 20] for at in range(0, len(low), 16) if low[at:at + 8] == b'RSD PTR ')
            return [struct.unpack_from('<I', rsdp, 16)[0] for rsdp in places if sum(rsdp) % 256 == 0 and rsdp[16:20] != bytes(4)]

        eventually("QEMU's ACPI tables", roots, timeout=120, step=0.2)

        def table(address):
            return memory(address, struct.unpack('<I', memory(address, 8)[4:])[0])

        root = table(roots()[0])
        found = {}
        for address in struct.unpack(f'<{(len(root) - 36) // 4}I', root[36:]):
            one = table(address)
            found[one[:4].decode()] = one
        found['DSDT'] = table(struct.unpack_from('<I', found['FACP'], 40)[0])
        return found


def fields(text):
    """The lines 'NAME : VALUE' of a decompiled table."""
    lines = re.findall(r'^\[[^\]]*\]\s*(.*?) : (.*)$', text.split('Raw Table Data')[0], re.M)
    return [(name.strip(), value.strip()) for name, value in lines if name.strip() not in NAMES]


def body_end(text, at):
    """Where the braces that open next close again."""
    depth = 0
    for match in re.finditer(r'[{}]', text[at:]):
        depth += 1 if match.group() == '{' else -1
        if depth == 0:
            return at + match.end()
    raise Failure('a brace is missing')


def names(text):
    """'PATH NAME' -> value of every Name and method of a decompiled DSDT; PATH without \\_SB."""
    text = re.sub(r'//[^\n]*', '', re.sub(r'/\*.*?\*/', '', text, flags=re.S))
    token = re.compile(r'(Scope|Device|Processor|Method)\s*\(([^)]*)\)|Name\s*\((\\?[\w.]+),\s*|\{|\}')
    found, stack, opening, at = {}, [], None, 0

    def key(name):
        path = ''
        if name.startswith('\\'):
            return ' '.join(name.lstrip('\\').rpartition('.')[::2])
        for part in [part for part in stack if part]:
            path = part if part.startswith('\\') else f'{path}.{part}'
        path = re.sub(r'^[\\.]*(_SB)?\.?', '', path)
        return f'{path} {name}'.replace('.LPC', '.SF8')  # their name of the function

    while match := token.search(text, at):
        at = match.end()
        if match.group(1) == 'Method':
            found[key(match.group(2).split(',')[0].strip())] = 'method'
            at = body_end(text, at)
        elif match.group(1):
            opening = match.group(2).split(',')[0].strip()
        elif match.group(3):
            depth, end = 1, at
            while depth:
                quote = re.match(r'"[^"]*"', text[end:])
                end += quote.end() if quote else 1
                depth += {'(': 1, '{': 1, ')': -1, '}': -1}.get('' if quote else text[end - 1], 0)
            value = re.sub(r'\s+', ' ', text[at:end - 1]).strip()
            found[key(match.group(3))] = value.replace('\\_SB.', '')
            at = end
        elif match.group() == '{':
            stack.append(opening)
            opening = None
        else:
            stack.pop()
    return found


def listed(reasons, key):
    return any(re.fullmatch(pattern, key) for pattern in reasons)


def compare_names(ours, theirs):
    for key in sorted(ours.keys() | theirs.keys()):
        if key not in ours:
            expect(listed(THEIRS, key), f'{key} is missing: {theirs[key]}')
        elif key not in theirs:
            expect(listed(OURS, key), f'{key} is only ours: {ours[key]}')
        elif ours[key] != theirs[key]:
            expect(listed(OTHER, key) or listed(OURS, key), f'{key}\n  ours:   {ours[key]}\n  theirs: {theirs[key]}')


def compare_fields(name, ours, theirs):
    mine, their = fields(ours), fields(theirs)
    if name == 'SRAT':  # theirs ends with an entry of no memory that is not enabled
        their = their[:len(mine)]
    expect_equal([field for field, _ in mine], [field for field, _ in their], f'fields of {name}')
    for (field, value), (_, wanted) in zip(mine, their):
        expect(value == wanted or (name, field) in FIELDS, f'{name}: {field} is {value}, theirs is {wanted}')


def compare(binary, *arguments):
    machine = ['-machine', 'q35,smm=off', '-nodefaults', '-serial', 'null', *arguments]
    with Qtest(binary, *machine) as q:
        ours = tables_of(file_contents(q, 'etc/acpi/tables'))
    theirs = tables_in_memory(machine)
    expect_equal(sorted(set(theirs) | {'RSDT', 'FACS'}), sorted(set(ours) | {'FACS'}), 'tables')
    with tempfile.TemporaryDirectory() as folder:
        for name, table in theirs.items():
            texts = [iasl(f'{who}{name}', one, folder) for who, one in (('ours', ours[name]), ('theirs', table))]
            if name == 'DSDT':
                compare_names(*map(names, texts))
            elif name not in ('FACS', 'RSDT'):
                compare_fields(name, *texts)


def plain(binary):
    """Two processors, 256 MiB, a serial port."""
    compare(binary, '-m', '256', '-smp', '2')


def numa(binary):
    """Two nodes with distances, and no HPET."""
    compare(binary, '-no-hpet', '-m', '512', '-smp', '4', '-object', 'memory-backend-ram,id=a,size=256M', '-object', 'memory-backend-ram,id=b,size=256M',
            '-numa', 'node,nodeid=0,memdev=a,cpus=0-1', '-numa', 'node,nodeid=1,memdev=b,cpus=2-3', '-numa', 'dist,src=0,dst=1,val=21')


def hmat(binary):
    """A node with memory alone, behind a cache."""
    speed = 'hmat-lb,initiator=0,target={},hierarchy=memory,data-type=access-{}'
    numa_options = ['node,nodeid=0,memdev=a,cpus=0-1', 'node,nodeid=1,memdev=b,initiator=0']
    numa_options += [speed.format(0, 'latency,latency=10'), speed.format(1, 'latency,latency=125')]
    numa_options += [speed.format(0, 'bandwidth,bandwidth=400M'), speed.format(1, 'bandwidth,bandwidth=96M')]
    numa_options += ['hmat-cache,node-id=1,size=16M,level=1,associativity=complex,policy=write-through,line=64',
                     'hmat-cache,node-id=1,size=32M,level=2,associativity=direct,policy=write-back,line=32']
    compare(binary, '-m', '512', '-smp', '2', '-machine', 'hmat=on', '-object', 'memory-backend-ram,id=a,size=256M', '-object',
            'memory-backend-ram,id=b,size=256M', *(word for option in numa_options for word in ('-numa', option)))


def memory_above_4g(binary):
    """RAM on both sides of the hole."""
    compare(binary, '-m', '4G', '-smp', '1')


if __name__ == '__main__':
    if QEMU is None or shutil.which('iasl') is None:
        skip('qemu-system-x86_64 and iasl (acpica-tools) are not both here')
    if os.path.realpath(QEMU) == os.path.realpath(sys.argv[1]):
        skip('qemu-system-x86_64 is this very program')
    main([plain, numa, hmat, memory_above_4g])
