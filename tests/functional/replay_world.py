"""What a recorded command line needs around it: directories for the placeholders, dummy images, inherited descriptors.

Placeholders as the recordings have them: @EMULATOR@, @GUESTDIR@ (images), @LIBDIR@, @RUNDIR@, @LOGDIR@, @DIR@."""
import fcntl
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile

SECTOR = 512
DISK_BYTES = 64 << 20
MEMORY_CAPS = {'hugetlb', 'hugetlbsize'}


def bzimage():
    """The smallest file that the Linux boot protocol takes for a kernel (Documentation/arch/x86/boot.rst): a setup sector with its header,
    four more, and code that halts."""
    image = bytearray(5 * SECTOR + 4096)
    image[0x1f1] = 4  # setup_sects
    struct.pack_into('<I', image, 0x1f4, 4096 // 16)
    struct.pack_into('<H', image, 0x1fe, 0xaa55)
    image[0x200:0x202] = b'\xeb\x6a'
    image[0x202:0x206] = b'HdrS'
    struct.pack_into('<H', image, 0x206, 0x020f)
    image[0x211] = 1  # loaded high
    struct.pack_into('<I', image, 0x214, 0x100000)  # code32_start
    struct.pack_into('<I', image, 0x22c, 0x37ffffff)  # initrd_addr_max
    struct.pack_into('<I', image, 0x230, 0x200000)  # kernel_alignment
    image[0x234] = 1  # relocatable
    struct.pack_into('<H', image, 0x236, 1)  # a 64-bit entry
    struct.pack_into('<I', image, 0x238, 2047)  # cmdline_size
    struct.pack_into('<Q', image, 0x258, 0x1000000)  # pref_address
    struct.pack_into('<I', image, 0x260, 0x200000)  # init_size
    code = b'\xf4\xeb\xfd'
    image[5 * SECTOR:5 * SECTOR + 3] = code
    image[5 * SECTOR + 0x200:5 * SECTOR + 0x203] = code
    return bytes(image)


def empty_qcow2(size):
    """An image of version 3 in which nothing is allocated: header, L1 table, refcounts."""
    cluster = 65536
    l1_entries = -(-size // (cluster * cluster // 8))
    header = struct.pack('>4sIQIIQIIQQIIQQQQII', b'QFI\xfb', 3, 0, 0, 16, size, 0, l1_entries, 3 * cluster, cluster, 1, 0, 0, 0, 0, 0, 4, 104)
    image = bytearray(4 * cluster)
    image[:len(header)] = header
    struct.pack_into('>Q', image, cluster, 2 * cluster)
    for used in range(4):
        struct.pack_into('>H', image, 2 * cluster + 2 * used, 1)
    return bytes(image)


class Descriptors:
    """Numbers below kMost are held free of the test's own files, so that recorded numbers can be given to a child as they are."""
    MOST = 96

    def __init__(self):
        self.null = os.open('/dev/null', os.O_RDWR | os.O_CLOEXEC)
        for number in range(3, self.MOST):
            if number != self.null:
                try:
                    os.fstat(number)
                except OSError:
                    os.dup2(self.null, number, inheritable=False)

    def place(self, number, fd):
        os.dup2(fd, number, inheritable=False)

    def free(self, number):
        os.dup2(self.null, number, inheritable=False)


def huge_pages_free():
    with open('/proc/meminfo', encoding='ascii') as file:
        return int(re.search(r'HugePages_Free:\s+(\d+)', file.read()).group(1))


def open_tap():
    """A new tap device without a name of ours, or None where the user may not make one."""
    try:
        tap = os.open('/dev/net/tun', os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22x', b'', 0x5002))  # TUNSETIFF: IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
        return tap
    except OSError:
        return None


class World:
    """The surroundings of one scenario, kept over its processes."""

    def __init__(self, binary, descriptors):
        self.binary, self.descriptors = binary, descriptors
        self.directory = tempfile.TemporaryDirectory(prefix='replay-')
        root = self.directory.name
        self.places = {'EMULATOR': binary, 'GUESTDIR': f'{root}/guest', 'LIBDIR': f'{root}/lib', 'RUNDIR': f'{root}/run', 'LOGDIR': f'{root}/log',
                       'DIR': f'{root}/dir'}
        for name, path in self.places.items():
            if name != 'EMULATOR':
                os.makedirs(path, exist_ok=True)
        self.given = {}  # descriptor numbers of the child
        self.sockets = {}  # chardev id -> path of its socket
        self.notes = []  # what the host lacks, and what was given instead

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.take_back()
        self.directory.cleanup()

    def substitute(self, text):
        for name, path in self.places.items():
            text = text.replace(f'@{name}@', path)
        return text.replace('qmp-XXXXXX', 'qmp-probe')

    # Files

    def make_file(self, path):
        """What a file of this name is to the emulator."""
        if os.path.exists(path):
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        name = os.path.basename(path)
        if name.startswith('vmlinuz'):
            data = bzimage()
        elif name.endswith('.qcow2'):
            data = empty_qcow2(DISK_BYTES)
        elif name == 'master-key.aes':
            data = os.urandom(32)
        elif name.endswith('_VARS.fd'):
            if os.path.exists('/usr/share/OVMF/OVMF_VARS_4M.fd'):
                shutil.copy('/usr/share/OVMF/OVMF_VARS_4M.fd', path)
                return
            data = bytes(528 << 10)
        elif name.startswith('initrd'):
            data = b'initrd' * 100
        else:
            with open(path, 'wb') as file:
                file.truncate(DISK_BYTES)
            return
        with open(path, 'wb') as file:
            file.write(data)

    def make_files(self, argument):
        for path in re.findall(rf'({re.escape(self.directory.name)}/[^",]+)', argument):
            name = os.path.basename(path)
            if path.endswith(('.sock', '.pid', '.monitor')) or '/ram/' in path or name == 'ram':
                os.makedirs(os.path.dirname(path), exist_ok=True)
            elif '.' in name or name.startswith('vmlinuz'):
                self.make_file(path)

    def stand_in(self, path):
        """A file of the recording host, or one of the same kind."""
        if os.path.exists(path):
            return path
        instead = os.path.join(self.places['GUESTDIR'], os.path.basename(path))
        if not os.path.exists(instead):
            with open(instead, 'wb') as file:
                file.truncate(4 << 20 if 'OVMF' in path else 256 << 10)
        self.notes.append(f'{path} is missing, an empty one instead')
        return instead

    # Descriptors

    def give(self, number, fd):
        self.descriptors.place(number, fd)
        os.close(fd)
        self.given[number] = True

    def take_back(self):
        for number in self.given:
            self.descriptors.free(number)
        self.given = {}

    def listen(self, chardev):
        path = f'{self.places["RUNDIR"]}/{chardev}.sock'
        if os.path.exists(path):
            os.unlink(path)
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen(4)
        self.sockets[chardev] = path
        return server.detach()

    def descriptors_of(self, option, value):
        """The descriptors that the option names, as libvirt would have opened them."""
        if option == '-chardev' and (match := re.search(r'socket,id=([^,]+),fd=(\d+)', value)):
            self.give(int(match.group(2)), self.listen(match.group(1)))
        elif option == '-add-fd' and (match := re.search(r'fd=(\d+)', value)):
            path = f'{self.places["LOGDIR"]}/fd{match.group(1)}'
            self.give(int(match.group(1)), os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        elif option == '-netdev' and value.startswith('{') and json.loads(value).get('type') == 'tap':
            tap = open_tap()
            if tap is None:
                self.notes.append('no tap device can be made here, /dev/null instead')
                tap = os.open('/dev/null', os.O_RDWR | os.O_CLOEXEC)
            self.give(int(json.loads(value)['fd']), tap)

    # The command line

    def fit_memory(self, value):
        """Memory that this host cannot give is ordinary memory."""
        options = json.loads(value)
        path = options.get('mem-path', '')
        if 'hugetlb' in options and not huge_pages_free():
            self.notes.append(f'no huge pages for {options["id"]}, ordinary ones instead')
            options = {k: v for k, v in options.items() if k not in MEMORY_CAPS}
        elif path.startswith('/dev/hugepages'):
            if not huge_pages_free():
                self.notes.append(f'no huge pages for {options["id"]}, a file instead')
                options['mem-path'] = self.places['GUESTDIR']
            else:
                os.makedirs(path, exist_ok=True)
        return json.dumps(options)

    def command_line(self, argv):
        """The argv to start; its files and descriptors are there afterwards."""
        out = []
        option = ''
        for word in argv:
            word = self.substitute(word)
            if option == '-object' and word.startswith('{') and '"memory-backend-' in word:
                word = self.fit_memory(word)
            word = re.sub(r'/usr/share/[^",]*\.(fd|bin)', lambda match: self.stand_in(match.group(0)), word)
            self.make_files(word)
            self.descriptors_of(option, word)
            option = word if word.startswith('-') else option
            out.append(word)
        return out

    def start(self, argv):
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   pass_fds=tuple(self.given), cwd='/')
        self.take_back()
        return process
