#!/usr/bin/env python3
"""Instructions that the host executes from exec to the guest's user space (Debian's Linux, direct boot), ours and QEMU's, counted by the
emulator under the testbed (-icount: a nanosecond of its clock is an instruction). Guest and host count alike.

usage: boot_instructions.py PENUMBRA      (goal: 0.8 x QEMU; QEMU only where the testbed has its program)
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'functional'))
import harness
import measure

ROUNDS = 3


def once(vmm, kernel, initrd, words):
    argv = [vmm, '-machine', 'q35,accel=kvm,kernel_irqchip=split', '-cpu', 'host', '-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot', '-m',
            '512', '-kernel', kernel, '-initrd', initrd, '-append', f'console=ttyS0 {words} guest.do=nothing']
    start = time.monotonic_ns()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seen = b''
    try:
        for line in process.stdout:
            seen += line
            if b'GUEST hello' in line:
                return time.monotonic_ns() - start
        raise RuntimeError(f'{" ".join(argv)}: no user space\n{seen.decode(errors="replace")[-2000:]}')
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def here(binary, kernel, initrd):
    sides = {'ours': binary}
    qemu = measure.which('qemu-system-x86_64')
    if qemu:
        sides['qemu'] = qemu
    for what, words in (('with its messages on the console', ''), ('quiet', 'quiet')):
        best = {name: min(once(vmm, kernel, initrd, words) for _ in range(ROUNDS)) for name, vmm in sides.items()}
        rows = [[name, f'{count / 1e6:.0f}', f'{count / best["qemu"]:.2f}' if qemu else '-'] for name, count in best.items()]
        measure.table(f'exec to the guest\'s user space, {what} (goal: 0.8 x QEMU)', rows, ['side', 'million instructions', 'x QEMU'])


def main():
    if len(sys.argv) == 5:
        return here(*sys.argv[1:2], *sys.argv[3:])
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    files = [subprocess.run([harness.TESTBED, 'linux-guest', what], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
             for what in ('kernel', 'initrd')]
    return subprocess.run([harness.TESTBED, 'run', '--timeout', '1500', '--smp', '1', '--machine-arg=-icount', '--machine-arg=shift=0,sleep=off', '--',
                           sys.executable, os.path.abspath(__file__), os.path.abspath(sys.argv[1]), '--here', *files], check=False).returncode


if __name__ == '__main__':
    sys.exit(main())
