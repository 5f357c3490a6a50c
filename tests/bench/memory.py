"""Host memory that a running VMM holds beyond its guest's RAM."""
import os
import re
import subprocess
import time


def beyond_guest_ram(argv, guest_bytes, settle=1.0, environment=None):
    """Resident bytes of the process (smaps), less the mapping that is as large as the guest's RAM."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               env={**os.environ, **(environment or {})})
    try:
        time.sleep(settle)
        if process.poll() is not None:
            raise RuntimeError(f'{" ".join(argv)}: ended early: {process.stderr.read().decode(errors="replace")}')
        resident, skipped = 0, False
        size = 0
        for line in open(f'/proc/{process.pid}/smaps'):
            match = re.match(r'^([0-9a-f]+)-([0-9a-f]+) ', line)
            if match:
                size = int(match[2], 16) - int(match[1], 16)
            elif line.startswith('Rss:'):
                if size >= guest_bytes:
                    skipped = True
                else:
                    resident += int(line.split()[1]) * 1024
        if not skipped:
            raise RuntimeError('no mapping as large as the guest\'s RAM was found')
        return resident
    finally:
        process.kill()
        process.wait()
