"""Counting system calls from exec to the first KVM_RUN, exactly, with strace."""
import re
import subprocess
import tempfile

CALL = re.compile(r'^\d+\s+(?:<\.\.\. )?([a-z_0-9]+)(\(| resumed)')


def to_first_run(argv, timeout=60):
    """(all calls, ioctls) of every thread before the first KVM_RUN; the exec itself is not counted."""
    with tempfile.NamedTemporaryFile('r', prefix='penumbra-strace.') as log:
        subprocess.run(['strace', '-f', '-o', log.name, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=timeout, check=False)
        total = ioctls = 0
        for line in log:
            match = CALL.match(line)
            if not match or match[2] != '(':
                continue
            if match[1] == 'ioctl' and 'KVM_RUN' in line:
                return total, ioctls
            if match[1] == 'execve':
                continue
            total += 1
            ioctls += match[1] == 'ioctl'
    raise RuntimeError(f'{" ".join(argv)}: no KVM_RUN in the trace')
