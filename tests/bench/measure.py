"""Taking samples of whole commands: interleaved, so that a change of the machine's mood hits every side alike."""
import ctypes
import functools
import mmap
import os
import random
import resource
import signal
import statistics
import subprocess
import time


PR_SET_PDEATHSIG = 1


def dies_with_us():
    """For Popen's preexec_fn: a guest that spins is not left behind when its benchmark is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run_once(argv, expected_status):
    """Wall and CPU seconds of one run; the exit status must be the expected one."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != expected_status:
        raise RuntimeError(f'{" ".join(argv)}: status {done.returncode}, not {expected_status}: {done.stdout.decode(errors="replace")[-400:]}')
    return wall, (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def interleave(sides, rounds, expected_status=1):
    """sides: name -> argv. Returns name -> list of (wall, cpu); every round runs all sides in a fresh random order."""
    samples = {name: [] for name in sides}
    order = list(sides)
    shuffle = random.Random(1)
    for _ in range(rounds):
        shuffle.shuffle(order)
        for name in order:
            samples[name].append(run_once(sides[name], expected_status))
    return samples


@functools.cache
def cycles_a_ns():
    """Time-stamp cycles a nanosecond, by reading both twice."""
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex('0f31 48c1e220 4809d0 c3'))  # rdtsc; shl rdx, 32; or rax, rdx; ret
    stamp = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    begin, first = time.perf_counter_ns(), stamp()
    time.sleep(0.05)
    end, last = time.perf_counter_ns(), stamp()
    return (last - first) / (end - begin)


def median_wall(samples):
    return statistics.median(wall for wall, _ in samples)


def median_cpu(samples):
    return statistics.median(cpu for _, cpu in samples)


def which(name):
    for folder in os.environ.get('PATH', '').split(':'):
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    return None


def table(title, rows, columns):
    print(f'\n{title}')
    widths = [max(len(str(row[i])) for row in [columns] + rows) for i in range(len(columns))]
    for row in [columns] + rows:
        print('  ' + '  '.join(str(cell).ljust(width) for cell, width in zip(row, widths)))
