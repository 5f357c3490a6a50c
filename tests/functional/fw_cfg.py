"""fw_cfg from a test client's side, and what lies in its files: SMBIOS structures, ACPI tables."""
import struct

SELECTOR, DATA, DIRECTORY = 0x510, 0x511, 0x19


def _read(q, key, size):
    control, data = q.allocate(16), q.allocate(max(size, 1))
    q.write(control, struct.pack('>IIQ', key << 16 | 8 | 2, size, data))  # select and read
    q.outl(0x514, 0)
    q.outl(0x518, struct.unpack('<I', struct.pack('>I', control))[0])
    return q.read(data, size) if size else b''


def directory(q):
    """name -> (key, size)"""
    count = struct.unpack('>I', _read(q, DIRECTORY, 4))[0]
    entries = _read(q, DIRECTORY, 4 + 64 * count)[4:]
    found = {}
    for i in range(count):
        size, key, _ = struct.unpack_from('>IHH', entries, 64 * i)
        found[entries[64 * i + 8:64 * i + 64].split(b'\0')[0].decode()] = (key, size)
    return found


def file_contents(q, name):
    key, size = directory(q)[name]
    return _read(q, key, size)


def smbios_structures(tables):
    """type -> [(formatted area, strings)]"""
    found, at = {}, 0
    while at + 4 <= len(tables):
        area = tables[at:at + tables[at + 1]]
        end = tables.index(b'\0\0', at + len(area)) + 2
        strings = [s for s in tables[at + len(area):end].split(b'\0') if s]
        found.setdefault(area[0], []).append((area, strings))
        at = end
    return found


def tables_of(blob):
    """signature -> ACPI table, from the blob that holds them one after the other; several SSDTs get numbers"""
    found, at = {}, 0
    while at + 8 <= len(blob):
        signature, length = blob[at:at + 4], struct.unpack_from('<I', blob, at + 4)[0]
        if not (signature.isalnum() and signature.isupper()) or length < 8 or at + length > len(blob):
            at += 1
            continue
        name = signature.decode()
        found[name if name not in found else f'{name}{len(found)}'] = blob[at:at + length]
        at += length
    return found
