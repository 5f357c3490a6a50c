#!/usr/bin/env python3
"""IGVM files: a guest without protection starts from one, again after each reset, and what is wrong is one line. usage: igvm.py PENUMBRA [test...]"""
import os
import pathlib
import subprocess
import tempfile

import harness
import qmp_client

FILES = pathlib.Path(__file__).resolve().parent.parent / 'golden' / 'confidential'


def need(condition, text):
    if not condition:
        raise harness.Failure(text)


def guest_says(path, text):
    harness.eventually(f'{text} from the guest', lambda: path.exists() and path.read_bytes() == text, timeout=60, step=0.01)


def a_guest_starts_from_a_file_and_again_after_a_reset(binary):
    harness.need_kvm()
    with tempfile.TemporaryDirectory(prefix='penumbra-igvm.') as folder:
        said = pathlib.Path(folder, 'said')
        for extra in ((), ('-machine', 'x-change-vmfd-on-reset=on')):
            said.unlink(missing_ok=True)
            with qmp_client.Process(binary, '-object', f'igvm-cfg,id=igvm0,file={FILES}/native.igvm', '-machine', 'q35,igvm-cfg=igvm0', *extra,
                                    '-m', '64', '-smp', '2', '-cpu', 'qemu64,check=off', '-display', 'none', '-serial', f'file:{said}') as machine:
                qmp = machine.connect().negotiate()
                guest_says(said, b'I')
                qmp.command('stop')
                # What the guest was told: two processors, and RAM from 0 on.
                memory = qmp.command('human-monitor-command', command_line='info status')
                need('paused' in memory, memory)
                qmp.command('system_reset')
                qmp.command('cont')
                guest_says(said, b'II')


def what_is_wrong_is_one_line(binary):
    with tempfile.TemporaryDirectory(prefix='penumbra-igvm.') as folder:
        broken = os.path.join(folder, 'broken.igvm')
        blob = bytearray((FILES / 'native.igvm').read_bytes())
        blob[40] ^= 1
        pathlib.Path(broken).write_bytes(blob)
        one = ('-object', f'igvm-cfg,id=i,file={FILES}/native.igvm')
        rows = [
            (('-machine', 'q35,igvm-cfg=i'), "there is no igvm-cfg object 'i'"),
            (('-object', 'rng-builtin,id=i', '-machine', 'q35,igvm-cfg=i'), "there is no igvm-cfg object 'i'"),
            (('-object', 'igvm-cfg,id=i'), "Parameter 'file' is missing"),
            (('-object', 'igvm-cfg,id=i,file=/no/such', '-machine', 'q35,igvm-cfg=i'), 'No such file'),
            (('-object', 'igvm-cfg,id=i,file=/etc/passwd', '-machine', 'q35,igvm-cfg=i'), 'not an IGVM file'),
            (('-object', f'igvm-cfg,id=i,file={broken}', '-machine', 'q35,igvm-cfg=i'), 'the checksum of its headers'),
            ((*one, '-machine', 'q35,igvm-cfg=i', '-bios', '/usr/share/seabios/bios-256k.bin'), 'contradicts -bios'),
            ((*one, '-machine', 'q35,igvm-cfg=i', '-drive', f'if=pflash,format=raw,file={broken}'), 'contradicts the flash'),
        ]
        if os.access('/dev/kvm', os.R_OK | os.W_OK):
            rows.append((('-object', f'igvm-cfg,id=i,file={FILES}/snp.igvm', '-machine', 'q35,igvm-cfg=i'), 'it is for SEV-SNP, not for native'))
        for words, text in rows:
            done = subprocess.run([binary, '-display', 'none', '-nodefaults', '-m', '64', *words], capture_output=True, text=True, timeout=60,
                                  check=False)
            lines = done.stderr.strip().split('\n')
            need(done.returncode == 1 and len(lines) == 1 and text in lines[0], f'{words}: {lines}, wanted {text}')


if __name__ == '__main__':
    harness.main([a_guest_starts_from_a_file_and_again_after_a_reset, what_is_wrong_is_one_line])
