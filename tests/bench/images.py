"""Flat firmware images for the benchmarks: 64 KiB, started at the reset vector in real mode, a few instructions each."""
import struct

SIZE = 0x10000
DEBUG_EXIT = 0xF4


def image(code):
    """The code at the start of the segment that the reset vector jumps into."""
    blob = bytearray(b'\xf4' * SIZE)
    blob[:len(code)] = code
    # jmp near to offset 0 of the segment the CPU starts in (base 0xffff0000).
    blob[0xFFF0:0xFFF3] = b'\xe9' + struct.pack('<H', (0x10000 - 0xFFF3) & 0xFFFF)
    return bytes(blob)


def leave(status):
    """Ends the guest through isa-debug-exit: the process exits with status * 2 + 1."""
    return bytes([0xB0, status, 0xE6, DEBUG_EXIT, 0xF4])


def exits_at_once():
    return image(leave(0))


def spins():
    """Never ends: for looking at a running guest from outside."""
    return image(b'\xf4\xeb\xfd')
