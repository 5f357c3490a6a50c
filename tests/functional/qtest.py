"""A test client for -accel qtest: stands in for the guest. Accesses ports and memory, moves the clock, watches interrupts, speaks PCI.

    with Qtest(binary, '-device', 'pvpanic-pci,addr=4') as q:
        q.outb(0x70, 0x0a)
        assert q.inb(0x71) == 0x26
        q.clock_step(1_000_000)                # the clock moves by this only
        device = q.pci('04.0')                 # configuration space, BARs
        device.map_bars()
        device.bars[0].writeb(0, 1)

Requests that the machine refuses raise Failure, as do deaths and silences; leaving the `with` block ends the machine by SIGTERM and expects status 0.
Python's standard library only.
"""
import os
import signal
import socket
import struct
import tempfile

from harness import Failure, Vmm

CONFIG_ADDRESS, CONFIG_DATA = 0xcf8, 0xcfc
IO_WINDOW, MEMORY_WINDOW = 0xc000, 0xe0000000  # where BARs are put, as firmware would
RAM_FOR_TESTS = 1 << 20  # what allocate() hands out starts here


def expect(condition, text):
    if not condition:
        raise Failure(text)


def expect_equal(got, wanted, what):
    shown = hex if isinstance(got, int) and isinstance(wanted, int) else repr
    expect(got == wanted, f'{what}: {shown(got)}, expected {shown(wanted)}')


class Qtest:
    def __init__(self, binary, *arguments, timeout=30, pass_fds=()):
        self.folder = tempfile.TemporaryDirectory(prefix='qtest-')
        path = os.path.join(self.folder.name, 'qtest.sock')
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(timeout)
            self.vmm = Vmm([binary, '-qtest', f'unix:{path}', '-qtest-log', 'none', '-display', 'none', *arguments, '-accel', 'qtest'],
                           pass_fds=pass_fds)
            try:
                while True:
                    listener.settimeout(0.5)
                    try:
                        self.socket, _ = listener.accept()
                        break
                    except socket.timeout:
                        timeout -= 0.5
                        if self.vmm.process.poll() is not None or timeout <= 0:
                            self.vmm.pump(0.1)
                            self.vmm.pump(0.1)
                            raise Failure(f'the machine did not connect\n{self.vmm.report()}') from None
            except Failure:
                self.vmm.__exit__()
                raise
        self.socket.settimeout(60)
        self.input = b''
        self.levels = {}       # interrupt pins: number -> level, once intercepted
        self.interrupts = []   # every report: (number, level)
        self.next_page = RAM_FOR_TESTS
        expect_equal(self.request('endianness'), 'little', 'endianness')

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.socket.close()
        try:
            if kind is None:
                self.close()
        finally:
            self.vmm.__exit__()
            self.folder.cleanup()

    def close(self):
        """Ends the machine as its users do; a machine that has ended by itself must have done so well."""
        if self.vmm.process.poll() is None:
            self.vmm.process.send_signal(signal.SIGTERM)
        status = self.vmm.wait(30)
        expect(status == 0, f'exit status {status}\n{self.vmm.report()}')

    def line(self):
        while b'\n' not in self.input:
            try:
                data = self.socket.recv(1 << 20)
            except socket.timeout:
                data = b''
            if not data:
                self.vmm.pump(0.5)
                self.vmm.pump(0.1)
                raise Failure(f'the machine is silent\n{self.vmm.report()}')
            self.input += data
        text, self.input = self.input.split(b'\n', 1)
        return text.decode()

    def raw(self, request):
        """The whole answer, whatever it is."""
        self.socket.sendall(request.encode() + b'\n')
        while True:
            answer = self.line()
            if not answer.startswith('IRQ '):
                return answer
            _, change, pin = answer.split(' ')
            self.levels[int(pin)] = change == 'raise'
            self.interrupts.append((int(pin), change == 'raise'))

    def request(self, request):
        """The value of an answer that must be OK."""
        answer = self.raw(request)
        if answer == 'OK':
            return ''
        expect(answer.startswith('OK '), f'{request[:200]}: {answer[:200]}')
        return answer[3:]

    def number(self, request):
        return int(self.request(request), 0)

    def inb(self, port):
        return self.number(f'inb {port:#x}')

    def inw(self, port):
        return self.number(f'inw {port:#x}')

    def inl(self, port):
        return self.number(f'inl {port:#x}')

    def outb(self, port, value):
        self.request(f'outb {port:#x} {value:#x}')

    def outw(self, port, value):
        self.request(f'outw {port:#x} {value:#x}')

    def outl(self, port, value):
        self.request(f'outl {port:#x} {value:#x}')

    def readb(self, address):
        return self.number(f'readb {address:#x}')

    def readw(self, address):
        return self.number(f'readw {address:#x}')

    def readl(self, address):
        return self.number(f'readl {address:#x}')

    def readq(self, address):
        return self.number(f'readq {address:#x}')

    def writeb(self, address, value):
        self.request(f'writeb {address:#x} {value:#x}')

    def writew(self, address, value):
        self.request(f'writew {address:#x} {value:#x}')

    def writel(self, address, value):
        self.request(f'writel {address:#x} {value:#x}')

    def writeq(self, address, value):
        self.request(f'writeq {address:#x} {value:#x}')

    def read(self, address, size):
        return bytes.fromhex(self.request(f'read {address:#x} {size:#x}')[2:]) if size else b''

    def write(self, address, data):
        if data:
            self.request(f'write {address:#x} {len(data):#x} 0x{data.hex()}')

    def memset(self, address, size, value):
        self.request(f'memset {address:#x} {size:#x} {value:#x}')

    def clock_step(self, ns=None):
        """Moves the clock by this, or to the next deadline; the new time."""
        return self.number('clock_step' if ns is None else f'clock_step {ns}')

    def clock_set(self, ns):
        return self.number(f'clock_set {ns}')

    def intercept_irqs(self, path='ioapic'):
        self.request(f'irq_intercept_in {path}')

    def irq(self, pin):
        """Whether the pin is raised, as last reported. Takes in what was not read yet."""
        self.request('endianness')
        return self.levels.get(pin, False)

    def take_interrupts(self):
        """The reports since the last call."""
        self.request('endianness')
        taken, self.interrupts = self.interrupts, []
        return taken

    def allocate(self, size, alignment=4096):
        """Guest memory that nobody else of this test uses, zeroed."""
        address = (self.next_page + alignment - 1) & -alignment
        self.next_page = address + size
        self.memset(address, size, 0)
        return address

    def pci(self, address):
        """The function "SLOT.FUNCTION" or "BUS:SLOT.FUNCTION" (hexadecimal)."""
        bus, _, rest = address.rpartition(':')
        slot, _, function = rest.partition('.')
        return PciFunction(self, int(bus or '0', 16), int(slot, 16), int(function or '0', 16))

    def find_pci(self, vendor, device):
        """The first function of the root bus with these ids."""
        for slot in range(32):
            found = PciFunction(self, 0, slot, 0)
            if found.config_long(0) == vendor | device << 16:
                return found
        raise Failure(f'no PCI function {vendor:04x}:{device:04x}')


class Bar:
    """A mapped BAR: registers by offset."""

    def __init__(self, qtest, base, size, is_port):
        self.qtest, self.base, self.size, self.is_port = qtest, base, size, is_port

    def _read(self, offset, suffix):
        return self.qtest.number(f'{"in" if self.is_port else "read"}{suffix} {self.base + offset:#x}')

    def _write(self, offset, value, suffix):
        self.qtest.request(f'{"out" if self.is_port else "write"}{suffix} {self.base + offset:#x} {value:#x}')

    def readb(self, offset):
        return self._read(offset, 'b')

    def readw(self, offset):
        return self._read(offset, 'w')

    def readl(self, offset):
        return self._read(offset, 'l')

    def readq(self, offset):
        return self._read(offset, 'q')

    def writeb(self, offset, value):
        self._write(offset, value, 'b')

    def writew(self, offset, value):
        self._write(offset, value, 'w')

    def writel(self, offset, value):
        self._write(offset, value, 'l')

    def writeq(self, offset, value):
        self._write(offset, value, 'q')


class PciFunction:
    COMMAND, STATUS, BAR0, CAPABILITIES, INTERRUPT_LINE = 0x04, 0x06, 0x10, 0x34, 0x3c
    MSI, MSIX, EXPRESS, VENDOR = 0x05, 0x11, 0x10, 0x09

    def __init__(self, qtest, bus, slot, function):
        self.qtest = qtest
        self.address = 0x80000000 | bus << 16 | slot << 11 | function << 8
        self.bars = {}

    def _at(self, offset, size):
        expect(offset % size == 0 and offset + size <= 256, f'configuration access of {size} at {offset:#x}')
        self.qtest.outl(CONFIG_ADDRESS, self.address | offset & 0xfc)
        return CONFIG_DATA + (offset & 3)

    def config_byte(self, offset):
        return self.qtest.inb(self._at(offset, 1))

    def config_word(self, offset):
        return self.qtest.inw(self._at(offset, 2))

    def config_long(self, offset):
        return self.qtest.inl(self._at(offset, 4))

    def set_config_byte(self, offset, value):
        self.qtest.outb(self._at(offset, 1), value)

    def set_config_word(self, offset, value):
        self.qtest.outw(self._at(offset, 2), value)

    def set_config_long(self, offset, value):
        self.qtest.outl(self._at(offset, 4), value)

    def exists(self):
        return self.config_word(0) != 0xffff

    def enable(self, bits=7):
        """I/O, memory, bus master."""
        self.set_config_word(self.COMMAND, self.config_word(self.COMMAND) | bits)

    def capabilities(self):
        """(id, offset) of each, in the order of the list."""
        found, at = [], self.config_byte(self.CAPABILITIES) & 0xfc
        while at and len(found) < 48:
            found.append((self.config_byte(at), at))
            at = self.config_byte(at + 1) & 0xfc
        return found

    def capability(self, number):
        """The offset of the first of this id; None when there is none."""
        return next((at for found, at in self.capabilities() if found == number), None)

    def map_bars(self):
        """Sizes every BAR, puts it into the window of its kind and switches decoding on."""
        windows = getattr(self.qtest, 'pci_windows', None) or {True: IO_WINDOW, False: MEMORY_WINDOW}
        self.qtest.pci_windows = windows
        number = 0
        while number < 6:
            at = self.BAR0 + 4 * number
            self.set_config_long(at, 0xffffffff)
            mask = self.config_long(at)
            is_port, is_wide = bool(mask & 1), mask & 7 == 4
            low = mask & (~3 if is_port else ~15) & 0xffffffff
            if low:
                size = low & -low
                base = (windows[is_port] + size - 1) & -size
                windows[is_port] = base + size
                self.set_config_long(at, base)
                if is_wide:
                    self.set_config_long(at + 4, 0)
                self.bars[number] = Bar(self.qtest, base, size, is_port)
            number += 2 if is_wide else 1
        self.enable()
        return self.bars

    def enable_msix(self):
        """Switches MSI-X on, all vectors masked; the offset of the capability."""
        at = self.capability(self.MSIX)
        expect(at is not None, 'no MSI-X capability')
        self.set_config_word(at + 2, self.config_word(at + 2) | 0x8000)
        return at

    def set_msix_vector(self, vector, address, data):
        """Points an MSI-X vector at guest memory, where the message can be read, and unmasks it."""
        at = self.capability(self.MSIX)
        table = self.config_long(at + 4)
        bar, offset = self.bars[table & 7], (table & ~7) + 16 * vector
        for i, value in enumerate(struct.unpack('<4I', struct.pack('<QII', address, data, 0))):
            bar.writel(offset + 4 * i, value)
