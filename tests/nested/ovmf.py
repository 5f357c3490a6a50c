#!/usr/bin/env python3
"""Debian's OVMF in flash, in the testbed: it reaches its shell, runs a script from a virtio disk, powers off by ACPI, and a variable that the
script set is there after a restart of the whole emulator; and it boots a CD. usage: ovmf.py PENUMBRA [--here]"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'functional'))
sys.dont_write_bytecode = True
import emulator  # noqa: E402
import harness  # noqa: E402

CODE, VARS = '/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'
VALUE = '50 45 45 4B'  # as the shell prints the number below
GUID = '7b2f3a1e-55aa-4c57-9d3c-0f5e6d7c8b9a'
SCRIPT = f'''@echo -off
echo SCRIPT STARTS
setvar Penumbra -guid {GUID}
setvar Penumbra -guid {GUID} -bs -rt -nv =0x4b454550
echo SCRIPT ENDS
reset -s
'''


def make_disk(folder):
    """A FAT disk with a script that the shell runs."""
    image, script = folder / 'disk.raw', folder / 'startup.nsh'
    image.write_bytes(bytes(16 << 20))
    script.write_text(SCRIPT.replace('\n', '\r\n'))
    subprocess.run(['mformat', '-i', image, '-T', str(32768), '::'], check=True)
    subprocess.run(['mcopy', '-i', image, script, '::startup.nsh'], check=True)
    return image


def boot(binary, variables, disk):
    status, out, err = harness.run(
        [binary, '-machine', 'q35', '-m', '512', '-cpu', 'host', '-nodefaults', '-display', 'none', '-serial', 'stdio',
         '-drive', f'if=pflash,unit=0,format=raw,readonly=on,file={CODE}', '-drive', f'if=pflash,unit=1,format=raw,file={variables}',
         '-drive', f'if=virtio,format=raw,file={disk}'], 240)
    if status != 0 or 'SCRIPT ENDS' not in out:
        raise harness.Failure(f'status {status}\n{out[-3000:]}\n{err}')
    return out


def variables_are_kept(binary):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        disk = make_disk(folder)
        variables = folder / 'vars.fd'
        shutil.copy(VARS, variables)
        first = boot(binary, variables, disk)
        if 'UEFI Interactive Shell' not in first:
            raise harness.Failure(f'no shell in\n{first[-3000:]}')
        before, after = (text[text.index('SCRIPT STARTS'):text.index('SCRIPT ENDS')] for text in (first, boot(binary, variables, disk)))
        if VALUE in before or VALUE not in after:
            raise harness.Failure(f'the variable before: {before}\nafter: {after}')


def make_cd(folder):
    """A CD whose UEFI entry is GRUB, which says so and powers off."""
    loader, config, system, tree = folder / 'BOOTX64.EFI', folder / 'grub.cfg', folder / 'efi.img', folder / 'cd'
    config.write_text('serial --unit=0\nterminal_output serial\necho CD STARTS\nhalt\n')
    subprocess.run(['grub-mkimage', '--format', 'x86_64-efi', '--output', loader, '--config', config, '--prefix', '/', 'serial', 'terminal', 'echo',
                    'halt'], check=True)
    system.write_bytes(bytes(8 << 20))
    subprocess.run(['mformat', '-i', system, '-T', str(8 << 11), '::'], check=True)
    subprocess.run(['mmd', '-i', system, '::EFI', '::EFI/BOOT'], check=True)
    subprocess.run(['mcopy', '-i', system, loader, '::EFI/BOOT/BOOTX64.EFI'], check=True)
    tree.mkdir()
    system.rename(tree / system.name)
    image = folder / 'cd.iso'
    subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-o', image, '-e', system.name, '-no-emul-boot', tree], check=True)
    return image


def boots_a_cd(binary):
    """From an AHCI drive and from a virtio SCSI one."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        image = make_cd(folder)
        for drive in (['-cdrom', image], ['-drive', f'if=none,id=cd,media=cdrom,format=raw,file={image}', '-device', 'virtio-scsi-pci', '-device',
                                          'scsi-cd,drive=cd,bootindex=1']):
            status, out, err = harness.run(
                [binary, '-machine', 'q35,firmware-descriptor=uefi', '-m', '512', '-cpu', 'host', '-nodefaults', '-display', 'none', '-serial',
                 'stdio', *map(str, drive)], 240)
            if status != 0 or 'CD STARTS' not in out:
                raise harness.Failure(f'{drive[0]}: status {status}\n{out[-3000:]}\n{err}')


if __name__ == '__main__':
    harness.need_file(CODE, 'ovmf')
    harness.need_file('/usr/bin/mformat', 'mtools')
    harness.need_file('/usr/bin/xorriso', 'xorriso')
    if '--here' not in sys.argv:
        sys.exit(harness.again_in_testbed(['--timeout', '560'], [os.path.abspath(sys.argv[1]), '--here']))
    sys.argv.remove('--here')
    harness.main(emulator.each_once_more(variables_are_kept, boots_a_cd))
