#!/usr/bin/env python3
"""What users hand to the firmware, as a guest finds it in fw_cfg: files, SMBIOS structures, ACPI tables, option ROMs, a picture.
firmware_files.py PENUMBRA [TEST...]"""
import json
import os
import struct
import tempfile
from pathlib import Path

from fw_cfg import directory, file_contents, smbios_structures, tables_of
from harness import main, run
from qtest import Qtest, expect, expect_equal


def files(binary):
    """-fw_cfg: text and a file; names that are taken are refused."""
    with tempfile.NamedTemporaryFile() as source:
        source.write(b'\x01\x00two')
        source.flush()
        with Qtest(binary, '-machine', 'q35', '-fw_cfg', 'name=opt/org.test/text,string=a,,b', '-fw_cfg', f'opt/file,file={source.name}',
                   '-fw_cfg', 'opt/none,file=/dev/null') as q:
            expect_equal(file_contents(q, 'opt/org.test/text'), b'a,b', 'text')
            expect_equal(file_contents(q, 'opt/file'), b'\x01\x00two', 'file')
            expect_equal(file_contents(q, 'opt/none'), b'', 'empty file')
    status, _, errors = run([binary, '-machine', 'q35', '-accel', 'qtest', '-display', 'none', '-fw_cfg', 'name=etc/e820,string=x'])
    expect_equal(status, 1, 'status of a name that is taken')
    expect('etc/e820' in errors, errors)


def smbios(binary):
    """-smbios: fields, strings, devices by id, a structure from a file, the entry point."""
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder, 'type3')
        own.write_bytes(bytes([3, 5, 0x77, 0x03, 0xab]) + b'box\0\0')
        note = Path(folder, 'note')
        note.write_bytes(b'from a file')
        with Qtest(binary, '-machine', 'q35,smbios-entry-point-type=64', '-device', 'virtio-rng-pci,id=rng,addr=7',
                   '-smbios', 'type=0,vendor=V,uefi=on,release=3.14',
                   '-smbios', 'type=1,manufacturer=M,serial=S,uuid=00112233-4455-6677-8899-aabbccddeeff',
                   '-smbios', 'type=2,product=B', '-smbios', 'type=4,sock_pfx=SKT,processor-id=0x1122334455667788',
                   '-smbios', 'type=8,internal_reference=J1,external_reference=USB,connector_type=0x12,port_type=0x10',
                   '-smbios', 'type=9,slot_designation=PCI1,slot_type=6,slot_id=2,pci_device=rng',
                   '-smbios', f'type=11,value=one,value=two,path={note}', '-smbios', 'type=11,value=four',
                   '-smbios', 'type=17,loc_pfx=SLOT,speed=2400', '-smbios', 'type=41,designation=lan,kind=ethernet,instance=1,pcidev=rng',
                   '-smbios', f'file={own}') as q:
            found = smbios_structures(file_contents(q, 'etc/smbios/smbios-tables'))
            anchor = file_contents(q, 'etc/smbios/smbios-anchor')
            q.outw(0x510, 2)
            uuid = bytes(q.inb(0x511) for _ in range(16))
    expect_equal(anchor[:5], b'_SM3_', 'entry point')
    expect_equal(uuid.hex(), '00112233445566778899aabbccddeeff', 'UUID of the machine')
    area, strings = found[0][0]
    expect_equal((strings[area[4] - 1], area[20], area[21]), (b'V', 3, 14), 'firmware')
    area, strings = found[1][0]
    expect_equal((strings[area[4] - 1], strings[area[7] - 1], area[8:12].hex()), (b'M', b'S', '33221100'), 'system')
    expect_equal(found[2][0][1][found[2][0][0][5] - 1], b'B', 'main board')
    expect_equal([area.hex() for area, _ in found[3]], ['03057703ab'], 'chassis')
    area, strings = found[4][0]
    expect_equal((strings[area[4] - 1], struct.unpack_from('<Q', area, 8)[0]), (b'SKT 0', 0x1122334455667788), 'processor')
    expect_equal(found[8][0][0][4:], bytes([1, 0, 2, 0x12, 0x10]), 'port')
    expect_equal(found[9][0][0][-4:], bytes([0, 0, 0, 7 << 3]), 'slot')
    expect_equal(found[11][0][1], [b'one', b'two', b'from a file', b'four'], 'strings')
    area, strings = found[17][0]
    expect_equal((strings[area[16] - 1], struct.unpack_from('<H', area, 21)[0]), (b'SLOT 0', 2400), 'memory module')
    expect_equal(found[41][0][0][5:], bytes([0x85, 1, 0, 0, 0, 7 << 3]), 'device on the board')
    status, _, errors = run([binary, '-machine', 'q35', '-accel', 'qtest', '-smbios', 'type=41,pcidev=nobody'])
    expect_equal((status, errors), (1, "penumbra: -smbios type=41: there is no PCI device 'nobody'\n"), 'unknown device')


def acpi_tables(binary):
    """-acpitable beside the machine's tables, their names, and -no-acpi and -no-hpet."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, 'data')
        data.write_bytes(b'contents')
        whole = Path(folder, 'whole')
        whole.write_bytes(b'OEM9' + struct.pack('<I', 99) + b'\x02\x00' + b'A' * 26 + b'more')
        with Qtest(binary, '-machine', 'q35,x-oem-id=ME,x-oem-table-id=MINE', '-no-hpet',
                   '-acpitable', f'sig=TEST,rev=3,oem_id=O,oem_table_id=T,oem_rev=7,data={data}:{data}',
                   '-acpitable', f'file={whole},asl_compiler_id=XX') as q:
            tables = tables_of(file_contents(q, 'etc/acpi/tables'))
    expect_equal(tables['TEST'][36:], b'contentscontents', 'contents')
    expect_equal(tables['TEST'][8:9] + tables['TEST'][10:28], b'\x03O\0\0\0\0\0T\0\0\0\0\0\0\0\x07\0\0\0', 'header')
    expect_equal((tables['OEM9'][28:32], tables['OEM9'][36:], len(tables['OEM9'])), (b'XX\0\0', b'more', 40), 'table with a header')
    expect_equal(tables['APIC'][10:24], b'ME    MINE    ', "the machine's names")
    expect('HPET' not in tables, '-no-hpet')
    listed = (len(tables['RSDT']) - 36) // 4
    expect_equal(listed, len(tables) - len({'RSDT', 'DSDT', 'FACS'} & set(tables)), 'tables that the root names')
    with Qtest(binary, '-machine', 'q35', '-acpitable', 'sig=SLIC,oem_id=CRASH,oem_table_id=ME,data=/dev/null') as q:
        tables = tables_of(file_contents(q, 'etc/acpi/tables'))
    for name in ('SLIC', 'RSDT', 'FACP'):
        expect_equal(tables[name][10:24].rstrip(b'\0 ').replace(b'\0', b' '), b'CRASH ME', f'names of {name}')
    with Qtest(binary, '-machine', 'q35', '-no-acpi') as q:
        expect('etc/acpi/tables' not in directory(q), '-no-acpi')


def option_roms(binary):
    """-option-rom and -boot splash=, found in the folder of -L; bootindex puts the ROM into the boot order."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'my.rom').write_bytes(b'\x55\xaa\x01' + bytes(509))
        Path(folder, 'logo.jpg').write_bytes(b'\xff\xd8\xff\xe0' + bytes(60))
        with Qtest(binary, '-machine', 'q35', '-L', folder, '-option-rom', 'my.rom,bootindex=2', '-device', 'virtio-net-pci,addr=5,bootindex=1',
                   '-boot', 'menu=on,splash=logo.jpg,splash-time=20') as q:
            expect_equal(file_contents(q, 'genroms/my.rom')[:3], b'\x55\xaa\x01', 'ROM')
            expect_equal(file_contents(q, 'bootsplash.jpg')[:2], b'\xff\xd8', 'picture')
            lines = file_contents(q, 'bootorder').rstrip(b'\0').decode().split()
            expect_equal(lines[1], '/rom@genroms/my.rom', f'boot order {lines}')


def changed_options(binary):
    """-set changes an option further left; -bios takes up to 16 MiB, and finds names in its folders."""
    with Qtest(binary, '-machine', 'q35', '-device', 'virtio-rng-pci,id=r,addr=5', '-set', 'device.r.addr=6') as q:
        expect_equal((q.pci('05.0').exists(), q.pci('06.0').exists()), (False, True), 'the address that -set gave')
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, 'big.fd')
        image.write_bytes(b'\x11' * (16 << 20))
        with Qtest(binary, '-machine', 'q35', '-L', folder, '-bios', 'big.fd') as q:
            expect_equal((q.readb(0xff000000), q.readb(0xfffffff0), q.readb(0xfffff)), (0x11, 0x11, 0x11), '16 MiB of firmware')
        os.truncate(image, (16 << 20) + 4096)
        expect_equal(run([binary, '-machine', 'q35', '-bios', str(image)])[0], 1, 'more than 16 MiB')


def described_firmware(binary):
    """-machine firmware-descriptor=: flash and its variables from a descriptor; firmware-vars= is made once and kept."""
    with tempfile.TemporaryDirectory() as folder:
        code, template, kept = (Path(folder, name) for name in ('code', 'template', 'kept'))
        code.write_bytes(b'\xc0' * 65536)
        template.write_bytes(b'\xa1' * 65536)
        descriptor = Path(folder, 'mine.json')
        descriptor.write_text(json.dumps({
            'interface-types': ['uefi'], 'features': [], 'targets': [{'architecture': 'x86_64', 'machines': ['pc-q35-*']}],
            'mapping': {'device': 'flash', 'executable': {'filename': str(code), 'format': 'raw'},
                        'nvram-template': {'filename': str(template), 'format': 'raw'}}}))
        for store in ('', f',firmware-vars={kept}', f',firmware-vars={kept}'):
            with Qtest(binary, '-machine', f'q35,firmware-descriptor={descriptor}{store}') as q:
                expect_equal(q.readb(0xfffffff0), 0xc0, 'firmware')
                found = q.readb(0xfffe0010)
                q.writeb(0xfffe0010, 0x40)  # program one byte
                q.writeb(0xfffe0010, 0x21)
                q.writeb(0xfffe0010, 0xff)
                expect_equal(q.readb(0xfffe0010), 0x21, 'a variable')
        expect_equal((found, kept.read_bytes()[16], template.read_bytes()[16]), (0x21, 0x21, 0xa1), 'kept and forgotten variables')


if __name__ == '__main__':
    main([files, smbios, acpi_tables, option_roms, changed_options, described_firmware])
