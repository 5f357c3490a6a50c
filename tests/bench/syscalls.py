"""Counting system calls from exec to the first KVM_RUN, exactly, with strace."""
import re
import subprocess
import tempfile

CALL = re.compile(r'^\d+\s+(?:<\.\.\. )?([a-z_0-9]+)(\(| resumed)')


# What the C library does by itself, in its own number: memory for malloc, locks, the start of a thread.
LIBRARY = ('brk', 'futex', 'rseq', 'set_robust_list')


def to_first_run(argv, timeout=60):
    """(all calls, ioctls) of every thread before the first KVM_RUN; the exec itself is not counted."""
    names = names_to_first_run(argv, timeout)
    return len(names), names.count('ioctl')


def own_to_first_run(argv, timeout=60):
    """The calls that the program's own code makes until then. Before its first, a poll() that asks which descriptors were inherited, is the
    loader, whose calls depend on the machine's libraries."""
    names = names_to_first_run(argv, timeout)
    return [name for name in names[names.index('poll'):] if name not in LIBRARY]


def names_to_first_run(argv, timeout=60):
    """The calls of every thread before the first KVM_RUN, in their order, without the exec."""
    with tempfile.NamedTemporaryFile('r', prefix='penumbra-strace.') as log:
        subprocess.run(['strace', '-f', '-o', log.name, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=timeout, check=False)
        names = []
        for line in log:
            match = CALL.match(line)
            if not match or match[2] != '(':
                continue
            if match[1] == 'ioctl' and 'KVM_RUN' in line:
                return names
            if match[1] != 'execve':
                names.append(match[1])
    raise RuntimeError(f'{" ".join(argv)}: no KVM_RUN in the trace')
