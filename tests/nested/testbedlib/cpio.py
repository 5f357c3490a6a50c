"""Writes an initramfs (cpio "newc"), without the cpio tool and without root: every file belongs to 0:0."""
import stat


class Archive:
    def __init__(self):
        self._data = bytearray()
        self._inode = 0
        self._dirs = set()

    def _entry(self, name, mode, data=b''):
        self._inode += 1
        raw = name.encode() + b'\0'
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = [self._inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(raw), 0]
        self._data += b'070701' + b''.join(b'%08X' % f for f in fields) + raw
        self._pad()
        self._data += data
        self._pad()

    def _pad(self):
        self._data += bytes(-len(self._data) % 4)

    def directory(self, name):
        parent = name.rpartition('/')[0]
        if parent:
            self.directory(parent)
        if name not in self._dirs:
            self._dirs.add(name)
            self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        parent = name.rpartition('/')[0]
        if parent:
            self.directory(parent)
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def finish(self):
        self._entry('TRAILER!!!', 0)
        self._data += bytes(-len(self._data) % 512)
        return bytes(self._data)
