"""Reads dumps of memory as debuggers do, from their formats' descriptions: ELF core files, and kdump's compressed format in makedumpfile's
flattened form. The standard library only."""
import dataclasses
import struct
import zlib

PAGE = 4096


@dataclasses.dataclass
class Note:
    name: bytes
    kind: int
    contents: bytes


def read_notes(data):
    notes, at = [], 0
    while at + 12 <= len(data):
        name_size, size, kind = struct.unpack_from('<III', data, at)
        name_at = at + 12
        contents_at = name_at + (name_size + 3 & ~3)
        notes.append(Note(data[name_at:name_at + name_size].rstrip(b'\0'), kind, data[contents_at:contents_at + size]))
        at = contents_at + (size + 3 & ~3)
    return notes


class ElfCore:
    """segments: (linear, physical, file offset, size)."""

    def __init__(self, path):
        with open(path, 'rb') as file:
            self.data = file.read()
        header = struct.unpack_from('<16sHHIQQQIHHHHHH', self.data)
        assert header[0][:6] == b'\x7fELF\x02\x01' and header[1] == 4, header
        self.machine, count, phoff = header[2], header[10], header[5]
        if count == 0xffff:
            count = struct.unpack_from('<I', self.data, header[6] + 44)[0]
        self.notes, self.segments = [], []
        for i in range(count):
            kind, _, offset, linear, physical, size, memory_size, _ = struct.unpack_from('<IIQQQQQQ', self.data, phoff + 56 * i)
            assert size == memory_size and offset + size <= len(self.data), (kind, offset, size)
            if kind == 4:
                self.notes += read_notes(self.data[offset:offset + size])
            else:
                self.segments.append((linear, physical, offset, size))

    def _read(self, address, size, column):
        for segment in self.segments:
            if segment[column] <= address and address + size <= segment[column] + segment[3]:
                at = segment[2] + address - segment[column]
                return self.data[at:at + size]
        return None

    def physical(self, address, size):
        return self._read(address, size, 1)

    def linear(self, address, size):
        return self._read(address, size, 0)

    def statuses(self):
        """(process, rip) of each NT_PRSTATUS."""
        out = []
        for note in self.notes:
            if (note.name, note.kind) == (b'CORE', 1):
                wide = len(note.contents) == 336
                assert wide or len(note.contents) == 144, len(note.contents)
                pid = struct.unpack_from('<I', note.contents, 32 if wide else 24)[0]
                out.append((pid, struct.unpack_from('<Q', note.contents, 112 + 16 * 8)[0] if wide
                            else struct.unpack_from('<I', note.contents, 72 + 12 * 4)[0]))
        return out


def unflatten(path):
    with open(path, 'rb') as file:
        data = file.read()
    assert data[:16] == b'makedumpfile\0\0\0\0' and struct.unpack_from('>QQ', data, 16) == (1, 1)
    out, at = bytearray(), 4096
    while True:
        offset, size = struct.unpack_from('>qq', data, at)
        at += 16
        if (offset, size) == (-1, -1):
            assert at == len(data), 'something follows the end'
            return bytes(out)
        if len(out) < offset + size:
            out.extend(bytes(offset + size - len(out)))
        out[offset:offset + size] = data[at:at + size]
        at += size


class Kdump:
    def __init__(self, path):
        self.data = unflatten(path)
        assert self.data[:8] == b'KDUMP   ' and struct.unpack_from('<I', self.data, 8)[0] == 6
        self.machine = self.data[12 + 4 * 65:12 + 5 * 65].rstrip(b'\0')
        _, block, sub_blocks, bitmap_blocks, _, _, _, _, _, self.cpus = struct.unpack_from('<10I', self.data, 424)
        assert block == PAGE
        sub = struct.unpack_from('<QIIQQQQQQQQQQQ', self.data, PAGE)
        self.notes = read_notes(self.data[sub[7]:sub[7] + sub[8]])
        self.pages = sub[13]
        bitmaps = (1 + sub_blocks) * PAGE
        half = bitmap_blocks * PAGE // 2
        self.present, self.dumped = self.data[bitmaps:bitmaps + half], self.data[bitmaps + half:bitmaps + 2 * half]
        self.place, at = {}, bitmaps + 2 * half
        for number, byte in enumerate(self.dumped):
            if byte:
                for bit in range(8):
                    if byte >> bit & 1:
                        self.place[8 * number + bit] = at
                        at += 24

    def page(self, number):
        """None: the page is not in the file."""
        if number not in self.place:
            return None
        offset, size, flags, _ = struct.unpack_from('<QIIQ', self.data, self.place[number])
        stored = self.data[offset:offset + size]
        return zlib.decompress(stored) if flags & 1 else stored
