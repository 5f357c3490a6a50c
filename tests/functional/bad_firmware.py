#!/usr/bin/env python3
"""Bad firmware, through the command line: tables that are truncated, overlap, count too much or lie about lengths are one line that
names what is wrong, for SEV, SEV-SNP and TDX guests and for IGVM files. usage: bad_firmware.py PENUMBRA

Each image is a good one with one thing spoilt; the plan of its launch needs no hardware.
"""
import pathlib
import struct
import subprocess
import sys
import tempfile
import uuid
import zlib

VECTORS = pathlib.Path(__file__).resolve().parent.parent / 'vectors'
FILES = pathlib.Path(__file__).resolve().parent.parent / 'golden' / 'confidential'
TABLE, RESET, HASHES = '96b582de-1fb2-45f7-baea-a366c55a082d', '00f771de-1a7e-4fcb-890e-68c77e2fb44e', '7255371f-3a3b-4b04-927b-1da6efa8d454'
ASEV, TDVF, SECRET = 'dc886566-984a-4798-a75e-5585a7bf67cc', 'e47a6535-984a-4798-865e-4685a7bf8ec2', '4c2eb361-7d9b-4cc3-8081-127c90d3d294'
SNP = ('sev-snp-guest,id=cc0,reduced-phys-bits=1', 'EPYC-v4')
SEV = ('sev-guest,id=cc0,reduced-phys-bits=1,policy=5', 'EPYC-v4')
TDX = ('tdx-guest,id=cc0', 'host')


class Image:
    """Firmware, and where its tables are."""

    def __init__(self, name='fw-give-64k.fd'):
        self.bytes = bytearray((VECTORS / name).read_bytes())
        self.total = len(self.bytes) - 0x20 - 18
        assert self.bytes[self.total + 2:self.total + 18] == uuid.UUID(TABLE).bytes_le
        self.entries = {}
        at, start = self.total, len(self.bytes) - 0x20 - self.get(self.total, '<H')
        while at > start:
            length = self.get(at - 18, '<H')
            self.entries[str(uuid.UUID(bytes_le=bytes(self.bytes[at - 16:at])))] = (at - length, at - 18)
            at -= length
        self.asev, self.tdvf = (len(self.bytes) - self.get(self.data(guid), '<I') for guid in (ASEV, TDVF))

    def get(self, at, form):
        return struct.unpack_from(form, self.bytes, at)[0]

    def data(self, guid):
        return self.entries[guid][0]

    def put(self, at, form, *values):
        struct.pack_into(form, self.bytes, at, *values)

    def length(self, guid, value):
        self.put(self.entries[guid][1], '<H', value)

    def section(self, index):
        return self.asev + 16 + 12 * index

    def td_section(self, index):
        return self.tdvf + 16 + 32 * index


def put(where, form, *values):
    """A change: these values at the place that where() finds in the image."""
    return lambda image: image.put(where(image), form, *values)


def cut(size):
    def spoil(image):
        image.bytes = image.bytes[-size:]
    return spoil


def tail(size):
    def spoil(image):
        image.bytes = image.bytes[:-size]
    return spoil


TABLES = [
    ('an empty file', lambda i: i.bytes.clear(), 'not a file with contents'),
    ('one byte', cut(1), '1 bytes, which is not a whole number of 4 KiB pages'),
    ('half a page', cut(0x800), '2048 bytes, which is not a whole number'),
    ('its first 4 KiB only', lambda i: i.bytes.__delitem__(slice(0x1000, None)), 'metadata'),
    ('not whole pages', cut(0x10000 - 1), '65535 bytes, which is not a whole number'),
    ('cut off at the end', tail(0x1000), 'metadata'),
    ('the table shorter than its own end', put(lambda i: i.total, '<H', 17), 'length'),
    ('the table of no length', put(lambda i: i.total, '<H', 0), 'length'),
    ('the table longer than the image', put(lambda i: i.total, '<H', 0xffff), 'length of 65535 bytes, the image 65536'),
    ('a table that ends in an entry', put(lambda i: i.total, '<H', 18 + 21), 'length of 22 bytes, 21 are left'),
    ('a byte of no entry', lambda i: i.put(i.total, '<H', i.get(i.total, '<H') + 1), 'begins with 1 bytes of no entry'),
    ('no table', put(lambda i: i.total + 2, '<B', 0), 'metadata'),
    ('an entry without a length', lambda i: i.length(next(iter(i.entries)), 0), 'length'),
    ('an entry shorter than its end', lambda i: i.length(next(iter(i.entries)), 17), 'length'),
    ('an entry longer than the table', lambda i: i.length(next(iter(i.entries)), 0xfff0), 'length'),
]
# For each kind of SEV: what is encrypted besides the firmware, by address.
AREAS = [
    ('hashes off a block', lambda i: i.put(i.data(HASHES), '<II', 0x810c01, 0x3ff), 'area for kernel hashes at 0x810c01 does not begin'),
    ('hashes at half a block', lambda i: i.put(i.data(HASHES), '<II', 0x810c08, 0x3f8), 'area for kernel hashes at 0x810c08 does not begin'),
    ('hashes in the firmware', lambda i: i.put(i.data(HASHES), '<II', 0xffff8000, 0x400), 'area for kernel hashes (0xffff8000+0x400) reaches into the firmware'),
    ('hashes that end in the firmware', lambda i: i.put(i.data(HASHES), '<II', 0xfffefff0, 0x400), 'reaches into the firmware'),
    ('hashes in the secret', lambda i: i.put(i.data(HASHES), '<II', 0x810400, 0x400), 'overlaps its secret area'),
    ('a secret off a block', lambda i: i.put(i.data(SECRET), '<II', 0x810004, 0xbf0), 'secret area at 0x810004 does not begin'),
    ('a secret in the firmware', lambda i: i.put(i.data(SECRET), '<II', 0xfffff000, 0x1000), 'secret area (0xfffff000+0x1000) reaches into the firmware'),
]
SNP_IMAGES = [
    ('the entry of the metadata has another name', put(lambda i: i.entries[ASEV][1] + 2, '<B', 1), 'no SEV metadata'),
    ('metadata at the very end', put(lambda i: i.data(ASEV), '<I', 0), 'lies 0 bytes before the end'),
    ('metadata cut off by the end', put(lambda i: i.data(ASEV), '<I', 8), 'cut off'),
    ('metadata before the image', put(lambda i: i.data(ASEV), '<I', 0x10001), 'lies 65537 bytes before the end of an image of 65536'),
    ('metadata far away', put(lambda i: i.data(ASEV), '<I', 0xffffffff), 'lies 4294967295 bytes before'),
    ('another signature', put(lambda i: i.asev, '<I', 0x46564454), 'signature'),
    ('another version', put(lambda i: i.asev + 8, '<I', 2), 'version 2'),
    ('no sections', put(lambda i: i.asev + 12, '<I', 0), '0 sections'),
    ('65 sections', put(lambda i: i.asev + 12, '<I', 65), '65 sections'),
    ('4 billion sections', put(lambda i: i.asev + 12, '<I', 0xffffffff), '4294967295 sections'),
    ('a count that wraps', put(lambda i: i.asev + 12, '<I', 0x15555556), 'sections'),
    ('shorter than its sections', put(lambda i: i.asev + 4, '<I', 27), 'bytes for'),
    ('longer than the image', put(lambda i: i.asev + 4, '<I', 0x7fffffff), 'in the image'),
    ('an empty section', put(lambda i: i.section(0) + 4, '<I', 0), 'whole pages'),
    ('half a page', put(lambda i: i.section(0) + 4, '<I', 0x800), 'whole pages'),
    ('a section off its page', put(lambda i: i.section(0), '<I', 0x800800), 'whole pages'),
    ('a section over the firmware', put(lambda i: i.section(0), '<II', 0xfffef000, 0x2000), 'into the firmware'),
    ('a section past 4 GiB', put(lambda i: i.section(0), '<II', 0xfffff000, 0x2000), 'into the firmware'),
    ('an unknown type', put(lambda i: i.section(0) + 8, '<I', 9), 'type 0x9'),
    ('two equal sections', lambda i: i.put(i.section(1), '<I', i.get(i.section(0), '<I')), 'overlaps'),
    ('one section in another', lambda i: i.put(i.section(0), '<II', 0x800000, 0x1000000), 'overlaps'),
    ('sections in no RAM', put(lambda i: i.section(0), '<II', 0xc0000000, 0x1000), '-m may be too small'),
    ('no reset block of the right size', lambda i: i.put(i.data(RESET), '<I', 0), 'SEV-ES reset address is zero'),
    ('an area that wraps', lambda i: i.put(i.data(SECRET), '<II', 0xfffff000, 0x2000), 'secret area'),
    ('an area without a base', lambda i: i.put(i.data(HASHES), '<II', 0, 0x400), 'hashes'),
]
TDX_IMAGES = [
    ('the entry of the metadata has another name', put(lambda i: i.entries[TDVF][1] + 2, '<B', 1), 'no TDX metadata'),
    ('metadata at the very end', put(lambda i: i.data(TDVF), '<I', 0), 'lies 0 bytes before'),
    ('metadata cut off by the end', put(lambda i: i.data(TDVF), '<I', 15), 'lies 15 bytes before'),
    ('metadata far away', put(lambda i: i.data(TDVF), '<I', 0xffffffff), 'lies 4294967295 bytes'),
    ('another signature', put(lambda i: i.tdvf, '<I', 1), 'signature'),
    ('another version', put(lambda i: i.tdvf + 8, '<I', 3), 'version 3'),
    ('no sections', put(lambda i: i.tdvf + 12, '<I', 0), '0 sections'),
    ('a huge count', put(lambda i: i.tdvf + 12, '<I', 0x8000000), '134217728 sections'),
    ('a length that is not its sections', put(lambda i: i.tdvf + 4, '<I', 16), 'length 16'),
    ('an unknown type', put(lambda i: i.td_section(0) + 24, '<I', 9), 'unknown type 9'),
    ('unknown attributes', put(lambda i: i.td_section(0) + 28, '<I', 8), 'unknown attributes'),
    ('memory off its page', put(lambda i: i.td_section(2) + 8, '<Q', 0x810010), 'whole pages'),
    ('no memory', put(lambda i: i.td_section(2) + 16, '<Q', 0), 'no memory'),
    ('memory that wraps', put(lambda i: i.td_section(2) + 8, '<Q', 0xfffffffffffff000), 'beyond what a processor'),
    ('a terabyte of memory', put(lambda i: i.td_section(2) + 16, '<Q', 1 << 40), 'more than 4 GiB'),
    ('data outside the image', put(lambda i: i.td_section(0), '<I', 0xfffff000), 'outside the image'),
    ('firmware without data', put(lambda i: i.td_section(0) + 4, '<I', 0), 'no data'),
    ('memory of 4 GiB over everything', put(lambda i: i.td_section(2) + 8, '<QQ', 0, 0xfffff000), 'overlap'),
    ('firmware elsewhere', lambda i: i.put(i.td_section(0) + 8, '<Q', 0x1000000), 'does not lie where the image is'),
    ('memory in no RAM', put(lambda i: i.td_section(2) + 8, '<Q', 0xc0000000), 'does not lie in the guest\'s RAM'),
]


def sealed(blob):
    """An IGVM file with the right checksum again."""
    start, size = struct.unpack_from('<II', blob, 8)
    struct.pack_into('<I', blob, 20, 0)
    struct.pack_into('<I', blob, 20, zlib.crc32(blob[:start + size]))
    return blob


def igvm_word(at, value, seal=True):
    def spoil(blob):
        struct.pack_into('<I', blob, at, value)
        return sealed(blob) if seal else blob
    return spoil


IGVM_FILES = [
    ('an empty file', lambda b: b[:0], 'not an IGVM file'),
    ('half a head', lambda b: b[:12], 'not an IGVM file'),
    ('cut off in its headers', lambda b: b[:60], 'it says that it has 82824 bytes, and has 60'),
    ('cut off at the end', lambda b: b[:-1], 'and has 82823'),
    ('one byte more', lambda b: b + b'\0', 'and has 82825'),
    ('another signature', igvm_word(0, 0), 'not an IGVM file'),
    ('another version', igvm_word(4, 9), 'of version 9'),
    ('headers that begin in the head', igvm_word(8, 8, seal=False), '0x370 bytes at 0x8, are not behind the fixed one'),
    ('headers past the end', igvm_word(8, 0xfffffff0, seal=False), '0x370 bytes at 0xfffffff0, are not'),
    ('headers of 4 GiB', igvm_word(12, 0xfffffff8, seal=False), '0xfffffff8 bytes at 0x18, are not'),
    ('another size of the file', igvm_word(16, 0x7fffffff), 'it says that it has 2147483647 bytes'),
    ('a wrong checksum', igvm_word(20, 1, seal=False), 'it says 0x00000001'),
    ('an unknown header', igvm_word(24, 0x7777), "header 0x7777 at 0x18: the header's type is not known"),
    ('a header longer than all', igvm_word(28, 0xfffffff0), 'longer than what is left'),
    ('a header shorter than its contents', igvm_word(28, 1), 'the header has 1 bytes, not 16'),
]


def run(program, words):
    return subprocess.run([program, '-accel', 'kvm', '-nodefaults', '-display', 'none', '-m', '512', *words, '-launch-plan', '-'], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def check(program, what, words, part):
    done = run(program, words)
    lines = done.stderr.strip().split('\n')
    if done.returncode != 1 or len(lines) != 1 or not lines[0] or part not in lines[0] or done.stdout:
        print(f'FAIL {what}: status {done.returncode}, {done.stderr!r}, expected one line with {part!r}')
        return 0
    return 1


def main():
    program, good, count = sys.argv[1], 0, 0
    with tempfile.TemporaryDirectory(prefix='penumbra-bad.') as folder:
        path = pathlib.Path(folder, 'firmware')
        # SEV alone starts firmware without any table.
        rows = [(kind, row) for kind in (SNP, SEV, TDX) for row in TABLES if kind is not SEV or row[2] != 'metadata']
        rows += [(kind, row) for kind in (SNP, SEV) for row in AREAS]
        rows += [(SNP, row) for row in SNP_IMAGES] + [(TDX, row) for row in TDX_IMAGES]
        for (thing, cpu), (what, spoil, part) in rows:
            image = Image()
            spoil(image)
            path.write_bytes(image.bytes)
            machine = ['-object', thing, '-machine', 'q35,confidential-guest-support=cc0', '-cpu', cpu, '-bios', str(path)]
            good += check(program, f'{thing.split(",")[0]}: {what}', machine, part)
            count += 1
        for what, spoil, part in IGVM_FILES:
            path.write_bytes(spoil(bytearray((FILES / 'snp.igvm').read_bytes())))
            machine = ['-object', SNP[0], '-object', f'igvm-cfg,id=i0,file={path}', '-machine', 'q35,confidential-guest-support=cc0,igvm-cfg=i0', '-cpu', SNP[1]]
            good += check(program, f'IGVM: {what}', machine, part)
            count += 1
    print(f'{"ok  " if good == count else "FAIL"} {good} of {count} bad images are one line each')
    sys.exit(0 if good == count and count >= 50 else 1)


if __name__ == '__main__':
    main()
