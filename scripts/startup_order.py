#!/usr/bin/env python3
"""Writes system/control/startup.ld: the code that runs from exec to the first guest instruction, for the linker to put
side by side, after what runs between two KVM_RUNs. The kernel maps code 64 KiB at a time, so scattered code makes most of the program resident and costs a
page fault a piece. Entries that no longer exist do no harm and new code only stands elsewhere: run this again when
tests/functional/counts.py says that memory has grown. Needs valgrind and /dev/kvm.

usage: scripts/startup_order.py BUILD...    (one of each optimization in use: the compiler's choice of functions differs)
"""
import bisect
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'bench'))
import images

HEADER = """/* Code that runs at start, side by side. Written by scripts/startup_order.py, which says why; not by hand. */
SECTIONS
{
  .text.begin :
  {
    *(.text.hot .text.hot.*)
"""
FOOTER = """  }
}
INSERT BEFORE .text;
SECTIONS
{
  .data.rel.ro.hot :
  {
    *(.data.rel.ro*._ZTVN3vmm3kvm7X86ArchE)
    *(.data.rel.ro*._ZTVN3vmm3kvm15EngineConverterE)
    *(.data.rel.ro*._ZTVN3vmm16VmWideAttributesE)
    *(.data.rel.ro*._ZTVN3vmm3kvm13KvmAttributesE)
    *(.data.rel.ro*._ZTVN3vmm11PageDropperE)
  }
}
INSERT BEFORE .data.rel.ro;
"""


def functions_that_run(program, image, out):
    """Names of the program's functions that a start and an end execute, by callgrind."""
    subprocess.run(['valgrind', '--tool=callgrind', '--demangle=no', f'--callgrind-out-file={out}', program, '-machine',
                    'q35,accel=kvm,kernel_irqchip=split', '-m', '512', '-bios', image, '-nodefaults', '-display', 'none',
                    '-device', 'isa-debug-exit,iobase=0xf4,iosize=1'], check=False, capture_output=True, timeout=120)
    names, objects, found, here = {}, {}, set(), False
    for line in open(out):
        match = re.match(r'^(c?ob|c?fn)=\((\d+)\)(?: (.*))?$', line)
        if not match:
            continue
        table = objects if match[1].endswith('ob') else names
        if match[3]:
            table[match[2]] = match[3].strip()
        if match[1] == 'ob':
            here = objects[match[2]] == program
        elif match[1] == 'fn' and here:
            found.add(re.sub(r"'\d+$", '', names[match[2]]))
    return found


def sections(map_file):
    """(address, size, section, object) of each piece of code, sorted, from the linker's map."""
    pieces = re.finditer(r'^ (\.text\S*)\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+) (\S.*)$', open(map_file).read(), re.MULTILINE)
    return sorted((int(p[2], 16), int(p[3], 16), p[1], p[4]) for p in pieces if int(p[2], 16) and int(p[3], 16))


def pattern(path):
    """How the linker's script names an object: the last folder, or the archive, and the file."""
    archive = re.match(r'.*/(lib[^/]*\.a)\((.*)\)$', path)
    if archive:
        return f'*{archive[1]}:{archive[2]}'
    return '*' + '/'.join(path.split('/')[-2:])


def order_of(build):
    """The script's lines for one build."""
    build = os.path.abspath(build)
    link = subprocess.run(['ninja', '-C', build, '-t', 'commands', 'penumbra'], check=True, capture_output=True,
                          text=True).stdout.splitlines()[-1]
    with tempfile.TemporaryDirectory(prefix='penumbra-order.') as folder:
        program, image, map_file = (os.path.join(folder, name) for name in ('penumbra', 'guest.bin', 'map'))
        # Without the order that there is: valgrind knows the functions of .text alone.
        command = re.sub(r'-Wl,-T,\S*startup\.ld', '', link).replace('-o penumbra ', f'-o {program} ')
        subprocess.run(f'{command} -Wl,-Map={map_file}', shell=True, cwd=build, check=True)
        with open(image, 'wb') as out:
            out.write(images.exits_at_once())
        ran = functions_that_run(program, image, os.path.join(folder, 'profile'))
        pieces = sections(map_file)
        starts = [piece[0] for piece in pieces]
        lines = set()
        for row in subprocess.run(['nm', program], check=True, capture_output=True, text=True).stdout.splitlines():
            at, _, name = row.rpartition(' ')[0].partition(' ')[0], None, row.rpartition(' ')[2]
            if name in ran and at:
                where = bisect.bisect_right(starts, int(at, 16)) - 1
                _, _, section, path = pieces[where]
                if section.startswith('.text.hot'):
                    continue  # stands first, all of it
                # What stands alone in its section is found by its name, whichever object it came from.
                lines.add(f'    *({section})\n' if section.startswith('.text._Z') else f'    {pattern(path)}({section})\n')
    if len(lines) < 100:
        raise SystemExit('startup_order: hardly anything ran: is /dev/kvm there?')
    return lines


def main(builds):
    lines = set().union(*map(order_of, builds))
    with open(os.path.join(ROOT, 'system', 'control', 'startup.ld'), 'w') as out:
        out.write(HEADER + ''.join(sorted(lines)) + FOOTER)
    print(f'startup_order: {len(lines)} entries')


if __name__ == '__main__':
    if len(sys.argv) < 2:
        raise SystemExit('usage: scripts/startup_order.py BUILD...')
    main(sys.argv[1:])
